"""Poll the stock of the known products, some at a time."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable

from django.db import transaction

from listings.intake import batches, observe, rechecks, stock_levels
from listings.intake.crawl_pages import read_one
from listings.intake.crawl_progress import count, finish, go_on
from listings.models import Crawl, Product
from reverbsync import clock
from shops.platforms import StoreClient
from shops.platforms.errors import StoreError
from shops.platforms.store_client import Stocktaker
from shops.platforms.values import Stocktake, Unread
from shops.snapshots import StoreProduct


def page(crawl: Crawl, client: StoreClient) -> None:
    """Request the stock of the next known products, and read those again that are gone or go off sale.

    A product's absence from a list proves nothing, so each is requested.
    """
    requested_at, trigger = clock.now(), crawl.get_kind_display()
    known = Product.objects.filter(shop=crawl.shop, gone_at__isnull=True, pk__gt=int(crawl.cursor or 0))
    odd = set(rechecks.unread_ids(crawl.shop))
    products = batches.portion(list(known.order_by("pk")[: crawl.page_size or batches.STOCKTAKING]), odd)
    if not products or not isinstance(client, Stocktaker):
        finish(crawl)
        return
    taken = _take_stock(crawl, client, products, odd)
    for parent_id in taken.again:
        read_one(crawl, client, parent_id, reported=True)
    with transaction.atomic():
        crawl.news += stock_levels.keep(crawl.shop, taken.units, requested_at=requested_at, trigger=trigger)
        rechecks.unread(crawl.shop, taken.unread, now=requested_at, trigger=trigger)
        count(crawl, len(products), None)
        batches.grow(crawl, client)
        go_on(crawl, str(products[-1].pk), brought=len(products))


def _take_stock(crawl: Crawl, client: Stocktaker, products: list[Product], odd: Collection[str]) -> Stocktake:
    """Return the sellable units of products. Raises StoreError.

    A product at which the store keeps failing while it responds for others is left out, and read again by itself later.
    One of the `odd`, which could not be read before, is left out at once.
    """
    try:
        return client.take_stock(_snapshots(products))
    except StoreError as error:
        first = products[0].store_parent_id
        alone = all(one.store_parent_id == first for one in products)
        failed_before = first in odd or crawl.failures >= batches.TRIES_OF_ONE
        if not alone or not failed_before or not _answers_for_others(crawl, client, products[0], {*odd, first}):
            raise
        return Stocktake({}, unread=(Unread(first, str(error)),))


def _answers_for_others(crawl: Crawl, client: Stocktaker, product: Product, odd: Collection[str]) -> bool:
    """Return whether the store responds for another product: the one before, or one of the last, perhaps odd too."""
    others = Product.objects.filter(shop=crawl.shop, gone_at__isnull=True).exclude(store_parent_id__in=odd)
    neighbours = [*others.filter(pk__lt=product.pk).order_by("-pk")[:1], *others.order_by("-pk")[:2]]
    for one in neighbours:
        with contextlib.suppress(StoreError):
            client.take_stock(_snapshots([one]))
            return True
    return False


def _snapshots(products: Iterable[Product]) -> list[StoreProduct]:
    return [seen for one in products if (seen := observe.snapshot_of(one)) is not None]
