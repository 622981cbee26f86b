"""Shared by every stand-in store: the control addresses for tests and the demo, and small admin pages."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any, Protocol

from flask import Blueprint, Flask, Response, abort, redirect, render_template, request

from sandbox import catalogue
from sandbox.common import web
from sandbox.common.clock import Clock
from sandbox.common.faults import Faults, Log
from sandbox.common.faults import control as faults_control
from sandbox.common.keep import Doc, Keep
from sandbox.common.sender import Manners, Sender
from sandbox.common.store import Stores, variant_title

PAGE = 40
FORM_FIELDS = ("title", "description_html", "vendor", "product_type", "status")

#: Passes a store's events (`domain`, events) to the platform, which sends its webhooks.
Notify = Callable[[str, list[Doc]], None]


@dataclass(frozen=True)
class Parts:
    """What every stand-in store consists of."""

    app: Flask
    clock: Clock
    stores: Stores
    sender: Sender
    faults: Faults
    log: Log

    def finish(self, notify: Notify, url: str) -> None:
        """Add the control addresses and the admin pages, which call `notify`; `url` is the stand-in's own address."""
        faults_control(self.app, self.faults, self.log)
        control(self.app, self.stores, self.sender, notify, faults=self.faults, log=self.log, url=url)
        pages(self.app, self.stores, notify)


class Build(Protocol):
    """Builds a stand-in store."""

    def __call__(
        self, folder: Path | None, url: str, *, clock: Clock | None = None, sending: type[Sender] = Sender
    ) -> Flask:
        """Return the application; `folder` stores its state (None: memory only), `url` is its own address.

        `clock` and `sending` (how webhooks are sent) are for callers that control the time, such as the simulation.
        """


def store_application(
    module: str, file: str, *, kind: str, first_id: int, words: str, manners: Callable[[Stores, Clock], Manners]
) -> Callable[[Callable[[Parts, str], None]], Build]:
    """Turn a function that completes a store's parts into one that builds the store.

    `module` and `file` are those of the application. `manners` says how its webhooks are signed and retried.
    """

    def declare(complete: Callable[[Parts, str], None]) -> Build:
        def build(
            folder: Path | None, url: str, *, clock: Clock | None = None, sending: type[Sender] = Sender
        ) -> Flask:
            app = web.application(module, Path(file).parent, title="Stand-in store", words=words)
            clock = clock or Clock()
            stores = Stores(Keep(folder, kind), clock, first_id=first_id)
            sender = sending(stores.keep, clock, manners(stores, clock))
            complete(Parts(app, clock, stores, sender, Faults(), Log()), url)
            return app

        return build

    return declare


def from_environment(build: Build) -> Flask:
    """Build the application that a server runs: SANDBOX_DATA is its folder, SANDBOX_URL its own address."""
    folder = os.environ.get("SANDBOX_DATA")
    return build(Path(folder) if folder else None, os.environ.get("SANDBOX_URL", "http://127.0.0.1:8102").rstrip("/"))


def control(app: Flask, stores: Stores, sender: Sender, notify: Notify, *, faults: Faults, log: Log, url: str) -> None:
    """Add the control addresses of a store. `url` is the stand-in's own address."""
    board = Blueprint("control", __name__)
    sender.settings.update(reads_lag_s=0.0, reads_lag_every=1)
    _trail(app, stores, sender)
    _shops(board, stores, faults, log, url)
    _products(board, stores, notify)
    _orders(board, stores, notify)

    @board.route("/_control/settings", methods=["GET", "POST"])
    def settings() -> Any:
        wish = request.get_json() if request.method == "POST" else {}
        if unknown := set(wish) - set(sender.settings):
            return {"error": f"unknown: {sorted(unknown)}"}, 400
        if wish.get("reads_lag_s"):
            stores.keep.remember(stores.clock.now)
            stores.reads = 0
        sender.settings.update(wish)
        return {**sender.settings, "sent": sender.sent}

    @board.get("/_control/deliveries")
    def deliveries() -> Any:
        return sender.tries

    app.register_blueprint(board)


