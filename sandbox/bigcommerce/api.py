"""v3 catalogue, inventory and hooks, v2 store: with quota headers, and responses that precede their effect."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Flask, g, jsonify, request

from sandbox.bigcommerce import locations, orders, shapes
from sandbox.common.keep import Doc
from sandbox.common.sender import Sender
from sandbox.common.store import Stores, modified
from sandbox.common.store_app import Notify

ROOT = "/stores/<store_hash>"
MOST = 250
MOST_ITEMS = 1000
SCOPES = {
    *(f"store/product/{word}" for word in ("created", "updated", "deleted", "inventory/updated", "price/updated")),
    *(f"store/sku/{word}" for word in ("created", "updated", "deleted", "inventory/updated")),
    *(f"store/order/{word}" for word in ("created", "updated", "archived", "statusUpdated", "refund/created")),
    *(f"store/shipment/{word}" for word in ("created", "updated", "deleted")),
    "store/app/uninstalled",
    "store/information/updated",
}


def refused(status: int, title: str, **errors: str) -> tuple[Doc, int]:
    """Return an error in v3's format."""
    return {
        "status": status,
        "title": title,
        "type": "/api-docs/getting-started/api-status-codes",
        "errors": errors,
    }, status


def routes(app: Flask, stores: Stores, sender: Sender, notify: Notify) -> None:
    """Add the API."""
    sender.settings["lag_s"] = 0.1
    _catalogue(app, stores)
    _inventory(app, stores, sender, notify)
    _hooks(app, stores)
    orders.routes(app, stores, notify)

    @app.get(f"{ROOT}/v2/store")
    def store(store_hash: str) -> Any:
        return {"id": store_hash, "name": g.shop["name"], "currency": g.shop["currency"], "timezone": {"name": "UTC"}}


def _paged(rows: list[Doc], render: Any, *, most: int = MOST) -> Any:
    size, number = request.args.get("limit", 50, type=int), request.args.get("page", 1, type=int)
    size = min(size, most)
    shown = rows[(number - 1) * size : number * size]
    return jsonify(shapes.page([render(row) for row in shown], len(rows), size, number))


def _ids(name: str) -> set[int] | None:
    text = request.args.get(name)
    return None if text is None else {int(part) for part in text.split(",") if part.strip().isdigit()}


def _catalogue(app: Flask, stores: Stores) -> None:
    def included() -> set[str]:
        return set(request.args.get("include", "").split(","))

    @app.get(f"{ROOT}/v3/catalog/products")
    def products(store_hash: str) -> Any:
        since = request.args.get("date_modified:min")
        at = datetime.fromisoformat(since).timestamp() if since else 0.0
        above = request.args.get("id:greater", 0, type=int)
        wanted = _ids("id:in")
        rows = [
            doc
            for doc in stores.products(g.shop["domain"])
            if doc["id"] > above and modified(doc) >= at and (wanted is None or doc["id"] in wanted)
        ]
        rows.sort(key=lambda doc: int(doc["id"]), reverse=request.args.get("direction") == "desc")
        fields = set(request.args.get("include_fields", "").split(",")) - {""}

        def shown(doc: Doc) -> Doc:
            made = shapes.product(doc, included())
            return {name: value for name, value in made.items() if not fields or name in {"id", *fields}}

        return _paged(rows, shown)

    @app.get(f"{ROOT}/v3/catalog/products/<int:number>")
    def product(store_hash: str, number: int) -> Any:
        doc = stores.product(number)
        if doc is None or doc["domain"] != g.shop["domain"]:
            return refused(404, f"A product was not found with an id of {number}")
        return {"data": shapes.product(doc, included()), "meta": {}}

    @app.get(f"{ROOT}/v3/catalog/variants")
    def variants(store_hash: str) -> Any:
        wanted = _ids("id:in")
        found = [stores.with_variant(number) for number in sorted(wanted or ())]
        rows = [pair for pair in found if pair and pair[0]["domain"] == g.shop["domain"]]
        return _paged([{"pair": pair} for pair in rows], lambda row: shapes.variant(row["pair"][0], row["pair"][1]))

    @app.get(f"{ROOT}/v3/catalog/brands")
    def brands(store_hash: str) -> Any:
        names = {doc["vendor"] for doc in stores.products(g.shop["domain"]) if doc["vendor"]}
        wanted = _ids("id:in")
        rows = [{"id": shapes.number_of(name), "name": name} for name in sorted(names)]
        return _paged([row for row in rows if wanted is None or row["id"] in wanted], lambda row: row)

    @app.get(f"{ROOT}/v3/catalog/trees/categories")
    def categories(store_hash: str) -> Any:
        names = {name for doc in stores.products(g.shop["domain"]) for name in shapes.categories(doc)}
        wanted = _ids("category_id:in")
        rows = [{"category_id": shapes.number_of(name), "name": name} for name in sorted(names)]
        return _paged([row for row in rows if wanted is None or row["category_id"] in wanted], lambda row: row)


