"""Read Reverb's lists page by page to their end, and skip rows at which Reverb itself fails.

Facts: `page` and `per_page` (docs), `total` and a `next` link on each page but the last, at most 50 rows (seen live). A
link may lose the filter or the size, or point to its own page. So only its presence is trusted, and pages are counted
by us.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

from shops.reverb.errors import ReverbError, TransientError
from shops.reverb.read import Rows

MAX_PAGES = 200
#: Most rows per page (seen live: larger sizes are reduced to this).
PAGE = 50
#: Page size → smaller page size for rereading a page that failed.
SMALLER = {PAGE: 10, 10: 1}
#: Most calls for parts of pages in one reading.
MOST_CALLS = 60
#: After this many consecutive failures, the cause is not a row: Reverb is down.
GIVES_UP = 5

#: Requests a page of a list, by its number and the page size.
Ask = Callable[[int, int], Rows]

logger = logging.getLogger(__name__)


class Short(TransientError):
    """A list that ended before it showed as many rows as it counts."""


def pages(ask: Ask, what: str) -> Iterator[Rows]:
    """Yield a list's pages until one has no new rows or all counted rows were seen. Raise Short at the end.

    Skipped rows (`Rows.hidden`) count as seen.
    """
    seen, found, hidden, counted = set[str](), 0, 0, 0
    for number in range(1, MAX_PAGES + 1):
        page, known = ask(number, PAGE), found
        seen, hidden = seen | page.keys, hidden + page.hidden
        counted = min(counted, page.total) if number > 1 else page.total  # rows are added and removed meanwhile
        found = len(seen) + hidden
        yield page
        if found == known or not goes_on(page, found):
            break
    else:
        logger.warning("Reverb's list of %s has more than %s pages; skipped the rest.", what, MAX_PAGES)
    if found < counted:
        raise Short(f"Reverb's list of {what} shows {found} of {counted}.")


def goes_on(page: Rows, seen: int) -> bool:
    """Return whether another page follows after `seen` rows. Links and `total` may be missing."""
    rows = len(page.rows) + page.hidden
    return rows > 0 and (bool(page.next) or seen < page.total or (not page.total and rows >= PAGE))


class Around:
    """Read pages of one list; if Reverb fails at a page, read smaller pages and skip the row that fails."""

    def __init__(self, ask: Ask) -> None:
        """`ask` makes the call."""
        self._ask = ask
        self._calls = self._failed = 0

    def page(self, number: int, size: int = PAGE) -> Rows:
        """Return a page without the rows at which Reverb fails. Raise ReverbError."""
        try:
            return self._ask(number, size)
        except TransientError as error:
            if not _may_be_of_a_row(error):
                raise
            return self._in_parts(number, size, error)

    def _in_parts(self, number: int, size: int, error: TransientError) -> Rows:
        """Return the page, read in smaller ones. Raise the whole page's error if none of them can be read."""
        smaller = SMALLER[size]
        first = (number - 1) * size // smaller + 1
        parts: dict[int, Rows | None] = {}
        for at in range(first, first + size // smaller):
            part = parts[at] = self._part(at, smaller, error)
            if part is not None and len(part.rows) < smaller:
                break  # the list ends here
        read = [part for part in parts.values() if part is not None]
        if not read:
            raise error
        whole = [part or self._failing(at, smaller, error) for at, part in parts.items()]
        return Rows(
            rows=[row for part in whole for row in part.rows],
            total=read[-1].total,
            next=whole[-1].next,
            hidden=sum(part.hidden for part in whole),
        )

    def _failing(self, number: int, size: int, error: TransientError) -> Rows:
        """Return a part that failed, read in its own parts, or as one skipped row."""
        if size > 1:
            return self._in_parts(number, size, error)
        logger.warning("Skipped a row of a Reverb list: %s", error)
        return Rows([], 0, "", hidden=1)

    def _part(self, number: int, size: int, whole: ReverbError) -> Rows | None:
        """Return a part of a page, None if Reverb fails at it. Raise an error if continuing is pointless."""
        if self._calls >= MOST_CALLS:
            raise whole
        self._calls += 1
        try:
            found = self._ask(number, size)
        except TransientError as error:
            self._failed += 1
            if self._failed >= GIVES_UP or not _may_be_of_a_row(error):
                raise
            return None
        self._failed = 0
        return found


def _may_be_of_a_row(error: TransientError) -> bool:
    """Return whether one row may have failed a page: a server error 500, or an answer that is not JSON."""
    return error.status is not None and (error.status == 500 or error.status < 300) and not error.retry_after