def _trail(app: Flask, stores: Stores, sender: Sender) -> None:
    """Make API responses `reads_lag_s` old, all or each n-th (`reads_lag_every`), like those of a stale replica."""

    @app.before_request
    def see() -> None:
        lag_s = float(sender.settings["reads_lag_s"])
        body = request.get_json(silent=True) if request.path.endswith("/graphql.json") else None
        reading = (
            request.method == "GET" if body is None else not str(body.get("query")).lstrip().startswith("mutation")
        )
        if not lag_s or not reading or request.path.startswith("/_"):
            return
        stores.reads += 1
        if not stores.reads % sender.settings["reads_lag_every"]:
            stores.keep.see(stores.clock.now() - lag_s)

    @app.teardown_request
    def see_again(_: BaseException | None) -> None:
        stores.keep.see(None)


def _shops(board: Blueprint, stores: Stores, faults: Faults, log: Log, url: str) -> None:
    @board.route("/_control/shops", methods=["GET", "POST"])
    def shops() -> Any:
        with stores.keep.lock:
            return stores.make_shop(request.get_json()) if request.method == "POST" else stores.shops()

    @board.post("/_control/seed")
    def seed() -> Any:
        """Fill a store with the catalogue, or with `many` products, once, without sending webhooks."""
        wish = request.get_json()
        domain, many = wish["domain"], int(wish.get("many", 0))
        with stores.keep.lock:
            if not stores.products(domain):
                for one in catalogue.many(url, many) if many else catalogue.products(url):
                    stores.create(domain, one)
            return {"products": len(stores.products(domain))}

    @board.post("/_control/clock")
    def clock() -> Any:
        stores.clock.offset_s += float(request.get_json()["advance_s"])
        return {"now": stores.clock.stamp()}

    @board.post("/_control/reset")
    def reset() -> Any:
        with stores.keep.lock:
            stores.keep.clear()
            stores.clock.offset_s = 0.0
            faults.clear()
            log.clear()
        return {}


def _products(board: Blueprint, stores: Stores, notify: Notify) -> None:
    @board.route("/_control/products", methods=["GET", "POST"])
    def products() -> Any:
        with stores.keep.lock:
            if request.method == "POST":
                wish = request.get_json()
                domain = wish.get("domain") or stores.shops()[0]["domain"]
                product, happened = stores.create(domain, wish)
                notify(domain, happened)
                return product
            sku = request.args.get("sku")
            found = list(stores.keep.all("product").values())
            return [doc for doc in found if sku is None or any(v["sku"] == sku for v in doc["variants"])]

    @board.route("/_control/products/<product_id>", methods=["PUT", "DELETE"])
    def product(product_id: str) -> Any:
        with stores.keep.lock:
            doc = stores.product(product_id) or abort(404)
            deleted = request.method == "DELETE"
            notify(doc["domain"], stores.delete(doc) if deleted else stores.edit_product(doc, request.get_json()))
            return doc

    @board.route("/_control/variants/<variant_id>", methods=["PUT", "DELETE"])
    def variant(variant_id: str) -> Any:
        with stores.keep.lock:
            doc, found = stores.with_variant(variant_id) or abort(404)
            if request.method == "DELETE":
                notify(doc["domain"], stores.drop_variant(doc, found))
            else:
                notify(doc["domain"], stores.edit_variant(doc, found, request.get_json()))
            return doc


def _orders(board: Blueprint, stores: Stores, notify: Notify) -> None:
    @board.route("/_control/orders", methods=["GET", "POST"])
    def orders() -> Any:
        with stores.keep.lock:
            if request.method == "GET":
                return list(stores.keep.all("order").values())
            wish = request.get_json()
            doc, found = stores.with_variant(wish["variant_id"]) or abort(404)
            line = {"variant": found["id"], "quantity": int(wish.get("quantity", 1))}
            made, happened = stores.order(doc["domain"], [line], takes_stock=wish.get("takes_stock", True))
            notify(doc["domain"], happened)
            return made

    @board.post("/_control/orders/<order_id>/<word>")
    def act_on_order(order_id: str, word: str) -> Any:
        with stores.keep.lock:
            doc = stores.keep.get("order", order_id) or abort(404)
            if word == "ship":
                notify(doc["domain"], stores.ship(doc, request.get_json()))
            else:
                notify(doc["domain"], stores.undo(doc, refund=word == "refund"))
            return doc


