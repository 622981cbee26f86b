"""Dates at which a store changes a product by itself, and names them: sales that begin and end."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

#: How long after one of its dates a product is read again, while the store does not show yet what follows from it.
SETTLES_WITHIN = timedelta(days=1)
FIRST_LOOK = timedelta(minutes=1)


def next_change(dates: Iterable[datetime | None], *, now: datetime, settled: bool = True) -> datetime | None:
    """Return when a product changes by a date of its own (`StoreProduct.changes_at`): the first that is to come.

    `dates` are aware, such as the begin and the end of a sale. Not `settled`: one of them has passed, and the store
    does not show yet what follows from it, because its scheduler runs late. Then the product is worth another look
    after as long as has passed, for a day.
    """
    known = [one for one in dates if one is not None]
    found = [one for one in known if one > now]
    passed = [now - one for one in known if now - SETTLES_WITHIN < one <= now]
    if passed and not settled:
        found.append(now + max(FIRST_LOOK, min(passed)))
    return min(found, default=None)
