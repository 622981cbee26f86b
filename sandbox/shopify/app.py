"""The stand-in Shopify as a web application: GraphQL, control address for tests, and the store's own little admin."""

from __future__ import annotations

import os
from html import escape
from pathlib import Path
from typing import Any

from flask import Flask, Response, abort, jsonify, redirect, render_template, request

from sandbox import catalogue
from sandbox.common import web
from sandbox.common.clock import Clock
from sandbox.common.faults import Faults, Log, control
from sandbox.common.keep import Doc, Keep
from sandbox.shopify import graph
from sandbox.shopify.sender import DEFAULTS, Sender
from sandbox.shopify.store import Stores, variant_title

#: Points of the bucket and its refill a second (docs: rate limits, standard plan).
BUCKET = {"size": 2000.0, "restore": 100.0}
PAGE = 40
FORM_FIELDS = ("title", "description_html", "vendor", "product_type", "status")
BAD_TOKEN = "[API] Invalid API key or access token (unrecognized login or wrong password)"


def build(folder: Path | None, url: str) -> Flask:
    """Return the application; `folder` keeps its state (None: memory only), `url` is its own address."""
    app = web.application(
        __name__,
        Path(__file__).parent,
        title="Stand-in store",
        words="A local stand-in for a Shopify store's admin. What you save here goes out as webhooks.",
    )
    clock = Clock()
    stores = Stores(Keep(folder, "shopify"), clock)
    sender, faults, log = Sender(stores, clock), Faults(), Log()
    control(app, faults, log)
    _graphql(app, stores, faults, log)
    _control(app, stores, sender, url)
    _pages(app, stores, sender)
    return app


def _graphql(app: Flask, stores: Stores, faults: Faults, log: Log) -> None:
    buckets: dict[str, tuple[float, float]] = {}

    def points(domain: str) -> float:
        left, at = buckets.get(domain, (BUCKET["size"], stores.clock.now()))
        return min(BUCKET["size"], left + (stores.clock.now() - at) * BUCKET["restore"])

    def told(asked: int, actual: int | None, left: float) -> Doc:
        status = {
            "maximumAvailable": BUCKET["size"],
            "currentlyAvailable": int(left),
            "restoreRate": BUCKET["restore"],
        }
        return {"cost": {"requestedQueryCost": asked, "actualQueryCost": actual, "throttleStatus": status}}

    @app.post("/admin/api/<version>/graphql.json")
    def ask(version: str) -> Any:
        shop = stores.shop_with_token(request.headers.get("X-Shopify-Access-Token", ""))
        if shop is None:
            return {"errors": BAD_TOKEN}, 401
        fault = faults.before(request)
        if fault is not None:
            return fault
        body = request.get_json(silent=True)
        if not isinstance(body, dict) or not isinstance(body.get("query"), str):
            return {"errors": "query Required parameter missing or invalid"}, 400
        with stores.keep.lock:
            left = points(shop["domain"])
            found, asked, actual = graph.answer(stores, shop, body["query"], body.get("variables") or {})
            if left < asked <= graph.MAX_COST:
                throttled = {"message": "Throttled", "extensions": {"code": "THROTTLED"}}
                return {"errors": [throttled], "extensions": told(asked, None, left)}
            buckets[shop["domain"]] = (left - actual, stores.clock.now())
        answer = jsonify({**found, "extensions": told(asked, actual, left - actual)})
        answer.headers["X-Shopify-API-Version"] = version
        log.add(answer, account=shop["domain"])
        return faults.after(answer)


def _control(app: Flask, stores: Stores, sender: Sender, url: str) -> None:
    @app.post("/_control/shops")
    def shops() -> Any:
        return stores.make_shop(request.get_json())

    @app.post("/_control/seed")
    def seed() -> Any:
        """Fill a store with the catalogue, once, without sending webhooks."""
        domain = request.get_json()["domain"]
        with stores.keep.lock:
            if not stores.products(domain):
                for wish in catalogue.products(url):
                    stores.create(domain, wish)
            return {"products": len(stores.products(domain))}

    @app.route("/_control/settings", methods=["GET", "POST"])
    def settings() -> Any:
        wish = request.get_json() if request.method == "POST" else {}
        if unknown := set(wish) - set(DEFAULTS):
            return {"error": f"unknown: {sorted(unknown)}"}, 400
        sender.settings.update(wish)
        return sender.settings

    @app.post("/_control/limits")
    def limits() -> Any:
        BUCKET.update({name: float(value) for name, value in request.get_json().items() if name in BUCKET})
        return BUCKET

    @app.get("/_control/deliveries")
    def deliveries() -> Any:
        return sender.tries

    @app.route("/_control/products", methods=["GET", "POST"])
    def products() -> Any:
        with stores.keep.lock:
            if request.method == "POST":
                wish = request.get_json()
                domain = wish.get("domain") or next(iter(stores.keep.all("shop")))
                product, events = stores.create(domain, wish)
                sender.send(domain, events)
                return product
            sku = request.args.get("sku")
            found = list(stores.keep.all("product").values())
            return [doc for doc in found if sku is None or any(v["sku"] == sku for v in doc["variants"])]

    @app.route("/_control/products/<product_id>", methods=["PUT", "DELETE"])
    def product(product_id: str) -> Any:
        with stores.keep.lock:
            doc = stores.product(product_id) or abort(404)
            deleted = request.method == "DELETE"
            sender.send(doc["domain"], stores.delete(doc) if deleted else stores.edit_product(doc, request.get_json()))
            return doc

    @app.put("/_control/variants/<variant_id>")
    def variant(variant_id: str) -> Any:
        with stores.keep.lock:
            doc, found = stores.with_variant(variant_id) or abort(404)
            sender.send(doc["domain"], stores.edit_variant(doc, found, request.get_json()))
            return doc

    @app.post("/_control/orders")
    def order() -> Any:
        wish = request.get_json()
        with stores.keep.lock:
            doc, found = stores.with_variant(wish["variant_id"]) or abort(404)
            made, events = stores.order(doc, found, int(wish.get("quantity", 1)))
            sender.send(doc["domain"], events)
            return made

    @app.post("/_control/orders/<order_id>/<word>")
    def undo(order_id: str, word: str) -> Any:
        with stores.keep.lock:
            doc = stores.keep.get("order", order_id) or abort(404)
            sender.send(doc["domain"], stores.undo(doc, refund=word == "refund"))
            return doc


