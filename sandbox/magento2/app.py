"""The stand-in Magento as a web application."""

from __future__ import annotations

from typing import Any

from flask import Flask, Response, abort, g, jsonify, redirect, request

from sandbox.common import store_app
from sandbox.common.faults import Faults, Log
from sandbox.common.keep import Doc
from sandbox.common.sender import Manners
from sandbox.common.store import Stores
from sandbox.magento2 import control as control_of
from sandbox.magento2 import criteria, inventory, orders, shapes
from sandbox.magento2.auth import Auth, handshake, refused
from sandbox.magento2.front import VIEW, Front
from sandbox.magento2.msi import Msi

ROOT = "/rest/V1"


@store_app.store_application(
    __name__,
    __file__,
    kind="magento2",
    first_id=1_000_000,
    words="A local stand-in for Magento. It sends no webhooks: what you save here is found by looking.",
    manners=lambda *_: Manners(headers=lambda *_: {}, retry_s=[], settled=lambda *_: None),
)
def build(parts: store_app.Parts, url: str) -> None:
    """Complete the store."""
    app, stores = parts.app, parts.stores
    faults, log = parts.faults, parts.log
    auth = Auth(stores)

    def notify(domain: str, happened: list[Doc]) -> None:
        """Do nothing: Magento sends no webhooks."""

    parts.finish(notify, url)
    handshake(app, stores, auth, url)
    _guard(app, stores, auth, faults, log)
    _store(app, stores, url)
    _catalogue(app, stores)
    inventory.routes(app, stores, ROOT, notify)
    orders.routes(app, stores, ROOT, notify)
    control_of.routes(app, stores)
    app.wsgi_app = Front(app.wsgi_app, lambda: next(iter(stores.shops()), {}))  # type: ignore[method-assign,assignment]


def _guard(app: Flask, stores: Stores, auth: Auth, faults: Faults, log: Log) -> None:
    """Admit signed calls; the lock is held until the response is made."""

    @app.before_request
    def enter() -> Any:
        if not request.path.startswith("/rest/"):
            return None
        fault = faults.before(request)
        if fault is not None:
            return fault
        stores.keep.lock.acquire()
        g.locked = True
        found = auth.shop()
        if isinstance(found, tuple):
            return found
        g.shop = found
        if request.environ.get(VIEW, "") not in ("", "all", found.get("view", "default")):
            return refused(400, "Specified request cannot be processed.")
        return None

    @app.errorhandler(criteria.Wrong)
    def wrong(error: criteria.Wrong) -> Any:
        return refused(400, str(error))

    @app.errorhandler(criteria.Broken)
    def broken(_: criteria.Broken) -> Any:
        return refused(500, "Internal Error. Details are available in Magento log file. Report ID: webapi-6")

    @app.errorhandler(404)
    def no_route(error: Exception) -> Any:
        return refused(404, inventory.NO_ROUTE) if request.path.startswith("/rest/") else error

    @app.errorhandler(KeyError)
    def no_entity(error: KeyError) -> Any:
        return refused(404, "No such entity with %fieldName = %fieldValue", parameters={"fieldName": str(error)})

    @app.after_request
    def after(response: Response) -> Response:
        if not request.path.startswith("/rest/"):
            return response
        log.add(response, account=g.shop["domain"] if "shop" in g else "")
        return faults.after(response)

    @app.teardown_request
    def free(_: BaseException | None) -> None:
        if g.pop("locked", False):
            stores.keep.lock.release()


def _store(app: Flask, stores: Stores, url: str) -> None:
    @app.get(f"{ROOT}/store/storeConfigs")
    def configs() -> Any:
        one = {
            "id": 1,
            "code": g.shop.get("view", "default"),
            "website_id": 1,
            "locale": "en_US",
            "base_currency_code": g.shop["currency"],
            "default_display_currency_code": g.shop["currency"],
            "timezone": g.shop.get("timezone", "America/Chicago"),
            "base_url": f"{url}/",
            "secure_base_media_url": f"{url}/media/",
        }
        return jsonify([one])

    @app.get(f"{ROOT}/store/websites")
    def websites() -> Any:
        names = ((0, "admin"), (1, "base"))
        return jsonify([{"id": number, "code": code, "name": code, "default_group_id": 1} for number, code in names])

    @app.get(f"{ROOT}/modules")
    def modules() -> Any:
        return jsonify(["Magento_Store", "Magento_Catalog", *(["Magento_Inventory"] if inventory.has_msi() else [])])

    @app.get("/media/catalog/product/<int:number>/<int:n>/<name>")
    def image(number: int, n: int, name: str) -> Any:
        doc = stores.product(number) or abort(404)
        return redirect(doc["images"][n]) if n < len(doc["images"]) else abort(404)


def _catalogue(app: Flask, stores: Stores) -> None:
    @app.get(f"{ROOT}/products")
    def products() -> Any:
        rows = list(shapes.entries(stores, g.shop["domain"]))
        return criteria.answer(request, rows, shapes.field, shapes.product)

    @app.get(f"{ROOT}/products/<path:sku>")
    def product(sku: str) -> Any:
        for one in shapes.entries(stores, g.shop["domain"]):
            if one.sku.lower() == sku.lower():
                made = shapes.product(one)
                if one.row is not None:
                    made["extension_attributes"]["stock_item"] = inventory.stock_item(Msi(stores), one, one.row)
                return made
        return refused(404, inventory.NO_PRODUCT)

    @app.get(f"{ROOT}/products/attributes")
    def attributes() -> Any:
        rows = shapes.attributes(stores, g.shop["domain"])
        return criteria.answer(request, rows, _of_attribute, lambda row: row)

    @app.get(f"{ROOT}/categories/list")
    def categories() -> Any:
        rows = shapes.tree(stores.products(g.shop["domain"]))
        return criteria.answer(request, rows, lambda row, name: row["id" if name == "entity_id" else name], dict)


def _of_attribute(row: Doc, name: str) -> Any:
    value = row[name]
    return int(value) if isinstance(value, bool) else value


application = store_app.from_environment(build)
