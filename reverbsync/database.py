"""Speak to the database more directly than through querysets, where it is done very often (docs/performance.md)."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, TypeVar

from django.db import InterfaceError, OperationalError, connection
from django.db.models import Model

T = TypeVar("T")


def unasked(run: Callable[[], T]) -> T:
    """Run what may be run twice, without Django's question before a request's first query whether the line is alive.

    Where it is dead, a new one is taken, once. For what a web server does very often: it saves a round trip.
    """
    connection.health_check_done = True  # type: ignore[attr-defined]
    try:
        return run()
    except (OperationalError, InterfaceError):
        if connection.in_atomic_block:
            raise
        connection.close()
        return run()


def insert(row: Model) -> None:
    """Insert a new row and give it its id: what `save` does, at a fifth of its cost. No signals are sent."""
    sql, fields = _insertion(type(row))
    values = [field.get_db_prep_save(getattr(row, field.attname), connection) for field in fields]
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        row.pk = cursor.fetchone()[0]
    row._state.adding = False
    row._state.db = connection.alias


@lru_cache(maxsize=32)
def _insertion(model: type[Model]) -> tuple[str, list[Any]]:
    meta = model._meta
    fields = [field for field in meta.concrete_fields if not field.primary_key]
    columns = ", ".join(f'"{field.column}"' for field in fields)
    marks = ", ".join(["%s"] * len(fields))
    sql = f'INSERT INTO "{meta.db_table}" ({columns}) VALUES ({marks}) RETURNING "{meta.pk.column}"'  # noqa: S608
    return sql, fields
