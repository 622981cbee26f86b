"""Reverb's webhooks: registrations over HTTP, and deliveries of changes: the object's plain JSON, unsigned.

Facts: the list under `registrations`, rows without an id, the id in the self link, 201 and 200 `{}` (recorded on the
sandbox in 2015); topics, "only triggered on listing state and inventory changes", no signature, the object's own JSON
(docs: receive updates with webhooks); the refusals of topics and of personal tokens (seen live in 2026). Retries are
claimed; their timing is a guess. The body of `app/uninstalled` is not documented: here it is an empty object. Nor is
that of `payments/…`: these can be registered, but are never sent.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, g, request

from sandbox.common.keep import Doc, Keep
from sandbox.common.sender import Manners, Sender
from sandbox.reverb import rules, shapes
from sandbox.reverb.market import Market
from sandbox.reverb.rules import Refusal

RETRY_S = [1.0, 5.0, 30.0, 120.0, 600.0]
#: The sync guide's names of topics that the webhooks' own page names differently. Sent if registered.
ALSO = {
    "listings/update": "product/updated",
    "listings/publish": "product/published",
    "orders/create": "order/created",
    "orders/update": "order/updated",
    "orders/paid": "order/paid",
}


def routes(api: Blueprint, market: Market, *, body: Callable[[], Doc]) -> None:
    """Add the addresses of registrations."""
    keep = market.keep

    def root() -> str:
        return request.host_url.rstrip("/") + "/api"

    def found(number: str) -> Doc:
        row = keep.get("registration", number)
        if row is None or row["account"] != g.account["token"]:
            raise Refusal(404, {}, "The registration could not be found")
        return row

    @api.get("/webhooks/registrations")
    def registrations() -> Any:
        with keep.lock:
            at = market.clock.now() - float(market.settings["registrations_lag_s"])
            mine = [row for row in _registered(keep, at) if row["account"] == g.account["token"]]
            return {"registrations": [_shown(root(), row) for row in mine]}

    @api.post("/webhooks/registrations")
    def register() -> Any:
        said = body()
        with keep.lock:
            if market.settings["webhooks_need_oauth"] and not g.account.get("oauth"):
                raise Refusal(401, {}, "Please log in via Oauth to create webhooks")
            _check(said, market.settings["webhook_topics"], g.account["scopes"])
            number = keep.number("registration", 5)
            row = {"id": number, "account": g.account["token"], "url": said["url"], "topic": said["topic"]}
            return _shown(root(), keep.put("registration", number, {**row, "created_at": market.clock.now()})), 201

    @api.get("/webhooks/registrations/<number>")
    def registration(number: str) -> Any:
        with keep.lock:
            return _shown(root(), found(number))

    @api.delete("/webhooks/registrations/<number>")
    def unregister(number: str) -> Any:
        with keep.lock:
            row = found(number)
            keep.drop("registration", row["id"])
            keep.put("former_registration", row["id"], {**row, "dropped_at": market.clock.now()})
            return {}


def _registered(keep: Keep, at: float) -> list[Doc]:
    """Return the webhooks that were registered at a time."""
    former = [row for row in keep.all("former_registration").values() if row["dropped_at"] > at]
    return [row for row in [*former, *keep.all("registration").values()] if row["created_at"] <= at]


def _check(said: Doc, topics: list[str], scopes: list[str]) -> None:
    url, topic = said.get("url"), said.get("topic")
    if topic not in topics:
        raise Refusal(400, {"topic": ["does not have a valid value"]}, "topic does not have a valid value")
    if not isinstance(url, str) or not url.startswith(("https://", "http://")):
        raise Refusal(400, {"url": ["is not an address"]}, "url is not an address")
    kind = str(topic).partition("/")[0]
    needed = {"listings": "read_listings", "product": "read_listings", "app": ""}.get(kind, "read_orders")
    if needed and needed not in scopes:
        raise Refusal(403, {}, f"Your token lacks the scope {needed}.")


def _shown(root: str, row: Doc) -> Doc:
    return {
        "url": row["url"],
        "topic": row["topic"],
        "created_at": shapes.stamp(row["created_at"]),
        "_links": {"self": {"href": f"{root}/webhooks/registrations/{row['id']}"}},
    }


class WebhookSender:
    """Receives changes of the market and sends them to registered webhooks."""

    def __init__(self, market: Market, sending: type[Sender] = Sender) -> None:
        """Subscribe to the market's changes."""
        self._market = market
        self.sender = sending(market.keep, market.clock, self._manners(), owners="account")
        market.on_change = self.changed

    def changed(self, kind: str, before: Doc | None, now: Doc) -> None:
        """Send the webhooks of a listing or an order that was created or changed."""
        api = f"{self._market.web}/api"
        if kind == "order":
            body = shapes.order(self._market, api, now)
            for topic in _of_order(before, now):
                self.send(now["account"], topic, body)
        else:
            for topic in _of_listing(before, now):
                self.send(now["account"], topic, shapes.listing(self._market, api, now))

    def send(self, account: str, topic: str, body: Doc) -> None:
        """Send a body to an account's registrations for a topic, by either of its names."""
        rows = [row for row in self._market.keep.all("registration").values() if row["account"] == account]
        hooks = [{"id": row["id"], "uri": row["url"]} for row in rows if row["topic"] in (topic, ALSO.get(topic))]
        self.sender.send(account, topic, body, hooks=hooks)

    def _manners(self) -> Manners:
        def settled(_: Doc, hook: Doc, arrived: bool) -> None:  # noqa: FBT001 -- the sender's interface
            """Drop a receiver that never accepts a delivery [guess; docs: "may stop sending"]."""
            if not arrived:
                self._market.keep.drop("registration", hook["id"])

        headers = {"Content-Type": "application/json", "User-Agent": "Reverb"}
        return Manners(headers=lambda *_: headers, retry_s=RETRY_S, settled=settled, answer_s=5.0)


def _of_listing(before: Doc | None, now: Doc) -> list[str]:
    """Return the topics of a listing's change; a new draft is not a change of state [guess]."""
    if before is None or (before["state"], _units(before)) == (now["state"], _units(now)):
        return []
    went_live = now["state"] == "live" and before["state"] != "live"
    return ["listings/update", *(["listings/publish"] if went_live else [])]


def _units(doc: Doc) -> int:
    return 1 if doc["state"] == "live" and not rules.several(doc) else int(doc["inventory"])


def _of_order(before: Doc | None, now: Doc) -> list[str]:
    paid = now["status"] == "paid" and (before is None or before["status"] != "paid")
    return ["orders/create" if before is None else "orders/update", *(["orders/paid"] if paid else [])]
