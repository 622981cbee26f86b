"""The regular comparison: what each side is known to have against what it should have, where no job is due.

Every attempt compares at its end (listings/sync/oversell_check.py), and every change opens a job. This catches the
rest: a job that was lost, a wrong answer, a rule that changed. One statement reads a batch of all shops' listings, and
the next one continues behind it, so a slice's cost does not depend on their number.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.core.cache import cache
from django.db import connection
from redis.exceptions import RedisError

from listings.mapping import selection
from listings.models import Product, Rank
from listings.queue import jobs
from listings.sync.oversell_check import NOT_ON_SALE
from reverbsync import clock
from shops.models import Shop
from shops.models.settings import StockWay
from shops.reverb import connect
from shops.reverb.lists import HOLD_SEVERAL

logger = logging.getLogger(__name__)

COMPARE = "listings.upkeep.compare"
TRIGGER = "regular comparison"
#: Listings per statement, and the duration of a slice in seconds.
BATCH = 1_000
SLICE_S = 0.3
#: A product processed this recently was compared then. Too few units may be the seller's wish.
TOO_MANY_AFTER, TOO_FEW_AFTER = timedelta(minutes=10), timedelta(days=1)
_CURSOR_KEY, _CURSOR_KEPT_S = "listings:compare", 24 * 60 * 60

# The same as `excess.on_sale` and `excess.left`, in bulk (tests/listings/upkeep/test_compare.py checks it).
_SQL = """
WITH batch AS MATERIALIZED (
    SELECT id, shop_id, product_id, reverb_id, snapshot FROM listings_listing
    WHERE id > %(after)s ORDER BY id LIMIT %(size)s
), known AS (
    SELECT
        batch.id, batch.shop_id, product.id AS product_id, product.looked_at, product.pending_first_sync,
        ledger.reverb,
        batch.snapshot ->> 'condition' = ANY(%(several)s)
            OR coalesce((batch.snapshot ->> 'has_inventory')::boolean, false) AS several,
        batch.snapshot ->> 'state' <> ALL(%(off)s) AS on_sale,
        batch.snapshot ->> 'state' = 'live' AS is_live,
        (batch.snapshot ->> 'inventory')::numeric AS inventory,
        coalesce(
            settings.stock_way <> %(store)s AND store.removed_at IS NULL AND store.clearing_since IS NULL
            AND product.gone_at IS NULL AND product.snapshot ->> 'stock' IS NOT NULL AND (
                ledger.pending_adjustment IS NOT NULL
                OR (ledger.store <> ledger.units AND (ledger.units >= 0 OR ledger.store > 0))
            ), false
        ) AS store_lacks,
        CASE
            WHEN product.gone_at IS NOT NULL OR NOT (product.snapshot ->> 'for_sale')::boolean THEN 0
            WHEN ledger.id IS NULL OR settings.stock_way = %(store)s THEN (product.snapshot ->> 'stock')::numeric
            WHEN ledger.pending_adjustment IS NULL AND product.read_at > coalesce(ledger.wrote_store_at, '-infinity')
                THEN ledger.units + coalesce((product.snapshot ->> 'stock')::numeric - ledger.store, 0)
            WHEN (product.snapshot ->> 'stock')::numeric - (pending_adjustment ->> 'units')::numeric
                NOT IN (0, (pending_adjustment ->> 'by')::numeric)
                THEN ledger.units + least(0, (product.snapshot ->> 'stock')::numeric
                    - (pending_adjustment ->> 'units')::numeric - greatest(0, (pending_adjustment ->> 'by')::numeric))
            ELSE ledger.units
        END AS units,
        coalesce(product.stock_buffer, settings.stock_buffer) AS buffer,
        coalesce(product.stock_maximum, settings.stock_maximum) AS maximum
    FROM batch
    JOIN listings_product AS product ON product.id = batch.product_id
    JOIN shops_syncsettings AS settings ON settings.shop_id = batch.shop_id
    JOIN shops_shop AS shop ON shop.id = batch.shop_id
    LEFT JOIN shops_storeconnection AS store ON store.shop_id = batch.shop_id
    JOIN shops_reverbconnection AS reverb ON reverb.shop_id = batch.shop_id
    LEFT JOIN listings_ledger AS ledger ON ledger.listing_id = batch.id
    LEFT JOIN listings_job AS job ON job.product_id = product.id
    WHERE batch.reverb_id <> '' AND batch.snapshot IS NOT NULL AND settings.auto_sync AND settings.sync_stock
      AND shop.deletion_requested_at IS NULL AND reverb.problem <> ALL(%(unusable)s)
      AND (job.id IS NULL OR (job.blocked AND job.retry_due_at IS NULL))
), compared AS (
    SELECT *,
        CASE WHEN NOT on_sale THEN 0 WHEN several THEN coalesce(inventory, 1)
            WHEN is_live THEN 1 ELSE least(1, coalesce(inventory, 1)) END AS shown,
        CASE WHEN maximum > 0 THEN least(greatest(0, units - buffer), maximum) ELSE greatest(0, units - buffer) END
            AS due
    FROM known WHERE units IS NOT NULL
)
SELECT product_id, shop_id, due = 0, store_lacks FROM compared
WHERE (shown > due AND coalesce(looked_at < %(too_many)s, true) AND (due = 0 OR NOT pending_first_sync))
   OR (reverb IS NOT NULL AND reverb <> CASE WHEN several THEN due ELSE least(1, due) END
       AND coalesce(looked_at < %(too_few)s, true) AND NOT pending_first_sync)
   OR (store_lacks AND coalesce(looked_at < %(too_many)s, true))
