"""Products that are read again at a moment: when a date has come, such as the end of a sale, or after an old answer.

The store names the date (`StoreProduct.changes_at`) and sends no webhook when it passes. What an old answer may hide is
read again without a date (old_answers); then a job is opened only for what is new.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from django.db.models import QuerySet

from listings.intake import refresh
from listings.models import Product
from reverbsync import clock
from reverbsync.security.redaction import broke
from shops import health
from shops.platforms import client_of
from shops.platforms.values import StoreError

logger = logging.getLogger(__name__)

LOOK = "listings.look_at_dated"
#: How long one slice holds a worker before the shop queues up again behind the others.
SLICE_S = 2.0
#: A store that did not answer is asked again after this.
AGAIN = timedelta(minutes=1)
#: The same for a product that could not be read for a reason of ours.
BROKEN = timedelta(hours=1)


def shops_with_due_ones() -> list[int]:
    """Return the shops with products whose date has come, for the sweeper."""
    return list(_due().values_list("shop_id", flat=True).distinct())


def due(shop_id: int) -> Product | None:
    """Return the product of a shop whose date came first, None when none has."""
    found = _due().filter(shop_id=shop_id).select_related("shop__store", "shop__sync_settings")
    return found.order_by("next_change_at").first()


def run_slice(first: Product) -> None:
    """Read one product after another whose date has come, for one slice. A store that does not answer ends it."""
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
        except Exception as error:  # noqa: BLE001 -- one product hides no other
            broke(logger, error, "Product %s of shop %s could not be read at its date", product.pk, shop.pk)
        product = due(shop.pk)


def _has_come(product: Product) -> bool:
    """Return whether a date that the store named has come; else it is read again since an answer may have been old."""
    snapshot = refresh.snapshot_of(product)
    return snapshot is None or (snapshot.changes_at is not None and snapshot.changes_at <= clock.now())


def _due() -> QuerySet[Product]:
    return Product.objects.filter(next_change_at__lte=clock.now(), shop__store__removed_at__isnull=True)