def pages(app: Flask, stores: Stores, notify: Notify) -> None:
    """Add the store's admin pages: a list, a form for each product, a button to sell one."""
    board = Blueprint("pages", __name__)

    def save(doc: Doc) -> None:
        form = request.form
        wish: Doc = {name: form[name].replace("\r\n", "\n") for name in FORM_FIELDS}
        wish["tags"] = [tag.strip() for tag in form["tags"].split(",") if tag.strip()]
        happened = stores.edit_product(doc, wish)
        for found in doc["variants"]:
            key = str(found["id"])
            changes: Doc = {name: form[f"{name}-{key}"].strip() for name in ("sku", "price", "barcode")}
            changes["inventory_quantity"] = int(form[f"stock-{key}"])
            changes["price"] = f"{float(changes['price']):.2f}"
            happened += stores.edit_variant(doc, found, changes)
        notify(doc["domain"], _merged(happened))

    @board.get("/")
    def index() -> str:
        words, start = request.args.get("q", "").strip(), max(0, request.args.get("from", 0, type=int))
        with stores.keep.lock:
            found = [doc for doc in stores.keep.all("product").values() if _holds(doc, words.lower())][::-1]
        shown = {"products": found[start : start + PAGE], "total": len(found), "words": words, "start": start}
        return render_template("store/products.html", **shown, page=PAGE)

    @board.route("/products/new", methods=["GET", "POST"])
    def new() -> Any:
        if request.method == "GET":
            return render_template("store/new.html")
        form = request.form
        row: Doc = {"sku": form["sku"].strip(), "price": f"{float(form['price']):.2f}"}
        row["inventory_quantity"] = int(form["stock"])
        wish: Doc = {name: form[name] for name in ("title", "vendor", "product_type")}
        wish["variants"] = [row]
        wish["images"] = [f"{request.host_url}photos/{row['sku'] or 'new'}.svg"]
        with stores.keep.lock:
            domain = stores.shops()[0]["domain"]
            doc, happened = stores.create(domain, wish)
            notify(domain, happened)
        return redirect(f"/admin/products/{doc['id']}")

    @board.route("/admin/products/<product_id>", methods=["GET", "POST"])
    def edit(product_id: str) -> Any:
        with stores.keep.lock:
            doc = stores.product(product_id) or abort(404)
            if request.method == "POST":
                save(doc)
                return redirect(f"/admin/products/{product_id}?saved=1")
            shown = {"product": doc, "name": variant_title, "saved": request.args.get("saved")}
            return render_template("store/product.html", **shown)

    @board.post("/admin/products/<product_id>/<word>")
    def act(product_id: str, word: str) -> Any:
        with stores.keep.lock:
            doc = stores.product(product_id) or abort(404)
            if word == "delete":
                notify(doc["domain"], stores.delete(doc))
                return redirect("/")
            found = next(v for v in doc["variants"] if str(v["id"]) == request.form["variant"])
            notify(doc["domain"], stores.order(doc["domain"], [{"variant": found["id"]}])[1])
            return redirect(f"/admin/products/{product_id}?saved=1")

    @board.get("/photos/<name>.svg")
    def photo(name: str) -> Response:
        return Response(catalogue.image(escape(name)), mimetype="image/svg+xml")

    app.register_blueprint(board)


def _holds(doc: Doc, words: str) -> bool:
    return words in " ".join([doc["title"], *(variant["sku"] for variant in doc["variants"])]).lower()


def _merged(happened: list[Doc]) -> list[Doc]:
    """Merge the product updates of one save; the last one is complete."""
    updates = [one for one in happened if one["what"] == "product_updated"]
    return [one for one in happened if one["what"] != "product_updated"] + updates[-1:]
