"""Control addresses of the stand-in Reverb, for tests, the demo and people who act as buyers."""

from __future__ import annotations

import threading
import time
from typing import Any

from flask import Blueprint, Flask, request

from sandbox import catalogue
from sandbox.common.faults import Faults, Log
from sandbox.common.keep import Doc
from sandbox.reverb import rules
from sandbox.reverb.market import DEFAULTS, Market
from sandbox.reverb.orders import Orders
from sandbox.reverb.webhooks import WebhookSender

#: Seconds between checks of listings in processing, so that they go live and webhooks are sent without a call.
PROCESS_EVERY_S = 0.1


def routes(app: Flask, market: Market, orders: Orders, webhooks: WebhookSender, *, faults: Faults, log: Log) -> None:
    """Add the addresses."""
    board = Blueprint("control", __name__, url_prefix="/_control")
    _whole(board, market, webhooks, faults, log)
    _accounts(board, market, webhooks)
    _listings(board, market)
    _orders(board, market, orders)
    _webhooks(board, market, webhooks)
    _refusals(board, faults)

    @board.errorhandler(rules.Refusal)
    def refused(error: rules.Refusal) -> Any:
        return {"error": error.message}, error.status

    app.register_blueprint(board)


def go_on(market: Market) -> None:
    """Finish Reverb's processing in the background."""

    def process() -> None:
        while True:
            time.sleep(PROCESS_EVERY_S)
            with market.keep.lock:
                if market.publishes():
                    market.publish_due()

    threading.Thread(target=process, daemon=True).start()


def _whole(board: Blueprint, market: Market, webhooks: WebhookSender, faults: Faults, log: Log) -> None:
    @board.route("/settings", methods=["GET", "POST"])
    def settings() -> Any:
        wish = request.get_json() if request.method == "POST" else {}
        sending = webhooks.sender.settings
        if unknown := set(wish) - set(DEFAULTS) - set(sending):
            return {"error": f"unknown: {sorted(unknown)}"}, 400
        with market.keep.lock:
            market.settings.update({name: value for name, value in wish.items() if name in DEFAULTS})
            market.reads = 0 if wish else market.reads
            sending.update({name: value for name, value in wish.items() if name in sending})
            return {**market.settings, **sending, "sent": webhooks.sender.sent}

    @board.post("/clock")
    def clock() -> Any:
        with market.keep.lock:
            market.clock.offset_s += float(request.get_json()["advance_s"])
            market.publish_due()
            return {"now": market.clock.stamp()}

    @board.post("/reset")
    def reset() -> Any:
        with market.keep.lock:
            market.keep.clear()
            market.settings = dict(DEFAULTS)
            market.clock.offset_s = 0.0
            webhooks.sender.reset()
            faults.clear()
            log.clear()
        return {}


def _accounts(board: Blueprint, market: Market, webhooks: WebhookSender) -> None:
    @board.post("/accounts")
    def accounts() -> Any:
        with market.keep.lock:
            return market.make_account(request.get_json())

    @board.post("/uninstall")
    def uninstall() -> Any:
        """Uninstall the app, or delete the token: it is refused from now on."""
        with market.keep.lock:
            account = _account(market)
            account["gone"] = True
            market.keep.put("account", account["token"], account)
            webhooks.send(account["token"], "app/uninstalled", {})
            return {}


def _account(market: Market) -> Doc:
    found = market.account(request.get_json()["token"])
    if found is None:
        raise rules.Refusal(404, {}, "There is no such account")
    return found


def _listings(board: Blueprint, market: Market) -> None:
    @board.post("/listings")
    def make() -> Any:
        """Create listings at once in the requested state; the index has had them for long."""
        with market.keep.lock:
            return _seed(market, _account(market), request.get_json()["listings"])

    @board.post("/seed")
    def catalogue_listings() -> Any:
        """List most of the catalogue for an account, once; the photos are those of the store at `store`."""
        with market.keep.lock:
            account = _account(market)
            if not market.mine(account):
                _seed(market, account, catalogue.listings(catalogue.products(request.get_json()["store"])))
            return {"listings": len(market.mine(account))}

    @board.get("/listings")
    def listings() -> Any:
        sku = request.args.get("sku")
        with market.keep.lock:
            found = [market.listing(key) for key in list(market.keep.all("listing"))]
            return [_bare(doc) for doc in found if doc and sku in (None, doc["sku"])]


