"""Describe an order for the pages: its state on Reverb, in the store and in stock. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from listings.models import Order, Parcel, StoreOrderState
from listings.orders.decide import GONE, IN_STORE, SHIPPED
from listings.orders.order_form import mark_of

#: Reverb's status → our label and the colour of its badge.
ON_REVERB = {
    "unpaid": ("Not paid yet", "skipped"),
    "payment_pending": ("Payment under way", "skipped"),
    "partially_paid": ("Paid in part", "skipped"),
    "pending_review": ("Reverb is looking into it", "skipped"),
    "blocked": ("Blocked by Reverb", "failed"),
    "paid": ("Paid, to be shipped", "on"),
    "shipped": ("Shipped", "synced"),
    "picked_up": ("Picked up", "synced"),
    "received": ("Received by the buyer", "synced"),
    "refunded": ("Refunded", ""),
    "cancelled": ("Cancelled", ""),
}
IN_THE_STORE = {
    "waiting": "waiting for payment",
    "open": "to be shipped",
    "done": "shipped",
    "cancelled": "cancelled",
    "refunded": "refunded",
}


@dataclass(frozen=True)
class Words:
    """A label with its badge's colour, more text, and whether the seller must act."""

    label: str
    badge: str = ""
    more: str = ""
    attention: bool = False


def on_reverb(order: Order) -> Words:
    """Describe the sale's state on Reverb."""
    label, badge = ON_REVERB.get(order.status, (order.status.replace("_", " ").capitalize() or "Unknown", ""))
    if order.status == "blocked":
        return Words(label, badge, "Do not ship it before Reverb says so.", order.store_state in IN_STORE)
    return Words(label, badge)


#: After this many attempts the seller is asked to check.
TRIED_OFTEN = 3
#: States with a fixed description.
SETTLED = {
    StoreOrderState.CANCELLED: Words("Cancelled, as on Reverb"),
    StoreOrderState.AWAITING_PAYMENT: Words("Held", "skipped", "It is made in your store as soon as it is paid."),
    StoreOrderState.NOT_NEEDED: Words("Not made", "", "The sale was off before it was made."),
    StoreOrderState.NO_PRODUCT: Words(
        "No product of your store", "", "Its listing goes with none of your products here."
    ),
    StoreOrderState.HANDLED_MANUALLY: Words("Left to you"),
    StoreOrderState.IN_FORMER_STORE: Words("In the store that you had connected before"),
}


def in_store(order: Order, *, takes_orders: bool) -> Words:
    """Describe its state in the store, and what to do."""
    state = StoreOrderState(order.store_state)
    if state in SETTLED:
        return SETTLED[state]
    match state:
        case StoreOrderState.CREATED:
            return _made(order)
        case StoreOrderState.CREATE_FAILED:
            return Words("Could not be made", "failed", order.store_problem, attention=True)
        case StoreOrderState.CANCEL_FAILED | StoreOrderState.CANCELLING:
            return _being_cancelled(order)
        case StoreOrderState.CREATING | StoreOrderState.UNDECIDED:
            return _on_its_way(order)
    older = "It was sold before orders were switched on." if takes_orders else "Orders are not taken."
    return Words("Not in your store", "", older)


def _being_cancelled(order: Order) -> Words:
    if order.store_state == StoreOrderState.CANCEL_FAILED:
        todo = "The sale is off on Reverb. Cancel the order in your store by hand, then press “Done by hand”."
        return Words("Could not be cancelled", "failed", f"{order.store_problem} {todo}", attention=True)
    stuck = order.store_due_at is None or order.store_attempts > TRIED_OFTEN
    return Words("Being cancelled", "failed" if stuck else "skipped", order.store_problem, attention=stuck)


def _on_its_way(order: Order) -> Words:
    said = [order.store_problem] if order.store_problem else []
    if order.making_at:
        said.append("It may be there already; we look before it is made again.")
    if said:
        said.append("It is tried again by itself.")
    return Words("On its way" if order.store_state else "Looked at in a moment", "skipped", " ".join(said))


def _made(order: Order) -> Words:
    label = f"Made, {IN_THE_STORE.get(order.store_status, 'to be shipped')}"
    if order.store_status in ("cancelled", "refunded"):
        more = (
            "It is cancelled in your store, but not on Reverb. Refund the buyer on Reverb, or open the order again in "
            "your store, or make a new one there, and ship it."
        )
        return Words(label, "failed", more, attention=order.status not in SHIPPED)
    if order.made_for and (now := mark_of(order.seen)) and now != order.made_for and order.status not in SHIPPED:
        return Words(
            label, "failed", "The address on Reverb is another now. Change it in your store too.", attention=True
        )
    return Words(label, "synced")


def in_stock(order: Order, *, syncs: bool, undeducted: int = 0, away_since: datetime | None = None) -> str:
    """Describe what became of its units in the store's stock.

    `undeducted` of them are not deducted in the store yet (listings/orders/undeducted.py); `away_since`: since when it
    has not responded.
    """
    if not order.counts:
        return "Its listing was linked here after the sale, so your store's stock was left alone."
    if order.store_state in IN_STORE and order.takes_stock:
        back = order.store_state == StoreOrderState.CANCELLED or order.store_status in ("cancelled", "refunded")
        word = "gave back" if back else "took"
        return f"Its order in your store {word} {_units(order.quantity)}."
    if order.product_id is None:
        return "No product of your store is known for it, so no stock was changed."
    return (
        _by_ledger(order, undeducted, away_since)
        if syncs
        else "Stock goes only from your store to Reverb; your store's was left alone."
    )


def _by_ledger(order: Order, undeducted: int, away_since: datetime | None) -> str:
    if order.counted and undeducted:
        taken = (
            f"{_units(order.counted - undeducted)} taken from your store's stock; "
            if undeducted < order.counted
            else ""
        )
        why = f" Your store hasn't answered since {away_since:%H:%M} UTC." if away_since else ""
        return f"{taken}{_units(undeducted)} not taken from your store's stock yet.{why} We retry automatically."
    if order.counted:
        return f"{_units(order.counted)} taken from your store's stock."
    if order.status in GONE:
        return "The sale is off, so no unit is taken from your stock."
    return "Your store's stock is brought in sync in a moment."


def _units(number: int) -> str:
    return f"{number} unit{'' if number == 1 else 's'}"


def of_parcel(parcel: Parcel) -> Words:
    """Describe a parcel's state."""
    match Parcel.State(parcel.state):
        case Parcel.State.SENT:
            return Words("Reverb knows", "synced")
        case Parcel.State.WAITS:
            return Words("Could not be sent", "failed", parcel.problem, attention=True)
        case Parcel.State.LEFT:
            return Words("Not sent", "", parcel.problem)
        case _:
            return Words("On its way to Reverb", "skipped", parcel.problem)
