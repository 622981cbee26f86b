"""Open jobs for the products that share a stock which we change."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from listings.mapping import selection
from listings.models import Ledger, Product, Rank
from listings.queue import jobs
from listings.stock.count_snapshot import keep_count
from listings.stock.shared_stock import sharers
from listings.stock.targets import to_show, to_write
from reverbsync import clock
from shops.models import Shop, SyncSettings


def of_sold_units(ledger: Ledger, product: Product, settings: SyncSettings) -> None:
    """Check the products that share the stock and show units that sold as this one, before the store is called.

    Those that already have a job are due anyway.
    """
    if not product.may_share_stock or to_write(ledger, settings) >= 0:
        return
    rows = Ledger.objects.filter(listing__product__in=sharers(product), listing__product__job=None)
    for row in rows.select_related("listing__product"):
        other = row.listing.product
        units = to_show(row, other, settings)
        if row.reverb is not None and row.reverb > units:
            _look_at(product.shop, [other], units)


def of_new_number(product: Product, units: int, *, requested_at: datetime) -> None:
    """Check the products that share the stock that we changed, such as variations counted at their parent.

    The store's webhook for it comes minutes later. Each product is locked by itself, since two workers may each hold
    one.
    """
    others = list(sharers(product))
    for other in others:
        with transaction.atomic():
            keep_count(other, units, requested_at=requested_at)
    _look_at(product.shop, others, units)


def _look_at(shop: Shop, others: list[Product], units: int) -> None:
    if others and shop.sync_settings.auto_sync:
        rank = Rank.STOCK if units > 0 else Rank.STOCK_TO_ZERO
        jobs.look_again(selection.chosen(shop, others), rank=rank, trigger="its stock is shared", now=clock.now())
