"""The stand-in Reverb as a web application: API, control address for tests, and a page for people."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from flask import Flask, Response, redirect, render_template, request

from sandbox import catalogue
from sandbox.common import web
from sandbox.common.clock import Clock
from sandbox.common.faults import Faults, Log, control
from sandbox.common.keep import Doc, Keep
from sandbox.reverb import api, oauth, rules, shapes
from sandbox.reverb.market import DEFAULTS, Market


def build(folder: Path | None, url: str, *, clock: Clock | None = None) -> Flask:
    """Return the application; `folder` keeps its state (None: memory only), `url` is its own address.

    `clock` is for who sets the time, such as a simulation.
    """
    app = web.application(
        __name__,
        Path(__file__).parent,
        title="Stand-in Reverb",
        words="Not the real marketplace: a local copy of its rules, for trying things out.",
    )
    market, faults, log = Market(Keep(folder, "reverb"), clock or Clock(), url), Faults(), Log()
    app.register_blueprint(api.build(market, faults, log))
    control(app, faults, log)
    _control(app, market, faults, log)
    _pages(app, market)
    oauth.routes(app, market)
    return app


def _control(app: Flask, market: Market, faults: Faults, log: Log) -> None:
    @app.post("/_control/accounts")
    def accounts() -> Any:
        return market.make_account(request.get_json())

    @app.route("/_control/settings", methods=["GET", "POST"])
    def settings() -> Any:
        wish = request.get_json() if request.method == "POST" else {}
        if unknown := set(wish) - set(DEFAULTS):
            return {"error": f"unknown: {sorted(unknown)}"}, 400
        market.settings.update(wish)
        return market.settings

    @app.post("/_control/clock")
    def clock() -> Any:
        market.clock.offset_s += float(request.get_json()["advance_s"])
        return {"now": market.clock.stamp()}

    @app.post("/_control/reset")
    def reset() -> Any:
        market.keep.clear()
        market.settings = dict(DEFAULTS)
        market.clock.offset_s = 0.0
        faults.clear()
        log.clear()
        return {}

    @app.post("/_control/listings")
    def seed() -> Any:
        """Make listings at once, in the state that is asked for, seen by the index from long ago."""
        wish = request.get_json()
        account = market.account(wish["token"])
        if account is None:
            return {"error": "no such account"}, 404
        with market.keep.lock:
            return _seed(market, account, wish["listings"])

    @app.post("/_control/seed")
    def catalogue_listings() -> Any:
        """List most of the catalogue for an account, once; the photos are the store's at `store`."""
        wish = request.get_json()
        account = market.account(wish["token"])
        if account is None:
            return {"error": "no such account"}, 404
        with market.keep.lock:
            if not market.mine(account):
                _seed(market, account, catalogue.listings(catalogue.products(wish["store"])))
            return {"listings": len(market.mine(account))}

    @app.get("/_control/listings")
    def listings() -> Any:
        sku = request.args.get("sku")
        with market.keep.lock:
            found = [market.listing(key) for key in list(market.keep.all("listing"))]
            return [{k: v for k, v in doc.items() if k != "seen"} for doc in found if doc and sku in (None, doc["sku"])]

    @app.post("/_control/buy")
    def buy() -> Any:
        wish = request.get_json()
        with market.keep.lock:
            doc = market.listing(str(wish["listing_id"]))
            if doc is None or doc["state"] != "live":
                return {"error": "not on sale"}, 409
            return market.sell(doc, int(wish.get("quantity", 1)))


def _seed(market: Market, account: Doc, bodies: list[Doc]) -> list[int]:
    """Make listings in the state that each body names, as if they had been there for long. Returns their ids."""
    made = []
    for body in bodies:
        doc, _ = market.create(account, {name: value for name, value in body.items() if name != "state"})
        doc["state"] = body.get("state", "draft")
        doc["photos_at"] = 0.0
        if doc["state"] == "live" and not rules.several(doc):
            doc["inventory"] = 1
        doc["seen"] = []
        market.save(doc)
        doc["seen"][0]["at"] = 0.0
        market.keep.put("listing", doc["id"], doc)
        made.append(doc["id"])
    return made


def _pages(app: Flask, market: Market) -> None:
    def shown(doc: dict[str, Any]) -> dict[str, Any]:
        return {**shapes.listing(market, request.host_url.rstrip("/") + "/api", doc), "updated": doc["updated_at"]}

    @app.get("/")
    def index() -> str:
        words = request.args.get("q", "").lower()
        with market.keep.lock:
            found = [market.listing(key) for key in list(market.keep.all("listing"))]
            rows = [shown(doc) for doc in found if doc and words in (doc["title"] + " " + doc["sku"]).lower()]
        rows.sort(key=lambda row: -row["updated"])
        return render_template("listings.html", rows=rows, words=request.args.get("q", ""))

    @app.get("/item/<slug>")
    def item(slug: str) -> Any:
        with market.keep.lock:
            doc = market.listing(slug.partition("-")[0])
            if doc is None:
                return Response("There is no such listing.", status=404, mimetype="text/plain")
            return render_template(
                "listing.html", row=shown(doc), warnings=rules.missing(doc, market.account(doc["account"]) or {})
            )

    @app.post("/item/<slug>/buy")
    def buy_one(slug: str) -> Any:
        with market.keep.lock:
            doc = market.listing(slug.partition("-")[0])
            if doc is not None and doc["state"] == "live":
                market.sell(doc, 1)
        return redirect("/")

    @app.get("/my/<path:_>")
    @app.get("/sell")
    def elsewhere(_: str = "") -> str:
        return render_template("elsewhere.html")


application = build(
    Path(os.environ["SANDBOX_DATA"]) if os.environ.get("SANDBOX_DATA") else None,
    os.environ.get("SANDBOX_URL", "http://127.0.0.1:8101").rstrip("/"),
)
