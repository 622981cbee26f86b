"""Sends the store's webhooks: signed, retried, and on demand twice, late, out of order or not at all.

Facts: shopify.dev "Verify webhook deliveries", "Best practices"; 8 tries, then the subscription is removed.
"""

from __future__ import annotations

import base64
import hashlib
import heapq
import hmac
import itertools
import json
import threading
import time
import uuid
from typing import Any

import requests

from sandbox.common.clock import Clock
from sandbox.common.keep import Doc
from sandbox.shopify.store import Stores

DEFAULTS: dict[str, Any] = {
    "duplicate_every": 0,  # send every n-th twice
    "drop_every": 0,  # never send every n-th
    "delay_s": 0.0,
    "shuffle": False,  # send the older of two waiting ones last
    "retry_s": [1, 2, 4, 8, 16, 32, 64, 128],
}
ANSWER_SECONDS = 5.0
THREADS = 4


class Sender:
    """A few threads that send what is due."""

    def __init__(self, stores: Stores, clock: Clock) -> None:
        """Threads start with the first webhook."""
        self._stores = stores
        self._clock = clock
        self.settings = dict(DEFAULTS)
        self.tries: list[Doc] = []
        self._waiting: list[tuple[float, int, Doc]] = []
        self._ready = threading.Condition()
        self._order = itertools.count()
        self._count = itertools.count(1)
        self._started = False

    def send(self, domain: str, events: list[Doc]) -> None:
        """Send events to whoever subscribed to their topics."""
        shop = self._stores.keep.get("shop", domain) or {"webhooks": []}
        for event in events:
            for hook in shop["webhooks"]:
                if hook["topic"] == event["topic"]:
                    self._plan(shop, hook, event)

    def _plan(self, shop: Doc, hook: Doc, event: Doc) -> None:
        number = next(self._count)
        if self.settings["drop_every"] and number % self.settings["drop_every"] == 0:
            return
        delivery = {
            "domain": shop["domain"],
            "topic": event["topic"],
            "uri": hook["uri"],
            "id": str(uuid.uuid4()),
            "event_id": str(uuid.uuid4()),
            "body": json.dumps(event["body"]),
            "triggered_at": self._clock.stamp(),
            "failed": 0,
        }
        late = 0.5 if self.settings["shuffle"] and number % 2 else 0.0
        self._put(delivery, float(self.settings["delay_s"]) + late)
        if self.settings["duplicate_every"] and number % self.settings["duplicate_every"] == 0:
            self._put(dict(delivery), float(self.settings["delay_s"]))

    def _put(self, delivery: Doc, in_s: float) -> None:
        with self._ready:
            heapq.heappush(self._waiting, (time.monotonic() + in_s, next(self._order), delivery))
            if not self._started:
                self._started = True
                for _ in range(THREADS):
                    threading.Thread(target=self._work, daemon=True).start()
            self._ready.notify()

    def _work(self) -> None:
        with requests.Session() as session:
            while True:
                self._try(session, self._next())

    def _next(self) -> Doc:
        with self._ready:
            while True:
                wait = self._waiting[0][0] - time.monotonic() if self._waiting else None
                if wait is not None and wait <= 0:
                    return heapq.heappop(self._waiting)[2]
                self._ready.wait(wait)

    def _try(self, session: requests.Session, delivery: Doc) -> None:
        shop = self._stores.keep.get("shop", delivery["domain"]) or {}
        body = delivery["body"].encode()
        digest = hmac.new(str(shop.get("secret", "")).encode(), body, hashlib.sha256).digest()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Shopify-Captain-Hook",
            "X-Shopify-Topic": delivery["topic"],
            "X-Shopify-Hmac-Sha256": base64.b64encode(digest).decode(),
            "X-Shopify-Shop-Domain": delivery["domain"],
            "X-Shopify-API-Version": "2026-10",
            "X-Shopify-Webhook-Id": delivery["id"],
            "X-Shopify-Event-Id": delivery["event_id"],
            "X-Shopify-Triggered-At": delivery["triggered_at"],
        }
        try:
            status = session.post(
                delivery["uri"], data=body, headers=headers, timeout=ANSWER_SECONDS, allow_redirects=False
            ).status_code
        except requests.RequestException:
            status = 0
        self.tries.append({"topic": delivery["topic"], "id": delivery["id"], "status": status, "at": time.time()})
        if not 200 <= status < 300:
            self._failed(delivery)

    def _failed(self, delivery: Doc) -> None:
        delays = self.settings["retry_s"]
        if delivery["failed"] < len(delays):
            delivery["failed"] += 1
            self._put(delivery, float(delays[delivery["failed"] - 1]))
            return
        with self._stores.keep.lock:
            shop = self._stores.keep.get("shop", delivery["domain"])
            if shop is not None:
                left = [hook for hook in shop["webhooks"] if hook["topic"] != delivery["topic"]]
                self._stores.keep.put("shop", shop["domain"], {**shop, "webhooks": left})
