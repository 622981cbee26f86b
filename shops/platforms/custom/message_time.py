"""Order in time of what a seller's system pushes: by its own timestamps, then by arrival."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NamedTuple

from reverbsync import clock
from shops.models import PushedOrder, PushedProduct
from shops.platforms.custom import fields

#: How far a sender's clock may be ahead (as for signatures). A later stamp counts as now, else it would freeze a
#: product.
AHEAD = timedelta(seconds=300)
#: Key in a variant's row: its stock's timestamp, if a count set it after the product.
COUNTED_AT = "counted_at"
#: Key in a body or a variant's row: sequence number of its delivery by arrival; 0 if unknown.
ARRIVED = "arrived"


class MessageTime(NamedTuple):
    """A message's place in time: by timestamp; for equal timestamps, a count after its product; then by arrival.

    Timestamps often are whole seconds: the edit that a sale causes has the same one as the sale's count.
    """

    at: datetime
    is_count: bool = False
    arrived: int = 0


def time_of(stamp: datetime) -> datetime:
    """Return a sender's timestamp, or now if it is too far ahead."""
    now = clock.now()
    return now if stamp > now + AHEAD else stamp


def is_newest(said: MessageTime, kept: MessageTime) -> bool:
    """Return whether nothing newer than `said` is saved. A saved timestamp too far ahead is ignored."""
    return kept.at > clock.now() + AHEAD or kept <= said


def saved_time(known: PushedProduct | PushedOrder) -> MessageTime:
    """Return the place in time of the message that a product or an order was saved from."""
    return MessageTime(known.said_at, arrived=known.body.get(ARRIVED, 0))


def saved_stock_time(known: PushedProduct, row: dict[str, Any]) -> MessageTime:
    """Return the place in time of a variant's stock; each has its own, since messages may arrive out of order."""
    at = row.get(COUNTED_AT)
    return MessageTime(datetime.fromisoformat(at), True, row.get(ARRIVED, 0)) if at else saved_time(known)


def time_fields(said: MessageTime) -> dict[str, Any]:
    """Return what a variant's row saves of the place in time of its stock."""
    return {COUNTED_AT: said.at.isoformat(), ARRIVED: said.arrived}


def newer_number(known: PushedProduct, row: dict[str, Any], stock: int | None, said: MessageTime) -> dict[str, Any]:
    """Return what a number changes in a variant's row: nothing if a newer one is saved.

    For equal timestamps the later arrival counts, or the lower number if the order is unknown.
    """
    kept = saved_stock_time(known, row)
    if said[:2] == kept[:2] and not (said.arrived and kept.arrived):
        stock = fields.lower((row["stock"], stock))
    elif not is_newest(said, kept):
        return {}
    return {"stock": stock, **(time_fields(said) if said.is_count else {})}
