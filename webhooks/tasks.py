"""Celery: hand over a shop's open deliveries, sweep for forgotten ones, delete old ones."""

from __future__ import annotations

from datetime import timedelta

from celery import shared_task
from django.conf import settings

from reverbsync import clock
from reverbsync.alone import only_one
from reverbsync.wake import awake, wake
from shops.models import Shop
from webhooks import inbox, of_reverb, privacy
from webhooks.handover import BATCH, hand_over
from webhooks.models import Delivery

PRUNE_BATCH = 10_000
#: A store tells of one saving in several calls. A moment's wait lets them be one look, and a burst few wake-ups.
GATHER_S = 0.05


@shared_task(name=inbox.HAND_OVER["store"])
def hand_over_shop(shop_id: int) -> None:
    """Hand over one batch of a store's deliveries; the next batch is a new turn, behind the other shops."""
    clock.sleep(GATHER_S)
    awake(inbox.HAND_OVER["store"], shop_id)
    shop = Shop.objects.select_related("store", "sync_settings").filter(pk=shop_id, store__isnull=False).first()
    if shop is None:
        return
    # One at a time is enough, and lets a burst of deliveries for one product become one look.
    with only_one(inbox.HAND_OVER["store"], shop_id) as alone:
        more = alone and hand_over(shop)
    if more:
        wake(inbox.HAND_OVER["store"], shop_id)


@shared_task(name=inbox.HAND_OVER["reverb"])
def hand_over_reverb(shop_id: int) -> None:
    """Hand over one batch of Reverb's deliveries to a shop, whatever its store does, or whether it has one."""
    clock.sleep(GATHER_S)
    awake(inbox.HAND_OVER["reverb"], shop_id)
    shop = Shop.objects.select_related("sync_settings").filter(pk=shop_id).first()
    if shop is None:
        return
    with only_one(inbox.HAND_OVER["reverb"], shop_id) as alone:
        more = alone and of_reverb.hand_over(shop, limit=BATCH)
    if more:
        wake(inbox.HAND_OVER["reverb"], shop_id)


@shared_task(name="webhooks.sweep")
def sweep() -> None:
    """Wake the shops that have open deliveries: delayed ones, and those whose wake-up or worker was lost."""
    for source, shop_id in inbox.shops_with_open_ones(now=clock.now()):
        wake(inbox.HAND_OVER[source], shop_id)


@shared_task(name="webhooks.prune")
def prune() -> None:
    """Delete deliveries that were put away more than KEEP_DELIVERIES_DAYS ago; open ones are never deleted."""
    before = clock.now() - timedelta(days=settings.KEEP_DELIVERIES_DAYS)
    old = Delivery.objects.filter(received_at__lt=before).exclude(state=Delivery.State.OPEN)
    while Delivery.objects.filter(pk__in=old.order_by("received_at").values("pk")[:PRUNE_BATCH]).delete()[0]:
        pass


@shared_task(name="webhooks.delete_shops")
def delete_shops() -> None:
    """Delete the shops whose owners asked for it."""
    with only_one("webhooks.delete_shops", 0) as alone:
        if alone:
            privacy.delete_asked_for()
