"""Browse the lines of a mass sync by kind, result, SKU or title, with keyset pagination; and export them."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlencode

from django.db.models import Q, QuerySet
from django.http import QueryDict

from listings.models import Line, MassSync
from synclog.reasons import REASONS

PAGE_SIZE = 25
Kind, State = Line.Kind, Line.State
#: The label of a line's kind, before and after it is done.
KINDS = {
    Kind.CREATE.value: "New listing",
    Kind.UPDATE.value: "Change",
    Kind.END.value: "Off sale",
    Kind.LOOK.value: "Look-up",
    Kind.CANNOT.value: "Cannot go yet",
    Kind.LEFT.value: "Left alone",
    Kind.NOTHING.value: "In step",
}
STATES = {State.FAILED.value: "Failed", State.DONE.value: "Done", "todo": "Still to do"}
SHOWN = {
    "": "All products",
    Kind.CREATE.value: "New listings",
    Kind.UPDATE.value: "Changes",
    Kind.END.value: "Taken off sale",
    Kind.LOOK.value: "Looked at",
    Kind.CANNOT.value: "Cannot go yet",
    Kind.LEFT.value: "Left alone",
    Kind.NOTHING.value: "In step already",
    **STATES,
}
COLUMNS = ("What", "SKU", "Title", "Fields", "State", "Why", "What was said", "In the store", "On Reverb")


@dataclass(frozen=True)
class Filters:
    """The reader's filters; invalid ones are left out."""

    show: str = ""
    reason: str = ""
    words: str = ""

    @classmethod
    def read(cls, query: QueryDict) -> Self:
        """Read them from a query string."""
        show, reason = query.get("show", ""), query.get("reason", "")
        return cls(
            show if show in SHOWN else "",
            reason if reason in REASONS else "",
            query.get("q", "").strip().replace("\x00", "")[:200],
        )

    @property
    def query(self) -> str:
        """The filters as a query string that can be shared; empty if there are none."""
        parts = {"show": self.show, "reason": self.reason, "q": self.words}
        return urlencode({name: value for name, value in parts.items() if value})

    @property
    def key(self) -> str:
        """The column of the pagination: one with an index. Lines are created in the order of products."""
        return "pk" if self.show else "product_id"

    def apply(self, lines: QuerySet[Line]) -> QuerySet[Line]:
        """Return the lines that match."""
        if self.words:
            lines = lines.filter(Q(product__sku__istartswith=self.words) | Q(product__title__icontains=self.words))
        if self.reason:
            lines = lines.filter(reason=self.reason)
        if self.show == "todo":
            return lines.filter(kind__in=Line.CALLS, state__in=[State.OPEN, State.QUEUED])
        if self.show in STATES:
            return lines.filter(kind__in=Line.CALLS, state=self.show)
        return lines.filter(kind=self.show) if self.show else lines


@dataclass(frozen=True)
class Page:
    """One page, in the order of the plan. `before` and `after` are the keys of the neighbours, None at either end."""

    lines: list[Line]
    before: int | None
    after: int | None


def page(sync: MassSync, filters: Filters, *, before: int | None = None, after: int | None = None) -> Page:
    """Return the lines after a key, or right before one, or the first."""
    lines = filters.apply(Line.objects.filter(sync=sync)).select_related("product__listing")
    key = filters.key
    if before is not None:
        rows = list(lines.filter(**{f"{key}__lt": before}).order_by(f"-{key}")[: PAGE_SIZE + 1])
        found = rows[:PAGE_SIZE][::-1]
        return Page(found, _at(found, 0, key) if len(rows) > PAGE_SIZE else None, _at(found, -1, key))
    if after is not None:
        lines = lines.filter(**{f"{key}__gt": after})
    rows = list(lines.order_by(key)[: PAGE_SIZE + 1])
    found = rows[:PAGE_SIZE]
    back = _at(found, 0, key) if after is not None else None
    return Page(found, back, _at(found, -1, key) if len(rows) > PAGE_SIZE else None)


def _at(lines: list[Line], index: int, key: str) -> int | None:
    return int(getattr(lines[index], key)) if lines else None


def key(text: str) -> int | None:
    """Parse a key from an address, None if it is invalid."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None


# -- export --------------------------------------------------------------------------------------------------------


class _Echo:
    """A file that returns what is written to it."""

    def write(self, text: str) -> str:
        return text


def document(sync: MassSync) -> Iterator[str]:
    """Yield all lines as CSV, row by row, so that memory use does not grow with their number."""
    writer = csv.writer(_Echo())
    yield writer.writerow(COLUMNS)
    lines = Line.objects.filter(sync=sync).select_related("product__listing").order_by("product_id")
    for line in lines.iterator(chunk_size=500):
        yield writer.writerow([_harmless(cell) for cell in _cells(line)])


def _cells(line: Line) -> list[str]:
    product = line.product
    listing: Any = getattr(product, "listing", None)
    return [
        KINDS[line.kind],
        product.sku,
        product.title,
        ", ".join(line.fields),
        line.get_state_display() if line.kind in Line.CALLS else "",
        why(line),
        line.message,
        product.seen.url,
        listing.link if listing else "",
    ]


def _says_why(line: Line) -> bool:
    """Return whether a line's reason applies yet: for an open line it would describe the future."""
    return line.kind not in Line.CALLS or line.state in (State.DONE, State.FAILED)


def why(line: Line) -> str:
    """Return in words why a line is what it is, or ended as it did."""
    if _says_why(line):
        return REASONS[line.reason].words if line.reason in REASONS else ""
    return {
        Kind.CREATE.value: "It is not on Reverb yet.",
        Kind.END.value: "The last one is gone from your store.",
        Kind.LOOK.value: "Reverb's pages did not show its listing, so it is looked up by itself.",
    }.get(line.kind, "")


def _harmless(cell: str) -> str:
    """Prefix what a spreadsheet would run as a formula."""
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell
