"""What an order on Reverb asks of the store, and a parcel of Reverb. Pure functions; they know no clock and no network.

Facts: Reverb docs, "Retrieve orders" (statuses). `blocked` is a sale that Reverb looks into: it may go on.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from listings.models.order import StoreOrderState
from shops.reverb.orders import PAID, RELEASED

#: The sale is off for good.
GONE = RELEASED - {"blocked"}
#: The goods are with the buyer, or on their way.
SHIPPED = frozenset({"shipped", "picked_up", "received"})
#: States of an order that the store has.
IN_STORE = frozenset(
    {StoreOrderState.CREATED, StoreOrderState.CANCELLING, StoreOrderState.CANCELLED, StoreOrderState.CANCEL_FAILED}
)


@dataclass(frozen=True)
class Facts:
    """What is known of an order."""

    store_state: str
    status: str  # Reverb's word
    linked: bool  # it is a product of the store
    wanted: bool  # orders are taken since before the sale, or the seller asked for this one
    maybe_made: bool = False  # the answer of an attempt to make it was lost


def next_store_state(facts: Facts) -> StoreOrderState:
    """Return the next state of an order. CREATING and CANCELLING ask for a call to the store, all others are settled.

    An order that the store has stays there until the sale is off, and is cancelled once. If the sale is on again, the
    store still has that order, and finds it by Reverb's number: another one can't be made. One that may have been made
    is looked for, whatever became of the sale: else it would stay behind in the store.
    """
    state = StoreOrderState(facts.store_state)
    if state in (StoreOrderState.IN_FORMER_STORE, StoreOrderState.HANDLED_MANUALLY):
        return state
    if state in (StoreOrderState.CANCELLED, StoreOrderState.CANCEL_FAILED):
        return StoreOrderState.CREATED if facts.status in PAID else state
    if state in IN_STORE:
        return StoreOrderState.CANCELLING if facts.status in GONE else StoreOrderState.CREATED
    if facts.status in GONE and not facts.maybe_made:
        return StoreOrderState.NOT_NEEDED
    if facts.maybe_made or (facts.linked and facts.wanted):
        return (
            StoreOrderState.CREATING if facts.maybe_made or facts.status in PAID else StoreOrderState.AWAITING_PAYMENT
        )
    return StoreOrderState.SKIPPED if facts.linked else StoreOrderState.NO_PRODUCT


class Fate(StrEnum):
    """What becomes of a parcel."""

    SEND = "send"
    KNOWN = "known"  # Reverb has it: an answer was lost, or someone entered it there
    HOLD = "hold"  # not paid yet
    OFF = "off"  # the sale is off
    OTHER = "other"  # Reverb has another number, or knows it as shipped without one


def fate(*, status: str, known: str, number: str, pickup: bool, by_hand: bool) -> Fate:
    """Return what to do with a parcel. `known` is the tracking number that Reverb shows of the order now.

    A number that Reverb has is never replaced by itself, only where a person says so (`by_hand`).
    """
    if (pickup and status in ("picked_up", "received")) or (number and same(known, number)):
        return Fate.KNOWN
    if status in GONE:
        return Fate.OFF
    if status in SHIPPED and not by_hand:
        return Fate.OTHER
    return Fate.SEND if status in PAID else Fate.HOLD


def plain(number: str) -> str:
    """Return a tracking number without the spaces that people and labels put into it."""
    return "".join(number.split())


def same(one: str, other: str) -> bool:
    """Return whether two texts are the same tracking number."""
    return plain(one).casefold() == plain(other).casefold()
