"""An answer of a store may be old: a cache, or a copy of its database that trails, shows a product as it was before.

So an answer that is dated before the one that is known puts no more units on sale, and what a store reports is read
again until no old answer can hide it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from listings.models import Crawl, Product
from shops.snapshots import StoreProduct

#: For how long an answer is not believed that is dated before the one that is known: a store may be set back.
SET_BACK_AFTER = timedelta(minutes=5)
#: So long after a store reported a change its product is read again: at last in any case, before that while it shows
#: nothing new, or more units than were known.
AGAIN = (timedelta(seconds=5), timedelta(seconds=30), timedelta(minutes=2))
#: So close together are the webhooks of one change, among them the echo of our own.
ONE_CHANGE = timedelta(seconds=10)


def is_old(product: Product, before: StoreProduct | None, now: StoreProduct, at: datetime) -> bool:
    """Return whether an answer shows more units than the one before it, and is dated before that."""
    if before is None or before.dated is None or now.dated is None or before.sellable >= now.sellable:
        return False
    return now.dated < before.dated and at < product.read_at + SET_BACK_AFTER


def again_at(product: Product, at: datetime, *, news: bool, more: bool) -> datetime | None:
    """Return when a product that was read at a moment is to be read again; None: it surely shows what was reported.

    `news`: it showed something new. `more`: more units than were known, which may be those of before.
    """
    reported_at = product.reported_at
    if reported_at is None:
        return None
    just_seen = news or (product.stock_since is not None and product.stock_since > reported_at - ONE_CHANGE)
    due = [reported_at + wait for wait in (AGAIN[-1:] if just_seen and not more else AGAIN)]
    return min((one for one in due if at < one), default=None)


def look_later(shop_id: int, at: datetime) -> None:
    """Look for changed products soon: the store reported one that it did not show, and that is not known."""
    due = at + AGAIN[-1]
    looks = Crawl.objects.filter(shop=shop_id, kind=Crawl.Kind.CHANGES, state=Crawl.State.DONE, due_at__gt=due)
    looks.update(due_at=due)
