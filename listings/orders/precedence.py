"""Whether a snapshot of an order is newer than the known one, and whether the order counts. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from shops.reverb.orders import RELEASED, UNPAID
from shops.snapshots import ReverbOrder

if TYPE_CHECKING:
    from listings.models import Order

#: An order this much older than the link of its listing existed before it: the store's number already includes it.
BEFORE_THE_LINK = timedelta(hours=1)
#: A timestamp further ahead is ignored: otherwise no later snapshot would ever be newer.
AHEAD = timedelta(hours=1)
#: Sales this recent are not in the number of a store that was not in sync with Reverb until now.
JUST_NOW = timedelta(minutes=10)
#: The fields of a snapshot that our stock needs.
_NEEDED = ("number", "listing_id", "sku", "quantity", "status", "placed_at", "updated_at", "dated")


def is_newer(snapshot: ReverbOrder, *, status: str, updated_at: datetime) -> bool:
    """Return whether a snapshot replaces a known one of this status and date.

    Reverb's dates are whole seconds and its lists may lag, so the order of two snapshots of one second is unknown. Then
    the more advanced status wins: a paid order does not become unpaid, and a released one stays released. The same
    applies to a snapshot without dates.
    """
    if snapshot.dated and snapshot.updated_at != updated_at:
        return snapshot.updated_at > updated_at
    return _stage(snapshot.status) >= _stage(status)


def _stage(status: str) -> int:
    if status in ("cancelled", "refunded"):
        return 2
    return 0 if status in UNPAID else 1


def history_until(stock_since: datetime) -> datetime:
    """Return until when the sales of an unlinked listing are history, which the store's number includes.

    `stock_since` is when that number was first seen with its current value. Nobody has deducted what sold after that,
    nor what sold shortly before.
    """
    return stock_since - JUST_NOW


def wanted(status: str, quantity: int) -> int:
    """Return the units that an order takes from the stock, from the moment it is placed until it is released."""
    return 0 if status in RELEASED else quantity


def counts(placed_at: datetime, linked_at: datetime | None) -> bool:
    """Return whether an order affects our stock: not if it was placed well before its listing was linked."""
    return linked_at is not None and linked_at <= placed_at + BEFORE_THE_LINK


def bare(snapshot: ReverbOrder) -> ReverbOrder:
    """Return the part of a snapshot that our stock needs: the order, its item, the quantity and the status."""
    return ReverbOrder(title="", **{name: getattr(snapshot, name) for name in _NEEDED})


def of_now(snapshot: ReverbOrder, now: datetime) -> ReverbOrder:
    """Return the snapshot with dates far ahead of `now` (our clock) replaced by `now`."""
    if max(snapshot.placed_at, snapshot.updated_at) <= now + AHEAD:
        return snapshot
    placed_at, updated_at = (now if at > now + AHEAD else at for at in (snapshot.placed_at, snapshot.updated_at))
    return replace(snapshot, placed_at=placed_at, updated_at=updated_at)


def of_known(snapshot: ReverbOrder, known: Order) -> ReverbOrder:
    """Complete a snapshot of a known order: a response may leave units out, or have odd dates.

    If fewer units were sold after all, Reverb's own number shows it, which counts as an edit on Reverb. A snapshot
    without dates counts as current if its status differs.
    """
    more: dict[str, Any] = {"quantity": max(snapshot.quantity, known.quantity)}
    if not snapshot.dated:
        more |= {"placed_at": known.placed_at}
        more |= {"updated_at": known.updated_at} if snapshot.status == known.status else {}
    return replace(snapshot, **more)


def without_the_buyer(snapshot: ReverbOrder) -> ReverbOrder:
    """Return the snapshot without personal data."""
    return replace(snapshot, buyer="", buyer_id="", address=None)