"""
_LAST = "SELECT max(id) FROM (SELECT id FROM listings_listing WHERE id > %s ORDER BY id LIMIT %s) AS batch"


@dataclass(frozen=True)
class Differs:
    """A product of which a side is known to have a wrong number.

    `sold_out`: no unit is left. `store_lacks`: the store has yet to get a change of its stock.
    """

    product_id: int
    shop_id: int
    sold_out: bool
    store_lacks: bool


def run_slice() -> int:
    """Compare the next batches, and open jobs for differences; return how many. A completed round ends the slice."""
    over, after, opened = clock.monotonic() + SLICE_S, _cursor(), 0
    while (last := _last(after)) is not None:
        found = find(after, BATCH)
        opened += sum(_open(shop_id, [one for one in found if one.shop_id == shop_id]) for shop_id in _shops(found))
        after = last
        if clock.monotonic() > over:
            break
    else:
        after = 0
    _keep_cursor(after)
    return opened


def find(after: int, size: int) -> list[Differs]:
    """Return the differences among the next `size` listings after the key `after`."""
    now = clock.now()
    params: dict[str, Any] = {
        "after": after,
        "size": size,
        "several": sorted(HOLD_SEVERAL),
        "off": sorted(NOT_ON_SALE),
        "store": StockWay.STORE.value,
        "unusable": connect.UNUSABLE,
        "too_many": now - TOO_MANY_AFTER,
        "too_few": now - TOO_FEW_AFTER,
    }
    with connection.cursor() as cursor:
        cursor.execute(_SQL, params)
        return [Differs(*row) for row in cursor.fetchall()]


def _shops(found: list[Differs]) -> list[int]:
    return sorted({one.shop_id for one in found})


def _open(shop_id: int, found: list[Differs]) -> int:
    """Open jobs for a shop's products; those that do not go to Reverb get one if the store lacks a change."""
    now, sold_out = clock.now(), {one.product_id for one in found if one.sold_out}
    lacking = {one.product_id for one in found if one.store_lacks}
    shop = Shop.objects.select_related("sync_settings").get(pk=shop_id)
    rows = list(Product.objects.filter(pk__in=[one.product_id for one in found]))
    going = {one.pk for one in selection.chosen(shop, rows)}
    products = [one for one in rows if one.pk in going or one.pk in lacking]
    for rank, gone in ((Rank.STOCK_TO_ZERO, True), (Rank.STOCK, False)):
        mine = [one for one in products if (one.pk in sold_out) == gone]
        jobs.look_again(mine, rank=rank, trigger=TRIGGER, now=now)
    if products:
        logger.warning("%s listings of shop %s differed from their products and had no job", len(products), shop_id)
    return len(products)


def _last(after: int) -> int | None:
    with connection.cursor() as cursor:
        cursor.execute(_LAST, [after, BATCH])
        row = cursor.fetchone()
    return row[0] if row else None


def _cursor() -> int:
    """Return the key of the last listing compared; the round restarts if the cache is down."""
    try:
        return int(cache.get(_CURSOR_KEY) or 0)
    except RedisError:
        return 0


def _keep_cursor(last: int) -> None:
    try:
        cache.set(_CURSOR_KEY, last, _CURSOR_KEPT_S)
    except RedisError:
        logger.warning("The cursor of the regular comparison could not be saved; it starts over")
