"""Cache the names of a store's brands and categories; products contain only their ids.

Each worker caches them for some minutes, so rereading a product costs no further call. A list that keeps failing must
not hide price and stock: after a minute, cached or empty names are used.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Iterable

from reverbsync import clock
from shops.platforms.bigcommerce.rest import PAGE, Rest
from shops.platforms.errors import StoreError
from shops.platforms.reading import each, valid
from shops.schemas import Part, Side, Words

logger = logging.getLogger(__name__)

FRESH_S = 300.0
PATIENCE_S = 60.0
#: Most lists that a worker caches, two per store.
MOST_LISTS = 1000
BRANDS = ("/v3/catalog/brands", "id")
CATEGORIES = ("/v3/catalog/trees/categories", "category_id")


class _Row(Part):
    number: int
    name: Side[Words] = ""


class _List:
    """The cached names of one list of one store."""

    def __init__(self) -> None:
        self.known: dict[int, tuple[str, float]] = {}
        self.failing_since: float | None = None


_lists: OrderedDict[tuple[str, str], _List] = OrderedDict()


def names(rest: Rest, kind: tuple[str, str], ids: Iterable[int]) -> dict[int, str]:
    """Return the names of these ids, "" for those that the store does not have.

    Raise StoreError while the list has failed for less than PATIENCE_S, or the store requests a wait.
    """
    kept, now = _list_of(rest, kind[0]), clock.monotonic()
    wanted = sorted(number for number in set(ids) if kept.known.get(number, ("", 0.0))[1] <= now)
    try:
        for start in range(0, len(wanted), PAGE):
            some = wanted[start : start + PAGE]
            found = {**dict.fromkeys(some, ""), **_fetch(rest, kind, some)}
            kept.known |= {number: (name, now + FRESH_S) for number, name in found.items()}
        kept.failing_since = None
    except StoreError as error:
        kept.failing_since = now if kept.failing_since is None else kept.failing_since
        if error.retry_after is not None or now - kept.failing_since < PATIENCE_S:
            raise
        logger.warning("BigCommerce's list of names keeps failing: %s", error)
    return {number: kept.known[number][0] if number in kept.known else "" for number in ids}


def _fetch(rest: Rest, kind: tuple[str, str], ids: list[int]) -> dict[int, str]:
    path, key = kind
    rows = rest.rows(f"{path}?{key}:in={','.join(map(str, ids))}&limit={PAGE}")

    def read(row: dict[str, object]) -> _Row:
        return valid(_Row, {**row, "number": row.get(key)}, "BigCommerce's name")

    return {row.number: row.name for row in each(rows, read, key=key)[0]}


def _list_of(rest: Rest, path: str) -> _List:
    key = (rest.budget.name, path)
    found = _lists.setdefault(key, _List())
    _lists.move_to_end(key)
    while len(_lists) > MOST_LISTS:
        _lists.popitem(last=False)
    return found
