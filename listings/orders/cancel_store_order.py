"""Cancel an order in the store whose sale on Reverb was cancelled or refunded."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from listings.models import Order, StoreOrderState
from listings.orders.calling import LOOK_AFTER, Cancelling, connected_store
from listings.orders.log import log_order
from listings.orders.store_order_state import retry_at, retry_later, save
from reverbsync import clock
from reverbsync.dispatch import ownership
from shops.orders import OrderStatus
from shops.platforms import client_of
from shops.platforms.errors import StoreAuthError, StoreError, TransientStoreError


def cancel(order: Order) -> None:
    """Cancel an order in the store."""
    store = connected_store(order)
    if store is None:
        save(order, store_state=StoreOrderState.CANCELLING, store_due_at=None, problem="Your store is not connected.")
        return
    word = "refunded" if order.status == "refunded" else "cancelled"
    save(
        order,
        store_state=StoreOrderState.CANCELLING,
        attempts=order.store_attempts + 1,
        store_due_at=clock.now() + LOOK_AFTER,
    )
    try:
        with ownership.of(Cancelling(order, LOOK_AFTER)):
            client_of(store).cancel_order(
                order.store_order_id,
                reverb_number=order.number,
                gives_back=order.takes_stock,
                note=f"Reverb order {order.number} was {word} on Reverb.",
            )
    except TransientStoreError as error:
        retry_later(order, str(error), at_least=error.retry_after)
        log_order(order, "order_cancel_later", changes={"Your store": str(error)}, attempt=order.store_attempts)
    except StoreAuthError as error:
        save(order, store_state=StoreOrderState.CANCELLING, store_due_at=retry_at(order), problem=str(error))
        log_order(order, "order_cancel_failed", changes={"Your store": str(error)}, attempt=order.store_attempts)
    except StoreError as error:
        save(order, store_state=StoreOrderState.CANCEL_FAILED, store_due_at=None, problem=str(error))
        log_order(order, "order_cancel_failed", changes={"Your store": str(error)}, attempt=order.store_attempts)
    else:
        with transaction.atomic():
            gone: dict[str, Any] = {"store_status": OrderStatus.CANCELLED.value, "parcels_due_at": None}
            save(order, store_state=StoreOrderState.CANCELLED, store_due_at=None, problem="", **gone)
            shown = {"In your store": f"Order {order.store_order_number or order.store_order_id}"}
            log_order(order, "order_cancelled", changes=shown, attempt=order.store_attempts)
