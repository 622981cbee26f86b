"""Stock over REST: sources, stocks and their links, the export of salable quantities, and legacy stock items.

Facts: Magento 2.4.7 as seen: source items for an unknown SKU get 200 and do nothing, an unknown source is 400; a stock
item's qty is that of the default source. The export counts only the rows of its own page and omits products in no
source of the stock, so a page may have fewer rows than requested. The default source cannot be linked to another stock.
magento/inventory (PreciseExportStockProcessor): unmanaged stock is exported as 0 and salable. Its index lags behind a
change of a source if the shop is set to `index_trails`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flask import Flask, g, jsonify, request

from sandbox.common.keep import Doc
from sandbox.common.store import Stores
from sandbox.common.store_app import Notify
from sandbox.magento2 import criteria, shapes
from sandbox.magento2.auth import refused
from sandbox.magento2.msi import DEFAULT, Msi
from sandbox.magento2.shapes import Entry

NO_ROUTE = "Request does not match any route."
NO_PRODUCT = "The product that was requested doesn't exist. Verify the product and try again."
NO_LINK = "Can not save link related to Default Source or Default Stock"


def has_msi() -> bool:
    """Return whether the called store has the inventory modules."""
    return g.shop.get("msi") is not False


def all_ones(stores: Stores) -> list[Entry]:
    """Return the entries of the called store by entity id."""
    return sorted(shapes.entries(stores, g.shop["domain"]), key=lambda one: one.id)


def sold_ones(stores: Stores) -> Iterator[tuple[Entry, Doc]]:
    """Return the entries of the called store that have stock, by entity id."""
    return ((one, one.row) for one in all_ones(stores) if one.row is not None)


def with_sku(stores: Stores, sku: str) -> tuple[Entry, Doc] | None:
    """Return the entry with a SKU."""
    return next((pair for pair in sold_ones(stores) if pair[0].sku.rstrip().lower() == sku.rstrip().lower()), None)


def routes(app: Flask, stores: Stores, root: str, notify: Notify) -> None:
    """Add the routes; without the inventory modules, theirs are missing."""
    msi = Msi(stores)

    @app.before_request
    def taken_out() -> Any:
        if "shop" in g and not has_msi() and request.path.startswith(f"{root}/inventory/"):
            return refused(404, NO_ROUTE)
        return None

    @app.get(f"{root}/inventory/export-stock-salable-qty/website/<code>")
    def export(code: str) -> Any:
        if msi.stock_of(code) is None:
            return refused(404, "No linked stock found")
        whole = criteria.answer(request, all_ones(stores), _of_entry, lambda one: _salable(msi, one))
        whole["items"] = [one for one in whole["items"] or () if one]
        return {**whole, "total_count": len(whole["items"])}

    _sources(app, stores, msi, root)
    _source_items(app, stores, msi, root, notify)
    _stock_items(app, stores, msi, root, notify)


def _of_entry(one: Entry, name: str) -> Any:
    return shapes.field(one, name)


def _salable(msi: Msi, one: Entry) -> Doc:
    """Return a row of the export; an empty one for a product in no source of the stock."""
    row = one.row
    if row is None or not row["tracked"]:
        return {"sku": one.stock_sku, "qty": 0, "is_salable": True}
    if not msi.is_assigned(row):
        return {}
    units = row["inventory_quantity"] + msi.trails(row)
    backorders = bool(one.own.get("backorders"))
    return {"sku": one.stock_sku, "qty": units, "is_salable": units > 0 or backorders}


def _sources(app: Flask, stores: Stores, msi: Msi, root: str) -> None:
    """Add sources, stocks and links."""

    @app.route(f"{root}/inventory/sources", methods=["GET", "POST"])
    def sources() -> Any:
        if request.method == "POST":
            wish = (request.get_json(silent=True) or {}).get("source") or {}
            stores.keep.put("source", wish["source_code"], {"enabled": True, "country_id": "US", **wish})
            return jsonify([])
        return criteria.answer(request, msi.sources(), lambda one, name: one.get(name), dict)

    @app.route(f"{root}/inventory/stocks", methods=["GET", "POST"])
    def stocks() -> Any:
        if request.method == "POST":
            wish = (request.get_json(silent=True) or {}).get("stock") or {}
            channels = (wish.get("extension_attributes") or {}).get("sales_channels") or []
            number = stores.keep.number("stock", 2)
            made = {"stock_id": number, "name": wish["name"], "websites": [one["code"] for one in channels]}
            stores.keep.put("stock", number, made)
            return jsonify(number)
        return criteria.answer(request, msi.stocks(), lambda one, name: one.get(name), _stock)

    @app.get(f"{root}/inventory/stock-resolver/website/<code>")
    def resolver(code: str) -> Any:
        found = msi.stock_of(code)
        return _stock(found) if found else refused(404, "No linked stock found")

    @app.route(f"{root}/inventory/stock-source-links", methods=["GET", "POST"])
    def links() -> Any:
        if request.method == "GET":
            return criteria.answer(request, msi.links(), lambda one, name: one.get(name), dict)
        wishes = (request.get_json(silent=True) or {}).get("links") or []
        if any(one["stock_id"] == 1 or one["source_code"] == DEFAULT for one in wishes):
            return refused(400, NO_LINK)
        for one in wishes:
            stores.keep.put("link", f"{one['stock_id']} {one['source_code']}", {"priority": 1, **one})
        return jsonify([])


def _stock(one: Doc) -> Doc:
    channels = [{"type": "website", "code": code} for code in one["websites"]]
    return {"stock_id": one["stock_id"], "name": one["name"], "extension_attributes": {"sales_channels": channels}}


def _source_items(app: Flask, stores: Stores, msi: Msi, root: str, notify: Notify) -> None:
    def items() -> list[Doc]:
        return [
            {"sku": one.stock_sku, "source_code": code, "quantity": item["quantity"], "status": item.get("status", 1)}
            for one, row in sold_ones(stores)
            for code, item in msi.rows(row).items()
        ]

    @app.get(f"{root}/inventory/source-items")
    def source_items() -> Any:
        return criteria.answer(request, items(), lambda one, name: one[name], dict)

    @app.post(f"{root}/inventory/source-items")
    def save_source_items() -> Any:
        wishes = (request.get_json(silent=True) or {}).get("sourceItems") or []
        known = {one["source_code"] for one in msi.sources()}
        for wish in wishes:
            if wish.get("source_code") not in known:
                return refused(400, "Validation Failed", errors=[{"message": "Source does not exist"}])
            if float(wish.get("quantity", 0)) < 0:
                return refused(400, "Validation Failed", errors=[{"message": "Quantity cannot be negative"}])
        for wish in wishes:
            pair = with_sku(stores, str(wish.get("sku", "")))
            if pair is not None:
                if g.shop.get("index_trails"):
                    msi.keep_index(pair[1])
                item = {"quantity": wish["quantity"], "status": wish.get("status", 1)}
                notify(g.shop["domain"], msi.write(pair[0].doc, pair[1], {wish["source_code"]: item}))
        return jsonify([])

    @app.post(f"{root}/inventory/source-items-delete")
    def unassign() -> Any:
        for wish in (request.get_json(silent=True) or {}).get("sourceItems") or []:
            pair = with_sku(stores, str(wish.get("sku", "")))
            if pair is not None:
                notify(g.shop["domain"], msi.unassign(pair[0].doc, pair[1], wish["source_code"]))
        return jsonify([])


def stock_item(msi: Msi, one: Entry, row: Doc) -> Doc:
    """Return the legacy stock item: the default source's quantity, or the only one if there are no sources."""
    least = one.own.get("min_qty", 0)
    units = msi.rows(row).get(DEFAULT, {}).get("quantity", 0) if has_msi() else row["inventory_quantity"] + least
    backorders = one.own.get("backorders", 0)
    in_stock = not row["tracked"] or units > least or bool(backorders)
    return {
        "item_id": one.id + 7,
        "product_id": one.id,
        "stock_id": 1,
        "qty": units,
        "is_in_stock": in_stock and one.own.get("is_in_stock", True),
        "use_config_manage_stock": row["tracked"],
        "manage_stock": row["tracked"],
        "use_config_backorders": not backorders,
        "backorders": backorders,
        "use_config_min_qty": not least,
        "min_qty": least,
    }


def _stock_items(app: Flask, stores: Stores, msi: Msi, root: str, notify: Notify) -> None:
    @app.get(f"{root}/stockItems/<path:sku>")
    def item_of(sku: str) -> Any:
        pair = with_sku(stores, sku)
        return stock_item(msi, *pair) if pair else refused(404, NO_PRODUCT)

    @app.put(f"{root}/products/<path:sku>/stockItems/<int:item>")
    def change(sku: str, item: int) -> Any:
        pair = with_sku(stores, sku)
        if pair is None or pair[0].id + 7 != item:
            return refused(404, NO_PRODUCT)
        one, row = pair
        wish = (request.get_json(silent=True) or {}).get("stockItem") or {}
        units = int(wish["qty"])
        if has_msi():
            happened = msi.write(one.doc, row, {DEFAULT: {"quantity": units, "status": int(units > 0)}})
        else:
            units -= one.own.get("min_qty", 0)
            happened = stores.edit_variant(one.doc, row, {"inventory_quantity": units}, why="api")
        notify(g.shop["domain"], happened)
        return jsonify(item)