def _pages(app: Flask, stores: Stores, sender: Sender) -> None:
    def save(doc: Doc) -> None:
        form = request.form
        wish: Doc = {name: form[name].replace("\r\n", "\n") for name in FORM_FIELDS}
        wish["tags"] = [tag.strip() for tag in form["tags"].split(",") if tag.strip()]
        events = stores.edit_product(doc, wish)
        for found in doc["variants"]:
            key = str(found["id"])
            changes: Doc = {name: form[f"{name}-{key}"].strip() for name in ("sku", "price", "barcode")}
            changes["inventory_quantity"] = int(form[f"stock-{key}"])
            changes["price"] = f"{float(changes['price']):.2f}"
            events += stores.edit_variant(doc, found, changes)
        sender.send(doc["domain"], _merged(events))

    @app.get("/")
    def index() -> str:
        words, start = request.args.get("q", "").strip(), max(0, request.args.get("from", 0, type=int))
        with stores.keep.lock:
            found = [doc for doc in stores.keep.all("product").values() if _holds(doc, words.lower())][::-1]
        shown = {"products": found[start : start + PAGE], "total": len(found), "words": words, "start": start}
        return render_template("products.html", **shown, page=PAGE)

    @app.route("/products/new", methods=["GET", "POST"])
    def new() -> Any:
        if request.method == "GET":
            return render_template("new.html")
        form = request.form
        row: Doc = {"sku": form["sku"].strip(), "price": f"{float(form['price']):.2f}"}
        row["inventory_quantity"] = int(form["stock"])
        wish: Doc = {name: form[name] for name in ("title", "vendor", "product_type")}
        wish["variants"] = [row]
        wish["images"] = [f"{request.host_url}photos/{row['sku'] or 'new'}.svg"]
        with stores.keep.lock:
            domain = next(iter(stores.keep.all("shop")))
            doc, events = stores.create(domain, wish)
            sender.send(domain, events)
        return redirect(f"/admin/products/{doc['id']}")

    @app.route("/admin/products/<product_id>", methods=["GET", "POST"])
    def edit(product_id: str) -> Any:
        with stores.keep.lock:
            doc = stores.product(product_id) or abort(404)
            if request.method == "POST":
                save(doc)
                return redirect(f"/admin/products/{product_id}?saved=1")
            return render_template("product.html", product=doc, name=variant_title, saved=request.args.get("saved"))

    @app.post("/admin/products/<product_id>/<word>")
    def act(product_id: str, word: str) -> Any:
        with stores.keep.lock:
            doc = stores.product(product_id) or abort(404)
            if word == "delete":
                sender.send(doc["domain"], stores.delete(doc))
                return redirect("/")
            found = next(v for v in doc["variants"] if str(v["id"]) == request.form["variant"])
            sender.send(doc["domain"], stores.order(doc, found, 1)[1])
            return redirect(f"/admin/products/{product_id}?saved=1")

    @app.get("/photos/<name>.svg")
    def photo(name: str) -> Response:
        return Response(catalogue.picture(escape(name)), mimetype="image/svg+xml")


def _holds(doc: Doc, words: str) -> bool:
    return words in " ".join([doc["title"], *(variant["sku"] for variant in doc["variants"])]).lower()


def _merged(events: list[Doc]) -> list[Doc]:
    """One products/update is enough for one saving; the last one has it all."""
    updates = [event for event in events if event["topic"] == "products/update"]
    return [event for event in events if event["topic"] != "products/update"] + updates[-1:]


application = build(
    Path(os.environ["SANDBOX_DATA"]) if os.environ.get("SANDBOX_DATA") else None,
    os.environ.get("SANDBOX_URL", "http://127.0.0.1:8102").rstrip("/"),
)
