"""The rows that an attempt begins with, what it notes on its listing, and what it writes at its end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from listings.models import Ledger, Line, Listing, Product
from listings.queue import jobs, lease
from listings.queue.jobs import AttemptEnd, Claim
from reverbsync.database import Reader
from synclog.record import Attempt, values_of

#: A relation that is set without the checks of an assignment, for each product.
_LISTING = Ledger._meta.get_field("listing")
#: How many columns follow those of the tables: the fields of `AttemptInput` from `generation` on.
REST = 5


@dataclass
class AttemptInput:
    """What an attempt begins with, all as it was at one moment."""

    product: Product
    #: The product's own row, and its ledger.
    row: Listing | None
    ledger: Ledger | None
    #: How often the job had been asked for by then.
    generation: int
    #: Another product of the shop has the same SKU.
    sku_twice: bool
    #: There are orders that may still say something about the stock.
    sold: bool
    #: Another one than before: something that belongs to the shop has changed (`Desk`).
    mark: str
    #: All orders are known that changed on Reverb before this moment.
    orders_read_at: datetime | None
    #: The product does not go to Reverb; only its end is brought there.
    only_end: bool = False


def begin(taken: Claim, *, now: datetime) -> AttemptInput | None:
    """Return what an attempt begins with; None if this worker has lost the job."""
    products, listings, ledgers = _readers()
    found = taken.read
    if found[-REST] != taken.generation:  # the job was requested again while it was being claimed
        found = jobs.read_again(taken, now=now)
    product = products.row(found) if found else None
    if product is None:
        return None
    row = listings.row(found, products.width)
    ledger = ledgers.row(found, products.width + listings.width)
    if row is not None and ledger is not None:
        _LISTING.set_cached_value(ledger, row)
    return AttemptInput(product, row, ledger, *found[-REST:])


@lru_cache(maxsize=1)
def _readers() -> tuple[Reader[Product], Reader[Listing], Reader[Ledger]]:
    return Reader(Product), Reader(Listing), Reader(Ledger)


# -- a listing -----------------------------------------------------------------------------------------------------


def note(row: Listing, **now: Any) -> None:
    """Change fields of a listing's row, to be saved by `save` or with the end of the attempt."""
    changed = [name for name, value in now.items() if getattr(row, name) != value]
    for name in changed:
        setattr(row, name, now[name])
    row.unsaved = row.unsaved.union(changed)


def save(row: Listing) -> None:
    """Save what was noted, and only that: what others wrote to the row meanwhile stays. Raises LeaseLost."""
    if row.unsaved:
        lease.save(row, *row.unsaved)
        row.unsaved = frozenset()


# -- the end -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class LineEnd:
    """What becomes of the product's line in an open mass sync, if it has one."""

    state: Line.State
    reason: str
    message: str


def ended(
    product: Product,
    row: Listing | None,
    entry: Attempt,
    *,
    looked_at: datetime | None,
    waits_for: str,
    line: LineEnd | None,
) -> AttemptEnd:
    """Return what is saved together with the end of the job: the entry, the product, its listing and its line."""
    values: dict[str, Any] = {f"entry_{name}": value for name, value in values_of(entry).items()}
    values |= {"product": product.pk, "looked_at": looked_at, "waits_for": waits_for}
    unsaved = row.unsaved if row is not None else frozenset[str]()
    values["listing"] = row.pk if row is not None and unsaved else None
    values["listing_changes"] = lease.changes_of(row, unsaved) if row is not None else "{}"
    if row is not None:
        row.unsaved = frozenset()
    values["line_state"], values["line_reason"], values["line_message"] = (
        (line.state.value, line.reason, line.message) if line is not None else ("", "", "")
    )
    values["line_kinds"] = list(Line.CALLS) if line is not None else []
    return AttemptEnd(values)
