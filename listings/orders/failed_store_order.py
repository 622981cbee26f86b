"""An order that could not be created in the store: it is retried, and the seller is notified."""

from __future__ import annotations

from datetime import timedelta

from listings.models import Order, StoreOrderState
from listings.orders.calling import LOOK_AFTER
from listings.orders.log import log_order
from listings.orders.store_order_state import retry_at, retry_later, save
from reverbsync import clock
from shops.platforms.errors import StoreError, TransientStoreError
from shops.reverb.errors import RateLimited, ReverbError, TransientError

#: Half a day, with a longest delay of a quarter of an hour.
MAX_ATTEMPTS = 60


def store_failed(order: Order, error: StoreError) -> None:
    """Save that the store did not create an order: it is retried, or waits for the seller."""
    if isinstance(error, TransientStoreError) and order.store_attempts < MAX_ATTEMPTS:
        waits = LOOK_AFTER.total_seconds() if order.making_at else 0.0
        retry_later(order, str(error), at_least=max(waits, error.retry_after or 0.0))
        log_order(order, "order_try_later", changes={"Your store": str(error)}, attempt=order.store_attempts)
    else:
        fail(order, str(error))


def reverb_failed(order: Order, error: ReverbError) -> None:
    """Save that Reverb did not show an order that is to be created: it is retried, or waits for the seller."""
    if isinstance(error, RateLimited):
        save(
            order,
            store_state=StoreOrderState.CREATING,
            store_due_at=clock.now() + timedelta(seconds=error.retry_after or 1.0),
        )
    elif isinstance(error, TransientError) and order.store_attempts < MAX_ATTEMPTS:
        retry_later(order, error.message, at_least=error.retry_after)
        log_order(order, "order_try_later", reverb_said=error.message, attempt=order.store_attempts)
    else:
        fail(order, f"Reverb: {error.message}")


def fail(order: Order, words: str, *, retry: bool = True) -> None:
    """Wait for the seller, and retry automatically meanwhile (`retry`). The log names each cause once."""
    changed = order.store_problem != words[:300]
    save(
        order,
        store_state=StoreOrderState.CREATE_FAILED,
        store_due_at=retry_at(order) if retry else None,
        problem=words,
        making_at=order.making_at,
        attempts=order.store_attempts,
    )
    if changed:
        log_order(order, "order_create_failed", changes={"Why": words}, attempt=order.store_attempts)
