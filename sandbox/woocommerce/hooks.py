"""WooCommerce's webhooks: queued, collapsed, tried once, disabled after failures.

Facts: WooCommerce 11 as seen: several changes before the queue runs are one delivery with the state at that time; the
body escapes slashes; 200..302 is success; there is no retry; the seventh failure in a row disables a webhook. A real
store delivers to public addresses only; the stand-in also allows the loopback address.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

from sandbox.common.keep import Doc
from sandbox.common.sender import Manners, Sender
from sandbox.common.store import Stores
from sandbox.woocommerce import shapes

MOST_FAILURES = 6


def write(body: Any) -> str:
    """Return JSON the way PHP writes it."""
    return json.dumps(body).replace("/", "\\/")


def manners(stores: Stores) -> Manners:
    """Return how WooCommerce delivers."""

    def settled(shop: Doc, hook: Doc, arrived: bool) -> None:  # noqa: FBT001 -- the sender's interface
        shop = stores.keep.get("shop", shop["domain"]) or shop
        for row in shop["webhooks"]:
            if row.get("id") == hook.get("id"):
                row["failed"] = 0 if arrived else row.get("failed", 0) + 1
                row["active"] = row["active"] and row["failed"] <= MOST_FAILURES
        stores.keep.put("shop", shop["domain"], shop)

    return Manners(headers=_headers, retry_s=[], settled=settled, answer_s=60.0, good=range(200, 303), write=write)


def _headers(shop: Doc, hook: Doc, delivery: Doc) -> dict[str, str]:
    if delivery["topic"] == "ping":
        return {"Content-Type": "application/x-www-form-urlencoded", "User-Agent": "WooCommerce/11.0.1 Hookshot"}
    digest = hmac.new(str(hook["secret"]).encode(), delivery["body"].encode(), hashlib.sha256).digest()
    resource, _, event = delivery["topic"].partition(".")
    moment = f"{hook['id']}{int(delivery['sent_at'])}"
    return {
        "Content-Type": "application/json",
        "User-Agent": "WooCommerce/11.0.1 Hookshot (WordPress/7.0.4)",
        "X-WC-Webhook-Source": f"https://{shop['domain']}/",
        "X-WC-Webhook-Topic": delivery["topic"],
        "X-WC-Webhook-Resource": resource,
        "X-WC-Webhook-Event": event,
        "X-WC-Webhook-Signature": base64.b64encode(digest).decode(),
        "X-WC-Webhook-ID": str(hook["id"]),
        "X-WC-Webhook-Delivery-ID": hashlib.md5(moment.encode()).hexdigest(),
    }


class Queue:
    """Pending deliveries: one for each topic and resource, with the state at the time of sending."""

    def __init__(self, stores: Stores, sender: Sender, url: str) -> None:
        """`sender.settings["queue_s"]` is how long the queue waits."""
        self._stores = stores
        self._sender = sender
        self._url = url
        self._waiting: dict[tuple[str, str, str], Callable[[], Any]] = {}
        sender.settings["queue_s"] = 0.2

    def notify(self, domain: str, happened: list[Doc]) -> None:
        """Queue the webhooks of the events."""
        for one in happened:
            for topic, resource, body in self._topics(one):
                self._put(domain, topic, resource, body)

    def _put(self, domain: str, topic: str, resource: str, body: Callable[[], Any]) -> None:
        key = (domain, topic, resource)
        if key not in self._waiting:
            self._waiting[key] = body
            self._sender.later(float(self._sender.settings["queue_s"]), lambda: self._run(key))

    def _run(self, key: tuple[str, str, str]) -> None:
        with self._stores.keep.lock:
            body = self._waiting.pop(key)()
            self._sender.send(key[0], key[1], body)

    def _topics(self, one: Doc) -> list[tuple[str, str, Callable[[], Any]]]:
        match one["what"]:
            case "product_created":
                return [("product.created", self._id(one), self._product(one))]
            case "product_updated" | "stock":
                return [("product.updated", self._id(one), self._product(one))]
            case "product_deleted":
                number = one["product"]["id"]
                return [("product.deleted", str(number), lambda: {"id": number})]
            case "order_created":
                names = ["order.updated", "order.created"]  # in this order, as seen
            case _:
                names = ["order.updated"]
        order = one["order"]
        return [(name, str(order["id"]), lambda: shapes.order(self._stores, order)) for name in names]

    def _id(self, one: Doc) -> str:
        return str(one["variant"]["id"] if self._is_variation(one) else one["product"]["id"])

    def _product(self, one: Doc) -> Callable[[], Any]:
        if self._is_variation(one):
            return lambda: shapes.variation(self._stores, one["product"], one["variant"], self._url)
        return lambda: shapes.product(self._stores, one["product"], self._url)

    def _is_variation(self, one: Doc) -> bool:
        return "variant" in one and shapes.is_variable(one["product"])
