"""Poll the account's listings page by page, to find changes that no webhook reported.

Orders have their own poll (order_poll.py); this one finds what a person changed on Reverb's site if no webhook reported
it or it was lost. The cursor is in the cache: if that is emptied, the round starts again. The list lags by seconds and
may end early (seen live), so a row only opens a job, and the attempt reads the listing. A page at which alone Reverb
fails is skipped until the next round.
"""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta

from django.core.cache import cache

from listings.models import Ledger, Listing, Product, Rank
from listings.orders.uncounted import uncounted
from listings.queue import jobs
from reverbsync import clock
from shops.models import ReverbConnection, Shop, SyncSettings
from shops.models.settings import StockWay
from shops.reverb import arrivals
from shops.reverb.availability import is_news
from shops.reverb.client import ReverbClient
from shops.reverb.errors import RateLimited, ReverbError
from shops.snapshots import ReverbListing

logger = logging.getLogger(__name__)

#: All listings are seen once in this time, if Reverb reports changes.
ROUND = timedelta(hours=24)
#: If it does not, one page is read this often, or more often in a shop too large to be seen within a day.
WITHOUT_WEBHOOKS = timedelta(minutes=2)
TRIGGER = "regular look at Reverb"
#: Pages per slice at most, so that a shop that was away for long does not catch up at once.
PAGES = 3
#: The list lags: what we read ourselves this recently is newer than the list.
TRAILS = timedelta(seconds=60)
#: A row that still shows what was rechecked without news is rechecked again after this.
AGAIN = timedelta(hours=1)


@dataclass(frozen=True)
class _Cursor:
    """The next page of the round, and when it is due (moments: seconds since 1970)."""

    page: int = 1
    due_at: float = 0.0
    #: When the products with uncounted sales are due for a check.
    uncounted_due_at: float = 0.0
    #: What rechecked rows showed, and when.
    recently_rechecked: dict[str, float] = field(default_factory=dict)
    #: The page at which Reverb failed last time.
    failed: int = 0


def run_slice(connection: ReverbConnection, client: ReverbClient) -> None:
    """Read the pages that are due, and check uncounted sales once a day. Raises ReverbError."""
    for _ in range(PAGES):
        cursor = _Cursor(**(cache.get(_key(connection)) or {}))
        now = clock.now()
        if now.timestamp() < cursor.due_at:
            return
        number, rows, pages = _page(connection, client, cursor)
        recently_rechecked = _look_at(connection.shop, rows, now=now, recently_rechecked=cursor.recently_rechecked)
        uncounted_due_at = cursor.uncounted_due_at
        if now.timestamp() >= uncounted_due_at:
            _recheck_uncounted(connection.shop, now)
            uncounted_due_at = (now + ROUND).timestamp()
        last = number >= pages or not rows
        step = step_of(pages, has_webhooks=arrivals.listing_webhooks_arrive(connection, now))
        _keep(
            connection,
            _Cursor(1 if last else number + 1, _next(cursor, step, now), uncounted_due_at, recently_rechecked),
        )


def _page(connection: ReverbConnection, client: ReverbClient, cursor: _Cursor) -> tuple[int, list[ReverbListing], int]:
    """Return the page that is due, with its number; the next one if this page alone failed twice in a row.

    A skipped page is read again in the next round. Raises ReverbError.
    """
    try:
        return cursor.page, *client.listings_page(cursor.page)
    except RateLimited:
        raise
    except ReverbError as error:
        if cursor.failed != cursor.page:
            _keep(connection, replace(cursor, failed=cursor.page))
            raise
        behind = client.listings_page(cursor.page + 1)
        logger.warning("Page %s of shop %s's listings is skipped: %s", cursor.page, connection.shop_id, error.message)
        return cursor.page + 1, *behind


def _keep(connection: ReverbConnection, cursor: _Cursor) -> None:
    cache.set(_key(connection), asdict(cursor), 3 * ROUND.total_seconds())


def _look_at(
    shop: Shop, rows: list[ReverbListing], *, now: datetime, recently_rechecked: dict[str, float]
) -> dict[str, float]:
    """Open a job for each product whose listing shows another state or stock than is known.

    Returns what rows rechecked within `AGAIN` showed: `recently_rechecked`, and those of now.
    """
    kept = {what: at for what, at in recently_rechecked.items() if at > (now - AGAIN).timestamp()}
    if not shop.sync_settings.auto_sync:
        return kept
    seen = {row.id: row for row in rows}
    known = Listing.objects.filter(shop=shop, reverb_id__in=seen, snapshot__isnull=False, read_at__lt=now - TRAILS)
    differ = {
        _showed(row, seen[row.reverb_id]): row.product
        for row in known.select_related("product", "ledger")
        if _moved(row, seen[row.reverb_id], shop.sync_settings)
    }
    news = {what: product for what, product in differ.items() if what not in kept}
    jobs.look_again(news.values(), rank=Rank.STOCK, trigger=TRIGGER, now=now)
    return kept | dict.fromkeys(news, now.timestamp())


def _showed(row: Listing, seen: ReverbListing) -> str:
    """Return what a row showed, and the age of what is known: the same again is no news."""
    ledger = Ledger.of(row)
    return f"{row.pk} {seen.state} {seen.inventory} {ledger and ledger.set_at}"


def _moved(row: Listing, seen: ReverbListing, settings: SyncSettings) -> bool:
    """Return whether a listing shows something else than is known.

    The saved snapshot may be from a mass sync's page, whose number was never merged.
    """
    ledger = Ledger.of(row)
    agreed = ledger.reverb if ledger is not None and settings.sync_stock else None
    return differs(row, seen) or is_news(seen, agreed, both=settings.stock_way == StockWay.BOTH)


def differs(row: Listing, seen: ReverbListing) -> bool:
    """Return whether a listing shows another state or stock than is known. Fields that the row lacks are not compared.

    A mass sync that found it on no list of drafts counts it as live (confirm.py), but its snapshot is that of the
    draft.
    """
    stock = seen.inventory is not None and seen.inventory != (row.snapshot or {}).get("inventory")
    return stock or bool(seen.state and seen.state[:40] != row.state)


def _recheck_uncounted(shop: Shop, now: datetime) -> None:
    """Open jobs for products with orders that are not counted yet."""
    products: list[Product] = uncounted(shop) if shop.sync_settings.auto_sync else []
    jobs.look_again(products, rank=Rank.STOCK, trigger=TRIGGER, now=now)


def step_of(pages: int, *, has_webhooks: bool) -> timedelta:
    """Return the time between two pages of a round. `has_webhooks`: Reverb reports changed listings."""
    return ROUND / pages if has_webhooks else min(ROUND / pages, WITHOUT_WEBHOOKS)


def _next(cursor: _Cursor, step: timedelta, now: datetime) -> float:
    """Return when the next page is due: pages are spread evenly, and a late page does not delay the rest."""
    after, at = step.total_seconds(), now.timestamp()
    return max((cursor.due_at or at) + after, at - PAGES * after)


def _key(connection: ReverbConnection) -> str:
    return f"reverb:listing_poll:{connection.pk}"
