"""v2 orders, their lines and shipments. An empty list is 204 without a body; dates are RFC 2822."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Flask, g, jsonify, request

from sandbox.bigcommerce import shapes
from sandbox.common.keep import Doc
from sandbox.common.store import Stores
from sandbox.common.store_app import Notify

ROOT = "/stores/<store_hash>/v2/orders"


def routes(app: Flask, stores: Stores, notify: Notify) -> None:
    """Add the addresses of orders."""

    def own(number: int) -> Doc | None:
        doc = stores.keep.get("order", number)
        return doc if doc and doc["domain"] == g.shop["domain"] else None

    def rows_of(rows: list[Any]) -> Any:
        return jsonify(rows) if rows else ("", 204)

    def unknown() -> Any:
        return jsonify([{"status": 404, "message": "The requested resource was not found."}]), 404

    @app.route(ROOT, methods=["GET", "POST"])
    def orders(store_hash: str) -> Any:
        if request.method == "POST":
            return _make(stores, notify)
        since, mark = request.args.get("min_date_modified"), request.args.get("external_order_id")
        at = datetime.fromisoformat(since).timestamp() if since else 0.0
        rows = [doc for doc in stores.orders(g.shop["domain"]) if doc["updated_at"] >= at]
        rows = [doc for doc in rows if mark is None or doc.get("external_order_id") == mark]
        least, most = request.args.get("min_id", 0, type=int), request.args.get("max_id", type=int)
        rows = [doc for doc in rows if doc["id"] >= least and (most is None or doc["id"] <= most)]
        rows.sort(key=lambda doc: float(doc["updated_at"]))
        size, number = min(250, request.args.get("limit", 50, type=int)), request.args.get("page", 1, type=int)
        return rows_of([shapes.order(doc) for doc in rows[(number - 1) * size : number * size]])

    @app.route(f"{ROOT}/<int:number>", methods=["GET", "PUT"])
    def order(store_hash: str, number: int) -> Any:
        doc = own(number)
        if doc is None:
            return unknown()
        return shapes.order(doc) if request.method == "GET" else _change(stores, notify, doc)

    @app.get(f"{ROOT}/<int:number>/products")
    def lines(store_hash: str, number: int) -> Any:
        doc = own(number)
        return rows_of([shapes.line(stores, doc, row) for row in doc["lines"]]) if doc else unknown()

    @app.get(f"{ROOT}/<int:number>/shipments")
    def shipments(store_hash: str, number: int) -> Any:
        doc = own(number)
        return rows_of([shapes.shipment(doc, row) for row in doc["shipments"]]) if doc else unknown()


def _change(stores: Stores, notify: Notify, doc: Doc) -> Any:
    """Change status and notes. Cancelling restocks the catalogue lines (the store's usual setting)."""
    wish = request.get_json(silent=True) or {}
    if unknown := set(wish) - {"status_id", "staff_notes"}:
        words = f"The field '{sorted(unknown)[0]}' is not supported by this resource."
        return jsonify([{"status": 400, "message": words}]), 400
    if wish.get("status_id") not in (None, *shapes.NAMES):
        return jsonify([{"status": 400, "message": "The field 'status_id' is invalid."}]), 400
    doc["note"] = wish.get("staff_notes", doc.get("note", ""))
    if "status_id" in wish:
        doc["status_id"] = wish["status_id"]
    happened = stores.undo(doc, refund=False) if wish.get("status_id") == 5 else []
    stores.keep.put("order", doc["id"], doc)
    notify(g.shop["domain"], happened)
    return shapes.order(doc)


def _make(stores: Stores, notify: Notify) -> Any:
    wish = request.get_json(silent=True) or {}
    lines, catalogue = [], True
    for row in wish.get("products") or []:
        line: Doc = {"quantity": int(row.get("quantity", 1)), "price": row.get("price_ex_tax", "0.00")}
        if row.get("product_id"):
            pair = stores.with_variant(row.get("variant_id"))
            if pair is None or pair[0]["id"] != row["product_id"]:
                return jsonify([{"status": 400, "message": "The product or variant is not valid."}]), 400
            line["variant"] = pair[1]["id"]
        elif not row.get("name"):
            return jsonify([{"status": 400, "message": "The field 'name' is required for a custom product."}]), 400
        else:
            line.update(variant=None, title=row["name"], sku=row.get("sku", ""))
            catalogue = False
        lines.append(line)
    if not wish.get("billing_address"):
        return jsonify([{"status": 400, "message": "The required field 'billing_address' was not supplied."}]), 400
    order, happened = stores.order(
        g.shop["domain"],
        lines,
        takes_stock=catalogue,
        external_order_id=str(wish.get("external_order_id", "")),
        external_source=wish.get("external_source"),
        note=wish.get("staff_notes", ""),
        status_id=wish.get("status_id"),
    )
    notify(g.shop["domain"], happened)
    return shapes.order(order), 201
