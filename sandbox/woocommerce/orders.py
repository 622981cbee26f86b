"""wc/v3 orders: create, read, refund. `processing`, `on-hold` and `completed` deduct stock; overselling is accepted.

Facts: WooCommerce 11 as seen: a line names a product or a SKU; an order marked as having reduced its stock deducts
none, and the mark is not shown.
"""

from __future__ import annotations

from typing import Any

from flask import Flask, g, request

from sandbox.common.keep import Doc
from sandbox.common.store import Stores
from sandbox.common.store_app import Notify
from sandbox.woocommerce import api, shapes

TAKES_STOCK = {"processing", "on-hold", "completed"}
TOOK_ALREADY = "_order_stock_reduced"
KEPT = ("billing", "shipping", "shipping_lines", "fee_lines", "meta_data", "transaction_id", "payment_method")


def routes(app: Flask, stores: Stores, notify: Notify) -> None:
    """Add the addresses of orders."""

    def own(number: int) -> Doc | None:
        doc = stores.keep.get("order", number)
        return doc if doc and doc["domain"] == g.shop["domain"] else None

    def unknown() -> Any:
        return api.error("woocommerce_rest_shop_order_invalid_id", "Invalid ID.", 404)

    @app.route("/wp-json/wc/v3/orders", methods=["GET", "POST"])
    def orders() -> Any:
        if request.method == "GET":
            since = api.after("modified_after")
            rows = [doc for doc in stores.orders(g.shop["domain"]) if doc["updated_at"] > since]
            rows = [doc for doc in rows if doc.get("wc_status") != "trash"]
            return api.page(api.in_order(rows), lambda doc: shapes.order(stores, doc))
        wish = request.get_json(silent=True) or {}
        status = wish.get("status", "pending")
        rows = wish.get("line_items") or []
        if not all(row.get("product_id") or row.get("variation_id") or row.get("sku") for row in rows):
            return api.error("woocommerce_rest_required_product_reference", "Product ID or SKU is required.", 400)
        more = {name: wish[name] for name in KEPT if name in wish}
        marks = more.get("meta_data") or []
        more["meta_data"] = [one for one in marks if one.get("key") != TOOK_ALREADY]
        order, happened = stores.order(
            g.shop["domain"],
            [_line(stores, row) for row in rows],
            takes_stock=status in TAKES_STOCK and len(marks) == len(more["meta_data"]),
            paid=bool(wish.get("set_paid")),
            created_via="rest-api",
            note=wish.get("customer_note", ""),
            **more,
        )
        notify(g.shop["domain"], happened)
        return shapes.order(stores, order), 201

    @app.route("/wp-json/wc/v3/orders/<int:number>", methods=["GET", "PUT"])
    def order(number: int) -> Any:
        doc = own(number)
        if doc is None:
            return unknown()
        if request.method == "PUT":
            status = (request.get_json(silent=True) or {}).get("status", "")
            if status not in (*shapes.STATUSES.values(), "pending", "on-hold", "failed"):
                return api.error("rest_invalid_param", "Invalid parameter(s): status", 400)
            if status == "cancelled":  # restocks what the order deducted, nothing else
                notify(g.shop["domain"], stores.undo(doc, refund=False))
        return shapes.order(stores, doc)

    @app.route("/wp-json/wc/v3/orders/<int:number>/notes", methods=["GET", "POST"])
    def notes(number: int) -> Any:
        doc = own(number)
        if doc is None:
            return unknown()
        if request.method == "GET":
            return api.page(doc.get("notes") or [], lambda row: row)
        wish = request.get_json(silent=True) or {}
        if not wish.get("note"):
            return api.error("rest_missing_callback_param", "Missing parameter(s): note", 400)
        row = {"id": number * 10 + len(doc.get("notes") or []), "author": "ReverbSync", **wish}
        doc["notes"] = [*(doc.get("notes") or []), row]
        stores.keep.put("order", doc["id"], doc)
        return row, 201

    @app.get("/wp-json/wc/v3/orders/<int:number>/refunds")
    def refunds(number: int) -> Any:
        doc = own(number)
        return api.page(shapes.refunds(doc), lambda row: row) if doc else unknown()


def _line(stores: Stores, wish: Doc) -> Doc:
    """Read a line; one with an unknown product is accepted without a name (as seen)."""
    number = wish.get("variation_id") or wish.get("product_id")
    pair = stores.with_sku(g.shop["domain"], wish["sku"]) if wish.get("sku") else stores.with_variant(number)
    if pair is None and not wish.get("sku"):
        doc = stores.product(number)
        pair = (doc, doc["variants"][0]) if doc else None
    units = int(wish.get("quantity", 1))
    line: Doc = {"quantity": units, "variant": pair[1]["id"] if pair else None, "title": wish.get("name", "")}
    if wish.get("total"):
        line["price"] = f"{float(wish['total']) / max(1, units):.2f}"
    return line
