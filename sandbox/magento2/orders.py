"""Orders and shipments as REST shows them, and orders created without a checkout.

Facts: Magento 2.4.7 as seen: a checkout reserves units, PUT orders/create saves an order and moves none; fields that it
omits are empty (store_id null, no shipping address). Parent and child rows of a configurable product have the same SKU;
a row with a custom option has the option's SKU after the product's.
"""

from __future__ import annotations

from typing import Any

from flask import Flask, g, jsonify, request

from sandbox.common.keep import Doc
from sandbox.common.store import Stores
from sandbox.common.store_app import Notify
from sandbox.magento2 import back_office, carts, criteria, inventory, shapes
from sandbox.magento2.auth import refused
from sandbox.magento2.shapes import Entry

STATES = {"open": "new", "shipped": "complete", "cancelled": "canceled", "refunded": "closed"}
#: Fields of a created order that are saved as sent.
KEPT = (
    "ext_order_id",
    "customer_email",
    "state",
    "store_id",
    "total_qty_ordered",
    "billing_address",
    "extension_attributes",
)


def shown(doc: Doc) -> Doc:
    """Return an order with its rows."""
    state = STATES[doc["status"]]
    if doc["status"] == "open" and (doc.get("state") or doc.get("invoiced")):
        state = doc.get("state") or "processing"
    if doc["status"] == "shipped" and doc.get("invoiced") is False:
        state = "processing"
    return {
        "entity_id": doc["id"],
        "increment_id": doc["number"].zfill(9),
        "state": state,
        "status": state,
        "ext_order_id": doc.get("ext_order_id"),
        "customer_email": doc.get("customer_email", "guest@example.com"),
        "store_id": doc.get("store_id", 1),
        "quote_id": None if "billing_address" in doc else doc["id"] + 1,
        "total_qty_ordered": doc.get("total_qty_ordered", sum(line["quantity"] for line in doc["lines"])),
        "created_at": shapes.stamp(doc["created_at"]),
        "updated_at": shapes.stamp(doc["updated_at"]),
        "order_currency_code": "USD",
        "items": [row for line in doc["lines"] for row in _rows(doc, line)],
        "status_histories": [one for one in doc.get("comments") or [] if one],
        "extension_attributes": doc.get("extension_attributes") or {"shipping_assignments": _assigned(doc)},
    }


def _assigned(doc: Doc) -> list[Doc]:
    where = back_office.address_of(doc)
    return [{"shipping": {"address": where, "method": "flatrate_flatrate"}}] if where else []


def _rows(doc: Doc, line: Doc) -> list[Doc]:
    shipped = line["quantity"] if doc["status"] == "shipped" else line.get("shipped", 0)
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
        "qty_shipped": shipped,
    }
    if not line.get("family"):
        return [row]
    child = {**row, "item_id": row["item_id"] + 1, "parent_item_id": row["item_id"], "price": 0}
    return [{**row, "product_type": shapes.CONFIGURABLE, "product_id": line["product"]}, child]


def field(doc: Doc, name: str) -> Any:
    """Return the value of a field that a search for orders may use. Raises KeyError."""
    whole = shown(doc)
    return whole[name] if name in whole and name not in ("items", "status_histories") else _none(name)


def _none(name: str) -> Any:
    raise KeyError(name)


def routes(app: Flask, stores: Stores, root: str, notify: Notify) -> None:
    """Add orders, their comments and shipments, and the guest's checkout."""

    def own(number: int) -> Doc | None:
        doc = stores.keep.get("order", number)
        return _known(stores, doc) if doc and doc["domain"] == g.shop["domain"] else None

    def unknown() -> Any:
        return refused(404, back_office.NO_ORDER)

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

    @app.post(f"{root}/orders")
    def save() -> Any:
        """Save the named fields of an order, without any side effect."""
        wish = (request.get_json(silent=True) or {}).get("entity") or {}
        doc = own(int(wish.get("entity_id") or 0))
        if doc is None:
            return unknown()
        if wish.get("state") not in (None, *STATES.values(), "processing"):
            return refused(400, "The order state is not known.")
        status = next((ours for ours, state in STATES.items() if state == wish.get("state")), doc["status"])
        if status != "open":
            back_office.keep_reserved(stores, doc)
        doc.update(status=status, updated_at=stores.clock.now())
        stores.keep.put("order", doc["id"], doc)
        return shown(doc)

    @app.put(f"{root}/orders/create")
    def create() -> Any:
        wish = (request.get_json(silent=True) or {}).get("entity") or {}
        if not wish.get("items") or not wish.get("billing_address") or not wish.get("payment"):
            return refused(400, '"%fieldName" is required. Enter and try again.', parameters={"fieldName": "items"})
        lines = [_written(stores, row) for row in wish["items"]]
        kept = {name: wish.get(name) for name in KEPT}
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

    back_office.routes(app, root, back_office.BackOffice(stores, own, notify))
    carts.routes(app, stores, root, notify)


def _written(stores: Stores, row: Doc) -> Doc:
    """Return a line of an order created without a checkout."""
    pair = inventory.with_sku(stores, str(row.get("sku", "")))
    line: Doc = {"variant": None, "quantity": int(row["qty_ordered"]), "price": row["price"]}
    line |= {"title": row.get("name", ""), "sku": row.get("sku", "")}
    if wanted := row.get("product_id"):
        pair = next((one for one in inventory.sold_ones(stores) if one[0].id == int(wanted)), pair)
    return {**line, "entity": pair[0].id} if pair else line


def _known(stores: Stores, doc: Doc) -> Doc:
    """Add Magento's product ids and SKUs to an order's lines."""
    for line in doc["lines"]:
        found = stores.with_variant(line.get("variant"))
        if found is not None and "entity" not in line:
            one = next(e for e in shapes.of(found[0]) if e.row is not None and e.row["id"] == found[1]["id"])
            line.update(entity=one.id, family=one.family, sku=_with_option(one))
    return doc


def _with_option(one: Entry) -> str:
    option = one.own.get("option_sku")
    return f"{one.sku}-{option}" if option else one.sku


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
