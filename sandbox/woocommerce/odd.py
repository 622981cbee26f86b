"""Control addresses of WooCommerce's own features: dated sales, shared stock, trash, plug-ins' fields and statuses."""

from __future__ import annotations

from typing import Any

from flask import Flask, abort, request

from sandbox.common.keep import Doc
from sandbox.common.store import Stores
from sandbox.common.store_app import Notify


def routes(app: Flask, stores: Stores, notify: Notify) -> None:
    """Add the addresses. `says` overrides what the API shows of an object."""

    @app.put("/_control/woo/products/<number>")
    def bend_product(number: str) -> Any:
        """Set `says` and `pool` (its variations share one stock) of a product, `says` and `sale` of a variation.

        A sale is `{"price", "from", "to", "late_s"}`, in seconds since 1970. `dated: false` keeps the date and sends no
        webhooks, like plug-ins that write to the database.
        """
        with stores.keep.lock:
            doc = stores.product(number)
            found = (doc, doc["variants"][0]) if doc else stores.with_variant(number) or abort(404)
            wish: Doc = request.get_json()
            parent = found[0] if doc else found[1]
            parent.update({name: wish[name] for name in ("says", "pool") if name in wish})
            found[1].update({name: wish[name] for name in ("sale",) if name in wish})
            is_dated = wish.get("dated", True)
            if is_dated:
                found[0]["updated_at"] = stores.clock.now()
            stores.keep.put("product", found[0]["id"], found[0])
            notify(found[0]["domain"], [{"what": "product_updated", "product": found[0]}] if is_dated else [])
            return found[0]

    @app.route("/_control/woo/orders/<number>", methods=["PUT", "DELETE"])
    def bend_order(number: str) -> Any:
        """Set `says` and `status` (any text) of an order, or delete it for good.

        Neither moves stock, unless `takes_stock` makes a pending order deduct it now.
        """
        with stores.keep.lock:
            doc = stores.keep.get("order", number) or abort(404)
            if request.method == "DELETE":
                stores.keep.drop("order", number)
                return doc
            wish = request.get_json()
            doc.update(says=wish.get("says", {}), updated_at=stores.clock.now())
            if "status" in wish:
                doc["wc_status"] = wish["status"]
            if wish.get("takes_stock"):
                doc["paid_at"] = stores.clock.now()
            moved = stores.take_units(doc) if wish.get("takes_stock") else []
            stores.keep.put("order", number, doc)
            notify(doc["domain"], [{"what": "order_updated", "order": doc}, *moved])
            return doc
