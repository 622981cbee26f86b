"""Orders, a guest's checkout, and shipments.

Facts: Magento 2.4.7 as seen: a checkout reserves units, PUT orders/create saves an order and moves none. Parent and
child rows of a configurable product bear the same SKU.
"""

from __future__ import annotations

import secrets
from typing import Any

from flask import Flask, g, jsonify, request

from sandbox.common.keep import Doc
from sandbox.common.store import Stores
from sandbox.common.store_app import Tell
from sandbox.magento2 import criteria, inventory, shapes
from sandbox.magento2.auth import refused

STATES = {"open": "new", "shipped": "complete", "cancelled": "canceled", "refunded": "closed"}
PAYMENTS = [{"code": "checkmo", "title": "Check / Money order"}]
NEEDED = ("email", "firstname", "lastname", "street", "city", "postcode", "country_id", "telephone")


def shown(doc: Doc) -> Doc:
    """Return an order with its rows."""
    rows = [row for line in doc["lines"] for row in _rows(doc, line)]
    state = doc.get("state") if doc["status"] == "open" else None
    return {
        "entity_id": doc["id"],
        "increment_id": doc["number"].zfill(9),
        "state": state or STATES[doc["status"]],
        "status": state or STATES[doc["status"]],
        "ext_order_id": doc.get("ext_order_id"),
        "customer_email": doc.get("customer_email", "guest@example.com"),
        "created_at": shapes.stamp(doc["created_at"]),
        "updated_at": shapes.stamp(doc["updated_at"]),
        "order_currency_code": "USD",
        "items": rows,
        "status_histories": doc.get("comments") or [],
    }


def _rows(doc: Doc, line: Doc) -> list[Doc]:
    row = {
        "item_id": line["id"] * 2,
        "order_id": doc["id"],
        "product_id": line.get("entity"),
        "product_type": shapes.SIMPLE,
        "sku": line["sku"],
        "name": line["title"],
        "price": float(line.get("price") or 0),
        "qty_ordered": line["quantity"],
        "qty_refunded": line["refunded"],
        "qty_canceled": line["quantity"] if doc["status"] == "cancelled" else 0,
        "qty_shipped": line["quantity"] if doc["status"] == "shipped" else 0,
    }
    if not line.get("family"):
        return [row]
    child = {**row, "item_id": row["item_id"] + 1, "parent_item_id": row["item_id"], "price": 0}
    return [{**row, "product_type": shapes.CONFIGURABLE, "product_id": line["product"]}, child]


def field(doc: Doc, name: str) -> Any:
    """Return what a search for orders can ask for. Raises KeyError."""
    whole = shown(doc)
    return whole[name] if name in whole and name not in ("items", "status_histories") else _none(name)


def _none(name: str) -> Any:
    raise KeyError(name)


def routes(app: Flask, stores: Stores, root: str, tell: Tell) -> None:
    """Add orders, their comments and shipments, and the guest's checkout."""

    def own(number: int) -> Doc | None:
        doc = stores.keep.get("order", number)
        return _known(stores, doc) if doc and doc["domain"] == g.shop["domain"] else None

    def unknown() -> Any:
        return refused(404, "The entity that was requested doesn't exist. Verify the entity and try again.")

    @app.get(f"{root}/orders")
    def orders() -> Any:
        rows = [_known(stores, doc) for doc in stores.orders(g.shop["domain"])]
        return criteria.answer(request, rows, field, shown)

    @app.get(f"{root}/orders/<int:number>")
    def order(number: int) -> Any:
        doc = own(number)
        return shown(doc) if doc else unknown()

    @app.post(f"{root}/orders/<int:number>/comments")
    def comment(number: int) -> Any:
        doc, wish = own(number), (request.get_json(silent=True) or {}).get("statusHistory") or {}
        if doc is None:
            return unknown()
        doc["comments"] = [*(doc.get("comments") or []), wish]
        doc["updated_at"] = stores.clock.now()
        stores.keep.put("order", doc["id"], doc)
        return jsonify(True)

    @app.post(f"{root}/orders/<int:number>/cancel")
    def cancel(number: int) -> Any:
        """Cancel an order: it frees units, whether the order had reserved them or not (seen in its source)."""
        doc = own(number)
        if doc is None:
            return unknown()
        if doc["status"] in ("shipped", "cancelled", "refunded"):
            return jsonify(False)
        for line in doc["lines"]:
            pair = inventory.with_sku(stores, str(line["sku"]))
            line["variant"] = pair[1]["id"] if pair else None
        doc["takes_stock"] = True
        tell(g.shop["domain"], stores.undo(doc, refund=False))
        return jsonify(True)

    @app.post(f"{root}/orders")
    def save() -> Any:
        """Save what is named of an order; nothing else happens to it."""
        wish = (request.get_json(silent=True) or {}).get("entity") or {}
        doc = own(int(wish.get("entity_id") or 0))
        if doc is None:
            return unknown()
        if wish.get("state") not in (None, *STATES.values(), "processing"):
            return refused(400, "The order state is not known.")
        told = next((ours for ours, state in STATES.items() if state == wish.get("state")), doc["status"])
        doc.update(status=told, updated_at=stores.clock.now())
        stores.keep.put("order", doc["id"], doc)
        return shown(doc)

    @app.put(f"{root}/orders/create")
    def create() -> Any:
        wish = (request.get_json(silent=True) or {}).get("entity") or {}
        if not wish.get("items") or not wish.get("billing_address") or not wish.get("payment"):
            return refused(400, '"%fieldName" is required. Enter and try again.', parameters={"fieldName": "items"})
        lines = [_written(stores, row) for row in wish["items"]]
        kept = {name: wish.get(name) for name in ("ext_order_id", "customer_email", "state")}
        made, _ = stores.order(
            g.shop["domain"], lines, takes_stock=False, comments=wish.get("status_histories") or [], **kept
        )
        return shown(_known(stores, made))

    @app.get(f"{root}/shipments")
    def shipments() -> Any:
        rows = [
            {"order": doc, "parcel": parcel} for doc in stores.orders(g.shop["domain"]) for parcel in doc["shipments"]
        ]
        return criteria.answer(
            request,
            rows,
            lambda row, name: {"order_id": row["order"]["id"], "entity_id": row["parcel"]["id"]}[name],
            _shipment,
        )

    _carts(app, stores, root, tell)


