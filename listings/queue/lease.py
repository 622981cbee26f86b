"""The lease of an attempt's job. It fences each call that the attempt makes and each row that it writes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.db.models import Model

from listings.models import Ledger, Listing, Product
from listings.queue import jobs, sql
from listings.queue.jobs import Claim, LeaseLost
from reverbsync import clock
from reverbsync.database import Statement
from reverbsync.dispatch import ownership


@dataclass(frozen=True)
class Lease:
    """The ownership of a claimed job (reverbsync/dispatch/ownership.py)."""

    taken: Claim

    def confirm(self) -> None:
        """Renew the lease. Raises LeaseLost."""
        jobs.renew(self.taken, now=clock.now())


def of(taken: Claim) -> AbstractContextManager[None]:
    """Hold the lease of a claimed job while the block runs. Each call to an API renews it."""
    return ownership.of(Lease(taken))


def save(row: Model, *names: str) -> None:
    """Save these fields of a row and renew the lease. Raises LeaseLost, and writes nothing, if the lease is lost.

    Outside an attempt, the save is fenced by whatever this worker owns. Raises ValueError for a field that the model's
    statement does not write.
    """
    if unwritten := set(names) - _WRITTEN[type(row)]:
        raise ValueError(f"The statement of {type(row).__name__} does not write {sorted(unwritten)}.")
    if isinstance(row, Ledger):
        row.cap()
    match ownership.owned():
        case [Lease(taken)]:
            _save(taken, row, names)
        case _:
            with ownership.fenced():
                row.save(update_fields=names)


_SAVE: dict[type[Model], Statement] = {
    Listing: Statement(sql.SAVE_LISTING),
    Ledger: Statement(sql.SAVE_LEDGER),
    Product: Statement(sql.SAVE_PRODUCT),
}
_WRITTEN: dict[type[Model], frozenset[str]] = {
    model: frozenset(re.findall(r"^ +(\w+) = CASE", text, re.MULTILINE))
    for model, text in ((Listing, sql.SAVE_LISTING), (Ledger, sql.SAVE_LEDGER), (Product, sql.SAVE_PRODUCT))
}


def _save(taken: Claim, row: Model, names: Sequence[str]) -> None:
    mine = {"until": clock.now() + jobs.LEASE, "job": taken.job_id, "lease": taken.lease, "row": row.pk}
    with connection.cursor() as cursor:
        _SAVE[type(row)].run(cursor, {**mine, "changes": changes_of(row, names)})
        if not cursor.rowcount:
            raise LeaseLost


def changes_of(row: Model, names: Iterable[str]) -> str:
    """Return the row's fields of these names as the JSON object that the statements of `sql` call `changes`."""
    return json.dumps({name: getattr(row, name) for name in names}, default=datetime.isoformat)
