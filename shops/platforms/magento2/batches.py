"""Search around rows that Magento cannot render: a product or an order at which every page fails.

Facts: a plug-in that throws, a photo whose file is gone, or an attribute whose model was removed fails the whole page
with 500. `fields` does not help, since it only trims the finished answer. Exports and lists of source rows fail
likewise. The list itself still answers, so after each failure it is requested with an empty result: if that fails too,
the store is down, and no product is blamed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from shops.platforms.errors import Malformed, StoreAuthError, StoreError, TooLarge, TransientStoreError
from shops.platforms.magento2 import search
from shops.platforms.magento2.rest import Rest

#: A failed page is split into this many parts.
PARTS = 4
#: Ids are unsigned integers, so none is higher.
HIGHEST_ID = 2**32

R = TypeVar("R")


@dataclass(frozen=True)
class Stretch:
    """Rows of a list by id, their total number if known, and whether more may follow.

    `failed` is the id of the next row if it cannot be shown, with the store's `words`; there are no rows then.
    """

    rows: list[Any]
    total: int | None
    more: bool
    failed: str = ""
    words: str = ""


def above(rest: Rest, path: str, cursor: str, *groups: search.Group, size: int, fields: str = "") -> Stretch:
    """Return at most `size` rows with ids above `cursor`, fewer if a later one fails. Raise StoreError.

    TooLarge is raised unchanged, so that a caller who reduces the page size knows how many rows are left.
    """
    after: search.Group = [("entity_id", "gt", cursor or "0")]
    while True:
        query = search.query(after, *groups, size=size, fields=fields)
        got = _tried(rest, path, "entity_id", lambda query=query: rest.rows(path, query))  # type: ignore[misc]
        if not isinstance(got, StoreError):
            rows, total = got
            return Stretch(rows, total, search.is_more(rows, total, rest.fitting(size)))
        if size == 1:
            break
        size = max(1, size // PARTS)
    error = got

    def fails(low: int, high: int) -> bool:
        within: tuple[search.Group, ...] = ([("entity_id", "gt", str(low))], [("entity_id", "lteq", str(high))])
        query = search.query(*within, *groups, size=1, fields=fields)
        got = _tried(rest, path, "entity_id", lambda: rest.rows(path, query))
        if not isinstance(got, StoreError) and (got[0] or high > HIGHEST_ID):
            raise error  # it can be shown now
        return isinstance(got, StoreError)

    number = _first(int(cursor or 0), fails)
    return Stretch([], None, more=True, failed=str(number), words=str(error))


def every(
    rest: Rest,
    path: str,
    name: str,
    values: Iterable[object],
    *,
    sort: str = "entity_id",
    fields: str = "",
    whole: bool = False,
) -> tuple[list[Any], dict[str, str]]:
    """Return the rows whose field `name` has one of these values, and value → reason where the store fails.

    Raise StoreError.
    """
    rows: list[Any] = []
    failed: dict[str, str] = {}

    def take(some: Sequence[object]) -> None:
        got: list[Any] | StoreError
        try:
            group = search.one_of(name, some)
            got = _tried(rest, path, name, lambda: rest.every(path, group, sort=sort, fields=fields, whole=whole))
        except TooLarge as error:
            got = error
        if not isinstance(got, StoreError):
            rows.extend(got)
        elif len(some) == 1:
            failed[str(some[0])] = str(got)
        else:
            part = -(-len(some) // PARTS)
            for start in range(0, len(some), part):
                take(some[start : start + part])

    for some in search.few(values):
        take(some)
    return rows, failed


def about_one(rest: Rest, ask: Callable[[], R]) -> R:
    """Return the answer of a call about one product. Raise Malformed if it fails although the store is up."""
    got = _tried(rest, "/products", "entity_id", ask)
    if isinstance(got, TransientStoreError):
        raise got if isinstance(got, Malformed) else Malformed(str(got))
    if isinstance(got, StoreError):
        raise got
    return got


def _tried(rest: Rest, path: str, name: str, ask: Callable[[], R]) -> R | StoreError:
    """Return a call's answer, or its error if the list at `path` still answers an empty request.

    Raise StoreError if that request fails too, if the store requests a wait, and if the keys are refused.
    """
    try:
        return ask()
    except (TooLarge, StoreAuthError):
        raise
    except StoreError as error:
        if error.retry_after is not None:
            raise
        nothing = "0" if name == "entity_id" else ""
        try:
            rest.rows(path, search.query([(name, "eq", nothing)], sort="", size=1))
        except StoreError:
            raise error from None
        return error


def _first(low: int, fails: Callable[[int, int], bool]) -> int:
    """Return the id of the first row above `low`, which fails: ranges that end below it are empty, all others fail."""
    step = 1
    while not fails(low, low + step):
        low, step = low + step, step * 2
    high = low + step
    while high - low > 1:
        middle = (low + high) // 2
        if fails(low, middle):
            high = middle
        else:
            low = middle
    return high
