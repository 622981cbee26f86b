"""Celery tasks: poll orders on Reverb, create them in the store, send parcels to Reverb, and sweep for due work."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial

from celery import shared_task

from listings.orders import (
    due_store_orders,
    erase,
    listing_poll,
    order_poll,
    quick_poll,
    send_tracking,
    shipment_poll,
    tracking,
)
from listings.orders.shipstation import service
from listings.orders.store_order_state import PROCESS_STORE_ORDERS
from reverbsync import clock
from reverbsync.dispatch.scheduling import Sweep
from reverbsync.dispatch.slices import one_slice
from reverbsync.dispatch.wake import wake_all
from shops.models import ReverbConnection
from shops.reverb import connect
from shops.reverb.client import ReverbClient
from shops.reverb.errors import NeedsSeller, RateLimited, ReverbError

logger = logging.getLogger(__name__)

#: How long one slice occupies a worker before the shop is enqueued again behind the others.
SLICE_S = 2.0


@shared_task(name=order_poll.ORDERS)
def orders(shop_id: int) -> None:
    """Poll the orders that changed on Reverb, and the page of listings that is due next."""
    one_slice(order_poll.ORDERS, shop_id, partial(_poll, shop_id))


def _poll(shop_id: int) -> None:
    if (connection := order_poll.due(shop_id)) is not None:
        client = ReverbClient.of(connection)
        reading = partial(order_poll.read, connection, client, now=clock.now())
        if _answered(connection, "orders", reading):
            quick_poll.begin(connection, clock.now())
            _answered(connection, "listings", partial(listing_poll.run_slice, connection, client))
    elif (connection := quick_poll.due(shop_id)) is not None:
        looking = partial(quick_poll.run, connection, ReverbClient.of(connection), now=clock.now())
        _answered(connection, "newest orders", looking)


def _answered(connection: ReverbConnection, what: str, deed: Callable[[], None]) -> bool:
    """Read from Reverb; return whether further calls make sense. A failing list does not block the others."""
    try:
        deed()
    except RateLimited:
        return False  # planned for when the rate limit allows it
    except ReverbError as error:
        logger.warning("The %s of shop %s could not be read: %s", what, connection.shop_id, error.message)
        if isinstance(error, NeedsSeller) and error.status == 401:
            _ask_for_the_token(connection)
        return not isinstance(error, NeedsSeller)
    return True


def _ask_for_the_token(connection: ReverbConnection) -> None:
    """Check the token after a 401, which is not always final: only a token refused everywhere is invalid."""
    try:
        connect.mark_if_dead(connection)
    except ReverbError as error:
        logger.warning("The token of shop %s could not be checked: %s", connection.shop_id, error.message)


@shared_task(name=PROCESS_STORE_ORDERS)
def process_store_orders(shop_id: int) -> None:
    """Process the shop's orders in the store for one slice; one worker per shop, so that none is created twice."""
    one_slice(PROCESS_STORE_ORDERS, shop_id, partial(due_store_orders.run_slice, shop_id))


@shared_task(name=send_tracking.SHIP)
def send_parcels(shop_id: int) -> None:
    """Send parcels to Reverb, follow ShipStation's reports, and poll the store for parcels, for one slice."""
    one_slice(send_tracking.SHIP, shop_id, partial(_send_parcels, shop_id))


def _send_parcels(shop_id: int) -> bool:
    """Return whether there may be more when the slice is over."""
    over = clock.monotonic() + SLICE_S
    while clock.monotonic() < over:
        if (parcel := tracking.next_one(shop_id)) is not None:
            send_tracking.send(parcel)
        elif (notice := service.next_one(shop_id)) is not None:
            service.follow(notice)
        elif (order := shipment_poll.next_one(shop_id)) is not None:
            shipment_poll.look(order)
        else:
            return False
    return True


@shared_task(name="listings.forget_buyers")
def forget_buyers() -> None:
    """Erase the buyers of orders that were completed long ago."""
    erase.old_buyers()


@shared_task(name="orders.sweep", base=Sweep)
def sweep() -> None:
    """Wake the shops with orders to poll or to create in the store, or with parcels to send."""
    now = clock.now()
    wake_all(order_poll.ORDERS, order_poll.shops_with_due_orders())
    wake_all(order_poll.ORDERS, quick_poll.shops_with_due_ones())
    wake_all(PROCESS_STORE_ORDERS, due_store_orders.shops_with_due_ones(now))
    for room in (tracking, service, shipment_poll):
        wake_all(send_tracking.SHIP, room.shops_with_due_ones(now))
