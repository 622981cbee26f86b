"""Build the query string of Magento's search criteria. Pure.

Facts: the conditions of a group are alternatives, and all groups must match. Brackets must be encoded before a call is
signed. A page past the end is empty. A shop may limit the page size, usually to 300 rows, and says so in a refusal:
"Maximum SearchCriteria pageSize is 200".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from urllib.parse import quote, urlencode

#: Field, condition, value.
Condition = tuple[str, str, str]
Group = Sequence[Condition]
#: Most values per call, and their greatest total length, so that the URL does not grow too long.
FEW = 100
LONGEST = 4_000
#: Default page size.
PAGE = 100
_SIZE = re.compile(r"(pageSize%5D=)(\d+)")
_MOST = re.compile(r"pageSize\D{1,20}([1-9]\d{0,8})\b", re.IGNORECASE)


def query(*groups: Group, sort: str = "entity_id", size: int = PAGE, page: int = 1, fields: str = "") -> str:
    """Return the query of a search. `fields` trims the answer, such as `items[id,sku],total_count`."""
    pairs: list[tuple[str, str]] = []
    for g, group in enumerate(groups):
        for f, (field, condition, value) in enumerate(group):
            prefix = f"searchCriteria[filter_groups][{g}][filters][{f}]"
            pairs += [
                (f"{prefix}[field]", field),
                (f"{prefix}[condition_type]", condition),
                (f"{prefix}[value]", value),
            ]
    if sort:
        pairs += [("searchCriteria[sortOrders][0][field]", sort), ("searchCriteria[sortOrders][0][direction]", "ASC")]
    pairs += [("searchCriteria[pageSize]", str(size)), ("searchCriteria[currentPage]", str(page))]
    if fields:
        pairs.append(("fields", fields))
    return urlencode(pairs, quote_via=quote)


def fitted(query: str, most: int) -> str:
    """Return a query with a page size of at most `most`."""
    return _SIZE.sub(lambda hit: f"{hit[1]}{min(int(hit[2]), most)}", query)


def most_in(words: str) -> int | None:
    """Return the page size limit that a refusal names; None if it is about something else."""
    hit = _MOST.search(words)
    return int(hit[1]) if hit else None


def one_of(field: str, values: Iterable[object]) -> Group:
    """Return a group for "one of these". A value with a comma gets its own condition: lists are comma-separated."""
    texts = [str(value) for value in values]
    joined = ",".join(text for text in texts if "," not in text)
    alone = [(field, "eq", text) for text in texts if "," in text]
    return [*([(field, "in", joined)] if joined else []), *alone]


def few(values: Iterable[object]) -> Iterator[list[object]]:
    """Split values, without duplicates, into parts that fit into one call."""
    part: list[object] = []
    length = 0
    for value in dict.fromkeys(values):
        own = len(quote(str(value))) + 3
        if part and (len(part) == FEW or length + own > LONGEST):
            yield part
            part, length = [], 0
        part.append(value)
        length += own
    if part:
        yield part


def stamp(moment: datetime) -> str:
    """Return a moment in Magento's format: UTC without a zone."""
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def is_more(rows: Sequence[object], total: int | None, size: int) -> bool:
    """Return whether more rows may follow a page of a search for ids above the last one.

    `total` counts the rows from the page's first one on; some stores omit it, and some pages are not full.
    """
    return bool(rows) and (len(rows) >= size or (total or 0) > len(rows))
