"""What a snapshot of an order brings: whether it is newer than what is known, and whether the order counts. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from shops.reverb.orders import RELEASED, UNPAID
from shops.snapshots import ReverbOrder

if TYPE_CHECKING:
    from listings.models import Order

#: An order that is so much older than the link of its listing was there before: the store's number knows of it already.
BEFORE_THE_LINK = timedelta(hours=1)
#: A stamp that is further ahead is none: what comes after would never be newer.
AHEAD = timedelta(hours=1)
#: What sold so recently is not in the number of a store that was not in step with Reverb until now.
JUST_NOW = timedelta(minutes=10)
#: What our stock needs of a snapshot.
_NEEDED = ("number", "listing_id", "sku", "quantity", "status", "placed_at", "updated_at", "dated")


def is_newer(snapshot: ReverbOrder, *, status: str, updated_at: datetime) -> bool:
    """Return whether a snapshot replaces a known one of this status and date.

    Reverb's dates are whole seconds and its lists may trail, so two snapshots of one second do not show which came
    first. Then the one that is further along counts: money that has cleared does not become unpaid, and what is off
    stays off. So it is for a snapshot without dates.
    """
    if snapshot.dated and snapshot.updated_at != updated_at:
        return snapshot.updated_at > updated_at
    return _stage(snapshot.status) >= _stage(status)


def _stage(status: str) -> int:
    if status in ("cancelled", "refunded"):
        return 2
    return 0 if status in UNPAID else 1


def history_until(stock_since: datetime) -> datetime:
    """Return until when the sales of a listing that is not linked yet are history, which the store's number knows of.

    `stock_since` is when that number was first seen as it still is. Nobody has taken off since what sold after that,
    nor, as with all that sold just now, what sold shortly before.
    """
    return stock_since - JUST_NOW


def wanted(status: str, quantity: int) -> int:
    """Return the units that an order takes from the stock: from the moment it is placed until it is off."""
    return 0 if status in RELEASED else quantity


def counts(placed_at: datetime, linked_at: datetime | None) -> bool:
    """Return whether an order is our stock's business: not if it was there well before its listing was linked here."""
    return linked_at is not None and linked_at <= placed_at + BEFORE_THE_LINK


def bare(snapshot: ReverbOrder) -> ReverbOrder:
    """Return what our stock needs of a snapshot: which order it is, of what, how many, and whether it is off."""
    return ReverbOrder(title="", **{name: getattr(snapshot, name) for name in _NEEDED})


def of_now(snapshot: ReverbOrder, now: datetime) -> ReverbOrder:
    """Return the snapshot with dates that are far ahead of `now` (our clock) as now."""
    if max(snapshot.placed_at, snapshot.updated_at) <= now + AHEAD:
        return snapshot
    placed_at, updated_at = (now if at > now + AHEAD else at for at in (snapshot.placed_at, snapshot.updated_at))
    return replace(snapshot, placed_at=placed_at, updated_at=updated_at)


def of_known(snapshot: ReverbOrder, known: Order) -> ReverbOrder:
    """Return a snapshot of a known order, with what it does not say: an answer may leave units out, or have odd dates.

    Where fewer units were sold after all, Reverb's own number shows it, and counts as an edit there. A snapshot without
    dates is of now where its status is another one.
    """
    more: dict[str, Any] = {"quantity": max(snapshot.quantity, known.quantity)}
    if not snapshot.dated:
        more |= {"placed_at": known.placed_at}
        more |= {"updated_at": known.updated_at} if snapshot.status == known.status else {}
    return replace(snapshot, **more)


def without_the_buyer(snapshot: ReverbOrder) -> ReverbOrder:
    """Return the snapshot without what it says of a person."""
    return replace(snapshot, buyer="", buyer_id="", address=None)
