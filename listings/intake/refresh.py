"""Turn a store's events into newer product snapshots and jobs. An event is only a hint: the product is read.

Each event, product and row is isolated: if one of them raises, the others continue.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from functools import partial

from django.db import transaction

from listings.intake import rechecks, same_sku
from listings.intake.responses import OF_STOCK, keep
from listings.models import Product
from reverbsync import clock
from reverbsync.outage import NotReached, attempt
from shops import store_connection
from shops.events import AppRemoved, Event, OrderChanged, ProductChanged, ProductDeleted, StockChanged
from shops.models import Shop
from shops.platforms import StoreClient, client_of
from shops.platforms.errors import Malformed, StoreAuthError, TooLarge, TransientStoreError
from shops.platforms.values import Unread

logger = logging.getLogger(__name__)

#: A read during which we changed the stock ourselves proves nothing; it is repeated up to this often.
MAX_READINGS = 3
#: Seconds until the retry of a read that was overtaken that often.
LATE_AGAIN_S = 2.0
#: Products with the same SKU as one in an event that are read with it, at most.
MOST_NAMESAKES = 20


def take(
    shop: Shop, events: Mapping[Event, str], *, over: float = math.inf, at_least: Collection[Event] = ()
) -> dict[Event, Exception]:
    """Bring the shop's products up to date with what the events hint at; each product is read once.

    `events` maps each to its trigger, for the log; `over` is the end of the slice, by clock.monotonic(). Events in
    `at_least` are followed regardless of `over`, so that each slice makes progress.

    Returns the events that could not be followed, each with its error: a StoreError if the store did not respond,
    NotReached if the slice was over, else the exception. Retrying them is safe. Raises only what ends the slice
    (reverbsync.outage).
    """
    failed: dict[Event, Exception] = {}
    client = client_of(shop.store)
    done: dict[str, Exception | None] = {}
    for event, trigger in sorted(events.items(), key=lambda one: not isinstance(one[0], OF_STOCK)):
        late = NotReached() if clock.monotonic() > over and event not in at_least else None
        if error := late or attempt(partial(_follow, shop, client, event, trigger, done)):
            failed[event] = error
    return failed


def _follow(shop: Shop, client: StoreClient, event: Event, trigger: str, done: dict[str, Exception | None]) -> None:
    for parent_id in _parents(shop, client, event):
        _once(done, parent_id, partial(refresh, shop, parent_id, client, trigger=trigger, event=event))
        skus = Product.objects.filter(shop=shop, store_parent_id=parent_id, gone_at=None).values("sku")
        for other in same_sku.listed(shop, skus, apart_from=[parent_id])[:MOST_NAMESAKES]:
            _once(done, other, partial(refresh, shop, other, client, trigger=trigger, reported=False))


def _once(done: dict[str, Exception | None], parent_id: str, read: Callable[[], None]) -> None:
    """Read a product unless this batch has; raise the error of that read."""
    if parent_id not in done:
        done[parent_id] = attempt(read)
    if error := done[parent_id]:
        raise error


def refresh(
    shop: Shop,
    parent_id: str,
    client: StoreClient,
    *,
    trigger: str,
    reported: bool = True,
    first_import: bool = False,
    event: Event | None = None,
) -> None:
    """Read a product with all its variants, save the newer snapshot, and open jobs for what changed.

    `reported`, `first_import` and `event` are those of `keep`.

    A product that cannot be read is recorded and retried later by itself (rechecks). Raises StoreError if the store did
    not respond, and Late if its response was not accepted: then the event stays open.
    """
    for _ in range(MAX_READINGS):
        requested_at = clock.now()
        try:
            snapshots = client.products(parent_id)
        except (Malformed, TooLarge) as error:
            _unreadable(shop, parent_id, error, requested_at, trigger=trigger, first_import=first_import)
            return
        with transaction.atomic():
            kept = keep(
                shop,
                snapshots,
                parent_ids=[parent_id],
                requested_at=requested_at,
                trigger=trigger,
                reported=reported,
                first_import=first_import,
                event=event,
            )
        if not kept.late:
            return
    raise Late("It was read by another worker, or changed by us, each time that we read it.", retry_after=LATE_AGAIN_S)


def _unreadable(
    shop: Shop,
    parent_id: str,
    error: Malformed | TooLarge,
    requested_at: datetime,
    *,
    trigger: str,
    first_import: bool,
) -> None:
    """Save the variants that could be read, and read the product again later."""
    unread = [Unread(parent_id, str(error))]
    with transaction.atomic():
        if isinstance(error, Malformed) and error.readable:
            keep(shop, error.readable, parent_ids=[], requested_at=requested_at, trigger=trigger)
        rechecks.unread(shop, unread, now=requested_at, trigger=trigger, first_import=first_import)


class Late(TransientStoreError):
    """The read was not accepted: something newer is known, from another read or from a change of ours meanwhile."""


def _parents(shop: Shop, client: StoreClient, event: Event) -> list[str]:
    """Return the ids of the products to read. An event about the app itself has none."""
    match event:
        case ProductChanged(parent_id) | ProductDeleted(parent_id):
            return [parent_id]
        case StockChanged(stock_id):
            counted = Product.objects.filter(shop=shop, store_stock_id=stock_id).order_by("store_parent_id")
            if known := list(counted.values_list("store_parent_id", flat=True).distinct()):
                return known
            parent = client.parent_of_stock(stock_id)
            return [parent] if parent else []
        case OrderChanged(order_id, products_reported=False):
            return client.order_products(order_id)
        case AppRemoved():
            _removed(shop, client)
    return []


def _removed(shop: Shop, client: StoreClient) -> None:
    """Delete the keys of a store that removed our app, once it rejects them. Raises StoreError while it is down.

    Such a call may arrive late, after the seller reconnected the store, or be about another store of theirs.
    """
    try:
        client.check()
    except StoreAuthError:
        store_connection.store_removed(shop)
    else:
        logger.warning("The store of shop %s reports that our app was removed, but accepts our keys", shop.pk)
