"""Stock: sources with reservations, the export of what can be sold, and the old stock items.

What the store keeps is what can be sold. In the source lies more: the units of orders that are not shipped, which are
reserved. Facts: Magento 2.4.7 as seen: source items for an unknown SKU are answered 200 and do nothing, an unknown
source is 400; a stock item's qty is that of the source.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flask import Flask, g, jsonify, request

from sandbox.common.keep import Doc
from sandbox.common.store import Stores
from sandbox.common.store_app import Tell
from sandbox.magento2 import criteria, shapes
from sandbox.magento2.auth import refused
from sandbox.magento2.shapes import Entry

SOURCES = [{"source_code": "default", "name": "Default Source", "enabled": True, "country_id": "US"}]
NO_ROUTE = "Request does not match any route."


def reserved(stores: Stores, row: Doc) -> int:
    """Return the units of a variant in orders that are not shipped."""
    return sum(
        int(line["quantity"]) - int(line["refunded"])
        for order in stores.keep.all("order").values()
        if order["status"] == "open" and order.get("takes_stock", True)
        for line in order["lines"]
        if line.get("variant") == row["id"]
    )


def sold_ones(stores: Stores) -> Iterator[tuple[Entry, Doc]]:
    """Return the entries of the called store that have stock, by entity id."""
    for one in sorted(shapes.entries(stores, g.shop["domain"]), key=lambda one: one.id):
        if one.row is not None:
            yield one, one.row


def with_sku(stores: Stores, sku: str) -> tuple[Entry, Doc] | None:
    """Return the entry with a SKU."""
    return next((pair for pair in sold_ones(stores) if pair[0].sku.lower() == sku.lower()), None)


def routes(app: Flask, stores: Stores, root: str, tell: Tell) -> None:
    """Add the routes; those of the inventory modules are missing where the store has taken them out."""

    @app.before_request
    def taken_out() -> Any:
        if "shop" in g and g.shop.get("msi") is False and request.path.startswith(f"{root}/inventory/"):
            return refused(404, NO_ROUTE)
        return None

    @app.get(f"{root}/inventory/sources")
    def sources() -> Any:
        return {"items": SOURCES, "search_criteria": {}, "total_count": len(SOURCES)}

    @app.get(f"{root}/inventory/export-stock-salable-qty/website/<code>")
    def export(code: str) -> Any:
        if code != "base":
            return refused(404, "Website with code %1 not found", parameters=[code])

        def show(pair: tuple[Entry, Doc]) -> Doc:
            one, row = pair
            units = row["inventory_quantity"] if row["tracked"] else None
            return {"sku": one.sku, "qty": units, "is_salable": units is None or units > 0}

        rows = list(sold_ones(stores))
        return criteria.answer(request, rows, lambda pair, name: shapes.field(pair[0], name), show)

    _source_items(app, stores, root, tell)
    _stock_items(app, stores, root, tell)


def _source_items(app: Flask, stores: Stores, root: str, tell: Tell) -> None:
    @app.route(f"{root}/inventory/source-items", methods=["GET", "POST"])
    def source_items() -> Any:
        if request.method == "GET":

            def show(pair: tuple[Entry, Doc]) -> Doc:
                one, row = pair
                units = row["inventory_quantity"] + reserved(stores, row)
                return {"sku": one.sku, "source_code": "default", "quantity": units, "status": int(units > 0)}

            rows = list(sold_ones(stores))
            return criteria.answer(request, rows, lambda pair, name: shapes.field(pair[0], name), show)
        wishes = (request.get_json(silent=True) or {}).get("sourceItems") or []
        for wish in wishes:
            if wish.get("source_code") != "default":
                return refused(400, "Validation Failed", errors=[{"message": "Source does not exist"}])
            if float(wish.get("quantity", 0)) < 0:
                return refused(400, "Validation Failed", errors=[{"message": "Quantity cannot be negative"}])
        for wish in wishes:
            pair = with_sku(stores, str(wish.get("sku", "")))
            if pair is not None:
                one, row = pair
                units = int(wish["quantity"]) - reserved(stores, row)
                tell(g.shop["domain"], stores.edit_variant(one.doc, row, {"inventory_quantity": units}, why="api"))
        return jsonify([])


def _stock_items(app: Flask, stores: Stores, root: str, tell: Tell) -> None:
    @app.get(f"{root}/stockItems/<path:sku>")
    def stock_item(sku: str) -> Any:
        pair = with_sku(stores, sku)
        if pair is None:
            return refused(404, "The product that was requested doesn't exist. Verify the product and try again.")
        one, row = pair
        units = row["inventory_quantity"] + reserved(stores, row)
        return {
            "item_id": one.id + 7,
            "product_id": one.id,
            "stock_id": 1,
            "qty": units,
            "is_in_stock": units > 0 or not row["tracked"],
            "manage_stock": row["tracked"],
            "use_config_manage_stock": row["tracked"],
            "backorders": 0,
            "min_qty": 0,
        }

    @app.put(f"{root}/products/<path:sku>/stockItems/<int:item>")
    def change(sku: str, item: int) -> Any:
        pair = with_sku(stores, sku)
        if pair is None or pair[0].id + 7 != item:
            return refused(404, "The product that was requested doesn't exist. Verify the product and try again.")
        one, row = pair
        wish = (request.get_json(silent=True) or {}).get("stockItem") or {}
        units = int(wish["qty"]) - reserved(stores, row)
        tell(g.shop["domain"], stores.edit_variant(one.doc, row, {"inventory_quantity": units}, why="api"))
        return jsonify(item)
