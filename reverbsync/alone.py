"""One worker at a time for a piece of work, across all machines: a lock that falls with the worker's database line."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection


@contextmanager
def only_one(work: str, number: int) -> Iterator[bool]:
    """Tell whether this worker is the only one at `work` for `number`, a shop's id, while the block runs."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [_named(work), number])
        row = cursor.fetchone()
    if not row or not row[0]:
        yield False
        return
    try:
        yield True
    finally:
        _unlock(work, number)


@contextmanager
def in_turn(work: str, number: int) -> Iterator[None]:
    """Wait until no other worker is at `work` for `number`, then run the block."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s, %s)", [_named(work), number])
    try:
        yield
    finally:
        _unlock(work, number)


def _unlock(work: str, number: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [_named(work), number])


def _named(work: str) -> int:
    """Return the name of a work as PostgreSQL wants it: a signed 32-bit number."""
    return zlib.crc32(work.encode()) - 2**31
