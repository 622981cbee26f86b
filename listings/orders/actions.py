"""What a seller may do with an order."""

from __future__ import annotations

from listings.models import Order, StoreOrderState
from shops.reverb.orders import PAID


def can_be_requested(order: Order) -> bool:
    """Return whether a button can create the order in the store."""
    allowed = (
        StoreOrderState.SKIPPED,
        StoreOrderState.CREATE_FAILED,
        StoreOrderState.HANDLED_MANUALLY,
        StoreOrderState.IN_FORMER_STORE,
    )
    return order.product_id is not None and order.store_state in allowed and order.status in PAID


def can_be_retried(order: Order) -> bool:
    """Return whether buttons can retry what failed in the store, or mark it as done by hand."""
    failed = order.store_state in (StoreOrderState.CREATE_FAILED, StoreOrderState.CANCEL_FAILED)
    return failed or (order.store_state == StoreOrderState.CANCELLING and order.store_due_at is None)


def can_ship(order: Order) -> bool:
    """Return whether a tracking number can be sent."""
    return order.status in PAID and order.status not in ("picked_up", "received")
