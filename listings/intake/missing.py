"""Products missing from a store's complete list, too many to count as gone without asking the seller."""

from __future__ import annotations

from itertools import islice

from django.db import transaction

from listings.intake import responses
from reverbsync import clock
from shops.models import MissingProducts, Shop
from shops.platforms.custom import pushed

BATCH = 200
TRIGGER = "removed from your store"


def of(shop: Shop) -> MissingProducts | None:
    """Return what waits for the seller's answer, None if nothing does."""
    return MissingProducts.objects.filter(store__shop=shop).first()


def confirm(shop: Shop) -> int:
    """Mark the missing products as gone, which ends their listings; return how many there were.

    Each batch is its own transaction. The question stays until the last one is done, so the call can be repeated.
    """
    missing = of(shop)
    if missing is None:
        return 0
    ids = iter(missing.product_ids)
    while batch := list(islice(ids, BATCH)):
        with transaction.atomic():
            responses.keep(shop, [], parent_ids=batch, requested_at=clock.now(), trigger=TRIGGER)
    pushed.remove_missing(shop.store)
    return missing.count


def keep(shop: Shop) -> None:
    """Leave the products as they are; the next complete list is judged by itself."""
    MissingProducts.objects.filter(store__shop=shop).delete()
