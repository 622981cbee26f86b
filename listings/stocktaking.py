"""Stock numbers from a sweep → the pictures that they change → jobs. For stores whose stock moves without a trace."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from listings import jobs, saving, selection
from listings.models import Product, Rank
from listings.saving import Seen
from listings.stock import merge
from listings.stock.ledger import limits
from reverbsync import clock
from shops.models import Shop
from shops.wire import storable, units_of


def keep(shop: Shop, units: Mapping[str, int], *, asked_at: datetime, cause: str) -> int:
    """Save what can be sold of each SKU unless something newer is known; return how many products it changed.

    A SKU that cannot be one, and a product that cannot be saved, are left out. Call it inside a transaction.
    """
    Shop.objects.select_for_update(no_key=True).get(pk=shop.pk)
    counted = {sku: units_of(count) for sku, count in units.items() if storable(sku) == sku}
    found = Product.objects.filter(shop=shop, sku__in=counted, gone_at__isnull=True, read_at__lte=asked_at)
    moved, _ = saving.save([one for product in found if (one := _see(shop, product, counted[product.sku], asked_at))])
    if shop.sync_settings.auto_sync:
        for rank in sorted({one.rank for one in moved}):
            wanted = [one.product for one in moved if one.rank == rank and not one.product.held]
            jobs.look_again(selection.chosen(shop, wanted), rank=rank, cause=cause, now=clock.now())
    return len(moved)


def _see(shop: Shop, product: Product, units: int | None, asked_at: datetime) -> Seen | None:
    """Take over the number; return None where it is no news, or the product is not counted."""
    seen = product.seen
    if units is None or seen.stock is None or seen.stock == units:
        return None
    now = replace(seen, stock=units)
    product.picture, product.read_at, product.stock_since = now.kept(), asked_at, asked_at
    product.news_at = asked_at
    if now.sellable == seen.sellable:
        return Seen(product, news=True)
    product.held = False
    shows = merge.shown(now.sellable, **limits(product, shop.sync_settings))
    return Seen(product, news=True, rank=Rank.STOCK if shows else Rank.STOCK_TO_ZERO)
