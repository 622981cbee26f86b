"""Review a shop's orders, waiting jobs and products in batches, after its settings or a connection changed.

Each batch is a short statement, and the cursor is saved behind it: if a worker dies in between, one batch is repeated,
which is harmless. Settings that are saved meanwhile restart the review.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import timedelta

from django.db import transaction

from listings.intake import crawls
from listings.models import Listing, Product, Rank, Review
from listings.orders import erase, shipment_poll, store_order_state, tracking
from listings.orders.uncounted import uncounted
from listings.queue import blocked, jobs, retry_delay
from listings.stock.targets import out_of_step
from listings.upkeep import former_account
from listings.upkeep.unprocessed import changed_while_off, without_listing
from reverbsync import clock
from reverbsync.database import Span, next_span
from reverbsync.security.redaction import broke
from shops.models import Shop, StoreConnection
from shops.reverb.availability import OFF_SALE

logger = logging.getLogger(__name__)

REVIEW = "listings.upkeep.review"
#: How long one slice occupies a worker before the shop is enqueued again behind the others.
SLICE_S = 1.0
#: Products per batch: their snapshots are read, which takes some tens of milliseconds.
BATCH_SIZE = 500
TRIGGER = "settings changed"
Step = Review.Step


def shops_with_due_ones() -> set[int]:
    """Return the shops that have a review to begin or continue, for the sweeper."""
    requested = Shop.objects.filter(recheck_requested=True).values_list("pk", flat=True)
    return {*requested, *Review.objects.filter(due_at__lte=clock.now()).values_list("shop_id", flat=True)}


def due(shop_id: int) -> Review | None:
    """Return the shop's review if a slice of it is due; begin or restart it if requested."""
    now = clock.now()
    with transaction.atomic():
        # The request is cleared together with creating its review.
        if Shop.objects.filter(pk=shop_id, recheck_requested=True).update(recheck_requested=False):
            begun = {"step": Step.BEGIN, "after": 0, "due_at": now, "failures": 0}
            Review.objects.update_or_create(shop_id=shop_id, defaults=begun)
    found = Review.objects.filter(shop=shop_id, due_at__lte=now)
    return found.select_related("shop__sync_settings", "shop__store").first()


def run_slice(review: Review) -> None:
    """Continue for one slice. Never raises: failures are retried with growing delay."""
    over = clock.monotonic() + SLICE_S
    try:
        while _step(review) and clock.monotonic() < over:
            pass
    except Exception as error:  # noqa: BLE001 -- a fault of ours; it is retried
        broke(logger, error, "The review of shop %s broke", review.shop_id)
        wait = retry_delay.delay_s(review.failures + 1)
        _save(review, failures=review.failures + 1, due_at=clock.now() + timedelta(seconds=wait))


def _step(review: Review) -> bool:
    """Process one batch and save the cursor of the next; return whether there is more."""
    if review.step == Step.BEGIN:
        _begin(review.shop)
        _save(review, step=Step.WAITING, after=0)
    elif review.step == Step.WAITING:
        span = next_span(blocked.blocked_jobs(review.shop_id), "product", after=review.after)
        if span is None:
            _save(review, step=Step.PRODUCTS, after=0)
        else:
            blocked.look_at_waiting(review.shop_id, now=clock.now(), span=span)
            _save(review, after=span.until)
    else:
        span = next_span(Product.objects.filter(shop=review.shop_id), "pk", after=review.after, size=BATCH_SIZE)
        if span is None or not review.shop.sync_settings.auto_sync:
            review.delete()
            return False
        _look_at(review.shop, span)
        _save(review, after=span.until)
    return True


def _save(review: Review, **changes: object) -> None:
    for name, value in {"failures": 0, **changes}.items():
        setattr(review, name, value)
    review.save(update_fields=["failures", *changes])


def _begin(shop: Shop) -> None:
    former_account.let_go_of_shared(shop.pk)
    if StoreConnection.objects.filter(shop=shop, removed_at__isnull=True).exists():
        crawls.plan(shop)
    orders(shop)
    # First of all: a worker may still be using the old settings.
    jobs.look_again(jobs.in_hand(shop.pk), rank=Rank.CATALOGUE, trigger=TRIGGER, now=clock.now())


def orders(shop: Shop) -> None:
    """Apply the settings to orders, parcels and buyers."""
    store_order_state.settings_changed(shop)
    shipment_poll.settings_changed(shop)
    tracking.settings_changed(shop.pk)
    if not shop.sync_settings.take_orders:
        erase.buyers_of(shop)


def _look_at(shop: Shop, span: Span) -> None:
    """Open jobs for the products in a span: at the rank of stock if stock may differ, else of a mass sync."""
    now, settings = clock.now(), shop.sync_settings
    changed = changed_while_off(shop, span)
    moved = _moved(changed) if settings.sync_stock else {}
    for rank in sorted(set(moved.values())):
        wanted = [one for one in changed if moved.get(one.pk) == rank]
        jobs.look_again(wanted, rank=rank, trigger=TRIGGER, now=now)
    stock = uncounted(shop, span) + (out_of_step(shop, span) if settings.sync_stock else [])
    jobs.look_again(_once(stock), rank=Rank.STOCK, trigger=TRIGGER, now=now)
    rest = [one for one in changed if one.pk not in moved]
    rest += without_listing(shop, span) if settings.sync_stock else []
    jobs.look_again(_once(rest), rank=Rank.CATALOGUE, trigger=TRIGGER, now=now)


def _moved(products: Iterable[Product]) -> dict[int, Rank]:
    """Return the rank of listed products whose listing shows another stock than the store, by primary key."""
    of = {product.pk: product for product in products}
    listed = Listing.objects.filter(product__in=of).exclude(reverb_id="").exclude(state__in=OFF_SALE)
    found = {}
    for key, agreed in listed.values_list("product", "ledger__store"):
        product = of[key]
        if product.gone_at is not None or not product.seen.sellable:
            found[key] = Rank.STOCK_TO_ZERO
        elif agreed is not None and product.seen.stock != agreed:
            found[key] = Rank.STOCK
    return found


def _once(products: Iterable[Product]) -> list[Product]:
    """Return each product once: one statement cannot upsert a row twice."""
    return list({product.pk: product for product in products}.values())
