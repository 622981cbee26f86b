"""Celery: read orders on Reverb, bring them into the store, tell Reverb of parcels, sweep for what stands still."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial

from celery import shared_task

from listings.orders import forget, glance, look, place, poll, ship, shipstation
from listings.orders.take import PLACE
from reverbsync import clock
from reverbsync.alone import only_one
from reverbsync.scheduling import Sweep
from reverbsync.wake import awake, wake, wake_all
from shops.models import ReverbConnection
from shops.reverb import connect
from shops.reverb.client import ReverbClient
from shops.reverb.errors import NeedsSeller, Paced, ReverbError

logger = logging.getLogger(__name__)

#: How long one turn holds a worker before the shop queues up again behind the others.
TURN_S = 2.0


@shared_task(name=poll.ORDERS)
def orders(shop_id: int) -> None:
    """Read the orders that changed on Reverb, and the page of listings whose turn it is."""
    awake(poll.ORDERS, shop_id)
    with only_one(poll.ORDERS, shop_id) as alone:
        connection = poll.due(shop_id) if alone else None
        if connection is None:
            return
        client = ReverbClient.of(connection)
        reading = partial(poll.read, connection, client, now=clock.now())
        if _answered(connection, "orders", reading):
            _answered(connection, "listings", partial(glance.turn, connection, client))


def _answered(connection: ReverbConnection, what: str, deed: Callable[[], None]) -> bool:
    """Read from Reverb; return whether other calls make sense. One list that fails keeps us from no other one."""
    try:
        deed()
    except Paced:
        return False  # planned for when the pace allows it
    except ReverbError as error:
        logger.warning("The %s of shop %s could not be read: %s", what, connection.shop_id, error.message)
        if isinstance(error, NeedsSeller) and error.status == 401:
            _ask_for_the_token(connection)
        return not isinstance(error, NeedsSeller)
    return True


def _ask_for_the_token(connection: ReverbConnection) -> None:
    """A 401 is not always a dead token: only one that is refused everywhere is."""
    try:
        connect.mark_if_dead(connection)
    except ReverbError as error:
        logger.warning("The account of shop %s could not be asked for: %s", connection.shop_id, error.message)


@shared_task(name=PLACE)
def place_orders(shop_id: int) -> None:
    """Bring the shop's sales on Reverb into the store for one turn; one worker a shop, so that none is made twice."""
    awake(PLACE, shop_id)
    with only_one(PLACE, shop_id) as alone:
        more = alone and place.turn(shop_id)
    if more:
        wake(PLACE, shop_id)


@shared_task(name=ship.SHIP)
def tell_of_parcels(shop_id: int) -> None:
    """Send parcels to Reverb, follow what ShipStation told, and look for parcels in the store, for one turn."""
    awake(ship.SHIP, shop_id)
    over = clock.monotonic() + TURN_S
    with only_one(ship.SHIP, shop_id) as alone:
        while alone and clock.monotonic() < over:
            if (parcel := ship.next_one(shop_id)) is not None:
                ship.send(parcel)
            elif (notice := shipstation.next_one(shop_id)) is not None:
                shipstation.follow(notice)
            elif (order := look.next_one(shop_id)) is not None:
                look.look(order)
            else:
                return
    if alone:
        wake(ship.SHIP, shop_id)


@shared_task(name="listings.forget_buyers")
def forget_buyers() -> None:
    """Forget the buyers of orders that are done for long."""
    forget.old_buyers()


@shared_task(name="orders.sweep", base=Sweep)
def sweep() -> None:
    """Wake the shops whose orders are to be read, made in the store, or told of."""
    now = clock.now()
    wake_all(poll.ORDERS, poll.shops_with_due_orders())
    wake_all(PLACE, place.shops_with_due_ones(now))
    for room in (ship, shipstation, look):
        wake_all(ship.SHIP, room.shops_with_due_ones(now))
