"""The rows of an attempt: its input, the changes of its listing, and what is written at its end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from listings.models import Ledger, Line, Listing, Product
from listings.queue import jobs, lease
from listings.queue.jobs import Claim
from listings.queue.settle_job import AttemptEnd
from reverbsync.database import Reader
from synclog.record import Attempt, values_of

#: Set through the field's cache, which skips the checks of an assignment.
_LISTING = Ledger._meta.get_field("listing")
#: How many columns follow those of the three tables: the fields of `AttemptInput` from `generation` on.
REST = 5


@dataclass
class AttemptInput:
    """The input of an attempt, from one snapshot of the database."""

    product: Product
    #: The product's listing, and its ledger.
    row: Listing | None
    ledger: Ledger | None
    #: How often the job had been requested.
    generation: int
    #: Another product of the shop has the same SKU.
    sku_twice: bool
    #: There are orders that may still affect the stock.
    sold: bool
    #: Changes whenever the shop's settings, connections or rules change: the cache key of its `ShopContext`.
    mark: str
    #: All orders that changed on Reverb before this time have been read.
    orders_read_at: datetime | None
    #: The product is not listed any more; only the end of its listing is synced.
    only_end: bool = False


def begin(taken: Claim, *, now: datetime) -> AttemptInput | None:
    """Return the input of an attempt; None if this worker has lost the job."""
    products, listings, ledgers = _readers()
    found = taken.read
    if not found or found[-REST] != taken.generation:  # the job was requested again while it was being claimed
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
    """Change fields of a listing, to be saved by `save` or at the end of the attempt."""
    changed = [name for name, value in now.items() if getattr(row, name) != value]
    for name in changed:
        setattr(row, name, now[name])
    row.unsaved = row.unsaved.union(changed)


def save(row: Listing) -> None:
    """Save the noted fields only, so that concurrent writes to others stay. Raises LeaseLost."""
    if row.unsaved:
        lease.save(row, *row.unsaved)
        row.unsaved = frozenset()


# -- the end -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class LineEnd:
    """The outcome for the product's line in an open mass sync, if it has one."""

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
    """Return what is written with the end of the job: the entry, the product, its listing and its line."""
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
