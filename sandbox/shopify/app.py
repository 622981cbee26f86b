"""The stand-in Shopify as a web application: GraphQL, OAuth, control addresses, and the store's own admin."""

from __future__ import annotations

from typing import Any

from flask import Flask, Response, abort, jsonify, request

from sandbox.common import store_app
from sandbox.common.faults import Faults, Log
from sandbox.common.keep import Doc
from sandbox.common.store import Stores
from sandbox.common.store_app import Notify
from sandbox.shopify import graph, hooks, oauth

#: Points of the bucket and refill per second (docs: rate limits, standard plan).
BUCKET = {"size": 2000.0, "restore": 100.0}
BAD_TOKEN = "[API] Invalid API key or access token (unrecognized login or wrong password)"


@store_app.store_application(
    __name__,
    __file__,
    kind="shopify",
    first_id=8_400_000_000_000,
    words="A local stand-in for a Shopify store's admin. What you save here goes out as webhooks.",
    manners=lambda stores, _: hooks.manners(stores),
)
def build(parts: store_app.Parts, url: str) -> None:
    """Complete the store."""
    app, clock, stores, sender = parts.app, parts.clock, parts.stores, parts.sender
    faults, log = parts.faults, parts.log

    def notify(domain: str, happened: list[Doc]) -> None:
        for one in happened:
            for topic, body in hooks.topics(clock, one):
                sender.send(domain, topic, body)

    parts.finish(notify, url)
    oauth.routes(app, stores, faults)
    _graphql(app, stores, faults, log, notify=notify, url=url)


def _graphql(app: Flask, stores: Stores, faults: Faults, log: Log, *, notify: Notify, url: str) -> None:
    buckets: dict[str, tuple[float, float]] = stores.keep.unsaved()

    def points(domain: str) -> float:
        left, at = buckets.get(domain, (BUCKET["size"], stores.clock.now()))
        return min(BUCKET["size"], left + max(0.0, stores.clock.now() - at) * BUCKET["restore"])

    def cost(cost_requested: int, actual: int | None, left: float) -> Doc:
        status = {
            "maximumAvailable": BUCKET["size"],
            "currentlyAvailable": int(left),
            "restoreRate": BUCKET["restore"],
        }
        return {"cost": {"requestedQueryCost": cost_requested, "actualQueryCost": actual, "throttleStatus": status}}

    @app.post("/_control/limits")
    def limits() -> Any:
        BUCKET.update({name: float(value) for name, value in request.get_json().items() if name in BUCKET})
        return BUCKET

    @app.post("/admin/api/<version>/graphql.json")
    def ask(version: str) -> Any:
        with stores.keep.lock:
            shop = oauth.shop_of(stores, request.headers.get("X-Shopify-Access-Token", ""))
        if shop is None:
            return {"errors": BAD_TOKEN}, 401
        fault = faults.before(request)
        if fault is not None:
            return fault
        body = request.get_json(silent=True)
        if not isinstance(body, dict) or not isinstance(body.get("query"), str):
            return {"errors": {"query": "Required parameter missing or invalid"}}, 400
        with stores.keep.lock:
            left = points(shop["domain"])
            variables = body.get("variables") or {}
            cost_requested = graph.cost_of(body["query"], variables)
            if left < cost_requested <= graph.MAX_COST:
                throttled = {"message": "Throttled", "extensions": {"code": "THROTTLED"}}
                return {"errors": [throttled], "extensions": cost(cost_requested, None, left)}
            found, cost_requested, actual = graph.answer(stores, shop, body["query"], variables, notify=notify, url=url)
            buckets[shop["domain"]] = (left - actual, stores.clock.now())
        answer = jsonify({**found, "extensions": cost(cost_requested, actual, left - actual)})
        answer.headers["X-Shopify-API-Version"] = version
        log.add(answer, account=shop["domain"])
        return faults.after(answer)

    @app.get("/_bulk/<number>.jsonl")
    def bulk(number: str) -> Any:
        """Serve the file of a bulk operation. Its address is its only secret; range requests are supported."""
        fault = faults.before(request)
        if fault is not None:
            return fault
        found = stores.keep.get("bulk", number) or abort(404)
        made = Response("".join(f"{line}\n" for line in found["lines"]), mimetype="application/jsonl")
        made.make_conditional(request, accept_ranges=True, complete_length=len(made.get_data()))
        return faults.after(made)


application = store_app.from_environment(build)
