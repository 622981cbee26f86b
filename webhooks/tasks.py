"""Celery tasks: hand over a shop's open deliveries, sweep for missed ones, delete old ones."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from celery import shared_task
from django.conf import settings

from listings.upkeep import former_account
from reverbsync import clock
from reverbsync.dispatch.locks import try_lock
from reverbsync.dispatch.scheduling import Sweep
from reverbsync.dispatch.slices import one_slice
from reverbsync.dispatch.wake import wake_all
from shops import reverb_connection, store_connection
from shops.connect import upkeep
from shops.models import Shop
from webhooks import inbox, reverb_handover
from webhooks.models import Delivery
from webhooks.privacy import erase
from webhooks.store_handover import BATCH, hand_over

PRUNE_BATCH = 10_000
#: A store reports one save in several calls. This pause lets them become one read, and a burst few wake-ups.
GATHER_S = 0.05


@shared_task(name=inbox.HAND_OVER["store", True])
def hand_over_sales(shop_id: int) -> None:
    """Hand over one batch of a store's deliveries that may report a sale; no edit delays them."""
    _of_store(shop_id, sales=True)


@shared_task(name=inbox.HAND_OVER["store", False])
def hand_over_shop(shop_id: int) -> None:
    """Hand over one batch of a store's other deliveries."""
    _of_store(shop_id, sales=False)


@shared_task(name=inbox.HAND_OVER["reverb", True])
def hand_over_reverb_sales(shop_id: int) -> None:
    """Hand over one batch of Reverb's deliveries that may report a sale."""
    _of_reverb(shop_id, sales=True)


@shared_task(name=inbox.HAND_OVER["reverb", False])
def hand_over_reverb(shop_id: int) -> None:
    """Hand over one batch of Reverb's other deliveries."""
    _of_reverb(shop_id, sales=False)


def _of_store(shop_id: int, *, sales: bool) -> None:
    def hand_over_some() -> bool:
        shop = Shop.objects.select_related("store", "sync_settings").filter(pk=shop_id, store__isnull=False).first()
        return shop is not None and hand_over(shop, sales=sales)

    clock.sleep(GATHER_S)
    one_slice(inbox.HAND_OVER["store", sales], shop_id, hand_over_some)


def _of_reverb(shop_id: int, *, sales: bool) -> None:
    """Hand over Reverb's deliveries, regardless of the shop's store."""

    def hand_over_some() -> bool:
        shop = Shop.objects.select_related("sync_settings").filter(pk=shop_id).first()
        return shop is not None and reverb_handover.hand_over(shop, limit=BATCH, sales=sales)

    clock.sleep(GATHER_S)
    one_slice(inbox.HAND_OVER["reverb", sales], shop_id, hand_over_some)


@shared_task(name="webhooks.sweep", base=Sweep)
def sweep() -> None:
    """Wake the shops with open deliveries, including delayed and missed ones, or with a former store or account."""
    found = inbox.shops_with_open_ones(now=clock.now())
    for kind, task in inbox.HAND_OVER.items():
        wake_all(task, found.get(kind, []))
    wake_all(store_connection.CLEAR_STORE, erase.stores_to_clear())
    wake_all(store_connection.LEAVE_STORE, upkeep.stores_to_leave())
    wake_all(reverb_connection.CLEAR_REVERB, former_account.shops_with_one())


@shared_task(name="webhooks.prune")
def prune() -> None:
    """Delete deliveries that were closed more than KEEP_DELIVERIES_DAYS ago; open ones are never deleted.

    Those that were put aside lose their bodies earlier (failed_deliveries.REPLAYABLE).
    """
    inbox.empty_old(now=clock.now())
    before = clock.now() - timedelta(days=settings.KEEP_DELIVERIES_DAYS)
    old = Delivery.objects.filter(received_at__lt=before).exclude(state=Delivery.State.OPEN)
    while Delivery.objects.filter(pk__in=old.order_by("received_at").values("pk")[:PRUNE_BATCH]).delete()[0]:
        pass


@shared_task(name=store_connection.CLEAR_STORE)
def clear_store(shop_id: int) -> None:
    """Delete a replaced or forgotten store's data for one slice."""
    one_slice(store_connection.CLEAR_STORE, shop_id, partial(erase.clear_store, shop_id))


@shared_task(name=store_connection.LEAVE_STORE)
def leave_store(shop_id: int) -> None:
    """Remove our webhooks from the shop's former stores."""
    one_slice(store_connection.LEAVE_STORE, shop_id, partial(upkeep.leave, shop_id))


@shared_task(name=reverb_connection.CLEAR_REVERB)
def clear_reverb(shop_id: int) -> None:
    """Remove, for one slice, the links to the listings of the shop's former Reverb account."""
    one_slice(reverb_connection.CLEAR_REVERB, shop_id, partial(former_account.run_slice, shop_id))


@shared_task(name="webhooks.delete_shops")
def delete_shops() -> None:
    """Delete the shops whose owners requested it."""
    with try_lock("webhooks.delete_shops", 0) as alone:
        if alone:
            erase.delete_requested_shops()
