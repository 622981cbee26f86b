"""An answer of a store may be old: a cache, or a copy of its database that trails, shows a product as it was before.

So more units than are known count only after `TRAILS` where the product had as many within that time before; a product
that is not found may be too new; and what a store tells of is read again until no old answer can hide it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from listings.models import Product, Walk
from listings.models.ledger import MOST

#: For how long a store may show how a product was.
TRAILS = timedelta(minutes=2)
#: So long after a store told of a change its product is read again: at last in any case, before that while it shows
#: nothing new.
AGAIN = (timedelta(seconds=5), timedelta(seconds=30), TRAILS)
#: So close together are the webhooks of one change, among them the echo of our own.
ONE_CHANGE = timedelta(seconds=10)


def note_fall(product: Product, before: int, after: int, at: datetime) -> None:
    """Remember what a product had, where it has fewer units now. The caller saves it."""
    if after < before:
        product.had = min(MOST, max(before, (product.had or 0) if _trails(product.had_until, at) else 0))
        product.had_until = at


def may_hide_fall(product: Product, before: int, units: int, at: datetime) -> bool:
    """Tell whether an answer that shows more units than are known may be one of before."""
    return before < units <= (product.had or 0) and _trails(product.had_until, at)


def may_be_too_new(product: Product, at: datetime) -> bool:
    """Tell whether a product that is not found may be one that the store's copy does not know yet."""
    return _trails(product.stock_since, at)


def again_at(product: Product, at: datetime, *, news: bool) -> datetime | None:
    """Return when a product that was read at a moment is to be read again; None: it surely shows what was told of."""
    told_at = product.told_at
    if told_at is None:
        return None
    just_seen = news or (product.stock_since is not None and product.stock_since > told_at - ONE_CHANGE)
    due = [told_at + wait for wait in (AGAIN[-1:] if just_seen else AGAIN)]
    return min((one for one in due if at < one), default=None)


def look_later(shop_id: int, at: datetime) -> None:
    """Look for changed products soon: the store told of one that it did not show, and that is not known."""
    due = at + TRAILS
    looks = Walk.objects.filter(shop=shop_id, kind=Walk.Kind.CHANGES, state=Walk.State.DONE, due_at__gt=due)
    looks.update(due_at=due)


def _trails(since: datetime | None, at: datetime) -> bool:
    return since is not None and at < since + TRAILS
