"""The state of an order in the store, as its row holds it: saved after each attempt, changed by buttons and settings.

`due_store_orders.py` reads it and acts on it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q

from listings.models import Order, StoreOrderState
from listings.orders.decide import IN_STORE
from listings.queue import retry_delay
from reverbsync import clock
from reverbsync.database import batches
from reverbsync.dispatch import ownership
from reverbsync.dispatch.wake import wake
from shops.models import Shop, StoreConnection

#: The task that creates and cancels a shop's orders in the store (tasks.py).
PROCESS_STORE_ORDERS = "listings.process_store_orders"
#: Delay before a failed order is retried automatically, doubled each time: the refusal may have been a mistake.
RETRY_FIRST, RETRY_AT_LATEST = timedelta(minutes=15), timedelta(hours=6)


# -- changes by the seller and the settings -------------------------------------------------------------------------


def ask_for(order: Order) -> None:
    """Request an order in the store, or retry a failed one, for the seller."""
    again = {
        StoreOrderState.CANCEL_FAILED: StoreOrderState.CANCELLING,
        StoreOrderState.HANDLED_MANUALLY: StoreOrderState.UNDECIDED,
        StoreOrderState.IN_FORMER_STORE: StoreOrderState.UNDECIDED,
    }
    state = again.get(StoreOrderState(order.store_state), order.store_state)
    save(order, store_state=state, requested=True, store_due_at=clock.now(), attempts=0)
    wake(PROCESS_STORE_ORDERS, order.shop_id)


def mark_handled(order: Order) -> None:
    """Record that the seller did by hand what we could not do."""
    by_hand = {
        StoreOrderState.CREATE_FAILED: StoreOrderState.HANDLED_MANUALLY,
        StoreOrderState.CANCEL_FAILED: StoreOrderState.CANCELLED,
        StoreOrderState.CANCELLING: StoreOrderState.CANCELLED,
    }
    state = by_hand.get(StoreOrderState(order.store_state))
    if state is not None:
        save(order, store_state=state, requested=False, store_due_at=None, problem="", making_at=None)


def settings_changed(shop: Shop) -> None:
    """Start or stop taking orders, and make waiting ones due: settings or a connection changed."""
    now, on = clock.now(), shop.sync_settings.take_orders
    mine = Order.objects.filter(shop=shop)
    if on:
        StoreConnection.objects.filter(shop=shop, orders_since=None).update(orders_since=now)
    else:
        StoreConnection.objects.filter(shop=shop).update(orders_since=None)
    stopped = [
        StoreOrderState.CREATING,
        StoreOrderState.CREATE_FAILED,
        StoreOrderState.CANCELLING,
        StoreOrderState.AWAITING_PAYMENT,
    ]
    for some in batches(mine.filter(store_state__in=stopped)):
        some.update(store_due_at=now, store_attempts=0)
    if on:
        for some in batches(mine.filter(store_state=StoreOrderState.SKIPPED, seen_at__gte=now - timedelta(days=1))):
            some.update(store_due_at=now)
    wake(PROCESS_STORE_ORDERS, shop.pk)


def try_again(shop_id: int) -> None:
    """Make due what failed or waits for a retry: the store or Reverb works again."""
    late = Q(store_due_at__isnull=True) | Q(store_due_at__gt=clock.now())
    waiting = Order.objects.filter(
        late,
        shop=shop_id,
        store_state__in=[StoreOrderState.CREATING, StoreOrderState.CREATE_FAILED, StoreOrderState.CANCELLING],
    )
    if sum(some.update(store_due_at=clock.now()) for some in batches(waiting)):
        wake(PROCESS_STORE_ORDERS, shop_id)


def store_replaced(shop: Shop) -> None:
    """Detach orders from a replaced store: the new store has none of them, and only new sales go to it."""
    StoreConnection.objects.filter(shop=shop).update(orders_since=None)
    mine = Order.objects.filter(shop=shop)
    gone: dict[str, Any] = {"store_due_at": None, "parcels_due_at": None, "making_at": None, "begun": {}}
    for some in batches(mine.filter(Q(store_state__in=IN_STORE) | Q(making_at__isnull=False))):
        some.update(store_state=StoreOrderState.IN_FORMER_STORE, **gone)
    waiting = [StoreOrderState.CREATING, StoreOrderState.CREATE_FAILED, StoreOrderState.AWAITING_PAYMENT]
    for some in batches(mine.filter(store_state__in=waiting)):
        some.update(requested=False, store_state=StoreOrderState.SKIPPED, **gone)


# -- results of an attempt ------------------------------------------------------------------------------------------


def retry_later(order: Order, words: str, *, at_least: float | None = None) -> None:
    """Schedule an automatic retry, with growing delay."""
    order.store_attempts = max(1, order.store_attempts)
    due = clock.now() + timedelta(seconds=retry_delay.delay_s(min(order.store_attempts, 20), at_least=at_least))
    state = StoreOrderState.CANCELLING if order.store_state == StoreOrderState.CANCELLING else StoreOrderState.CREATING
    save(
        order,
        store_state=state,
        store_due_at=due,
        problem=words,
        making_at=order.making_at,
        attempts=order.store_attempts,
    )


def retry_at(order: Order) -> datetime:
    """Return when a refused order is retried automatically."""
    doublings = min(max(0, order.store_attempts - 1), 10)
    return clock.now() + min(RETRY_AT_LATEST, RETRY_FIRST * 2.0**doublings)


_COLUMNS = {"problem": "store_problem", "attempts": "store_attempts"}


def save(order: Order, **changes: Any) -> None:
    """Save only the order's state in the store, and the Reverb status that it was decided on.

    Others write the rest of the row meanwhile. Raises Lost if another worker may hold the order.
    """
    ownership.confirm()
    values = {_COLUMNS.get(name, name): value for name, value in changes.items()}
    values["store_problem"] = str(values.get("store_problem", order.store_problem))[:300]
    if order.decided_on != order.status:
        values |= {"decided_on": order.status, "changed_at": clock.now()}
    for name, value in values.items():
        setattr(order, name, value)
    Order.objects.filter(pk=order.pk).update(**values)
