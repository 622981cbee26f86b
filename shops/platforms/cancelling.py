"""Cancelling an order that was made for a sale on Reverb: what holds on every platform."""

from __future__ import annotations

from shops.orders import OrderStatus, StoreOrder
from shops.platforms.values import Unsupported

#: Nothing is left to cancel.
OFF = frozenset({OrderStatus.CANCELLED, OrderStatus.REFUNDED})


def refuse_to_cancel(store: str, order: StoreOrder | None) -> None:
    """Raise Unsupported for an order that went out already: what was sent may come back, or not; the seller knows."""
    if order is not None and order.status == OrderStatus.DONE:
        raise Unsupported(f"{store} has the order as shipped, so it was left as it is.")
