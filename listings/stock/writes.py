"""Record our writes in the ledger: those in flight, and what the store does around them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from listings.models import Ledger
from listings.queue import lease
from listings.stock.agreed import Agreed
from reverbsync import clock
from shops.platforms import Platform

#: For how long after our own change of the store its sales may predate that change.
CROSSES_WITHIN = timedelta(seconds=60)
_MOVED = ("reverb", "set_at", "before")


def trails_s(ledger: Ledger, number: int | None, platform: Platform) -> float:
    """Return for how many more seconds the store may show its number from before our change; 0.0 if not."""
    if ledger.wrote_store_at is None or number != ledger.store - ledger.wrote_by or not ledger.wrote_by:
        return 0.0
    return max(0.0, platform.stock_read_lag_s - (clock.now() - ledger.wrote_store_at).total_seconds())


def store_moved(ledger: Ledger, number: int) -> None:
    """Apply the store's new number to the ledger; the caller saves it."""
    ledger.crossed = crossed(ledger, number)
    ledger.units += number - ledger.store
    ledger.store = number


def crossed(ledger: Ledger, number: int) -> int:
    """Return how far below zero the store's new number is because of sales that crossed our change.

    A sale that takes the store below zero right after we deducted units was made before the store knew of the
    deduction.
    """
    below = max(0, -number)
    more = below - max(0, -ledger.store)
    wrote_at = ledger.wrote_store_at
    if more > 0 and ledger.wrote_by < 0 and wrote_at is not None and clock.now() < wrote_at + CROSSES_WITHIN:
        return ledger.crossed + more
    return min(ledger.crossed, below)


def setting_reverb(ledger: Ledger, units: int) -> Callable[[], None]:
    """Remember the number that is about to be set on Reverb, since the response may be lost.

    Returns a function that undoes this if Reverb certainly did not apply the number. Whether Reverb applied the one
    before may still be open.
    """
    pending_put, before = ledger.pending_put, [*ledger.before]

    def not_set() -> None:
        ledger.pending_put, ledger.before = pending_put, before
        lease.save(ledger, "pending_put", "before")

    if pending_put is not None:  # Reverb may have shown it, and a stale response may show it again
        ledger.before = [*before, pending_put]
    ledger.pending_put = units
    lease.save(ledger, "pending_put", "before")
    return not_set


def set_on_reverb(ledger: Ledger, units: int, *, at: datetime, store: int | None) -> None:
    """Record that Reverb applied the number, at a moment by its clock. `store` is the number it was derived from."""
    now, changed = replace(Agreed.of(ledger).moved(units, at), pending_put=None), [*_MOVED, "pending_put"]
    for name in changed:
        setattr(ledger, name, getattr(now, name))
    if store is not None and ledger.store != store:  # only where the store leads; otherwise it was merged before
        ledger.store = ledger.units = store
        changed += ["store", "units"]
    lease.save(ledger, *changed)
