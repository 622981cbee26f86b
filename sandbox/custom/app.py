"""A seller's own system: it pushes its products, accepts signed calls, and has small admin pages.

It is configured with the address, the API key and the secret that ReverbSync created: `hook`, `token` and `secret` of
its shop.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

from flask import Flask, jsonify, request

from sandbox.common import store_app
from sandbox.common.clock import Clock
from sandbox.common.faults import Faults, Log
from sandbox.common.keep import Doc
from sandbox.common.sender import Manners
from sandbox.common.store import Stores

TOLERANCE_S = 300
PIECE = 100
RETRY_S = [1.0, 2.0, 4.0, 8.0, 16.0]


@store_app.store_application(
    __name__,
    __file__,
    kind="custom",
    first_id=1_000,
    words="A local stand-in for a shop with software of its own. What you save here is pushed to ReverbSync.",
    manners=lambda *_: Manners(headers=_headers, retry_s=RETRY_S, settled=_settled),
)
def build(parts: store_app.Parts, url: str) -> None:
    """Complete the store."""
    app, clock, stores, sender = parts.app, parts.clock, parts.stores, parts.sender
    faults, log = parts.faults, parts.log

    def send(domain: str, kind: str, data: Doc) -> None:
        shop = stores.keep.get("shop", domain) or {}
        if shop.get("hook"):
            body = {"type": kind, "timestamp": clock.stamp(), "data": data}
            sender.send(domain, kind, body, hooks=[{"topic": kind, "uri": shop["hook"]}])

    def notify(domain: str, happened: list[Doc]) -> None:
        shop = stores.keep.get("shop", domain) or {}
        for one in happened:
            for kind, data in _messages(shop, clock, one, url):
                send(domain, kind, data)

    parts.finish(notify, url)
    _calls(app, stores, notify, faults, log)

    @app.post("/_control/push")
    def push() -> Any:
        """Push all products in batches and then report the catalogue as complete, as a seller does after connecting."""
        domain = request.get_json()["domain"]
        with stores.keep.lock:
            shop, docs = stores.keep.get("shop", domain) or {}, stores.products(domain)
            for start in range(0, len(docs), PIECE):
                rows = [_product(shop, clock, doc, url) for doc in docs[start : start + PIECE]]
                send(domain, "products.updated", {"products": rows})
            send(domain, "catalogue.complete", {"updated_at": clock.stamp(), "ids": [str(doc["id"]) for doc in docs]})
        return {"products": len(docs)}


# -- pushed messages -----------------------------------------------------------------------------------------------


def _messages(shop: Doc, clock: Clock, one: Doc, url: str) -> list[tuple[str, Doc]]:
    product = one.get("product")
    match one["what"]:
        case "product_created" | "product_updated":
            return [("product.updated", _product(shop, clock, one["product"], url))]
        case "product_deleted":
            return [("product.deleted", {"id": str(one["product"]["id"]), "updated_at": clock.stamp()})]
        case "stock" if product is not None:
            item = {"variant_id": str(one["variant"]["id"]), "stock": one["variant"]["inventory_quantity"]}
            return [("stock.updated", {"product_id": str(product["id"]), "updated_at": clock.stamp(), "items": [item]})]
    return [("order.updated", _order(clock, one["order"]))] if "order" in one else []


def _product(shop: Doc, clock: Clock, doc: Doc, url: str) -> Doc:
    return {
        "id": str(doc["id"]),
        "updated_at": clock.stamp(),
        "title": doc["title"],
        "description": doc["description_html"],
        "vendor": doc["vendor"],
        "product_type": doc["product_type"],
        "tags": doc["tags"],
        "collections": doc["collections"],
        "attributes": {name: str(value) for name, value in doc["attributes"].items()},
        "photos": doc["images"],
        "currency": shop.get("currency", "USD"),
        "for_sale": doc["status"] == "ACTIVE",
        "url": f"{url}/admin/products/{doc['id']}",
        "variants": [
            {
                "id": str(row["id"]),
                "sku": row["sku"],
                "price": row["price"],
                "stock": row["inventory_quantity"] if row["tracked"] else None,
                "barcode": row["barcode"],
                "options": row["options"],
            }
            for row in doc["variants"]
        ],
    }


def _order(clock: Clock, doc: Doc) -> Doc:
    status = {"shipped": "done"}.get(doc["status"], doc["status"])
    return {
        "id": str(doc["id"]),
        "number": doc["number"],
        "updated_at": clock.stamp(),
        "status": status,
        "reverb_number": doc.get("reverb_number", ""),
        "lines": [
            {
                "id": str(row["id"]),
                "product_id": str(row.get("product") or ""),
                "variant_id": str(row.get("variant") or ""),
                "sku": row["sku"],
                "title": row["title"],
                "quantity": row["quantity"],
                "refunded": row["refunded"],
                "price": str(row.get("price", "0.00")),
            }
            for row in doc["lines"]
        ],
        "shipments": [
            {
                "id": str(row["id"]),
                "carrier": row.get("carrier", ""),
                "tracking_number": row["tracking_number"],
                "tracking_url": row.get("tracking_url", ""),
            }
            for row in doc["shipments"]
        ],
    }


def _headers(shop: Doc, hook: Doc, delivery: Doc) -> dict[str, str]:
    stamp = str(int(delivery["sent_at"]))
    return {
        "Content-Type": "application/json",
        "Authorization": f"Bearer {shop.get('token', '')}",
        "webhook-id": delivery["id"],
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{_sign(shop, delivery['id'], stamp, delivery['body'].encode())}",
    }


def _settled(shop: Doc, hook: Doc, arrived: bool) -> None:  # noqa: FBT001 -- the sender's interface
    """Do nothing: a custom system does not count failures."""


def _sign(shop: Doc, message_id: str, stamp: str, body: bytes) -> str:
    secret = str(shop.get("secret", ""))
    key = base64.b64decode(secret[6:]) if secret.startswith("whsec_") else secret.encode()
    signed = f"{message_id}.{stamp}.".encode() + body
    return base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


# -- accepted calls --------------------------------------------------------------------------------------------------


def _calls(app: Flask, stores: Stores, notify: store_app.Notify, faults: Faults, log: Log) -> None:
    def signed_by() -> Doc | None:
        """Return the shop whose secret signed the request; None if the request is old or unsigned."""
        message_id, stamp = request.headers.get("webhook-id", ""), request.headers.get("webhook-timestamp", "")
        given = request.headers.get("webhook-signature", "").removeprefix("v1,")
        if not stamp.isdigit() or not stores.clock.is_near(int(stamp), TOLERANCE_S):
            return None
        body = request.get_data()
        return next((s for s in stores.shops() if hmac.compare_digest(_sign(s, message_id, stamp, body), given)), None)

    @app.post("/reverbsync")
    def take() -> Any:
        fault = faults.before(request)
        if fault is not None:
            return fault
        with stores.keep.lock:
            shop = signed_by()
            status, said = (401, {"error": "The signature is wrong."}) if shop is None else answer(shop)
        made = jsonify(said)
        made.status_code = status
        log.add(made, account=shop["domain"] if shop else "")
        return faults.after(made)

    def answer(shop: Doc) -> tuple[int, Doc]:
        message, key = request.get_json(), request.headers["webhook-id"]
        # a repeated call gets the same response, and nothing is applied twice
        if known := stores.keep.get("answer", key):
            return 200, known
        match message["type"]:
            case "ping":
                return 200, {"name": shop["name"], "currency": shop["currency"]}
            case "stock.adjust":
                status, said = _adjust(stores, notify, shop, message["data"])
            case "order.create":
                status, said = _create_order(stores, notify, shop, message["data"])
            case "order.cancel":
                status, said = _cancel(stores, notify, shop, message["data"])
            case _:
                return 422, {"error": "unknown type"}
        if status == 200:
            stores.keep.put("answer", key, said)
        return status, said


def _adjust(stores: Stores, notify: store_app.Notify, shop: Doc, data: Doc) -> tuple[int, Doc]:
    found = stores.with_variant(data["variant_id"])
    if found is None or found[0]["domain"] != shop["domain"]:
        return 404, {"error": "no such variant"}
    product, variant = found
    if variant["inventory_quantity"] != data["from"]:
        return 409, {"stock": variant["inventory_quantity"], "updated_at": stores.clock.stamp()}
    units = variant["inventory_quantity"] + int(data["by"])
    notify(shop["domain"], stores.edit_variant(product, variant, {"inventory_quantity": units}, why="api"))
    return 200, {"stock": units, "updated_at": stores.clock.stamp()}


def _cancel(stores: Stores, notify: store_app.Notify, shop: Doc, data: Doc) -> tuple[int, Doc]:
    order = stores.keep.get("order", data["id"])
    if order is None or order["domain"] != shop["domain"] or order.get("reverb_number") != data["reverb_number"]:
        return 404, {"error": "no such order"}
    if order["status"] == "shipped":
        return 409, {"error": "it was shipped"}
    notify(shop["domain"], stores.undo(order, refund=False, restock=data["gives_back"]))
    return 200, {}


def _create_order(stores: Stores, notify: store_app.Notify, shop: Doc, data: Doc) -> tuple[int, Doc]:
    lines = [
        {
            "variant": int(row["variant_id"]) if row["variant_id"] else None,
            "quantity": row["quantity"],
            "price": row["price"],
        }
        for row in data["lines"]
    ]
    more = {"reverb_number": data["reverb_number"], "takes_stock": data["takes_stock"], "note": data["note"]}
    order, happened = stores.order(shop["domain"], lines, **more)
    notify(shop["domain"], happened)
    return 200, {"id": str(order["id"]), "number": order["number"], "url": f"{request.host_url}orders/{order['id']}"}


application = store_app.from_environment(build)
