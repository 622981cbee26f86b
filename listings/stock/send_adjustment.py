"""Send the stock adjustment in flight to the store, and record what it did."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from listings.models import Ledger, Product
from listings.queue import lease
from listings.stock import wake_sharers
from listings.stock.count_snapshot import keep_count
from reverbsync import clock
from reverbsync.dispatch import ownership
from shops.platforms import StoreClient
from shops.platforms.errors import Moved, StoreError, Unsupported
from shops.platforms.values import Count

#: For how long a store certainly recognizes a repeated change. Shopify's docs ("Implementing idempotency") mention a
#: retention time for keys; a day is usual. A store may have been down for longer.
REPEATS_KNOWN_FOR = timedelta(hours=20)


class Short(StoreError):
    """The store accepted less than requested: no location has the units to deduct, or accepts them."""


def pending(ledger: Ledger) -> dict[str, Any]:
    """Return the adjustment in flight."""
    found: dict[str, Any] = ledger.pending_adjustment or {}
    return found


def sent_at(wish: dict[str, Any]) -> datetime:
    """Return when the adjustment was sent, by our clock."""
    return datetime.fromisoformat(wish["at"])


def units_in_words(by: int) -> str:
    """Return what happened to the units that a store is to lose or get, as the beginning of a sentence."""
    units = f"{abs(by)} unit{'s' if abs(by) != 1 else ''}"
    return f"{units} sold" if by < 0 else f"{units} came back"


def send(ledger: Ledger, product: Product, client: StoreClient, *, first: bool = False) -> int:
    """Send the adjustment in flight; return by how much the store was changed. Raises StoreError."""
    wish = pending(ledger)
    count = Count(wish["units"], wish["location"], wish["there"])
    try:
        after = client.adjust(product.seen, count, by=wish["by"], reference=wish["reference"])
    except Moved:
        if not first and wish["by"] > 0 and clock.now() > sent_at(wish) + REPEATS_KNOWN_FOR:
            # Our own raise may have moved the stock: assume the case that leaves fewer units.
            return applied(ledger, product, None)
        forget(ledger)
        return 0
    except StoreError as error:
        if not_applied(error, first=first):
            forget(ledger)
        raise
    if after.done == 0:
        forget(ledger)
        there = (
            "no place in your store that sells online has them" if wish["by"] < 0 else "your store did not take them"
        )
        raise Short(f"{units_in_words(wish['by'])} on Reverb, and {there}. Please correct the stock in your store.")
    return applied(ledger, product, after)


def not_applied(error: StoreError, *, first: bool) -> bool:
    """Return whether a change was certainly not made, neither by this call nor by an earlier one.

    A repeated call that is rejected outright proves nothing about the earlier one. A call that is rejected with the
    reason why the change is impossible does.
    """
    return not error.may_have_applied and (first or isinstance(error, Unsupported))


def applied(ledger: Ledger, product: Product, after: Count | None) -> int:
    """Record that the store applied it. `after` may contain other changes too: those are merged next time."""
    by, ledger.pending_adjustment = made_of(pending(ledger)["by"], after), None
    return record(ledger, product, by=by, after=after)


def made_of(by: int, after: Count | None) -> int:
    """Return how much of a change was made."""
    return by if after is None or after.done is None else after.done


def record(ledger: Ledger, product: Product, *, by: int, after: Count | None) -> int:
    """Record by how much the store was changed; 0: not at all."""
    now = clock.now()
    with ownership.fenced():
        if after is not None and after.units is not None:
            keep_count(product, after.units, requested_at=now)
        if by:
            ledger.wrote_by, ledger.wrote_store_at = by, now
            ledger.store += by
        ledger.save(update_fields=["store", "pending_adjustment", "wrote_by", "wrote_store_at"])
    if by and after is not None and after.units is not None:
        wake_sharers.of_new_number(product, after.units, requested_at=now)
    return by


def forget(ledger: Ledger) -> None:
    """Clear the adjustment in flight: the store certainly did not apply it."""
    ledger.pending_adjustment = None
    lease.save(ledger, "pending_adjustment")
