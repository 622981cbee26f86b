"""Products of one shop that share a SKU: translations, copies, and two that swap their SKUs."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from listings.mapping import selection
from listings.models import Product, Rank
from listings.queue import jobs
from reverbsync import clock
from shops.models import Shop


def listed(
    shop: Shop,
    skus: Iterable[str] | QuerySet[Product, Any],
    *,
    apart_from: Iterable[str],
    before: datetime | None = None,
) -> list[str]:
    """Return the parent ids of listed products with one of these SKUs that were not read since `before`.

    Translation plug-ins keep the stock of a product's copies equal, and write it straight into the database: nothing
    reports the product when a copy of it sells.
    """
    listed = Product.objects.filter(shop=shop, gone_at=None, listing__reverb_id__gt="", sku__in=skus).exclude(sku="")
    unread = listed if before is None else listed.filter(read_at__lt=before)
    found = unread.exclude(store_parent_id__in=apart_from).order_by("store_parent_id")
    return list(found.values_list("store_parent_id", flat=True).distinct())


def freed(shop: Shop, skus: set[str], trigger: str) -> None:
    """Open jobs for products that shared a SKU with one that is gone or was renamed: it may now be theirs alone."""
    if skus and shop.sync_settings.auto_sync:
        found = Product.objects.filter(shop=shop, sku__in=skus, gone_at__isnull=True, pending_first_sync=False)
        jobs.look_again(selection.chosen(shop, found), rank=Rank.EDIT, trigger=trigger, now=clock.now())
