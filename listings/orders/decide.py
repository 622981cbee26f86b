"""Decide what an order on Reverb requires of the store, and a parcel of Reverb. Pure, without clock or network.

Facts: Reverb docs, "Retrieve orders" (statuses). `blocked` is a sale that Reverb investigates: it may continue.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from listings.models.order import StoreOrderState
from shops.reverb.orders import PAID, RELEASED

#: The sale is cancelled for good.
GONE = RELEASED - {"blocked"}
#: The goods have reached the buyer, or are in transit.
SHIPPED = frozenset({"shipped", "picked_up", "received"})
#: States of an order that exists in the store.
IN_STORE = frozenset(
    {StoreOrderState.CREATED, StoreOrderState.CANCELLING, StoreOrderState.CANCELLED, StoreOrderState.CANCEL_FAILED}
)


@dataclass(frozen=True)
class Facts:
    """What is known of an order."""

    store_state: str
    status: str  # Reverb's status
    linked: bool  # it belongs to a product of the store
    wanted: bool  # orders were taken before the sale, or the seller requested this one
    maybe_made: bool = False  # the response of an attempt to create it was lost


def next_store_state(facts: Facts) -> StoreOrderState:
    """Return the next state of an order. Only CREATING and CANCELLING require a call to the store.

    An order in the store stays until the sale is off, and is cancelled once. If the sale is on again, the store still
    has that order under Reverb's number, so no second one can be created. An order that may have been created is always
    looked for, even if the sale is off: otherwise it would remain in the store.
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
    """What to do with a parcel."""

    SEND = "send"
    KNOWN = "known"  # Reverb has it: a response was lost, or someone entered it on Reverb
    HOLD = "hold"  # not paid yet
    OFF = "off"  # the sale is off
    OTHER = "other"  # Reverb has another number, or has it as shipped without one


def fate(*, status: str, known: str, number: str, pickup: bool, by_hand: bool) -> Fate:
    """Return what to do with a parcel. `known` is the tracking number that Reverb now shows for the order.

    A number on Reverb is never replaced automatically, only if a person asks for it (`by_hand`).
    """
    if (pickup and status in ("picked_up", "received")) or (number and same(known, number)):
        return Fate.KNOWN
    if status in GONE:
        return Fate.OFF
    if status in SHIPPED and not by_hand:
        return Fate.OTHER
    return Fate.SEND if status in PAID else Fate.HOLD


def plain(number: str) -> str:
    """Return a tracking number without the spaces that people and labels add."""
    return "".join(number.split())


def same(one: str, other: str) -> bool:
    """Return whether two texts are the same tracking number."""
    return plain(one).casefold() == plain(other).casefold()
