"""The stand-in WooCommerce as a web application."""

from __future__ import annotations

from typing import Any

from flask import Response, g, request

from sandbox.common import store_app
from sandbox.common.pages import PAGES
from sandbox.woocommerce import api, auth, hooks, odd


@store_app.store_application(
    __name__,
    __file__,
    kind="woocommerce",
    first_id=1_000_000,
    words="A local stand-in for a WordPress with WooCommerce. What you save here goes out as webhooks.",
    manners=lambda stores, _: hooks.manners(stores),
)
def build(parts: store_app.Parts, url: str) -> None:
    """Complete the store."""
    app, stores, sender = parts.app, parts.stores, parts.sender
    faults, log = parts.faults, parts.log
    queue = hooks.Queue(stores, sender, url)
    parts.finish(queue.notify, url)
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


application = store_app.from_environment(build)
