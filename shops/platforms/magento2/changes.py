"""Find changes in a store: products by their dates, and the products of changed orders, whose own dates stay.

The polled periods overlap, since clocks differ and long transactions commit late. Rows already read are recognized by
id and date and skipped. They count as read once the crawl continues after them, because only then are they saved.

Dates have whole seconds, and another edit in the same second leaves them unchanged. So a row that is read while its
date is young is read again at the next poll. The store's own newest date defines "young", so its clock does not matter.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from reverbsync import clock
from shops.platforms.magento2 import batches, search, store_cache
from shops.platforms.magento2.rest import Rest
from shops.platforms.values import Unread
from shops.schemas import number_in

OVERLAP = timedelta(minutes=5)
#: Ids and dates per page; the products themselves are read in pages of their own size.
LISTED = 300
#: Longer than any overlap.
KNOWN_S = 3600
#: Cursor prefix of a poll's second part: the products of orders.
OF_ORDERS = "orders:"
#: After this many seconds, a read shows all edits of a date's second, including slowly saved ones.
YOUNG_S = 10.0
#: Kind and id → date, and when that date was first read.
_Seen = dict[str, tuple[str, float | None]]


@dataclass(frozen=True)
class Changed:
    """One page of a poll: ids of products, and the next cursor, None at the end.

    `unread` is the product at which the store fails, regardless of the requested fields.
    """

    ids: list[str]
    next: str | None
    unread: tuple[Unread, ...] = ()


@dataclass(frozen=True)
class _Listed:
    rows: list[dict[str, Any]]
    next: str | None
    failed: str
    words: str


class Changes:
    """Finds changes in one store for one shop; other shops of the same store have their own state."""

    def __init__(self, rest: Rest, shop_id: int) -> None:
        """Makes no call."""
        self._rest = rest
        self._requested_at = 0.0
        self._pending = f"magento2:pending:{shop_id}:{rest.address}"
        self._known = f"magento2:read2:{shop_id}:{rest.address}:"

    def page(self, cursor: str, since: datetime, *, size: int) -> Changed:
        """Return at most `size` changed and unread products, or the products of changed orders."""
        self._settle(cursor, since)
        self._requested_at = clock.now().timestamp()
        changed = [("updated_at", "gteq", search.stamp(since - OVERLAP))]
        if cursor.startswith(OF_ORDERS):
            found, seen = self._of_orders(cursor.removeprefix(OF_ORDERS), changed)
        else:
            found, seen = self._products(cursor, changed, size)
        pending = {"next": found.next, "since": since.isoformat(), "seen": seen}
        store_cache.remember(self._pending, pending, KNOWN_S)
        return found

    def _products(self, cursor: str, changed: search.Group, size: int) -> tuple[Changed, _Seen]:
        listed = self._list("/products", cursor, changed, "items[id,updated_at],total_count", "id")
        new = self._unread("product:", listed.rows, "id")
        some = dict(list(new.items())[:size])
        following = _id(next(reversed(some))) if len(new) > size else listed.next or f"{OF_ORDERS}0"
        unread = (Unread(listed.failed, listed.words),) if listed.failed else ()
        return Changed([_id(one) for one in some], following, unread), some

    def _of_orders(self, cursor: str, changed: search.Group) -> tuple[Changed, _Seen]:
        fields = "items[entity_id,updated_at,items[product_id]],total_count"
        listed = self._list("/orders", cursor, changed, fields, "entity_id", size=100)
        new = self._unread("order:", listed.rows, "entity_id")
        mine = (row for row in listed.rows if f"order:{row['entity_id']}" in new)
        lines = [line for row in mine for line in _rows(row.get("items"))]
        ids = dict.fromkeys(str(line["product_id"]) for line in lines if line.get("product_id"))
        # Products of an order that cannot be shown are found by the stock poll.
        return Changed(list(ids), f"{OF_ORDERS}{listed.next}" if listed.next else None), new

    def _list(
        self, path: str, cursor: str, changed: search.Group, fields: str, key: str, *, size: int = LISTED
    ) -> _Listed:
        """Return the rows of a page by id, and the next cursor if there may be more."""
        got = batches.above(self._rest, path, cursor, changed, size=size, fields=fields)
        rows = [row for row in _rows(got.rows) if (number_in(row.get(key)) or 0) > int(cursor or 0)]
        rows.sort(key=lambda row: int(row[key]))
        last = got.failed or (str(rows[-1][key]) if rows else None)
        return _Listed(rows, last if got.more else None, got.failed, got.words)

    def _unread(self, kind: str, rows: list[dict[str, Any]], key: str) -> _Seen:
        """Return rows that were not read at their date, or only while it was young, with their new state.

        The state is the date, and when it was first read; None once it was read while no longer young.
        """
        dates = {f"{kind}{row[key]}": str(row.get("updated_at") or "") for row in rows}
        known: _Seen = store_cache.recall_all(self._known, list(dates))
        newest = max(map(_second, dates.values()), default=0.0)
        found: _Seen = {}
        for name, at in dates.items():
            known_at, first = known.get(name, ("", None))
            if not at or known_at != at:
                found[name] = (at, self._requested_at if newest - _second(at) < YOUNG_S else None)
            elif first is not None:
                found[name] = (at, first if self._requested_at - first < YOUNG_S else None)
        return found

    def _settle(self, cursor: str, since: datetime) -> None:
        """Save the previous page's rows as read, if the crawl has saved them: it continues after them or restarted."""
        pending = store_cache.recall(self._pending)
        if not pending:
            return
        restarted = pending["next"] is None and pending["since"] < since.isoformat()
        if restarted or (cursor and pending["next"] == cursor and pending["since"] == since.isoformat()):
            store_cache.remember_all(self._known, pending["seen"], KNOWN_S)


def _second(at: str) -> float:
    """Return a date in seconds, 0 if invalid."""
    try:
        return datetime.fromisoformat(at).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return 0.0


def _id(name: str) -> str:
    return name.partition(":")[2]


def _rows(said: Any) -> list[dict[str, Any]]:
    """Return the rows that are objects, from a list or an object keyed by number."""
    rows = list(said.values()) if isinstance(said, dict) else said
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
