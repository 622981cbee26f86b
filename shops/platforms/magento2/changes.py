"""What changed in a store since a moment: products by their dates, and the products of orders, whose dates do not tell.

Dates overlap from look to look, since clocks differ and long transactions end late. What was read already is known by
its id and its date, and not read again. It counts as read when the walk goes on behind it, since only then it is saved.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from shops.platforms.magento2 import memory, search
from shops.platforms.magento2.rest import Rest
from shops.wire import number_in

OVERLAP = timedelta(minutes=5)
#: Rows of ids and dates on a page; the products themselves are read in pages of their own size.
LISTED = 300
#: Longer than any overlap.
KNOWN_S = 3600
#: Marks the cursor of the second part of a look: the products of orders.
OF_ORDERS = "orders:"


@dataclass(frozen=True)
class Changed:
    """What a page of a look is about: ids of products, and the cursor behind them; None at the end."""

    ids: list[str]
    next: str | None


class Changes:
    """Looks for changes in one store."""

    def __init__(self, rest: Rest) -> None:
        """Nothing is asked yet."""
        self._rest = rest
        self._pending = f"magento2:pending:{rest.address}"
        self._known = f"magento2:read:{rest.address}:"

    def page(self, cursor: str, since: datetime, *, size: int) -> Changed:
        """Return at most `size` products that changed and were not read yet, or the products of orders that did."""
        self._settle(cursor, since)
        changed = [("updated_at", "gteq", search.stamp(since - OVERLAP))]
        if cursor.startswith(OF_ORDERS):
            found, seen = self._of_orders(cursor.removeprefix(OF_ORDERS), changed)
        else:
            found, seen = self._products(cursor, changed, size)
        pending = {"next": found.next, "since": since.isoformat(), "seen": seen}
        memory.remember(self._pending, pending, KNOWN_S)
        return found

    def _products(self, cursor: str, changed: search.Group, size: int) -> tuple[Changed, dict[str, str]]:
        rows, more = self._list("/products", cursor, changed, "items[id,updated_at],total_count", "id")
        new = self._unread("product:", rows, "id")
        ids = [one for one, _ in new[:size]]
        if len(new) > size:
            following: str | None = ids[-1]
        else:
            following = str(rows[-1]["id"]) if more else f"{OF_ORDERS}0"
        return Changed(ids, following), {f"product:{one}": at for one, at in new[:size]}

    def _of_orders(self, cursor: str, changed: search.Group) -> tuple[Changed, dict[str, str]]:
        fields = "items[entity_id,updated_at,items[product_id]],total_count"
        rows, more = self._list("/orders", cursor, changed, fields, "entity_id", size=100)
        new = dict(self._unread("order:", rows, "entity_id"))
        lines = [line for row in rows if str(row["entity_id"]) in new for line in _rows(row.get("items"))]
        ids = dict.fromkeys(str(line["product_id"]) for line in lines if line.get("product_id"))
        following = f"{OF_ORDERS}{rows[-1]['entity_id']}" if more else None
        return Changed(list(ids), following), {f"order:{one}": at for one, at in new.items()}

    def _list(
        self, path: str, cursor: str, changed: search.Group, fields: str, key: str, *, size: int = LISTED
    ) -> tuple[list[dict[str, Any]], bool]:
        """Return the rows of a page by id, and whether there may be more behind it."""
        above: search.Group = [("entity_id", "gt", cursor or "0")]
        said, total = self._rest.rows(path, search.query(above, changed, size=size, fields=fields))
        rows = [row for row in _rows(said) if (number_in(row.get(key)) or 0) > int(cursor or 0)]
        return sorted(rows, key=lambda row: int(row[key])), bool(rows) and search.is_more(said, total, size)

    def _unread(self, kind: str, rows: list[dict[str, Any]], key: str) -> list[tuple[str, str]]:
        """Return id and date of what was not read yet at that date."""
        dated = [(str(row[key]), str(row.get("updated_at") or "")) for row in rows]
        known = memory.recall_all(self._known, [f"{kind}{one}" for one, _ in dated])
        return [(one, at) for one, at in dated if not at or known.get(f"{kind}{one}") != at]

    def _settle(self, cursor: str, since: datetime) -> None:
        """Know what the page before showed, if the walk has saved it: it goes on behind it, or began anew."""
        pending = memory.recall(self._pending)
        if not pending:
            return
        begun_anew = pending["next"] is None and pending["since"] < since.isoformat()
        if begun_anew or (cursor and pending["next"] == cursor and pending["since"] == since.isoformat()):
            memory.remember_all(self._known, pending["seen"], KNOWN_S)


def _rows(said: Any) -> list[dict[str, Any]]:
    """Return the rows of a list, or of an object by number, that are objects."""
    rows = list(said.values()) if isinstance(said, dict) else said
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