def _inventory(app: Flask, stores: Stores, sender: Sender, notify: Notify) -> None:
    def counted() -> list[tuple[Doc, Doc]]:
        wanted = _ids("variant_id:in")
        if wanted is not None:
            found = [pair for number in sorted(wanted) if (pair := stores.with_variant(number))]
        else:
            parents = [doc for number in sorted(_ids("product_id:in") or ()) if (doc := stores.product(number))]
            found = [(doc, row) for doc in parents for row in doc["variants"]]
        return [pair for pair in found if pair[0]["domain"] == g.shop["domain"] and pair[1]["tracked"]]

    @app.get(f"{ROOT}/v3/inventory/items")
    def items(store_hash: str) -> Any:
        rows = [{"pair": pair} for pair in counted()]
        most = int(g.shop.get("most_rows", MOST_ITEMS))  # a store may return smaller pages than requested
        return _paged(rows, lambda row: locations.item(g.shop, *row["pair"]), most=most)

    @app.get(f"{ROOT}/v3/inventory/locations")
    def locations_of_store(store_hash: str) -> Any:
        return _paged(locations.of(g.shop), lambda row: row)

    @app.post(f"{ROOT}/v3/inventory/adjustments/relative")
    def relative(store_hash: str) -> Any:
        """Validate all, respond, and apply `lag_s` later: a response does not mean that it was applied. 0: at once."""
        found: list[tuple[Doc, Doc, int, int]] = []
        for wish in (request.get_json(silent=True) or {}).get("items") or []:
            words, pair = _adjustable(stores, wish)
            if pair is None:
                return refused(422, words)
            found.append((*pair, int(wish["location_id"]), int(wish["quantity"])))
        domain = g.shop["domain"]

        def apply() -> None:
            with stores.keep.lock:
                for product, variant, location, by in found:
                    changes = locations.moved(variant, location, by)
                    notify(domain, stores.edit_variant(product, variant, changes, why="api"))

        if sender.settings["lag_s"]:
            sender.later(float(sender.settings["lag_s"]), apply)
        else:
            apply()
        return {"transaction_id": f"t-{stores.keep.number('transaction', 1)}"}


def _adjustable(stores: Stores, wish: Doc) -> tuple[str, tuple[Doc, Doc] | None]:
    """Return the variant of an adjustment, or the message with which it is refused (docs: adjustments, 422)."""
    by_product = "product_id" in wish
    doc = stores.product(wish["product_id"]) if by_product else None
    pair = (doc, doc["variants"][0]) if doc else stores.with_variant(wish.get("variant_id"))
    number = wish.get("product_id") or wish.get("variant_id")
    if pair is None or pair[0]["domain"] != g.shop["domain"] or shapes.tracking(pair[0]) == "none":
        return f"[Items with identity {number} not found]", None
    if not by_product and shapes.tracking(pair[0]) == "product":
        return f"[Item with variant_id {number} is tracked by product, please update stock by product id]", None
    if by_product and shapes.tracking(pair[0]) == "variant":
        return f"[Item with product_id {number} is tracked by variant, please update stock by variant id]", None
    location = int(wish["location_id"])
    if location not in [row["id"] for row in locations.of(g.shop)]:
        return f"[Location {location} not found]", None
    least = locations.safety_stock(pair[1], location)
    if int(wish["quantity"]) < 0 and locations.on_hand(pair[1], location) + int(wish["quantity"]) < least:
        return f"[Item {number} would fall below its safety stock at location {location}]", None
    return "", pair


def _hooks(app: Flask, stores: Stores) -> None:
    def shown(row: Doc) -> Doc:
        return {
            "id": row["id"],
            "client_id": "client",
            "store_hash": g.shop["domain"],
            "scope": row["topic"],
            "destination": row["uri"],
            "is_active": row["active"],
            "headers": row.get("headers") or {},
        }

    def save(rows: list[Doc]) -> None:
        stores.keep.put("shop", g.shop["domain"], {**g.shop, "webhooks": rows})

    @app.route(f"{ROOT}/v3/hooks", methods=["GET", "POST"])
    def hooks(store_hash: str) -> Any:
        if request.method == "GET":
            return _paged(g.shop["webhooks"], shown)
        wish = request.get_json(silent=True) or {}
        uri = str(wish.get("destination", ""))
        if wish.get("scope") not in SCOPES:
            return refused(422, "JSON data is missing or invalid", scope="error.invalid")
        if not uri.startswith(("https://", "http://127.0.0.1")):  # the real one accepts only https on port 443
            return refused(422, "JSON data is missing or invalid", destination="error.invalid")
        if any(row["topic"] == wish["scope"] and row["uri"] == uri for row in g.shop["webhooks"]):
            return refused(422, "A hook with this scope and destination exists already")
        row = {
            "id": stores.keep.number("hook", 18_048_287),
            "topic": wish["scope"],
            "uri": uri,
            "active": bool(wish.get("is_active", True)),
            "headers": wish.get("headers") or {},
        }
        save([*g.shop["webhooks"], row])
        return {"data": shown(row), "meta": {}}

    @app.route(f"{ROOT}/v3/hooks/<int:number>", methods=["PUT", "DELETE"])
    def hook(store_hash: str, number: int) -> Any:
        row = next((one for one in g.shop["webhooks"] if one["id"] == number), None)
        if row is None:
            return refused(404, "The requested resource was not found.")
        if request.method == "DELETE":
            save([one for one in g.shop["webhooks"] if one["id"] != number])
        else:
            row["active"] = bool((request.get_json(silent=True) or {}).get("is_active", row["active"]))
            save(g.shop["webhooks"])
        return {"data": shown(row), "meta": {}}
