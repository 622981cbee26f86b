"""Read products again at a given time: on a date such as the end of a sale, or after a stale response.

The store names the date (`StoreProduct.changes_at`) and sends no webhook when it passes. What a stale response may hide
is read again without a date (stale_answers); then a job is opened only for what is new.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from django.db.models import QuerySet

from listings.intake import observe, refresh
from listings.models import Product
from reverbsync import clock
from reverbsync.security.redaction import broke
from shops import health
from shops.platforms import client_of
from shops.platforms.errors import StoreError

logger = logging.getLogger(__name__)

LOOK = "listings.look_at_dated"
#: How long one slice occupies a worker before the shop is enqueued again behind the others.
SLICE_S = 2.0
#: When a store that did not respond is called again.
AGAIN = timedelta(minutes=1)
#: The same for a product that could not be read because of a fault of ours.
BROKEN = timedelta(hours=1)


def shops_with_due_ones() -> list[int]:
    """Return the shops with products that are due, for the sweeper."""
    return list(_due().values_list("shop_id", flat=True).distinct())


def due(shop_id: int) -> Product | None:
    """Return the product of a shop that has been due longest, None if there is none."""
    found = _due().filter(shop_id=shop_id).select_related("shop__store", "shop__sync_settings")
    return found.order_by("next_change_at").first()


def run_slice(first: Product) -> None:
    """Read due products one after another for one slice. It ends if the store does not respond."""
    shop, over = first.shop, clock.monotonic() + SLICE_S
    client = client_of(shop.store)
    product: Product | None = first
    while product is not None and clock.monotonic() < over:
        mine = _due().filter(shop=shop)
        units = mine.filter(store_parent_id=product.store_parent_id)
        has_come = any(_has_come(one) for one in units)
        units.update(next_change_at=clock.now() + BROKEN)
        trigger = "a date in the store" if has_come else "another look at the store"
        try:
            refresh.refresh(shop, product.store_parent_id, client, trigger=trigger, reported=has_come)
        except StoreError as error:
            health.did_not_answer(shop.pk, error)
            logger.info("The dated products of shop %s could not be read: %s", shop.pk, error)
            again = clock.now() + AGAIN
            Product.objects.filter(pk=product.pk).update(next_change_at=again)
            mine.update(next_change_at=again)
            return
        except Exception as error:  # noqa: BLE001 -- one product does not block the others
            broke(logger, error, "Product %s of shop %s could not be read at its date", product.pk, shop.pk)
        product = due(shop.pk)


def _has_come(product: Product) -> bool:
    """Return whether a date that the store named has come; otherwise the read follows a possibly stale response."""
    snapshot = observe.snapshot_of(product)
    return snapshot is None or (snapshot.changes_at is not None and snapshot.changes_at <= clock.now())


def _due() -> QuerySet[Product]:
    return Product.objects.filter(next_change_at__lte=clock.now(), shop__store__removed_at__isnull=True)