def _orders(board: Blueprint, market: Market, orders: Orders) -> None:
    @board.post("/buy")
    def buy() -> Any:
        """Buy: `listing_id`, optionally `quantity`, `status`, `buyer`, `local_pickup`, `price`, `shipping`, `tax`.

        409 if the listing is not on sale or has too few units.
        """
        wish = request.get_json()
        with market.keep.lock:
            listing = market.listing(str(wish["listing_id"]))
            if listing is None:
                raise rules.Refusal(409, {}, "This listing is not on sale")
            return _bare(orders.create(listing, wish))

    @board.get("/orders")
    def every() -> Any:
        with market.keep.lock:
            return [_bare(doc) for doc in market.keep.all("order").values()]

    @board.post("/orders/<number>/<word>")
    def step(number: str, word: str) -> Any:
        with market.keep.lock:
            found = orders.get(number)
            if found is None:
                raise rules.Refusal(404, {}, "There is no such order")
            more = request.get_json(silent=True) or {}
            said = {name: more[name] for name in ("provider", "tracking_number") if name in more}
            return _bare(orders.step(found, word, **said))


def _webhooks(board: Blueprint, market: Market, webhooks: WebhookSender) -> None:
    @board.get("/deliveries")
    def deliveries() -> Any:
        return webhooks.sender.tries

    @board.get("/outbox")
    def outbox() -> Any:
        return webhooks.sender.outbox()

    @board.route("/registrations", methods=["GET", "DELETE"])
    def registrations() -> Any:
        """Return all registrations; DELETE drops all or a topic's, as Reverb does if a receiver fails."""
        topic = request.args.get("topic")
        with market.keep.lock:
            found = list(market.keep.all("registration").values())
            for row in found if request.method == "DELETE" else []:
                if topic in (None, row["topic"]):
                    market.keep.drop("registration", row["id"])
            return found


def _refusals(board: Blueprint, faults: Faults) -> None:
    @board.post("/refuse")
    def refuse() -> Any:
        """Refuse the next writes of listings that contain `field`, as a whole, like Reverb.

        Optional: `words`, `message`, `times`, `status`, and `sends`, the field's name in the JSON ("": any write).
        """
        wish = request.get_json()
        name = wish["field"]
        errors = {name: [wish.get("words", "is invalid")]}
        message = wish.get("message", "Please fill in all the fields required for submitting your listing.")
        fault = {
            "kind": "status",
            "status": wish.get("status", 412),
            "method": "POST|PUT",
            "path": r"/listings(/[^/]+)?$",
            "text": f'"{wish.get("sends", name)}"' if wish.get("sends", name) else "",
            "body": {"message": message, "errors": errors},
            "times": wish.get("times", 1),
        }
        faults.add(fault)
        return fault


def _bare(doc: Doc) -> Doc:
    return {name: value for name, value in doc.items() if name != "seen"}


def _seed(market: Market, account: Doc, bodies: list[Doc]) -> list[int]:
    """Create listings in the state that each body names, as if they were old. Returns their ids.

    Several may share a SKU, as old ones do.
    """
    made = []
    for body in bodies:
        doc, _ = market.create(account, {name: value for name, value in body.items() if name not in ("state", "sku")})
        doc["state"], doc["sku"] = body.get("state", "draft"), body.get("sku", "")
        doc["photos_at"] = 0.0
        if doc["state"] == "live" and not rules.several(doc):
            doc["inventory"] = 1
        doc["seen"] = []
        market.save(doc)
        doc["seen"][0]["at"] = 0.0
        market.keep.put("listing", doc["id"], doc)
        made.append(doc["id"])
    return made
