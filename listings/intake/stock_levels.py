"""Save the stock numbers of a stock poll and open jobs. For stores whose stock changes leave no trace."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from listings.intake import saving
from listings.intake.saving import Seen
from listings.mapping import selection
from listings.models import Product, Rank
from listings.queue import jobs
from listings.stock.agreed import shown
from listings.stock.targets import limits
from reverbsync import clock
from shops.models import Shop
from shops.schema_text import storable
from shops.schemas import units_of


def keep(shop: Shop, units: Mapping[str, int | None], *, requested_at: datetime, trigger: str) -> int:
    """Save each product's sellable units unless something newer is known; return how many products changed.

    `units`: store_product_id → units, None if the store does not count them. A product that cannot be saved is left
    out. Call it inside a transaction.
    """
    Shop.objects.select_for_update(no_key=True).get(pk=shop.pk)
    ids = [one for one in units if storable(one) == one]
    found = Product.objects.filter(shop=shop, store_product_id__in=ids, gone_at__isnull=True)
    read = ((product, units_of(units[product.store_product_id])) for product in found)
    moved, _ = saving.save([seen for product, now in read if (seen := _see(shop, product, now, requested_at))])
    if shop.sync_settings.auto_sync:
        for rank in sorted({one.rank for one in moved}):
            wanted = [one.product for one in moved if one.rank == rank and not one.product.pending_first_sync]
            jobs.look_again(selection.chosen(shop, wanted), rank=rank, trigger=trigger, now=clock.now())
    return len(moved)


def _see(shop: Shop, product: Product, units: int | None, requested_at: datetime) -> Seen | None:
    """Apply the number to the product; return None if it is no news."""
    seen = product.seen
    if product.was_read_after(requested_at) or seen.stock == units:
        return None
    now = replace(seen, stock=units)
    product.snapshot, product.read_at, product.stock_since = now.to_json(), requested_at, requested_at
    product.news_at = requested_at
    if now.sellable == seen.sellable:
        return Seen(product, news=True)
    product.pending_first_sync = False
    shows = shown(now.sellable, **limits(product, shop.sync_settings))
    return Seen(product, news=True, rank=Rank.STOCK if shows else Rank.STOCK_TO_ZERO)
