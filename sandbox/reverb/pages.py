"""The stand-in Reverb's pages for people: listings with a button to buy, orders with buttons for their steps."""

from __future__ import annotations

from typing import Any

from flask import Flask, Response, redirect, render_template, request

from sandbox.common.keep import Doc
from sandbox.reverb import rules, shapes
from sandbox.reverb.market import Market
from sandbox.reverb.orders import STEPS, Orders

#: Step → the label of its button.
BUTTONS = {
    "pay": "Pay",
    "ship": "Ship",
    "pick_up": "Pick up",
    "receive": "Receive",
    "cancel": "Cancel",
    "refund": "Refund",
    "block": "Block",
    "reopen": "Open again",
}


def routes(app: Flask, market: Market, orders: Orders) -> None:
    """Add the pages."""
    _listings(app, market, orders)
    _orders(app, market, orders)

    @app.get("/my/<path:_>")
    @app.get("/sell")
    def elsewhere(_: str = "") -> str:
        return render_template("elsewhere.html")


def _listings(app: Flask, market: Market, orders: Orders) -> None:
    def shown(doc: Doc) -> Doc:
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
            warnings = rules.missing(doc, market.account(doc["account"]) or {})
            return render_template("listing.html", row=shown(doc), warnings=warnings)

    @app.post("/item/<slug>/buy")
    def buy(slug: str) -> Any:
        wish = {"status": request.form.get("status", "paid"), "quantity": request.form.get("quantity", 1, type=int)}
        with market.keep.lock:
            doc = market.listing(slug.partition("-")[0])
            if doc is None:
                return _sorry("There is no such listing.")
            try:
                orders.create(doc, wish)
            except rules.Refusal as refusal:
                return _sorry(refusal.message)
        return redirect("/")


def _orders(app: Flask, market: Market, orders: Orders) -> None:
    def shown(doc: Doc) -> Doc:
        words = [word for word, (possible, _) in STEPS.items() if doc["status"] in possible]
        unfit = "ship" if doc["local_pickup"] else "pick_up"
        return {
            **shapes.order(market, request.host_url.rstrip("/") + "/api", doc),
            "buttons": [(word, BUTTONS[word]) for word in words if word != unfit],
            "listing_id": doc["listing"],
        }

    @app.get("/my/selling/orders")
    def every() -> str:
        with market.keep.lock:
            rows = [shown(doc) for doc in reversed(market.keep.all("order").values())]
        return render_template("orders.html", rows=rows, alone=False)

    @app.get("/my/selling/orders/<number>")
    def one(number: str) -> Any:
        with market.keep.lock:
            doc = orders.get(number)
            if doc is None:
                return _sorry("There is no such order.")
            return render_template("orders.html", rows=[shown(doc)], alone=True)

    @app.post("/my/selling/orders/<number>/<word>")
    def step(number: str, word: str) -> Any:
        parcel = {"provider": "UPS", "tracking_number": f"1Z{number}"} if word == "ship" else {}
        with market.keep.lock:
            doc = orders.get(number)
            if doc is None:
                return _sorry("There is no such order.")
            try:
                orders.step(doc, word, **parcel)
            except rules.Refusal as refusal:
                return _sorry(refusal.message)
        return redirect("/my/selling/orders")


def _sorry(words: str) -> Response:
    return Response(words, status=409, mimetype="text/plain")
