"""The stand-in WooCommerce as a web application."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from flask import Flask, Response, g, request

from sandbox.common import store_app, web
from sandbox.common.clock import Clock
from sandbox.common.faults import Faults, Log, control
from sandbox.common.keep import Keep
from sandbox.common.pages import PAGES
from sandbox.common.sender import Sender
from sandbox.common.store import Stores
from sandbox.woocommerce import api, auth, hooks, odd


def build(folder: Path | None, url: str, *, clock: Clock | None = None, sending: type[Sender] = Sender) -> Flask:
    """Return the application; `folder` stores its state (None: memory only), `url` is its own address.

    `clock` and `sending` (how webhooks are sent) are for callers that control the time, such as the simulation.
    """
    app = web.application(
        __name__,
        Path(__file__).parent,
        title="Stand-in store",
        words="A local stand-in for a WordPress with WooCommerce. What you save here goes out as webhooks.",
    )
    clock = clock or Clock()
    stores = Stores(Keep(folder, "woocommerce"), clock, first_id=1_000_000)
    sender, faults, log = sending(stores.keep, clock, hooks.manners(stores)), Faults(), Log()
    queue = hooks.Queue(stores, sender, url)
    control(app, faults, log)
    store_app.control(app, stores, sender, queue.notify, faults=faults, log=log, url=url)
    store_app.pages(app, stores, queue.notify)
    auth.routes(app, stores)
    odd.routes(app, stores, queue.notify)

    @app.before_request
    def guard() -> Any:
        """Admit calls with keys; the lock is held until the response is made."""
        if not request.path.startswith(api.ROOT):
            return None
        fault = faults.before(request)
        if fault is not None:
            return fault
        stores.keep.lock.acquire()
        g.locked = True
        g.front = next((shop["front"] for shop in stores.shops() if shop.get("front")), {})
        if blocked := "consumer_key" in request.args and api.front().get("block_query_keys"):
            return PAGES["wordfence"], int(blocked)
        found = api.shop_of(stores)
        if isinstance(found, tuple):
            return found
        g.shop = found
        if found.get("permissions") == "read" and request.method != "GET":
            return api.error(
                "woocommerce_rest_cannot_edit", "The API key provided does not have write permissions.", 401
            )
        return None

    @app.errorhandler(404)
    def no_route(error: Exception) -> Any:
        words = "No route was found matching the URL and request method."
        return api.error("rest_no_route", words, 404) if request.path.startswith("/wp-json/") else error

    @app.after_request
    def after(response: Response) -> Response:
        if not request.path.startswith(api.ROOT):
            return response
        log.add(response, account=g.shop["domain"] if "shop" in g else "")
        return faults.after(response)

    @app.teardown_request
    def free(_: BaseException | None) -> None:
        if g.pop("locked", False):
            stores.keep.lock.release()

    api.routes(app, stores, sender, queue.notify, url=url)
    return app


application = build(
    Path(os.environ["SANDBOX_DATA"]) if os.environ.get("SANDBOX_DATA") else None,
    os.environ.get("SANDBOX_URL", "http://127.0.0.1:8102").rstrip("/"),
)
