"""Read the sync log: filters, and pages by key, so that page 1,000 costs what page 1 costs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Self
from urllib.parse import urlencode

from django.db.models import Q, QuerySet
from django.http import QueryDict
from django.utils import timezone

from shops.models import Shop
from synclog.models import Entry

PAGE_SIZE = 50


@dataclass(frozen=True)
class Filters:
    """What the reader asked for; what makes no sense is left out. Days are in UTC, both included."""

    outcome: str = ""
    words: str = ""
    since: date | None = None
    until: date | None = None

    @classmethod
    def read(cls, query: QueryDict) -> Self:
        """Read them from an address."""
        outcome = query.get("outcome", "")
        return cls(
            outcome=outcome if outcome in Entry.Outcome.values else "",
            words=query.get("q", "").strip().replace("\x00", "")[:200],
            since=_day(query.get("from", "")),
            until=_day(query.get("to", "")),
        )

    @property
    def query(self) -> str:
        """The filters as the query of an address that can be shared; empty when there are none."""
        parts = {
            "outcome": self.outcome,
            "q": self.words,
            "from": self.since.isoformat() if self.since else "",
            "to": self.until.isoformat() if self.until else "",
        }
        return urlencode({name: value for name, value in parts.items() if value})

    def apply(self, entries: QuerySet[Entry]) -> QuerySet[Entry]:
        """Return the entries that match: SKU or part of the title, outcome, day."""
        if self.outcome:
            entries = entries.filter(outcome=self.outcome)
        if self.words:
            entries = entries.filter(Q(sku__istartswith=self.words) | Q(title__icontains=self.words))
        if self.since:
            entries = entries.filter(at__gte=_midnight(self.since))
        if self.until:
            entries = entries.filter(at__lt=_midnight(self.until + timedelta(days=1)))
        return entries


@dataclass(frozen=True)
class Page:
    """One page, newest first. `newer` and `older` are the keys of the neighbours, None at either end."""

    entries: list[Entry]
    newer: int | None
    older: int | None


def page(shop: Shop, filters: Filters, *, before: int | None = None, after: int | None = None) -> Page:
    """Return the entries older than the key `before`, or newer than the key `after`, or the newest."""
    entries = filters.apply(Entry.objects.filter(shop=shop))
    if after is not None:
        rows = list(entries.filter(id__gt=after).order_by("id")[: PAGE_SIZE + 1])
        more = len(rows) > PAGE_SIZE
        found = rows[:PAGE_SIZE][::-1]
        return Page(found, found[0].pk if found and more else None, found[-1].pk if found else None)
    rows = list((entries.filter(id__lt=before) if before else entries).order_by("-id")[: PAGE_SIZE + 1])
    found = rows[:PAGE_SIZE]
    newer = found[0].pk if found and before else None
    return Page(found, newer, found[-1].pk if len(rows) > PAGE_SIZE else None)


def key(text: str) -> int | None:
    """Return the key in an address, None when it is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None


def _day(text: str) -> date | None:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if 1970 <= found.year <= 9000 else None


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=timezone.get_default_timezone())
