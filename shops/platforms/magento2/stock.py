"""Magento's stock: in sources with reservations, or, where those modules were taken out, one number a product.

What can be sold is what lies in the sources less what is reserved by orders that are not shipped. Only the number in a
source can be written, and only as a whole; so it is read right before, and read again afterwards.

Facts: the salable-quantity export names every product; a product whose stock is not managed has no number there
(magento/inventory). Posting a source item for an unknown SKU is answered 200 and does nothing (seen on 2.4.7).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from shops.platforms import calls
from shops.platforms.magento2 import search
from shops.platforms.magento2.frame import Frame
from shops.platforms.magento2.rest import Rest, encoded
from shops.platforms.reading import M, valid
from shops.platforms.values import Count, Moved, StockPage, Unsupported
from shops.wire import Part, Text

PAGE = 300
#: Without sources each product is asked for by itself.
PAGE_ALONE = 25
DEFAULT_SOURCE = "default"


class _Salable(Part):
    sku: str
    qty: float | None = None
    is_salable: bool = True


class _Source(Part):
    sku: str
    source_code: str
    quantity: float = 0
    status: int = 1


class _Item(Part):
    item_id: Text
    qty: float | None = 0
    manage_stock: bool = True
    is_in_stock: bool = True


class Stock:
    """Reads and changes the stock of one store."""

    def __init__(self, rest: Rest, frame: Frame) -> None:
        """Nothing is asked yet."""
        self._rest = rest
        self._frame = frame

    def of(self, skus: Iterable[str]) -> dict[str, int | None]:
        """Return what can be sold of each SKU; None where nobody counts."""
        if self._frame.told["sources"] is None:
            return {sku: self._alone(sku)[0] for sku in skus}
        found: dict[str, int | None] = {}
        for some in search.few(skus):
            found |= dict.fromkeys(map(str, some), 0)
            rows = self._rest.every(self._export, search.one_of("sku", some))
            found |= {one.sku: _units(one) for one in (_valid(_Salable, row) for row in rows)}
        return found

    def page(self, cursor: str) -> StockPage:
        """Return a page of what can be sold."""
        if self._frame.told["sources"] is None:
            return self._page_alone(cursor)
        number = int(cursor or 1)
        rows, total = self._rest.rows(self._export, search.query(size=PAGE, page=number))
        read = [_valid(_Salable, row) for row in rows]
        units = {one.sku: count for one in read if (count := _units(one)) is not None}
        return StockPage(units, str(number + 1) if rows and number * PAGE < total else None)

    def _page_alone(self, cursor: str) -> StockPage:
        groups: list[search.Group] = [[("type_id", "in", "simple,virtual")], [("entity_id", "gt", cursor or "0")]]
        asked = search.query(*groups, size=PAGE_ALONE, fields="items[id,sku],total_count")
        rows, total = self._rest.rows("/products", asked)
        counts = {str(row["sku"]): self._alone(str(row["sku"]))[0] for row in rows}
        units = {sku: count for sku, count in counts.items() if count is not None}
        return StockPage(units, str(rows[-1]["id"]) if rows and total > len(rows) else None)

    def count(self, sku: str) -> Count:
        """Return what can be sold, and the number in the source that an adjustment would change."""
        if self._frame.told["sources"] is None:
            units, item = self._alone(sku)
            return Count(units, item.item_id if item else "", units or 0)
        units = self.of([sku])[sku]
        source = self._source(sku)
        if units is None or source is None:
            return Count(units)
        return Count(units, source.source_code, int(source.quantity))

    def adjust(self, sku: str, count: Count, *, by: int) -> Count:
        """Change the stock by a difference. Raises Moved when it is no longer what `count` says."""
        if count.units is None or not count.place:
            raise Unsupported("Magento does not count this product.")
        now, wanted = self.count(sku), count.there + by
        if (now.place, now.there) != (count.place, count.there) or wanted < 0:
            raise Moved("The stock in Magento has moved.")
        if self._frame.told["sources"] is None:
            body = {"stockItem": {"qty": wanted, "is_in_stock": wanted > 0}}
            self._rest.send("PUT", f"/products/{encoded(sku)}/stockItems/{count.place}", body)
        else:
            source = self._source(sku)
            # A seller may have marked a product as out of stock by hand; only we, who add to nothing, wake it.
            status = 1 if count.there == 0 and wanted else (source.status if source else 1)
            row = {"sku": sku, "source_code": count.place, "quantity": wanted, "status": status}
            self._rest.send("POST", "/inventory/source-items", {"sourceItems": [row]})
        with calls.written():
            return self.count(sku)

    # -- reading ---------------------------------------------------------------------------------------------

    @property
    def _export(self) -> str:
        return f"/inventory/export-stock-salable-qty/website/{self._frame.told['website']}"

    def _source(self, sku: str) -> _Source | None:
        """Return the source that we change: the default one, else the enabled one that holds most."""
        enabled = self._frame.told["sources"] or []
        rows = self._rest.every("/inventory/source-items", [("sku", "eq", sku)], sort="")
        found = [one for one in (_valid(_Source, row) for row in rows) if one.source_code in enabled]
        return max(found, key=lambda one: (one.source_code == DEFAULT_SOURCE, one.quantity), default=None)

    def _alone(self, sku: str) -> tuple[int | None, _Item | None]:
        said = self._rest.get(f"/stockItems/{encoded(sku)}", missing=True)
        if said is None:
            return None, None
        item = _valid(_Item, said)
        if not item.manage_stock:
            return None, item
        return (int(item.qty or 0) if item.is_in_stock else 0), item


def _units(one: _Salable) -> int | None:
    if one.qty is None:
        return None
    return max(0, int(one.qty)) if one.is_salable else 0


def _valid(model: type[M], row: Any) -> M:
    return valid(model, row, "Magento's stock")
