"""BigCommerce's webhooks: ids only, signed, retried for two days; a domain with too many failures is blocked.

Facts: developer docs, "Webhooks overview". The header names of the signature come from the specification that it
follows.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections import deque
from typing import Any
from urllib.parse import urlsplit

from sandbox.common.clock import Clock
from sandbox.common.keep import Doc
from sandbox.common.sender import Manners
from sandbox.common.store import Stores, units_of

RETRY_S = [60, 180, 300, 600, 900, 1800, 3600, 7200, 21600, 50400, 86400]
#: Below this share of arrivals in the window, once there are enough, the domain is blocked for three minutes.
SHARE, ENOUGH, WINDOW_S, BLOCKED_S = 0.9, 100, 120.0, 180.0


class Domains:
    """The success rate of each receiving domain, for all stores together."""

    def __init__(self, stores: Stores) -> None:
        """Start without deliveries."""
        self._clock = stores.clock
        self._tries: dict[str, deque[tuple[float, bool]]] = stores.keep.unsaved()
        self._blocked: dict[str, float] = stores.keep.unsaved()

    def count(self, uri: str, *, arrived: bool) -> None:
        """Count a try, and block the domain if too many failed."""
        domain, now = urlsplit(uri).netloc, self._clock.now()
        rows = self._tries.setdefault(domain, deque())
        rows.append((now, arrived))
        while rows and rows[0][0] < now - WINDOW_S:
            rows.popleft()
        good = sum(good for _, good in rows)
        if len(rows) >= ENOUGH and good < SHARE * len(rows):
            self._blocked[domain] = now + BLOCKED_S

    def blocked_s(self, uri: str) -> float:
        """Return the seconds for which the domain is not called."""
        return max(0.0, self._blocked.get(urlsplit(uri).netloc, 0.0) - self._clock.now())


def manners(stores: Stores, domains: Domains) -> Manners:
    """Return how BigCommerce delivers."""

    def tried(hook: Doc, arrived: bool) -> None:  # noqa: FBT001 -- the sender's interface
        domains.count(hook["uri"], arrived=arrived)

    def settled(shop: Doc, hook: Doc, arrived: bool) -> None:  # noqa: FBT001
        if not arrived:
            shop = stores.keep.get("shop", shop["domain"]) or shop
            for row in shop["webhooks"]:
                row["active"] = row["active"] and row["id"] != hook["id"]
            stores.keep.put("shop", shop["domain"], shop)

    retry_s = [float(s) for s in RETRY_S]
    return Manners(headers=_headers, retry_s=retry_s, settled=settled, tried=tried, blocked_s=domains.blocked_s)


def _headers(shop: Doc, hook: Doc, delivery: Doc) -> dict[str, str]:
    stamp = str(int(delivery["sent_at"]))
    signed = f"{delivery['id']}.{stamp}.{delivery['body']}".encode()
    digest = hmac.new(str(shop["secret"]).encode(), signed, hashlib.sha256).digest()
    made = {
        "Content-Type": "application/json",
        "User-Agent": "akka-http/10.2.10",
        **(hook.get("headers") or {}),
    }
    if shop.get("signs", True):
        made |= {
            "webhook-id": delivery["id"],
            "webhook-timestamp": stamp,
            "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
        }
    return made


def bodies(clock: Clock, shop: Doc, happened: Doc) -> list[tuple[str, Doc]]:
    """Return scope and body of the webhooks that an event causes."""
    return [(scope, _body(clock, shop, scope, data)) for scope, data in _webhooks_of(happened)]


def _webhooks_of(one: Doc) -> list[tuple[str, Doc]]:
    match one["what"]:
        case "product_created" | "product_updated" | "product_deleted":
            word = one["what"].removeprefix("product_")
            return [(f"store/product/{word}", {"type": "product", "id": one["product"]["id"]})]
        case "stock":
            return _stock(one)
        case "order_created":
            return [("store/order/created", {"type": "order", "id": one["order"]["id"]})]
        case "shipped":
            data = {"type": "shipment", "id": one["shipment"]["id"], "orderId": one["order"]["id"]}
            return [("store/shipment/created", data)]
        case "refunded":
            refund = {"type": "order", "id": one["order"]["id"], "refund": {"refund_id": one["order"]["id"] + 1}}
            return [("store/order/refund/created", refund), _status(one, 4)]
    return [_status(one, 5)]


def _status(one: Doc, status: int) -> tuple[str, Doc]:
    data = {"type": "order", "id": one["order"]["id"]}
    return "store/order/statusUpdated", {**data, "status": {"previous_status_id": 11, "new_status_id": status}}


def _stock(one: Doc) -> list[tuple[str, Doc]]:
    """Return the webhooks of a stock change: absolute if set, relative if an order deducted it.

    The product counts as changed too.
    """
    product, variant = one["product"]["id"], one["variant"]["id"]
    relative = one["why"] == "order"
    value = one["by"] if relative else units_of(one["variant"])
    method = {"method": "relative" if relative else "absolute", "value": value}
    found = [("store/product/updated", {"type": "product", "id": product})]
    if one["variant"]["options"]:
        data = {"product_id": product, "variant_id": variant, **method}
        found.append(("store/sku/inventory/updated", {"type": "sku", "id": variant, "inventory": data}))
    else:
        data = {"product_id": product, **method}
        found.append(("store/product/inventory/updated", {"type": "product", "id": product, "inventory": data}))
    return found


def _body(clock: Clock, shop: Doc, scope: str, data: Doc) -> Doc:
    made: Any = {
        "producer": f"stores/{shop['domain']}",
        "created_at": int(clock.now()),
        "store_id": str(shop["id"]),
        "scope": scope,
        "data": data,
    }
    return {**made, "hash": hashlib.sha1(json.dumps(made).encode()).hexdigest()}
