"""Celery: drain a shop's jobs, go on with a walk through its store, read its orders, sweep for what stands still."""

from __future__ import annotations

import logging

from celery import shared_task

from listings import jobs, walks
from listings.intake import changed_while_off
from listings.models import Rank
from listings.orders import glance, poll
from listings.orders.take import uncounted
from listings.sync.attempt import attempt
from reverbsync import clock, pace
from reverbsync.alone import only_one
from reverbsync.wake import awake, wake
from shops.models import ReverbConnection, Shop, StoreConnection
from shops.reverb import connect
from shops.reverb.client import ReverbClient
from shops.reverb.errors import NeedsSeller, ReverbError

logger = logging.getLogger(__name__)

#: How long one drain holds a worker before the shop queues up again behind the others.
TURN_S = 2.0


@shared_task(name=jobs.DRAIN)
def drain(shop_id: int) -> None:
    """Work off the shop's due jobs, most urgent first, for one turn. Several workers may drain one shop."""
    awake(jobs.DRAIN, shop_id)
    over = clock.monotonic() + TURN_S
    while clock.monotonic() < over:
        if _must_wait(shop_id):
            return  # the sweeper comes back when Reverb takes calls again
        taken = jobs.claim(shop_id, now=clock.now())
        if taken is None:
            return
        with jobs.locked(taken):
            attempt(taken)
    wake(jobs.DRAIN, shop_id)


@shared_task(name=walks.WALK)
def walk(shop_id: int) -> None:
    """Go on with one of the shop's walks for one turn; the next turn is a new message, behind the other shops."""
    awake(walks.WALK, shop_id)
    with only_one(walks.WALK, shop_id) as alone:
        found = walks.due(shop_id) if alone else None
        if found is None:
            return
        walks.turn(found)
    if walks.due(shop_id) is not None:
        wake(walks.WALK, shop_id)


@shared_task(name=poll.ORDERS)
def orders(shop_id: int) -> None:
    """Read the orders that changed on Reverb, and the page of listings whose turn it is."""
    awake(poll.ORDERS, shop_id)
    with only_one(poll.ORDERS, shop_id) as alone:
        connection = poll.due(shop_id) if alone else None
        if connection is None:
            return
        client = ReverbClient.of(connection)
        try:
            poll.read(connection, client, now=clock.now())
            glance.turn(connection, client)
        except ReverbError as error:
            logger.warning("The orders of shop %s could not be read: %s", shop_id, error.message)
            if isinstance(error, NeedsSeller) and error.status == 401:
                _ask_for_the_token(connection)


def _ask_for_the_token(connection: ReverbConnection) -> None:
    """A 401 is not always a dead token: only one that is refused everywhere is."""
    try:
        connect.mark_if_dead(connection)
    except ReverbError as error:
        logger.warning("The account of shop %s could not be asked for: %s", connection.shop_id, error.message)


@shared_task(name="listings.sweep")
def sweep() -> None:
    """Wake the shops that have due jobs, walks or orders: delayed ones, and those whose wake-up or worker was lost."""
    for shop_id in Shop.objects.filter(look_again_asked=True).values_list("pk", flat=True):
        _look_again(shop_id)
    jobs.free_abandoned(now=clock.now())
    for shop_id in jobs.shops_with_due_jobs(now=clock.now()):
        wake(jobs.DRAIN, shop_id)
    for shop_id in walks.shops_with_due_ones():
        wake(walks.WALK, shop_id)
    for shop_id in poll.shops_with_due_orders():
        wake(poll.ORDERS, shop_id)


def _look_again(shop_id: int) -> None:
    """Settings or a connection changed: waiting jobs, and changes that came while auto-sync was off, are due now."""
    if not Shop.objects.filter(pk=shop_id, look_again_asked=True).update(look_again_asked=False):
        return
    shop = Shop.objects.select_related("sync_settings", "store").get(pk=shop_id)
    now = clock.now()
    if StoreConnection.objects.filter(shop=shop, removed_at__isnull=True).exists():
        walks.plan(shop)
    jobs.look_at_waiting(shop_id, now=now)
    if shop.sync_settings.auto_sync:
        jobs.look_again(uncounted(shop), rank=Rank.STOCK, cause="settings changed", now=now)
        jobs.look_again(changed_while_off(shop), rank=Rank.EDIT, cause="settings changed", now=now)


def _must_wait(shop_id: int) -> bool:
    connection = ReverbConnection.objects.filter(shop=shop_id).first()
    try:
        return connection is not None and ReverbClient.of(connection).wait_s() > 0
    except pace.PaceLost:
        return True
