"""Reverb's lists, page by page to their end, around rows at which Reverb itself fails.

Facts: `page` and `per_page` (docs), `total` and a `next` link on each page but the last, at most 50 rows (seen live). A
link may lose the filter or the size, or lead to where it stands; so only that there is one is trusted, and pages are
counted here.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

from shops.reverb.errors import ReverbError, TransientError
from shops.reverb.read import Rows

MAX_PAGES = 200
#: The most rows of a page (seen live: more is cut to this).
PAGE = 50
#: A page of so many rows that fails is read again in pages of so many.
SMALLER = {PAGE: 10, 10: 1}
#: So many calls are made for parts of pages, in one reading.
MOST_CALLS = 60
#: After so many parts that failed one after the other it is no single row: Reverb is away.
GIVES_UP = 5

#: Returns a page of a list, by its number and the size of pages.
Ask = Callable[[int, int], Rows]

logger = logging.getLogger(__name__)


class Short(TransientError):
    """A list ended before it had shown as many rows as it counts."""


def pages(ask: Ask, what: str) -> Iterator[Rows]:
    """Yield the pages of a list until one brings nothing new, or all that it counts was seen. Raises Short at the end.

    Rows that were passed over (`Rows.hidden`) count as seen.
    """
    seen, found, hidden, counted = set[str](), 0, 0, 0
    for number in range(1, MAX_PAGES + 1):
        page, known = ask(number, PAGE), found
        seen, hidden = seen | page.keys, hidden + page.hidden
        counted = min(counted, page.total) if number > 1 else page.total  # rows come and go meanwhile
        found = len(seen) + hidden
        yield page
        if found == known or not goes_on(page, found):
            break
    else:
        logger.warning("Reverb's list of %s has more than %s pages. The rest is left out.", what, MAX_PAGES)
    if found < counted:
        raise Short(f"Reverb's list of {what} shows {found} of {counted}.")


def goes_on(page: Rows, seen: int) -> bool:
    """Return whether a page follows, where `seen` rows were seen with this one. Links and `total` may be missing."""
    rows = len(page.rows) + page.hidden
    return rows > 0 and (bool(page.next) or seen < page.total or (not page.total and rows >= PAGE))


class Around:
    """Asks for pages of one list, and where Reverb fails at one, for its rows in smaller pages: one is passed over."""

    def __init__(self, ask: Ask) -> None:
        """`ask` makes the call."""
        self._ask = ask
        self._calls = self._failed = 0

    def page(self, number: int, size: int = PAGE) -> Rows:
        """Return a page without the rows at which Reverb fails. Raises ReverbError."""
        try:
            return self._ask(number, size)
        except TransientError as error:
            if not _may_be_of_a_row(error):
                raise
            return self._in_parts(number, size, error)

    def _in_parts(self, number: int, size: int, error: TransientError) -> Rows:
        """Return the page in smaller ones. Raises the error of the whole where none of them can be read."""
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
        """Return a part that failed: by its own parts, or as a single row that is passed over."""
        if size > 1:
            return self._in_parts(number, size, error)
        logger.warning("A row of a list of Reverb's is left out: %s", error)
        return Rows([], 0, "", hidden=1)

    def _part(self, number: int, size: int, whole: ReverbError) -> Rows | None:
        """Return a part of a page, None where Reverb fails at it. Raises `whole` where it is no use to go on."""
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
    """Return whether one row may be why a page failed: Reverb's server broke over it, or its answer is no JSON."""
    return error.status is not None and (error.status == 500 or error.status < 300) and not error.retry_after
