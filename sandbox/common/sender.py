"""Sends webhooks: signed, retried like the platform, and on demand duplicated, delayed, reordered, held or dropped."""

from __future__ import annotations

import heapq
import itertools
import json
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import requests

from sandbox.common.clock import Clock
from sandbox.common.keep import Doc, Keep

SETTINGS: dict[str, Any] = {
    "duplicate_every": 0,  # send every n-th twice
    "drop_every": 0,  # never send every n-th
    "delay_s": 0.0,
    "shuffle": False,  # send the older of two waiting ones last
    "hold": False,  # send nothing: deliveries wait in the outbox until they are fetched
}
THREADS = 4


@dataclass(frozen=True)
class Manners:
    """How a platform delivers."""

    #: Owner (a store, an account), hook, delivery (topic, body, id, triggered_at) → headers, including the signature.
    headers: Callable[[Doc, Doc, Doc], dict[str, str]]
    #: Seconds until each retry; empty: a delivery is tried once.
    retry_s: list[float]
    #: Called when a delivery has arrived or failed for good, so that the platform can count, or disable a hook.
    settled: Callable[[Doc, Doc, bool], None]
    #: Seconds for which an address is not called at all, and a callback after each try (hook, arrived).
    blocked_s: Callable[[str], float] = lambda _uri: 0.0
    tried: Callable[[Doc, bool], None] = lambda _hook, _arrived: None
    answer_s: float = 10.0
    #: The statuses that count as arrived.
    good: range = field(default=range(200, 300))
    #: Body → the bytes that are sent, as text.
    write: Callable[[Any], str] = json.dumps


class Sender:
    """A few threads that send due webhooks."""

    def __init__(self, keep: Keep, clock: Clock, manners: Manners, *, owners: str = "shop") -> None:
        """Threads start with the first webhook. `owners` is the kind of document that owns the webhooks."""
        self._keep = keep
        self._owners = owners
        self._clock = clock
        self._manners = manners
        self._ready = threading.Condition()
        self._order = itertools.count()
        self._started = False
        self.reset()

    def reset(self) -> None:
        """Clear the queue, the tries and all settings."""
        with self._ready:
            self.settings = {**SETTINGS, "retry_s": list(self._manners.retry_s)}
            self.tries: list[Doc] = []
            self._waiting: list[tuple[float, int, Doc]] = []
            self._outbox: list[Doc] = []
            self._count = itertools.count(1)
            self._begun = 0

    @property
    def sent(self) -> int:
        """Return how many deliveries were started so far."""
        return self._begun

    def outbox(self) -> list[Doc]:
        """Remove and return the held deliveries: address, topic and body of each."""
        with self._ready:
            kept, self._outbox = self._outbox, []
        return [{"uri": one["hook"]["uri"], "topic": one["topic"], "body": one["body"]} for one in kept]

    def later(self, in_s: float, what: Callable[[], None]) -> None:
        """Call `what` in `in_s` seconds from its own thread; at once for 0."""
        if in_s <= 0:
            what()
            return
        timer = threading.Timer(in_s, what)
        timer.daemon = True
        timer.start()

    def send(self, domain: str, topic: str, body: Any, *, hooks: list[Doc] | None = None) -> None:
        """Send a body to the subscribers of its topic, or to the given hooks. `domain` is the owner's id."""
        if hooks is None:
            owner = self._keep.get(self._owners, domain) or {"webhooks": []}
            hooks = [hook for hook in owner["webhooks"] if hook["topic"] == topic and hook.get("active", True)]
        for hook in hooks:
            self._plan(domain, hook, topic, body)

    def _plan(self, domain: str, hook: Doc, topic: str, body: Any) -> None:
        number = next(self._count)
        if self.settings["drop_every"] and number % self.settings["drop_every"] == 0:
            return
        delivery = {
            "domain": domain,
            "topic": topic,
            "hook": dict(hook),
            "id": str(uuid.uuid4()),
            "event_id": str(uuid.uuid4()),
            "body": body if isinstance(body, str) else self._manners.write(body),
            "triggered_at": self._clock.stamp(),
            "failed": 0,
        }
        late = 0.5 if self.settings["shuffle"] and number % 2 else 0.0
        self._put(delivery, float(self.settings["delay_s"]) + late)
        if self.settings["duplicate_every"] and number % self.settings["duplicate_every"] == 0:
            self._put(dict(delivery), float(self.settings["delay_s"]))

    def _put(self, delivery: Doc, in_s: float) -> None:
        with self._ready:
            self._begun += not delivery.get("begun")
            delivery["begun"] = True
            if self.settings["hold"]:
                self._outbox.append(delivery)
                return
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
        owner = self._keep.get(self._owners, delivery["domain"]) or {}
        blocked_s = self._manners.blocked_s(delivery["hook"]["uri"])
        if blocked_s > 0:
            self._put(delivery, blocked_s)
            return
        delivery["sent_at"] = self._clock.now()
        try:
            status = session.post(
                delivery["hook"]["uri"],
                data=delivery["body"].encode(),
                headers=self._manners.headers(owner, delivery["hook"], delivery),
                timeout=self._manners.answer_s,
                allow_redirects=False,
            ).status_code
        except requests.RequestException:
            status = 0
        self.tries.append({"topic": delivery["topic"], "id": delivery["id"], "status": status, "at": time.time()})
        arrived = status in self._manners.good
        self._manners.tried(delivery["hook"], arrived)
        delays = self.settings["retry_s"]
        if not arrived and delivery["failed"] < len(delays):
            delivery["failed"] += 1
            self._put(delivery, float(delays[delivery["failed"] - 1]))
            return
        with self._keep.lock:
            self._manners.settled(owner, delivery["hook"], arrived)
