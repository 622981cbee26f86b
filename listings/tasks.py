"""Celery: drain a shop's jobs, go on with a walk through its store, and sweep for what stands still."""

from __future__ import annotations

import time

from celery import shared_task

from listings import jobs, walks
from listings.intake import changed_while_off
from listings.models import Rank
from listings.orders import forget, look, place, ship, shipstation
from listings.sync.attempt import attempt
from reverbsync import clock, pace
from reverbsync.alone import only_one
from reverbsync.wake import awake, wake
from shops.models import ReverbConnection, Shop, StoreConnection
from shops.reverb.client import ReverbClient

#: How long one drain holds a worker before the shop queues up again behind the others.
TURN_S = 2.0


@shared_task(name=jobs.DRAIN)
def drain(shop_id: int) -> None:
    """Work off the shop's due jobs, most urgent first, for one turn. Several workers may drain one shop."""
    awake(jobs.DRAIN, shop_id)
    over = time.monotonic() + TURN_S
    while time.monotonic() < over:
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


@shared_task(name=place.PLACE)
def place_orders(shop_id: int) -> None:
    """Bring the shop's sales on Reverb into the store for one turn; one worker a shop, so that none is made twice."""
    awake(place.PLACE, shop_id)
    with only_one(place.PLACE, shop_id) as alone:
        more = alone and place.turn(shop_id)
    if more:
        wake(place.PLACE, shop_id)


@shared_task(name=ship.SHIP)
def tell_of_parcels(shop_id: int) -> None:
    """Send parcels to Reverb, follow what ShipStation told, and look for parcels in the store, for one turn."""
    awake(ship.SHIP, shop_id)
    over = time.monotonic() + TURN_S
    with only_one(ship.SHIP, shop_id) as alone:
        while alone and time.monotonic() < over:
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


@shared_task(name="listings.sweep")
def sweep() -> None:
    """Wake the shops that have due jobs or walks: delayed ones, and those whose wake-up or worker was lost."""
    for shop_id in Shop.objects.filter(look_again_asked=True).values_list("pk", flat=True):
        _look_again(shop_id)
    jobs.free_abandoned(now=clock.now())
    for shop_id in jobs.shops_with_due_jobs(now=clock.now()):
        wake(jobs.DRAIN, shop_id)
    for shop_id in walks.shops_with_due_ones():
        wake(walks.WALK, shop_id)
    now = clock.now()
    for shop_id in place.shops_with_due_ones(now):
        wake(place.PLACE, shop_id)
    for room in (ship, shipstation, look):
        for shop_id in room.shops_with_due_ones(now):
            wake(ship.SHIP, shop_id)


def _look_again(shop_id: int) -> None:
    """Settings or a connection changed: waiting jobs, and changes that came while auto-sync was off, are due now."""
    if not Shop.objects.filter(pk=shop_id, look_again_asked=True).update(look_again_asked=False):
        return
    shop = Shop.objects.select_related("sync_settings", "store").get(pk=shop_id)
    now = clock.now()
    if StoreConnection.objects.filter(shop=shop, removed_at__isnull=True).exists():
        walks.plan(shop)
    jobs.look_at_waiting(shop_id, now=now)
    _orders_look_again(shop)
    if shop.sync_settings.auto_sync:
        jobs.look_again(changed_while_off(shop), rank=Rank.EDIT, cause="settings changed", now=now)


def _orders_look_again(shop: Shop) -> None:
    place.settings_changed(shop)
    look.settings_changed(shop)
    ship.settings_changed(shop.pk)
    if not shop.sync_settings.take_orders:
        forget.buyers_of(shop)


def _must_wait(shop_id: int) -> bool:
    connection = ReverbConnection.objects.filter(shop=shop_id).first()
    try:
        return connection is not None and ReverbClient.of(connection).wait_s() > 0
    except pace.PaceLost:
        return True
