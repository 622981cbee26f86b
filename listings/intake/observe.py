"""Compare what a store's response says of a product with what is known, and update the product if it is newer."""

from __future__ import annotations

from datetime import datetime, timedelta

from listings.intake import stale_answers
from listings.intake.saving import Seen
from listings.models import Product, Rank
from listings.stock.agreed import shown
from listings.stock.targets import limits
from shops.models import Shop
from shops.snapshots import StoreProduct

#: How long after a date that a store names a product is read: the store's clock may be behind ours.
CLOCKS_DIFFER = timedelta(seconds=15)
#: Later dates are left to the nightly crawl; nothing can be added to the last date of a calendar.
FORESEEN = timedelta(days=366)


def observe(
    shop: Shop,
    snapshot: StoreProduct,
    known: Product | None,
    *,
    requested_at: datetime,
    reported_at: datetime | None,
    first_import: bool,
) -> Seen:
    """Return the product with this snapshot, unless a newer one is known by the time of the read or by its own date.

    Nothing is saved. `reported_at`: when the store itself reported a change of its stock, None if it did not.
    `first_import`: a new product waits until the store reports a change or the seller starts the sync.
    """
    if known is not None and known.was_read_after(requested_at):
        return Seen(known, news=False, read=False)
    was = snapshot_of(known)
    before = was if known is not None and known.gone_at is None else None
    if known is not None and stale_answers.is_old(known, before, snapshot, requested_at):
        return Seen(known, news=False, read=False)
    product = known or Product(shop=shop, store_product_id=snapshot.store_product_id, pending_first_sync=first_import)
    dated, news = product.next_change_at, before != snapshot
    if news and before is not None:
        product.pending_first_sync = False
    if news:
        product.news_at = requested_at
    if was is None or was.stock != snapshot.stock:
        product.stock_since = requested_at
    product.reported_at = reported_at or product.reported_at
    _update(product, snapshot, requested_at)
    more = before is not None and before.sellable < snapshot.sellable
    dates = _next_change(snapshot, requested_at), stale_answers.again_at(product, requested_at, news=news, more=more)
    product.next_change_at = min((one for one in dates if one is not None), default=None)
    moved = dated != product.next_change_at
    return Seen(product, news=news, rank=_rank(shop, product, before, snapshot), moved=moved, new=known is None)


def _update(product: Product, snapshot: StoreProduct, requested_at: datetime) -> None:
    product.store_parent_id = snapshot.store_parent_id
    product.store_stock_id = snapshot.store_stock_id
    product.sku = snapshot.sku[:255]
    product.title = snapshot.title[:600]
    product.snapshot = snapshot.to_json()
    product.read_at = requested_at
    product.gone_at = None


def _rank(shop: Shop, product: Product, before: StoreProduct | None, snapshot: StoreProduct) -> Rank:
    """Return how urgent the job is: by the units that Reverb is to show now."""
    if before is None or before.sellable == snapshot.sellable:
        return Rank.EDIT
    units = shown(snapshot.sellable, **limits(product, shop.sync_settings))
    return Rank.STOCK if units else Rank.STOCK_TO_ZERO


def disappear(product: Product, requested_at: datetime, reported_at: datetime | None, *, sure: bool) -> Seen:
    """Mark a product as gone. `sure`: the store itself says so; otherwise it is read again."""
    if product.was_read_after(requested_at):
        return Seen(product, news=False, read=False)
    news, dated, product.reported_at = (
        product.gone_at is None,
        product.next_change_at,
        reported_at or product.reported_at,
    )
    if news:
        product.gone_at = product.news_at = requested_at
        product.reported_at = product.reported_at if sure else requested_at
    product.read_at = requested_at
    product.next_change_at = stale_answers.again_at(product, requested_at, news=True, more=not sure)
    return Seen(product, news=news, rank=Rank.STOCK_TO_ZERO, moved=dated != product.next_change_at)


def snapshot_of(known: Product | None) -> StoreProduct | None:
    """Return the known snapshot of a product, None if there is none or it is unreadable: the new one replaces it."""
    try:
        return known.seen if known is not None else None
    except (ArithmeticError, TypeError, ValueError, AttributeError):
        return None


def _next_change(snapshot: StoreProduct, requested_at: datetime) -> datetime | None:
    """Return when the product is to be read again because of its own date; None if there is no future date."""
    at = snapshot.changes_at
    return at + CLOCKS_DIFFER if at is not None and requested_at < at < requested_at + FORESEEN else None
