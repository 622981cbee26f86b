"""The lease of the job that an attempt works on: it covers each call that the attempt makes and each row it writes."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.db import connection
from django.db.models import Model

from listings.models import Ledger
from listings.queue import jobs
from listings.queue.jobs import Claim, LeaseLost
from reverbsync import clock
from reverbsync.dispatch import ownership


@dataclass(frozen=True)
class Lease:
    """A claimed job, as what its worker owns."""

    taken: Claim

    def confirm(self) -> None:
        """Renew the lease. Raises LeaseLost."""
        jobs.renew(self.taken, now=clock.now())


def of(taken: Claim) -> AbstractContextManager[None]:
    """Hold the lease of a claimed job while the block runs: each call to the store renews it."""
    return ownership.of(Lease(taken))


def save(row: Model, *names: str) -> None:
    """Save these fields of a row while the lease is this worker's, and renew it. Raises LeaseLost, and writes nothing.

    Outside an attempt the fields are saved while this worker owns what it owns.
    """
    if isinstance(row, Ledger):
        row.cap()
    match ownership.owned():
        case [Lease(taken)]:
            _save(taken, row, names)
        case _:
            with ownership.fenced():
                row.save(update_fields=names)


def _save(taken: Claim, row: Model, names: Sequence[str]) -> None:
    fields = [field for field in row._meta.concrete_fields if field.name in names]
    values: list[Any] = [field.get_db_prep_save(getattr(row, field.attname), connection) for field in fields]
    columns = tuple(field.column for field in fields)
    mine: list[Any] = [clock.now() + jobs.LEASE, taken.job_id, taken.lease]
    with connection.cursor() as cursor:
        cursor.execute(_saving(row._meta.db_table, columns), [*mine, *values, row.pk])
        if not cursor.rowcount:
            raise LeaseLost


@lru_cache(maxsize=100)
def _saving(table: str, columns: tuple[str, ...]) -> str:
    """Return one statement for both: half an attempt's writes are a single row, and a transaction costs three trips."""
    changes = ", ".join(f"{column} = %s" for column in columns)
    return f"""
WITH mine AS (UPDATE listings_job SET lease_until = %s WHERE id = %s AND lease = %s RETURNING id)
UPDATE {table} SET {changes} WHERE id = %s AND EXISTS (SELECT FROM mine)
"""  # noqa: S608 -- names of our own tables
