"""Shared rules for cancelling an order that was made for a sale on Reverb."""

from __future__ import annotations

from shops.orders import OrderStatus, StoreOrder
from shops.platforms.errors import Unsupported

#: Statuses that need no cancelling.
OFF = frozenset({OrderStatus.CANCELLED, OrderStatus.REFUNDED})


def refuse_to_cancel(store: str, order: StoreOrder | None) -> None:
    """Raise Unsupported for a shipped order: only the seller knows whether the goods come back."""
    if order is not None and order.status == OrderStatus.DONE:
        raise Unsupported(f"{store} has the order as shipped, so it was left as it is.")
