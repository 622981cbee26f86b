"""Sources, stocks, reservations: the salable quantity is the stock of the linked sources plus the reservations.

A variant's `inventory_quantity` is the salable quantity; the source items follow it after a change by the store's
admin, an order or a shipment. Facts: magento/inventory (GetProductSalableQty, SourceDeductionProcessor,
CancelOrderItemObserver, ProcessRefundItems) and Magento 2.4.7 as seen. A shipment deducts from a source and appends a
reservation of the same size, whether or not the order had reserved anything; cancelling frees units the same way.
"""

from __future__ import annotations

from sandbox.common.keep import Doc
from sandbox.common.store import Stores

DEFAULT = "default"
WEBSITE = "base"


class Msi:
    """The inventory of the installation."""

    def __init__(self, stores: Stores) -> None:
        """All data is saved with the stores."""
        self._stores = stores
        self._keep = stores.keep

    # -- sources and stocks ------------------------------------------------------------------------------------

    def sources(self) -> list[Doc]:
        """Return all sources."""
        first: Doc = {"source_code": DEFAULT, "name": "Default Source", "enabled": True, "country_id": "US"}
        return list(({DEFAULT: first} | self._keep.all("source")).values())

    def stocks(self) -> list[Doc]:
        """Return all stocks with the websites they serve; the default one serves websites without a stock."""
        made = list(self._keep.all("stock").values())
        left = [] if any(WEBSITE in one["websites"] for one in made) else [WEBSITE]
        return [{"stock_id": 1, "name": "Default Stock", "websites": left}, *made]

    def links(self) -> list[Doc]:
        """Return the links of stocks to their sources."""
        rows = [{"stock_id": 1, "source_code": DEFAULT, "priority": 1}]
        return rows + list(self._keep.all("link").values())

    def stock_of(self, website: str) -> Doc | None:
        """Return the stock of a website."""
        return next((one for one in self.stocks() if website in one["websites"]), None)

    def drawn_on(self) -> list[str]:
        """Return the enabled sources of the website's stock, by priority."""
        stock = self.stock_of(WEBSITE) or {}
        mine = sorted((one for one in self.links() if one["stock_id"] == stock.get("stock_id")), key=_priority)
        enabled = {one["source_code"] for one in self.sources() if one.get("enabled", True)}
        return [one["source_code"] for one in mine if one["source_code"] in enabled]

    # -- one variant -------------------------------------------------------------------------------------------

    def rows(self, row: Doc) -> dict[str, Doc]:
        """Return the variant's source items by source, after reconciling them with the salable quantity."""
        own = row.setdefault("magento", {})
        if own.get("unassigned"):
            return {}
        rows: dict[str, Doc] = own.setdefault("sources", {})
        drawn = self.drawn_on()
        by = row["inventory_quantity"] - self.reserved(row) + own.get("min_qty", 0) - self._lies(row)
        if by > 0 and drawn:
            item = rows.setdefault(next((one for one in drawn if one in rows), drawn[0]), {"quantity": 0})
            item.update(quantity=item["quantity"] + by, status=1)
        for code in drawn if by < 0 else ():
            if code in rows and (taken := min(-by, max(0, rows[code]["quantity"]))):
                rows[code]["quantity"] -= taken
                by += taken
        if not rows and drawn:
            rows[drawn[0]] = {"quantity": 0, "status": 0}
        return rows

    def is_assigned(self, row: Doc) -> bool:
        """Return whether the variant has an item in a source that the website's stock draws on."""
        rows = self.rows(row)
        return any(code in rows for code in self.drawn_on())

    def reserved(self, row: Doc) -> int:
        """Return the sum of the variant's reservations: negative while orders wait for shipment."""
        open_ones = (one for one in self._keep.all("order").values() if one["status"] == "open")
        waiting = sum(
            int(line["quantity"]) - int(line["refunded"]) - int(line.get("shipped", 0))
            for order in open_ones
            if order.get("takes_stock", True)
            for line in order["lines"]
            if line.get("variant") == row["id"]
        )
        return int(row.get("magento", {}).get("unbalanced", 0)) - waiting

    def write(self, doc: Doc, row: Doc, items: dict[str, Doc]) -> list[Doc]:
        """Set source items, and with them the salable quantity."""
        own = row.setdefault("magento", {})
        known = self.rows(row)
        own.pop("unassigned", None)
        own["sources"] = {**known, **{code: {"status": 1, **item} for code, item in items.items()}}
        return self._follow(doc, row)

    def unassign(self, doc: Doc, row: Doc, code: str) -> list[Doc]:
        """Delete a source item."""
        rows = self.rows(row)
        rows.pop(code, None)
        own = row.setdefault("magento", {})
        own.update(sources=rows, unassigned=not rows)
        return self._follow(doc, row)

    def deduct(self, doc: Doc, row: Doc, code: str, units: int, *, reserved: bool) -> list[Doc]:
        """Deduct shipped units from a source; a reservation is appended whether or not they were reserved.

        The caller has counted them as shipped, so an order that reserved them no longer waits for them.
        """
        own = row.setdefault("magento", {})
        own["sources"][code]["quantity"] -= units
        if not reserved:
            self.append(row, units)
        return self._follow(doc, row)

    def append(self, row: Doc, units: int) -> None:
        """Append a reservation that belongs to no waiting order."""
        own = row.setdefault("magento", {})
        own["unbalanced"] = int(own.get("unbalanced", 0)) + units

    def free(self, doc: Doc, row: Doc, units: int) -> list[Doc]:
        """Append a reservation and update the salable quantity. The caller has closed the order that reserved them."""
        self.append(row, units)
        return self._follow(doc, row)

    def keep_index(self, row: Doc) -> None:
        """Freeze the index at the current stock, until it is rebuilt."""
        self.rows(row)
        row["magento"].setdefault("indexed", self._lies(row))

    def trails(self, row: Doc) -> int:
        """Return by how many units the index exceeds the stock."""
        indexed = row.get("magento", {}).get("indexed")
        return 0 if indexed is None else int(indexed - self._lies(row))

    def put_back(self, doc: Doc, row: Doc, code: str, units: int) -> list[Doc]:
        """Return units to a source."""
        item = row["magento"]["sources"].setdefault(code, {"quantity": 0})
        item.update(quantity=item["quantity"] + units, status=1)
        return self._follow(doc, row)

    def _lies(self, row: Doc) -> float:
        rows = row["magento"].get("sources", {})
        found = (rows[code] for code in self.drawn_on() if code in rows)
        return float(sum(one["quantity"] for one in found if one.get("status", 1)))

    def _follow(self, doc: Doc, row: Doc) -> list[Doc]:
        units = self._lies(row) + self.reserved(row) - row["magento"].get("min_qty", 0)
        return self._stores.edit_variant(doc, row, {"inventory_quantity": units}, why="api")


def _priority(link: Doc) -> int:
    return int(link.get("priority", 1))
