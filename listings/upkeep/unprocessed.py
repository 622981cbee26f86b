"""Find products whose news no sync has processed."""

from __future__ import annotations

from django.db.models import F, Q

from listings.mapping import selection
from listings.models import Product
from listings.stock.agreed import shown
from listings.stock.targets import limits
from reverbsync.database import EVERYTHING, Span
from shops.models import Shop


def changed_while_off(shop: Shop, span: Span = EVERYTHING) -> list[Product]:
    """Return the chosen products with news that no sync has processed."""
    newer = Q(looked_at__isnull=True) | Q(news_at__gt=F("looked_at"))
    found = Product.objects.filter(newer, shop=shop, pending_first_sync=False, job__isnull=True, **span.of("pk"))
    return selection.chosen(shop, found)


def without_listing(shop: Shop, span: Span = EVERYTHING) -> list[Product]:
    """Return the chosen products that have units to show and no listing, e.g. because a buffer held them back."""
    settings = shop.sync_settings
    if not settings.create_listings:
        return []
    bare = Q(listing__isnull=True) | Q(listing__reverb_id="")
    idle = Product.objects.filter(
        shop=shop, pending_first_sync=False, gone_at__isnull=True, job__isnull=True, waits_for=""
    )
    rows = idle.filter(bare, **span.of("pk")).iterator(chunk_size=500)
    return selection.chosen(shop, (one for one in rows if shown(one.seen.sellable, **limits(one, settings))))
