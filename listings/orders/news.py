"""What a picture of an order brings: whether it is newer than what is known, and whether the order counts. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from shops.pictures import ReverbOrder
from shops.reverb.orders import RELEASED, UNPAID

#: An order that is so much older than the link of its listing was there before: the store's number knows of it already.
BEFORE_THE_LINK = timedelta(hours=1)
#: A stamp that is further ahead is none: what comes after would never be newer.
AHEAD = timedelta(hours=1)
#: What sold so recently is not in the number of a store that was not in step with Reverb until now.
JUST_NOW = timedelta(minutes=10)


def is_newer(picture: ReverbOrder, *, status: str, updated_at: datetime) -> bool:
    """Tell whether a picture replaces a known one of this status and date.

    Reverb's dates are whole seconds and its lists may trail, so two pictures of one second do not tell which came
    first. Then the one that is further along counts: money that has cleared does not become unpaid, and what is off
    stays off.
    """
    if picture.updated_at != updated_at:
        return picture.updated_at > updated_at
    return _stage(picture.status) >= _stage(status)


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
    """Tell whether an order is our stock's business: not if it was there well before its listing was linked here."""
    return linked_at is not None and linked_at <= placed_at + BEFORE_THE_LINK


def bare(picture: ReverbOrder) -> ReverbOrder:
    """Return what our stock needs of a picture: which order it is, of what, how many, and whether it is off."""
    named = {name: getattr(picture, name) for name in ("number", "listing_id", "sku", "quantity", "status")}
    return ReverbOrder(**named, title="", placed_at=picture.placed_at, updated_at=picture.updated_at)


def of_now(picture: ReverbOrder, now: datetime) -> ReverbOrder:
    """Return the picture with dates that are far ahead of `now` (our clock) as now."""
    if max(picture.placed_at, picture.updated_at) <= now + AHEAD:
        return picture
    placed_at, updated_at = (now if at > now + AHEAD else at for at in (picture.placed_at, picture.updated_at))
    return replace(picture, placed_at=placed_at, updated_at=updated_at)


def of_known_quantity(picture: ReverbOrder, known: int) -> ReverbOrder:
    """Return the picture with at least as many units as an earlier one said: an answer may leave them out.

    Where fewer were sold after all, Reverb's own number shows it, and counts as an edit there.
    """
    return picture if picture.quantity >= known else replace(picture, quantity=known)


def without_the_buyer(picture: ReverbOrder) -> ReverbOrder:
    """Return the picture without what it says of a person."""
    return replace(picture, buyer="", buyer_id="", address=None)
