"""Poll the store for orders that we created there: whether they were shipped, and with which tracking number.

A store's webhook makes a poll due at once; without one the store is polled at growing intervals.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db.models import QuerySet

from listings.models import Order, Parcel, StoreOrderState
from listings.orders import send_tracking, tracking
from listings.orders.decide import GONE, SHIPPED
from listings.orders.tracking import TrackingReport
from reverbsync import clock
from reverbsync.database import batches
from reverbsync.outage import is_outage
from reverbsync.security.redaction import whereabouts
from shops.events import Event, OrderChanged
from shops.models import Shop
from shops.orders import OrderStatus, StoreOrder
from shops.platforms import StoreClient, client_of, platform_of
from shops.platforms.errors import StoreAuthError, StoreError, Unsupported

logger = logging.getLogger(__name__)

#: Shortest interval without a report, on any platform.
LEAST_S = 300
#: Interval if the store reports everything itself.
WITH_WEBHOOKS_S = 900
#: What was not shipped within this time is polled a few times a day, and later no more.
SLOW_AFTER, SLOW = timedelta(days=14), timedelta(hours=6)
NO_MORE_AFTER = timedelta(days=60)
AFTER_A_FAILURE = timedelta(minutes=5)
#: The same for an order that could not be read because of a fault of its own.
BROKEN = timedelta(hours=1)


def on_events(shop: Shop, events: Iterable[Event]) -> None:
    """Make due the orders that the store reported and that we created there."""
    ids = [event.store_order_id for event in events if isinstance(event, OrderChanged)]
    if ids and _ours(shop.pk).filter(store_order_id__in=ids).update(parcels_due_at=clock.now()):
        send_tracking.soon(shop.pk)


def settings_changed(shop: Shop) -> None:
    """Poll the orders that are not shipped on Reverb yet: tracking may have been switched on."""
    open_ones = _ours(shop.pk).exclude(status__in=SHIPPED | GONE).exclude(parcels__state=Parcel.State.SENT)
    if sum(some.update(parcels_due_at=clock.now()) for some in batches(open_ones)):
        send_tracking.soon(shop.pk)


def shops_with_due_ones(now: datetime) -> set[int]:
    """Return the shops with orders to poll, for the sweeper."""
    return set(_due(now).values_list("shop_id", flat=True).distinct())


def next_one(shop_id: int) -> Order | None:
    """Return the shop's order that is due next."""
    found = _due(clock.now()).filter(shop=shop_id).select_related("shop__store", "shop__sync_settings", "product")
    return found.order_by("parcels_due_at", "pk").first()


def _ours(shop_id: int) -> QuerySet[Order]:
    return Order.objects.filter(shop=shop_id, store_state=StoreOrderState.CREATED).exclude(store_order_id="")


def _due(now: datetime) -> QuerySet[Order]:
    connected = {"shop__store__removed_at": None, "shop__store__isnull": False, "shop__deletion_requested_at": None}
    return Order.objects.filter(store_state=StoreOrderState.CREATED, parcels_due_at__lte=now, **connected)


def look(order: Order) -> None:
    """Read an order and its parcels from the store. A store's failure is never raised: a later poll retries."""
    now = clock.now()
    try:
        store = client_of(order.shop.store)
        found = store.order(order.store_order_id)
        if found is not None and order.shop.sync_settings.send_tracking:
            _report_parcels(order, found, store)
    except Unsupported:  # the store refuses, perhaps only for now
        over = now - (order.made_at or now) > NO_MORE_AFTER
        changes: dict[str, object] = {"parcels_due_at": None if over else now + SLOW}
    except StoreError as error:
        wait = timedelta(hours=1) if isinstance(error, StoreAuthError) else AFTER_A_FAILURE
        changes = {"parcels_due_at": now + max(wait, timedelta(seconds=error.retry_after or 0.0))}
    except Exception as error:
        if is_outage(error):
            raise
        logger.warning("Order %s could not be read from its store: %s", order.pk, whereabouts(error))
        changes = {"parcels_due_at": now + BROKEN}
    else:
        changes = {"parcels_due_at": _next_look(order, found, now)}
        if found is not None:
            changes["store_status"] = found.status.value
    # A webhook may have made another poll due meanwhile.
    Order.objects.filter(pk=order.pk, parcels_due_at=order.parcels_due_at).update(**changes)


def _report_parcels(order: Order, found: StoreOrder, store: StoreClient) -> None:
    for one in store.shipments(order.store_order_id):
        tracking.add_parcel(order, TrackingReport(Parcel.Source.STORE, one.tracking_number, one.carrier))
    if order.seen.local_pickup and found.status == OrderStatus.DONE and order.status not in SHIPPED:
        tracking.add_parcel(order, TrackingReport(Parcel.Source.STORE))


def _next_look(order: Order, found: StoreOrder | None, now: datetime) -> datetime | None:
    """Return when to poll again; None if nothing more can come."""
    age = now - (order.made_at or now)
    if order.status in SHIPPED | GONE or age > NO_MORE_AFTER:
        return None
    if found is not None and found.status in (OrderStatus.CANCELLED, OrderStatus.REFUNDED):
        return None
    if Parcel.objects.filter(order=order).exists():
        return None
    if age > SLOW_AFTER:
        return now + SLOW
    every = platform_of(order.shop.store).poll_every_s or WITH_WEBHOOKS_S
    return now + timedelta(seconds=max(LEAST_S, every))
