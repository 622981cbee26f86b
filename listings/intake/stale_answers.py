"""A store's response may be stale: a cache or a database replica that lags shows a product as it was before.

So a response that is dated before the known one puts no more units on sale. What a store reports is read again until no
stale response can hide it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from listings.models import Crawl, Product
from shops.snapshots import StoreProduct

#: For how long a response dated before the known one is not believed. After that, the store's data may have been
#: restored.
SET_BACK_AFTER = timedelta(minutes=5)
#: When a product is read again after its store reported a change: the last time in any case, the earlier ones while it
#: shows nothing new, or more units than were known.
AGAIN = (timedelta(seconds=5), timedelta(seconds=30), timedelta(minutes=2))
#: How close together the webhooks of one change are, including the echo of our own.
ONE_CHANGE = timedelta(seconds=10)


def is_old(product: Product, before: StoreProduct | None, now: StoreProduct, at: datetime) -> bool:
    """Return whether a response shows more units than the one before, and is dated before it."""
    if before is None or before.dated is None or now.dated is None or before.sellable >= now.sellable:
        return False
    return now.dated < before.dated and at < product.read_at + SET_BACK_AFTER


def again_at(product: Product, at: datetime, *, news: bool, more: bool) -> datetime | None:
    """Return when a product that was read at a moment is to be read again; None if the read shows what was reported.

    `news`: the read showed something new. `more`: it showed more units than were known, which may be the old number.
    """
    reported_at = product.reported_at
    if reported_at is None:
        return None
    just_seen = news or (product.stock_since is not None and product.stock_since > reported_at - ONE_CHANGE)
    due = [reported_at + wait for wait in (AGAIN[-1:] if just_seen and not more else AGAIN)]
    return min((one for one in due if at < one), default=None)


def look_later(shop_id: int, at: datetime) -> None:
    """Poll for changed products soon: the store reported an unknown one that it did not show."""
    due = at + AGAIN[-1]
    looks = Crawl.objects.filter(shop=shop_id, kind=Crawl.Kind.CHANGES, state=Crawl.State.DONE, due_at__gt=due)
    looks.update(due_at=due)
