"""Process a shop's due orders: create them in the store, cancel them, or note what they wait for.

`decide.py` decides again whenever Reverb's status differs from the one last decided on. So code that writes an order's
row need not know this file, and a lost wake-up costs a second.

One worker per shop processes them (reverbsync.dispatch.locks). PostgreSQL releases its lock if the database connection
breaks, perhaps while the worker waits for the store. So `making_at` is renewed before each call, which makes other
workers wait, and a connection without the lock writes nothing.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.db.models import F, Q

from listings.models import Order, StoreOrderState
from listings.orders import cancel_store_order, create_store_order
from listings.orders.decide import Facts, next_store_state
from listings.orders.log import log_order
from listings.orders.store_order_state import retry_later, save
from reverbsync import clock
from reverbsync.dispatch.ownership import Lost
from reverbsync.security.redaction import broke
from shops.models import Shop, StoreConnection
from shops.orders import OrderStatus

logger = logging.getLogger(__name__)

#: How long one slice occupies a worker before the shop is enqueued again behind the others.
SLICE_S = 2.0
#: A sale this much before orders were switched on still counts: clocks differ.
SLACK = timedelta(minutes=2)


# -- which orders are due ------------------------------------------------------------------------------------------


def _due(now: datetime) -> tuple[Q, ...]:
    """Return conditions for orders that are due, changed, or linked to a product late; each has its own index."""
    return (
        Q(store_due_at__lte=now),
        ~Q(decided_on=F("status")),
        Q(store_state=StoreOrderState.NO_PRODUCT, product__isnull=False),
    )


def shops_with_due_ones(now: datetime) -> set[int]:
    """Return the shops that have orders to decide on, create or cancel, for the sweeper."""
    found = (Order.objects.filter(one).values_list("shop_id", flat=True).distinct() for one in _due(now))
    return {shop_id for shop_ids in found for shop_id in shop_ids}


def run_slice(shop_id: int) -> bool:
    """Process a shop's orders for one slice, oldest first; return whether there may be more."""
    mine = Shop.objects.filter(pk=shop_id, deletion_requested_at=None).exclude(store__clearing_since__isnull=False)
    shop = mine.select_related("sync_settings").first()
    over = clock.monotonic() + SLICE_S
    while shop is not None and clock.monotonic() < over:
        order = _next(shop)
        if order is None:
            return False
        try:
            _step(order)
        except Lost:
            logger.warning("Order %s of shop %s is left to another worker", order.pk, shop_id)
            return False
        except Exception as error:  # noqa: BLE001 -- a fault of ours; retried with growing delay
            broke(logger, error, "Order %s of shop %s could not be processed", order.pk, shop_id)
            retry_later(order, "Something went wrong on our side.")
    return shop is not None


def _next(shop: Shop) -> Order | None:
    mine = Order.objects.filter(shop=shop).select_related("product", "shop__sync_settings", "shop__store")
    # Ordered by the columns of their indexes: the planner expects nearly all rows to be news, and would scan them.
    order = ("store_due_at", "placed_at", "placed_at")
    found = (mine.filter(one).order_by(by).first() for one, by in zip(_due(clock.now()), order, strict=True))
    return next((one for one in found if one is not None), None)


# -- one order -----------------------------------------------------------------------------------------------------


def _step(order: Order) -> None:
    facts = Facts(
        order.store_state, order.status, order.product is not None, _wanted(order), order.making_at is not None
    )
    state = next_store_state(facts)
    if state == StoreOrderState.CREATING:
        create_store_order.create_or_find(order)
    elif state == StoreOrderState.CANCELLING:
        cancel_store_order.cancel(order)
    else:
        _settle(order, state)


def _wanted(order: Order) -> bool:
    """Return whether an order goes into the store: sold or paid since orders are taken, or requested by the seller."""
    if order.requested:
        return True
    store = StoreConnection.objects.filter(shop=order.shop_id).first()
    if store is None or not order.shop.sync_settings.take_orders:
        return False
    if store.orders_since is None:
        store.orders_since = clock.now()
        store.save(update_fields=["orders_since"])
    moments = [order.placed_at, order.seen.paid_at or order.placed_at]
    return max(moments) >= store.orders_since - SLACK


def _settle(order: Order, state: StoreOrderState) -> None:
    """Save a state that requires no call, and when it was decided."""
    before = order.store_state
    on_again = before == StoreOrderState.CANCELLED and state == StoreOrderState.CREATED
    seen = {"store_status": OrderStatus.CANCELLED.value, "parcels_due_at": clock.now()} if on_again else {}
    save(order, store_state=state, store_due_at=None, problem="", attempts=0, **seen)
    if on_again:
        log_order(order, "order_on_again")
    elif before != state == StoreOrderState.NOT_NEEDED and _wanted(order):
        log_order(order, "order_not_needed")
