"""Compute when a product changes by a date that the store names, such as the start or end of a sale."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

#: How long to reread a product after one of its dates, while the store does not yet show the change.
SETTLES_WITHIN = timedelta(days=1)
FIRST_LOOK = timedelta(minutes=1)


def next_change(dates: Iterable[datetime | None], *, now: datetime, settled: bool = True) -> datetime | None:
    """Return when a product next changes by one of its own dates (`StoreProduct.changes_at`).

    `dates` are aware, such as the start and the end of a sale. `settled=False`: a date has passed, but the store does
    not show the change yet, because its scheduler is late. The product is then reread after as long as has passed
    since, for one day.
    """
    known = [one for one in dates if one is not None]
    found = [one for one in known if one > now]
    passed = [now - one for one in known if now - SETTLES_WITHIN < one <= now]
    if passed and not settled:
        found.append(now + max(FIRST_LOOK, min(passed)))
    return min(found, default=None)
