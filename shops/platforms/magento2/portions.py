"""Searches that go round what Magento cannot put into an answer: a product or an order at which each page fails.

Facts: a plug-in that throws, a photo whose file is gone, an attribute whose model was removed: the whole page is
answered 500, whatever `fields` names, since it trims what was made; so is an export or a list of sources' rows. The
list itself answers all the while, so after each failure it is asked for nothing: where that fails too, the store is
away, and nothing is said of a product.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from shops.platforms.magento2 import search
from shops.platforms.magento2.rest import Rest
from shops.platforms.values import Malformed, StoreAuthError, StoreError, TooLarge, TransientStoreError

#: What fails is asked for again in so many parts.
PARTS = 4
#: No id is higher: they are unsigned integers.
HIGHEST_ID = 2**32

R = TypeVar("R")


@dataclass(frozen=True)
class Stretch:
    """Rows of a list by id, their number in all where it is said, and whether there may be more behind them.

    `failed` is the id of the next row where that one cannot be shown, with the store's `words`; there are no rows then.
    """

    rows: list[Any]
    total: int | None
    more: bool
    failed: str = ""
    words: str = ""


def above(rest: Rest, path: str, cursor: str, *groups: search.Group, size: int, fields: str = "") -> Stretch:
    """Return at most `size` rows whose ids are above `cursor`, fewer where one behind them fails. Raises StoreError.

    TooLarge is raised as it comes: who asks for smaller pages then knows how many rows are left.
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
            raise error  # it is shown after all
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
    """Return the rows whose field `name` has one of these values, and the values at which the store fails, with words.

    Raises StoreError.
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
    """Return what a call about one product answers. Raises Malformed where it fails and the store answers else."""
    got = _tried(rest, "/products", "entity_id", ask)
    if isinstance(got, TransientStoreError):
        raise got if isinstance(got, Malformed) else Malformed(str(got))
    if isinstance(got, StoreError):
        raise got
    return got


def _tried(rest: Rest, path: str, name: str, ask: Callable[[], R]) -> R | StoreError:
    """Return what a call answers, or its error where the list at `path` answers when it is asked for nothing.

    Raises StoreError where that fails too, where we are to wait, and where the keys are refused.
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
