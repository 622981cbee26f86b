"""Save snapshots of orders and open jobs: one row per order, whose units count once however often it is reported."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from django.db import transaction

from listings.models import Ledger, Order, Product, Rank
from listings.orders import precedence
from listings.orders.log import not_readable
from listings.orders.order_rows import KnownListings, newest_of, see, without_other_shops_orders
from listings.orders.store_order_state import PROCESS_STORE_ORDERS
from listings.orders.uncounted import owes
from listings.queue import jobs
from reverbsync import clock
from reverbsync.dispatch.wake import wake
from reverbsync.outage import attempt, is_outage
from reverbsync.security.redaction import whereabouts
from shops.models import Shop
from shops.snapshots import ReverbOrder

logger = logging.getLogger(__name__)
_FIELDS = [
    "product",
    "listing_id",
    "sku",
    "title",
    "quantity",
    "status",
    "placed_at",
    "updated_at",
    "status_read_at",
    "snapshot",
    "counts",
]


def take(shop: Shop, snapshots: Iterable[ReverbOrder], *, trigger: str) -> int:
    """Save newer snapshots, and open a job for each product whose stock must still deduct or return units.

    Returns how many orders are new or changed status.

    All in one transaction, so that no order is saved without its job. Names and addresses are stored only while the
    shop has its orders created in the store. While auto-sync is off no job is opened; `uncounted` finds them once it is
    on.

    If one order of several cannot be saved, the others are, and the sync log names it; a single one raises its error.
    """
    found, taken = list(snapshots), list[int]()
    if attempt(lambda: taken.append(_take(shop, found, trigger))) is None:
        return sum(taken)
    for one in found:
        if (error := _take_alone(shop, one, trigger, taken)) is not None:
            if is_outage(error):
                raise error
            logger.error("An order of shop %s could not be saved: %s", shop.pk, whereabouts(error))
            if len(found) == 1:
                raise error
            not_readable(shop.pk, one.number, "It could not be saved.")
    return sum(taken)


def _take_alone(shop: Shop, snapshot: ReverbOrder, trigger: str, taken: list[int]) -> Exception | None:
    """Save one order, at least the part that our stock needs; return the error."""
    if attempt(lambda: taken.append(_take(shop, [snapshot], trigger))) is None:
        return None
    return attempt(lambda: taken.append(_take(shop, [precedence.bare(snapshot)], trigger)))


def _take(shop: Shop, snapshots: Iterable[ReverbOrder], trigger: str) -> int:
    now = clock.now()
    newest = newest_of(precedence.of_now(one, now) for one in snapshots)
    if not newest:
        return 0
    with transaction.atomic():
        # One ingest per shop at a time: no order becomes two rows, and no older snapshot wins.
        Shop.objects.select_for_update(no_key=True).get(pk=shop.pk)
        settings = shop.sync_settings
        personal = settings.take_orders
        known = {row.number: row for row in Order.objects.filter(shop=shop, number__in=newest)}
        before = {number: row.status for number, row in known.items()}
        newest = without_other_shops_orders(shop, newest, known)
        listings = KnownListings.of(shop, newest.values())
        taken = [
            see(known.get(number) or Order(shop=shop, number=number), one, listings, personal=personal)
            for number, one in newest.items()
        ]
        Order.objects.bulk_create([one.row for one in taken if one.row.pk is None])
        changed = [one.row for one in taken if one.changed and one.row.number in known]
        Order.objects.bulk_update(changed, _FIELDS, batch_size=200)
        if settings.take_orders:
            wake(PROCESS_STORE_ORDERS, shop.pk)
        if settings.auto_sync:
            moved = [one.row for one in taken if one.moved and one.row.product_id is not None]
            ids = {row.product_id for row in moved if row.product_id is not None}
            agreed = set(Ledger.objects.filter(listing__product__in=ids).values_list("listing__product", flat=True))
            since = dict(Product.objects.filter(pk__in=ids).values_list("pk", "stock_since"))
            _open_jobs(shop, {row.product_id for row in moved if owes(row, agreed, since)}, trigger)
    return sum(before.get(one.row.number) != one.row.status for one in taken)


def _open_jobs(shop: Shop, product_ids: Iterable[int | None], trigger: str) -> None:
    """Open a job for each product; those that may now be sold out have the most urgent rank."""
    ranks: dict[Rank, list[Product]] = {}
    found = Product.objects.filter(shop=shop, pk__in=[pk for pk in product_ids if pk is not None])
    for product in found:
        rank = Rank.STOCK_TO_ZERO if _left(product) <= 0 else Rank.STOCK
        ranks.setdefault(rank, []).append(product)
    for rank in sorted(ranks):
        jobs.look_again(ranks[rank], rank=rank, trigger=trigger, now=clock.now())


def _left(product: Product) -> int:
    """Return the units left once all orders are counted; 0 without a ledger."""
    ledger = Ledger.objects.filter(listing__product=product).first()
    if ledger is None:
        return 0
    rows = Order.objects.filter(product=product, counts=True)
    return ledger.units - sum(precedence.wanted(row.status, row.quantity) - row.counted for row in rows)
