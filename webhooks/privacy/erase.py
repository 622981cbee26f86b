"""Comply with privacy law: report what is stored of a customer, forget a customer, forget a store.

Nothing is kept of a store's customers beyond deliveries that are still open: bodies of orders are emptied once they are
processed (`Platform.personal_topics`). So forgetting a customer empties the remaining bodies. Name and address of
buyers on Reverb are kept only while the shop has its orders created in the store. Since a store's customer may be one
of them, forgetting a customer empties those of all completed orders.
"""

from __future__ import annotations

import logging
import math
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from listings.models import Crawl, Indexed, Job, Line, Listing, Order, Product, Recheck
from listings.orders import erase, store_order_state
from reverbsync import clock
from reverbsync.database import batches
from reverbsync.dispatch.wake import wake
from shops import mail, recheck, store_connection
from shops.events import CustomerDataRequested, CustomerForgotten, Event, ShopForgotten
from shops.models import PushedOrder, PushedProduct, Shop, StoreConnection
from shops.platforms import platform_of
from shops.platforms.errors import TransientStoreError
from synclog.models import Entry
from webhooks.models import Delivery

logger = logging.getLogger(__name__)

#: Rows to delete per statement, with their dependents.
BATCH_SIZE = 1_000
#: Seconds that one slice occupies a worker before the shop is enqueued again behind the others.
SLICE_S = 2.0
#: How long after a change of store a call to the old address may still have been saved (webhooks/addresses.py).
STILL_TAKEN = timedelta(seconds=3)


class NotMailed(TransientStoreError):
    """The mail could not be handed to the mail server; the event must be retried."""


def follow(shop: Shop, event: Event) -> None:
    """Process an event about personal data; ignore other events. Raise NotMailed."""
    match event:
        case CustomerForgotten():
            _empty(shop)
        case ShopForgotten():
            ask_to_forget_store(shop)
        case CustomerDataRequested(customer_id, order_ids):
            _mail_owners(shop, customer_id, order_ids)


def ask_to_forget_store(shop: Shop) -> None:
    """Have all data of a store deleted whose seller left, unless it was reconnected since.

    The shop itself and its people stay: they are accounts of this app, which their owner can delete.
    """
    gone = StoreConnection.objects.filter(shop=shop, removed_at__isnull=False)
    if gone.filter(clearing_since__isnull=True).update(clearing_since=clock.now()):
        wake(store_connection.CLEAR_STORE, shop.pk)
    elif not gone.exists():
        logger.warning("Did not erase shop %s: its store is connected again", shop.pk)


def stores_to_clear() -> list[int]:
    """Return the ids of shops whose store was replaced or must be forgotten, for the sweeper."""
    return list(StoreConnection.objects.filter(clearing_since__isnull=False).values_list("shop_id", flat=True))


def clear_store(shop_id: int) -> bool:
    """Delete a shop's former store for one slice; return whether there is more.

    Of a replaced store, delete its products: they must not count as vanished, which would end their listings; the new
    store's products find the listings by SKU. Of a store to be forgotten, delete everything. It can be interrupted at
    any time and continues later.
    """
    store = StoreConnection.objects.select_related("shop").filter(shop=shop_id, clearing_since__isnull=False).first()
    if store is None:
        return False
    over = clock.monotonic() + SLICE_S
    forgotten = store.removed_at is not None
    if not forgotten and store.clearing_since is not None:
        _put_aside(shop_id, store.clearing_since + STILL_TAKEN)
    more = (Delivery.objects.filter(source="store"), Entry.objects.all()) if forgotten else ()
    for rows in (*more, *(table.objects.all() for table in (Job, Crawl, Recheck, Listing, Product))):
        if not _delete_until(over, rows.filter(shop=shop_id)):
            return True
    # Sales on Reverb stay, since they belong to that account. Their units were the old store's.
    if forgotten:
        erase.buyers_of(store.shop)
    store_order_state.store_replaced(store.shop)
    for some in batches(Order.objects.filter(shop=shop_id, counts=True)):
        some.update(counts=False, counted=0, shown=0)
    with transaction.atomic():
        # Unless it was reconnected, or another store connected, in the meantime.
        same = StoreConnection.objects.select_for_update().filter(pk=store.pk, clearing_since=store.clearing_since)
        if forgotten:
            same.filter(removed_at__isnull=False).delete()
        else:
            same.update(clearing_since=None)
        recheck.look_again(store.shop)
    return StoreConnection.objects.filter(shop=shop_id, clearing_since__isnull=False).exists()


def _put_aside(shop_id: int, before: datetime) -> None:
    """Put aside the former store's deliveries: its product ids may name other products in the new store."""
    pending = Delivery.objects.filter(shop=shop_id, source="store", state=Delivery.State.OPEN, received_at__lt=before)
    for some in batches(pending):
        note = "Another store was connected."
        some.update(state=Delivery.State.IGNORED, note=note, done_at=clock.now(), body=b"")


def delete_requested_shops() -> None:
    """Delete the shops whose owners requested it, each once its webhooks are removed from the store."""
    for shop in Shop.objects.filter(deletion_requested_at__isnull=False):
        store = StoreConnection.objects.filter(shop=shop).first()
        if store is not None and store.hooks_due_at is not None:
            continue  # upkeep is still removing its webhooks, for at most a day
        number = shop.pk
        mine = (Delivery, Order, Job, Crawl, Recheck, Listing, Product, Entry)
        rest = (Line.objects.filter(sync__shop=shop), Indexed.objects.filter(sync__shop=shop))
        pushed = (PushedProduct.objects.filter(store__shop=shop), PushedOrder.objects.filter(store__shop=shop))
        for rows in (*rest, *pushed, *(table.objects.filter(shop=shop) for table in mine)):
            _delete_until(math.inf, rows)
        shop.delete()
        logger.info("Deleted shop %s at its owner's request", number)


def _delete_until(over: float, rows: QuerySet[Any]) -> bool:
    """Delete rows in batches, each in its own statement; return whether none is left when the time is up."""
    keys = rows.order_by("pk").values_list("pk", flat=True)
    while some := list(keys[:BATCH_SIZE]):
        rows.model.objects.filter(pk__in=some).delete()
        if clock.monotonic() > over:
            return False
    return True


def _empty(shop: Shop) -> None:
    topics = platform_of(shop.store).personal_topics
    kept = Delivery.objects.filter(shop=shop, topic__in=topics).exclude(state=Delivery.State.OPEN)
    kept.update(body=b"")
    erase.buyers_of(shop, only_done=True)


def _mail_owners(shop: Shop, customer_id: str, order_ids: tuple[str, ...]) -> None:
    """Mail the answer to the shop's owners, who must forward it to their customer within 30 days."""
    topics = platform_of(shop.store).personal_topics
    waiting = Delivery.objects.filter(shop=shop, topic__in=topics, state=Delivery.State.OPEN).count()
    named = erase.count_buyers(shop)
    sent = mail.to_owners(
        shop.pk,
        f"A customer of {shop.name} asks for their data",
        f"The customer {customer_id} of your store asked what is held of them"
        f"{' (orders ' + ', '.join(order_ids) + ')' if order_ids else ''}.\n\n"
        "ReverbSync keeps no customers, addresses or orders of your store. Order messages are emptied as soon as they "
        f"are worked off; {waiting} of them are waiting at this moment.\n"
        f"Of {named} orders on Reverb the buyer's name and address are kept; the export on the shop's data "
        "page holds them.\n",
    )
    if not sent:
        raise NotMailed("The owner could not be mailed what a customer asked.")
