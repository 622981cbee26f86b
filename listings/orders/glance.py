"""A page of the account's listings now and then, so that all are seen regularly: the net for what nobody told us.

Orders have their own net (poll.py); this one finds what a person changed on Reverb's own site where no webhook told of
it or it was lost. The place to go on from is kept in the cache: if that is emptied, the round begins anew. The list
trails by seconds and may stop short (seen live): what it shows only opens a job, and the attempt reads the listing.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core.cache import cache

from listings import jobs
from listings.models import Ledger, Listing, Product, Rank
from listings.on_sale import number_of
from listings.orders.take import uncounted
from reverbsync import clock
from shops.models import ReverbConnection, Shop
from shops.pictures import ReverbListing
from shops.reverb import hooks
from shops.reverb.client import ReverbClient

#: All listings are seen once in this time, where Reverb tells us of changed ones, and where it does not.
ROUND, NOT_TOLD_ROUND = timedelta(hours=24), timedelta(hours=1)
#: Where it does not: the least time between two pages, so that large shops don't ask without end.
BETWEEN = timedelta(minutes=5)
CAUSE = "regular look at Reverb"
#: Pages in one turn at most: a shop that was away for long does not catch up at once.
PAGES = 3
#: The list trails a change: what we read ourselves so recently is newer than the list.
TRAILS = timedelta(seconds=60)


@dataclass(frozen=True)
class _Place:
    """Where the round goes on, and when (seconds since 1970)."""

    page: int = 1
    due_at: float = 0.0


def turn(connection: ReverbConnection, client: ReverbClient) -> None:
    """Look at the pages that are due. Raises ReverbError."""
    for _ in range(PAGES):
        place = _Place(**(cache.get(_key(connection)) or {}))
        now = clock.now()
        if now.timestamp() < place.due_at:
            return
        rows, pages = client.listings_page(place.page)
        look_at(connection.shop, rows, now=now)
        last = place.page >= pages or not rows
        if last:
            _owed(connection.shop, now)
        step = step_of(pages, told=hooks.tells_of_listings(connection))
        following = _Place(1 if last else place.page + 1, _next(place, step, now))
        cache.set(_key(connection), asdict(following), 3 * ROUND.total_seconds())


def look_at(shop: Shop, rows: list[ReverbListing], *, now: datetime) -> None:
    """Open a job for each product whose listing shows another state or stock than we know of."""
    if not shop.sync_settings.auto_sync:
        return
    seen = {row.id: row for row in rows}
    known = Listing.objects.filter(shop=shop, reverb_id__in=seen, picture__isnull=False, read_at__lt=now - TRAILS)
    rows_of = known.select_related("product", "ledger")
    differ = [row.product for row in rows_of if _moved(row, seen[row.reverb_id])]
    jobs.look_again(differ, rank=Rank.STOCK, cause=CAUSE, now=now)


def _moved(row: Listing, seen: ReverbListing) -> bool:
    """Tell whether a listing shows something else than we know of. The kept picture may be that of a mass sync's page,
    whose number was never taken in.
    """
    ledger: Ledger | None = getattr(row, "ledger", None)
    agreed = ledger.reverb if ledger is not None else None
    return differs(row.picture or {}, seen) or (agreed is not None and number_of(seen) not in (None, agreed))


def differs(kept: dict[str, Any], row: ReverbListing) -> bool:
    """Tell whether a row shows another state or stock than the kept picture. What a row does not say differs not."""
    before = ReverbListing.taken(kept)
    stock = row.inventory is not None and row.inventory != before.inventory
    return stock or bool(row.state and row.state != before.state)


def _owed(shop: Shop, now: datetime) -> None:
    """At the end of a round, look again at what some order has still to be counted for."""
    owed: list[Product] = uncounted(shop) if shop.sync_settings.auto_sync else []
    jobs.look_again(owed, rank=Rank.STOCK, cause=CAUSE, now=now)


def step_of(pages: int, *, told: bool) -> timedelta:
    """Return the time between two pages of a round. `told`: Reverb tells us of changed listings."""
    daily = ROUND / pages
    return daily if told else min(daily, max(NOT_TOLD_ROUND / pages, BETWEEN))


def _next(place: _Place, step: timedelta, now: datetime) -> float:
    """Return when the next page is due: pages are spread, and a late one does not make all late."""
    after, at = step.total_seconds(), now.timestamp()
    return max((place.due_at or at) + after, at - PAGES * after)


def _key(connection: ReverbConnection) -> str:
    return f"reverb:glance:{connection.pk}"
