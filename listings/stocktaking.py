"""Stock numbers from a sweep → the pictures that they change → jobs. For stores whose stock moves without a trace."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from listings import jobs, selection
from listings.models import Product, Rank
from listings.stock import merge
from listings.stock.ledger import limits
from reverbsync import clock
from shops.models import Shop


def keep(shop: Shop, units: Mapping[str, int], *, asked_at: datetime, cause: str) -> int:
    """Save what can be sold of each SKU unless something newer is known; return how many products it changed.

    Call it inside a transaction.
    """
    Shop.objects.select_for_update(no_key=True).get(pk=shop.pk)
    found = Product.objects.filter(shop=shop, sku__in=units, gone_at__isnull=True, read_at__lte=asked_at)
    changed: dict[Rank, list[Product]] = {}
    for product in found:
        seen = product.seen
        if seen.stock is None or seen.stock == units[product.sku]:
            continue
        now = replace(seen, stock=units[product.sku])
        product.picture, product.read_at, product.stock_since = now.kept(), asked_at, asked_at
        if now.sellable != seen.sellable:
            product.held = False
            shows = merge.shown(now.sellable, **limits(product, shop.sync_settings))
            rank = Rank.STOCK if shows else Rank.STOCK_TO_ZERO
        else:
            rank = Rank.EDIT
        changed.setdefault(rank, []).append(product)
    moved = [product for products in changed.values() for product in products]
    Product.objects.bulk_update(moved, ["picture", "read_at", "stock_since", "held"], batch_size=200)
    if shop.sync_settings.auto_sync:
        for rank in sorted(changed):
            wanted = [one for one in selection.chosen(shop, changed[rank]) if not one.held]
            jobs.look_again(wanted, rank=rank, cause=cause, now=clock.now())
    return len(moved)
