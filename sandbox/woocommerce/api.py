"""wc/v3: products, variations, orders, webhooks, with the responses and refusals seen on a real one."""

from __future__ import annotations

import base64
import hmac
import secrets
from datetime import UTC, datetime
from typing import Any

from flask import Flask, g, jsonify, request

from sandbox.common import oauth1
from sandbox.common.clock import Clock
from sandbox.common.keep import Doc
from sandbox.common.sender import Sender
from sandbox.common.store import Stores, modified
from sandbox.common.store_app import Notify
from sandbox.woocommerce import orders, shapes

ROOT = "/wp-json/wc/v3"
#: Seconds for which a nonce is remembered, and by which a timestamp may be off.
NONCE_S = 900
_used: dict[str, float] = {}
TOPICS = {f"{what}.{event}" for what in ("product", "order") for event in ("created", "updated", "deleted", "restored")}


def error(code: str, words: str, status: int, **data: Any) -> tuple[Doc, int]:
    """Return an error in WordPress's format."""
    return {"code": code, "message": words, "data": {"status": status, **data}}, status


def shop_of(stores: Stores) -> Doc | tuple[Doc, int]:
    """Return the store of the request's keys, or the refusal.

    Over plain http a key's secret is never accepted, only a signature (facts: WooCommerce 11 as seen; REST docs,
    "Authentication over HTTP"); over https Basic, or the keys in the query.
    """
    signed = request.args.get("oauth_consumer_key", "")
    key, _, secret = _pair().partition(":")
    for shop in stores.shops():
        for one in (shop["token"], *(shop.get("keys") or [])):
            known, _, known_secret = one.partition(":")
            if signed and known == signed:
                right = oauth1.is_signed(request, {}, oauth1.key(known_secret)) and _is_fresh(stores.clock)
                return shop if right else _wrong("Invalid signature - provided signature does not match.")
            if not signed and request.is_secure and known == key:
                right = hmac.compare_digest(known_secret, secret)
                return shop if right else _wrong("Consumer secret is invalid.")
    if signed:
        return _wrong("Consumer key is invalid.")
    words = "Sorry, you cannot list resources." if request.method == "GET" else "Sorry, you are not allowed to edit."
    return error(f"woocommerce_rest_cannot_{'view' if request.method == 'GET' else 'edit'}", words, 401)


def front() -> Doc:
    """Return what is in front of the store: `strip_authorization`, and the status of `block_query_keys`."""
    found: Doc = g.get("front") or {}
    return found


def _pair() -> str:
    given = "" if front().get("strip_authorization") else request.headers.get("Authorization", "")
    try:
        pair = base64.b64decode(given[6:]).decode() if given.startswith("Basic ") else ""
    except ValueError:
        pair = ""
    return pair or f"{request.args.get('consumer_key', '')}:{request.args.get('consumer_secret', '')}"


def _is_fresh(clock: Clock) -> bool:
    """Return whether the timestamp is within 15 minutes and the nonce was not used before."""
    at, nonce, now = request.args.get("oauth_timestamp", ""), request.args.get("oauth_nonce", ""), clock.now()
    if request.args.get("oauth_signature_method") != "HMAC-SHA256" or not at.isdigit() or not nonce:
        return False
    for old in [one for one, when in _used.items() if when < now - 2 * NONCE_S]:
        del _used[old]
    if not clock.is_near(int(at), NONCE_S) or nonce in _used:
        return False
    _used[nonce] = now
    return True


def _wrong(words: str) -> tuple[Doc, int]:
    return error("woocommerce_rest_authentication_error", words, 401)


