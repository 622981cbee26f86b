"""The external systems: the real stand-ins, in this process, by simulated time; and the post for their webhooks."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

import requests
from requests.models import PreparedRequest

from sandbox.common.clock import Clock
from sandbox.common.keep import Doc
from sandbox.common.sender import Sender
from sandbox.reverb import app as reverb_app
from shops.platforms.bigcommerce import names
from shops.platforms.shopify import store_calls as shopify
from tests.simulation import lines
from tests.simulation.calls import REVERB
from tests.simulation.lines import Answered, Wsgi
from tests.simulation.platforms import PLATFORMS, host_of
from tests.simulation.schedule import Schedule


class SkewedClock(Clock):
    """A side's own clock: simulated time, some seconds ahead or behind."""

    def __init__(self) -> None:
        super().__init__()
        self.schedule = Schedule()
        self.skew_s = 0.0
        self._stamped = 0.0

    def stamp(self, at: float | None = None) -> str:
        """Return a timestamp; of two for the same time the second is later, since people's actions take time."""
        if at is not None:
            return super().stamp(at)
        now = self.now()
        self._stamped = self._stamped + 2e-6 if now <= self._stamped < now + 1 else now
        return super().stamp(self._stamped)

    def now(self) -> float:
        """Return the time in seconds."""
        return self.schedule.now + self.skew_s + self.offset_s


@dataclass
class Posted:
    """A webhook that a platform sent: when, and when we first answered 2xx."""

    owner: str
    topic: str
    body: str
    sent_at: float
    lost: bool = False
    taken_at: float | None = None


@dataclass
class Post:
    """Carries webhooks: as the story says twice, late, out of order, or never."""

    schedule: Schedule = field(default_factory=Schedule)
    luck: Random = field(default_factory=Random)
    loss: float = 0.0
    twice: float = 0.0
    late_s: float = 0.0
    take: Callable[[PreparedRequest], Answered] | None = None
    log: Callable[[str], None] = lambda _: None
    sent: list[Posted] = field(default_factory=list)
    #: Stores that cannot be polled: they retry until they get a response, so a lost webhook arrives late.
    sure: set[str] = field(default_factory=set)
    waiting: int = 0

    def put(self, sender: Sender, delivery: Doc, in_s: float) -> None:
        """Accept a delivery, for its first try or a retry."""
        if "posted" not in delivery:
            posted = Posted(delivery["domain"], delivery["topic"], delivery["body"], self.schedule.now)
            self.sent.append(posted)
            delivery["posted"] = posted
            lost = self.luck.random() < self.loss
            if lost and posted.owner in self.sure:
                in_s += self.luck.uniform(5, 60)
            elif lost:
                posted.lost = True
                self.log(f"  a webhook is lost: {delivery['topic']}")
                return
            if self.luck.random() < self.twice:
                self._send(sender, dict(delivery), self.luck.uniform(0, 10))
            in_s += self.luck.uniform(0.01, 0.2) + (self.luck.uniform(0, self.late_s) if self.late_s else 0.0)
        self._send(sender, delivery, in_s)

    def do_later(self, in_s: float, what: Callable[[], None]) -> None:
        """Run a platform's background work in `in_s` seconds: its queue, or an asynchronous write."""
        self.waiting += 1
        self.schedule.later(in_s, lambda: self._do(what))

    def _do(self, what: Callable[[], None]) -> None:
        self.waiting -= 1
        what()

    def _send(self, sender: Sender, delivery: Doc, in_s: float) -> None:
        self.waiting += 1
        self.schedule.later(in_s, lambda: self._arrive(sender, delivery))

    def _arrive(self, sender: Sender, delivery: Doc) -> None:
        self.waiting -= 1
        assert self.take is not None
        with lines.session(self.take) as session:
            sender._try(session, delivery)
        status = sender.tries.pop()["status"] if sender.tries else 0
        posted: Posted = delivery["posted"]
        self.log(f"  webhook {delivery['topic']} → {status}")
        if 200 <= status < 300 and posted.taken_at is None:
            posted.taken_at = self.schedule.now


class Refused(Exception):
    """The stand-in refuses this at the moment."""


class Outside:
    """The stand-ins of Reverb and of each platform; built once per process, emptied for each run."""

    def __init__(self) -> None:
        self.post = Post()
        self.reverb_clock, self.store_clock = SkewedClock(), SkewedClock()
        sending = self._sending()
        reverb = reverb_app.build(None, f"http://{REVERB}", clock=self.reverb_clock, sending=sending)
        stores = {kind: one.door(self.store_clock, sending) for kind, one in PLATFORMS.items()}
        self.doors: dict[str, Wsgi] = {"reverb": reverb, **stores}
        for application in self.doors.values():
            application.config["PROPAGATE_EXCEPTIONS"] = True  # type: ignore[attr-defined]

    def _sending(self) -> type[Sender]:
        outside = self

        class ByPost(Sender):
            def _put(self, delivery: Doc, in_s: float) -> None:
                outside.post.put(self, delivery, in_s)

            def later(self, in_s: float, what: Callable[[], None]) -> None:
                outside.post.do_later(in_s, what)

        return ByPost

    def begin(self, post: Post, *, reverb_skew_s: float, store_skew_s: float) -> None:
        """Reset everything, and use another run's time and post."""
        self.post = post
        for clock, skew_s in ((self.reverb_clock, reverb_skew_s), (self.store_clock, store_skew_s)):
            clock.schedule, clock.skew_s = post.schedule, skew_s
        for side in self.doors:
            self.ask(side, "POST", "/_control/reset", {})
        shopify._known.clear()  # what a worker caches about a store, by a clock that restarts
        names._lists.clear()

    def ask(self, side: str, method: str, path: str, body: Any = None, *, token: str = "") -> Any:
        """Call a stand-in as somebody else: its control address, or its API as the seller. Raises Refused.

        `side` is "reverb", or the platform of a store.
        """
        host = REVERB if side == "reverb" else host_of(side)
        headers = {"Content-Type": "application/json"}
        if token:
            headers |= {"Authorization": f"Bearer {token}", "Accept-Version": "3.0"}
        data = None if body is None else json.dumps(body)
        request = requests.Request(method, f"http://{host}{path}", headers=headers, data=data).prepare()
        answered = lines.ask(self.doors[side], request)
        if answered.status >= 400:
            raise Refused(f"{method} {path}: {answered.status} {answered.body[:200]!r}")
        return json.loads(answered.body) if answered.body else None
