"""Read the sync log with filters and keyset pagination, so that page 10,000 costs as much as page 1.

Entries are ordered by (at, id). A page starts after the entry whose id is its key; each filter has an index in that
order. Words are searched by prefix in a word index.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Self
from urllib.parse import urlencode

from django.db.models import BooleanField, QuerySet
from django.db.models.expressions import RawSQL
from django.http import QueryDict
from django.utils import timezone

from shops.models import Shop
from synclog import search
from synclog.models import Entry

PAGE_SIZE = 50


@dataclass(frozen=True)
class Filters:
    """The reader's filters; invalid ones are ignored. Days are in UTC, both inclusive."""

    outcome: str = ""
    words: str = ""
    since: date | None = None
    until: date | None = None

    @classmethod
    def read(cls, query: QueryDict) -> Self:
        """Parse the filters from a URL's query."""
        outcome = query.get("outcome", "")
        return cls(
            outcome=outcome if outcome in Entry.Outcome.values else "",
            words=query.get("q", "").strip().replace("\x00", "")[:200],
            since=_day(query.get("from", "")),
            until=_day(query.get("to", "")),
        )

    @property
    def query(self) -> str:
        """Return the filters as a query string that can be shared; empty if there are none."""
        parts = {
            "outcome": self.outcome,
            "q": self.words,
            "from": self.since.isoformat() if self.since else "",
            "to": self.until.isoformat() if self.until else "",
        }
        return urlencode({name: value for name, value in parts.items() if value})

    def apply(self, entries: QuerySet[Entry]) -> QuerySet[Entry]:
        """Return the entries with that outcome and in those days; synclog/search.py applies the words."""
        if self.outcome:
            entries = entries.filter(outcome=self.outcome)
        if self.since:
            entries = entries.filter(at__gte=_midnight(self.since))
        if self.until:
            entries = entries.filter(at__lt=_midnight(self.until + timedelta(days=1)))
        return entries


@dataclass(frozen=True)
class Page:
    """One page, newest first. `newer` and `older` are the keys of the adjacent pages, None at either end."""

    entries: list[Entry]
    newer: int | None
    older: int | None


def page(shop: Shop, filters: Filters, *, before: int | None = None, after: int | None = None) -> Page:
    """Return the entries older than the key `before`, or newer than the key `after`, or the newest."""
    entries = filters.apply(Entry.objects.filter(shop=shop))
    if not filters.words:
        return _page(entries, before, after)
    with search.best_way(entries, filters.words) as found:
        return _page(found, before, after)


def _page(entries: QuerySet[Entry], before: int | None, after: int | None) -> Page:
    if after is not None:
        rows = list(entries.filter(_beside(">", after)).order_by("at", "id")[: PAGE_SIZE + 1])
        more = len(rows) > PAGE_SIZE
        found = rows[:PAGE_SIZE][::-1]
        return Page(found, found[0].pk if found and more else None, found[-1].pk if found else None)
    older = entries.filter(_beside("<", before)) if before else entries
    rows = list(older.order_by("-at", "-id")[: PAGE_SIZE + 1])
    found = rows[:PAGE_SIZE]
    newer = found[0].pk if found and before else None
    return Page(found, newer, found[-1].pk if len(rows) > PAGE_SIZE else None)


def _beside(side: str, entry_id: int) -> RawSQL:
    """Return the condition to be older ("<") or newer (">") than an entry; a deleted entry counts as its neighbour."""
    at = "(SELECT at FROM synclog_entry WHERE id <= %s ORDER BY id DESC LIMIT 1)"
    sql = f'("synclog_entry"."at", "synclog_entry"."id") {side} ({at}, %s)'
    return RawSQL(sql, [entry_id, entry_id], output_field=BooleanField())  # noqa: S611 -- all values are parameters


def key(text: str) -> int | None:
    """Return the key in a URL, None if it is invalid."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None


def _day(text: str) -> date | None:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if 1970 <= found.year <= 9000 else None


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=timezone.get_default_timezone())