def _written(stores: Stores, row: Doc) -> Doc:
    """Return a line of an order that is only written down."""
    pair = inventory.with_sku(stores, str(row.get("sku", "")))
    line: Doc = {"variant": None, "quantity": int(row["qty_ordered"]), "price": row["price"]}
    line |= {"title": row.get("name", ""), "sku": row.get("sku", "")}
    return {**line, "entity": pair[0].id} if pair else line


def _known(stores: Stores, doc: Doc) -> Doc:
    """Add to an order's lines what Magento calls their products."""
    for line in doc["lines"]:
        found = stores.with_variant(line.get("variant"))
        if found is not None and "entity" not in line:
            one = next(e for e in shapes.of(found[0]) if e.row is not None and e.row["id"] == found[1]["id"])
            line.update(entity=one.id, family=one.family, sku=one.sku)
    return doc


def _shipment(row: Doc) -> Doc:
    parcel, doc = row["parcel"], row["order"]
    track = {
        "entity_id": parcel["id"] + 5,
        "track_number": parcel.get("tracking_number", ""),
        "title": parcel.get("carrier", ""),
        "carrier_code": str(parcel.get("carrier", "")).lower(),
    }
    return {
        "entity_id": parcel["id"],
        "order_id": doc["id"],
        "created_at": shapes.stamp(parcel["created_at"]),
        "tracks": [track],
        "items": [],
    }


def _carts(app: Flask, stores: Stores, root: str, tell: Tell) -> None:
    carts = f"{root}/guest-carts"

    def cart_of(mask: str) -> Doc:
        return stores.keep.get("cart", mask) or _none("No such entity with %fieldName = %fieldValue")

    @app.post(carts)
    def make() -> Any:
        mask = secrets.token_hex(16)
        stores.keep.put("cart", mask, {"lines": [], "address": None})
        return jsonify(mask)

    @app.post(f"{carts}/<mask>/items")
    def add(mask: str) -> Any:
        cart, wish = cart_of(mask), (request.get_json(silent=True) or {}).get("cartItem") or {}
        pair = inventory.with_sku(stores, str(wish.get("sku", "")))
        if pair is None:
            return refused(404, "The product that was requested doesn't exist. Verify the product and try again.")
        one, row = pair
        if row["tracked"] and row["inventory_quantity"] < int(wish["qty"]):
            return refused(400, "Not all of your products are available in the requested quantity.")
        cart["lines"].append({"variant": row["id"], "quantity": int(wish["qty"])})
        stores.keep.put("cart", mask, cart)
        return {"item_id": len(cart["lines"]), "sku": one.sku, "qty": wish["qty"]}

    @app.post(f"{carts}/<mask>/estimate-shipping-methods")
    def ways(mask: str) -> Any:
        cart_of(mask)
        return jsonify([{"carrier_code": "flatrate", "method_code": "flatrate", "amount": 5, "available": True}])

    @app.post(f"{carts}/<mask>/shipping-information")
    def shipping(mask: str) -> Any:
        cart, wish = cart_of(mask), (request.get_json(silent=True) or {}).get("addressInformation") or {}
        where = wish.get("shipping_address") or {}
        if missing := [name for name in NEEDED if not where.get(name)]:
            return refused(400, '"%fieldName" is required. Enter and try again.', parameters={"fieldName": missing[0]})
        if (wish.get("shipping_carrier_code"), wish.get("shipping_method_code")) != ("flatrate", "flatrate"):
            return refused(404, "Carrier with such method not found: %1, %2", parameters=["", ""])
        cart["address"] = where
        stores.keep.put("cart", mask, cart)
        return {"payment_methods": PAYMENTS, "totals": {}}

    @app.get(f"{carts}/<mask>/payment-methods")
    def payments(mask: str) -> Any:
        cart_of(mask)
        return jsonify(PAYMENTS)

    @app.put(f"{carts}/<mask>/order")
    def place(mask: str) -> Any:
        cart = cart_of(mask)
        if not cart["address"]:
            return refused(400, "The shipping address is missing. Set the address and try again.")
        made, happened = stores.order(g.shop["domain"], cart["lines"], customer_email=cart["address"]["email"])
        stores.keep.drop("cart", mask)
        tell(g.shop["domain"], happened)
        return jsonify(str(made["id"]))