def page(rows: list[Doc], render: Any) -> Any:
    """Return a page of rows, rendered, with WordPress's headers. A page past the end is empty."""
    size, number = request.args.get("per_page", 10, type=int), request.args.get("page", 1, type=int)
    if included := request.args.get("include"):
        rows = [row for row in rows if str(row.get("id")) in included.split(",")]
    if not 1 <= size <= 100:
        return error("rest_invalid_param", "Invalid parameter(s): per_page", 400)
    size = min(size, int(g.shop.get("most_per_page", size)))  # hosts silently lower the limit
    shown = rows[(number - 1) * size : number * size]
    fields = [name for name in request.args.get("_fields", "").split(",") if name]
    bodies = [render(row) for row in shown]
    made = jsonify([{name: body[name] for name in fields if name in body} for body in bodies] if fields else bodies)
    made.headers["X-WP-Total"] = str(len(rows))
    made.headers["X-WP-TotalPages"] = str(-(-len(rows) // size))
    return made


def after(name: str) -> float:
    """Return a time from the query, 0 if it is missing."""
    text = request.args.get(name)
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() if text else 0.0


def in_order(rows: list[Doc]) -> list[Doc]:
    """Return rows by id in the order that the query requests."""
    return sorted(rows, key=lambda doc: int(doc["id"]), reverse=request.args.get("order", "desc") == "desc")


def routes(app: Flask, stores: Stores, sender: Sender, notify: Notify, *, url: str) -> None:
    """Add the API."""
    _products(app, stores, notify, url)
    _webhooks(app, stores, sender)
    orders.routes(app, stores, notify)

    @app.get(f"{ROOT}/data/currencies/current")
    def currency() -> Any:
        return {"code": g.shop["currency"], "name": g.shop["currency"], "symbol": "$"}


def _products(app: Flask, stores: Stores, notify: Notify, url: str) -> None:
    def own(number: object) -> Doc | None:
        doc = stores.product(number)
        return doc if doc and doc["domain"] == g.shop["domain"] else None

    def unknown() -> Any:
        return error("woocommerce_rest_product_invalid_id", "Invalid ID.", 404)

    @app.get(f"{ROOT}/products")
    def products() -> Any:
        since, skus = after("modified_after"), request.args.get("sku")
        rows = [doc for doc in stores.products(g.shop["domain"]) if modified(doc) > since]
        if skus is not None:
            pairs = [stores.with_sku(g.shop["domain"], sku.strip()) for sku in skus.split(",")]
            found = [pair for pair in pairs if pair is not None]
            return page(
                [{"pair": pair} for pair in found], lambda row: _either(stores, row["pair"][0], row["pair"][1], url)
            )
        return page(in_order(rows), lambda doc: shapes.product(stores, doc, url))

    @app.route(f"{ROOT}/products/<int:number>", methods=["GET", "PUT"])
    def product(number: int) -> Any:
        doc = own(number)
        if doc is None:
            pair = stores.with_variant(number)
            if pair is None or request.method == "PUT" or not shapes.is_variable(pair[0]):
                return unknown()
            return shapes.variation(stores, *pair, url)
        if request.method == "PUT":
            refused = _write(stores, notify, doc, doc["variants"][0])
            if refused:
                return refused
        return shapes.product(stores, doc, url)

    @app.get(f"{ROOT}/products/<int:number>/variations")
    def variations(number: int) -> Any:
        doc = own(number)
        if doc is None:
            return unknown()
        rows = doc["variants"] if shapes.is_variable(doc) else []
        return page(in_order(rows), lambda row: shapes.variation(stores, doc, row, url))

    @app.route(f"{ROOT}/products/<int:number>/variations/<int:part>", methods=["GET", "PUT"])
    def variation(number: int, part: int) -> Any:
        doc = own(number)
        row = next((one for one in doc["variants"] if one["id"] == part), None) if doc else None
        if doc is None or row is None:
            return unknown()
        if request.method == "PUT":
            refused = _write(stores, notify, doc, row)
            if refused:
                return refused
        return shapes.variation(stores, doc, row, url)


def _either(stores: Stores, doc: Doc, row: Doc, url: str) -> Doc:
    return shapes.variation(stores, doc, row, url) if shapes.is_variable(doc) else shapes.product(stores, doc, url)


def _write(stores: Stores, notify: Notify, doc: Doc, row: Doc) -> Any:
    """Set the stock. Negative values are accepted; a product with unmanaged stock accepts the write and ignores it."""
    wish, row = request.get_json(silent=True) or {}, shapes.counted_at(doc, row)
    units = wish.get("stock_quantity", row["inventory_quantity"])
    if not isinstance(units, int):
        return error("rest_invalid_param", "Invalid parameter(s): stock_quantity", 400)
    if wish.get("manage_stock") and not row["tracked"]:
        row["tracked"] = True
    if row["tracked"]:
        notify(doc["domain"], stores.edit_variant(doc, row, {"inventory_quantity": units}, why="api"))
    return None


def _webhooks(app: Flask, stores: Stores, sender: Sender) -> None:
    def shown(hook: Doc) -> Doc:
        return {
            "id": hook["id"],
            "name": hook.get("name", ""),
            "status": "active" if hook["active"] else "disabled",
            "topic": hook["topic"],
            "delivery_url": hook["uri"],
        }

    def save(rows: list[Doc]) -> None:
        stores.keep.put("shop", g.shop["domain"], {**g.shop, "webhooks": rows})

    @app.route(f"{ROOT}/webhooks", methods=["GET", "POST"])
    def webhooks() -> Any:
        if request.method == "GET":
            return page(in_order(g.shop["webhooks"]), shown)
        wish = request.get_json(silent=True) or {}
        if wish.get("topic") not in TOPICS:
            words = "Webhook topic must be valid."
            return error("woocommerce_rest_webhook_invalid_topic", words, 400)
        if not str(wish.get("delivery_url", "")).startswith(("https://", "http://")):
            words = "Webhook delivery URL must be a valid URL starting with http:// or https://."
            return error("woocommerce_rest_webhook_invalid_delivery_url", words, 400)
        hook = {
            "id": stores.keep.number("hook", 11),
            "name": wish.get("name", ""),
            "topic": wish["topic"],
            "uri": wish["delivery_url"],
            "secret": wish.get("secret") or secrets.token_hex(25),
            "active": wish.get("status", "active") == "active",
            "failed": 0,
        }
        save([*g.shop["webhooks"], hook])
        sender.send(g.shop["domain"], "ping", f"webhook_id={hook['id']}", hooks=[hook])
        return shown(hook), 201

    @app.route(f"{ROOT}/webhooks/<int:number>", methods=["GET", "PUT", "DELETE"])
    def webhook(number: int) -> Any:
        hook = next((row for row in g.shop["webhooks"] if row["id"] == number), None)
        if hook is None:
            return error("woocommerce_rest_shop_webhook_invalid_id", "Invalid ID.", 404)
        if request.method == "DELETE":
            if request.args.get("force") != "true":
                return error("woocommerce_rest_trash_not_supported", "Webhooks do not support trashing.", 501)
            save([row for row in g.shop["webhooks"] if row["id"] != number])
        elif request.method == "PUT":
            wish = request.get_json(silent=True) or {}
            if "status" in wish:
                hook.update(active=wish["status"] == "active", failed=0)
            if wish.get("secret"):
                hook["secret"] = wish["secret"]
            save(g.shop["webhooks"])
        return shown(hook)
