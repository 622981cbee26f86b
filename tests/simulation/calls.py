"""Our calls to the outside: they take time, and whatever can go wrong with a call goes wrong when the story says so.

The outside is the real stand-in behind a WSGI door; what passes through here is kept for the promises.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.models import PreparedRequest

from reverbsync.celery import app
from sandbox.common.pages import HEADERS, PAGES
from tests.simulation import lines, platforms
from tests.simulation.lines import Answered, Wsgi
from tests.simulation.processes import Killed, Process, Processes
from tests.simulation.schedule import Schedule
from tests.simulation.story import FAULTS, Step

REVERB = "reverb.test"
#: Seconds that an answer of a dragging side takes. Of the longest we receive nothing, though they were applied.
DRAGS_S = (10.0, 24.0)
#: A step that waits for a call of ours, and none comes, happens all the same after this.
WAITS_S = 20.0
#: The same for one that waits for what a sale on Reverb asks for: that may show only when Reverb is asked next.
ORDER_WAITS_S = 100.0


@dataclass
class Call:
    """One call of ours, as the other side saw it. `at` is Reverb's or the store's own time."""

    side: str
    #: Platform of the store, "" for Reverb.
    kind: str
    method: str
    path: str
    token: str
    begun_at: float
    shop_id: int | None
    writes: bool
    body: Any = None
    arrived_at: float | None = None
    status: int | None = None
    answered_at: float | None = None
    retry_after: float | None = None
    #: Whether we could read what the other side said.
    understood: bool = False
    #: The attempt that it was made in (tests/simulation/watch.py).
    attempt: Any = None


@dataclass
class _Armed:
    step: Step
    left: int
    #: Stops waiting at this moment.
    until: float
    hit: bool = False


@dataclass
class Calls:
    """The way out."""

    schedule: Schedule
    processes: Processes
    doors: dict[str, Wsgi]
    luck: Random
    #: Seconds that a call takes, at least and at most.
    takes: tuple[float, float]
    #: Lets a step of the story happen.
    act: Callable[[Step], None]
    #: Called for each call right before, and after, it is applied.
    before: Callable[[Call], None]
    applied: Callable[[Call], None]
    log: Callable[[str], None]
    #: Returns the outside's own refusal of a call, None where it is taken.
    refused: Callable[[Call], Answered | None]
    made: list[Call] = field(default_factory=list)
    _armed: list[_Armed] = field(default_factory=list)
    #: Side → until when it answers nothing but 503; and until when it takes calls and answers none.
    _out: dict[str, float] = field(default_factory=dict)
    _hangs: dict[str, float] = field(default_factory=dict)
    #: Side → until when each answer takes long.
    _drags: dict[str, float] = field(default_factory=dict)

    # -- the story's part ------------------------------------------------------------------------------------

    def arm(self, step: Step) -> None:
        """Let a step happen at a moment of ours. If none comes, it happens all the same, unless it is about a call."""
        waits_s = ORDER_WAITS_S if step.where == "new order" or step.word == "refuse the keys" else WAITS_S
        armed = _Armed(step, step.at, self.schedule.now + waits_s)
        self._armed.append(armed)
        self.schedule.later(waits_s, lambda: self._missed(armed))

    def out_of_order(self, side: str, seconds: float) -> None:
        """Let a side answer nothing but 503 for a while."""
        self._out[side] = self.schedule.now + seconds

    def hang(self, side: str, seconds: float) -> None:
        """Let a side take connections and answer nothing for a while."""
        self._hangs[side] = self.schedule.now + seconds

    def drag(self, side: str, seconds: float) -> None:
        """Let a side take long for each answer for a while."""
        self._drags[side] = self.schedule.now + seconds

    def went_well_for(self, seconds: float) -> bool:
        """Return whether both sides have answered every call for so long."""
        since = self.schedule.now - seconds
        untils = [until for trouble in (self._out, self._hangs, self._drags) for until in trouble.values()]
        late = (call for call in reversed(self.made) if call.begun_at >= since)
        return max(untils, default=0.0) <= since and all(
            call.understood or call.status in platforms.REFUSALS for call in late
        )

    def disarm(self) -> None:
        """Nothing more goes wrong; what was to happen happens."""
        for trouble in (self._out, self._hangs, self._drags):
            trouble.clear()
        for armed in list(self._armed):
            self._missed(armed)

    def _missed(self, armed: _Armed) -> None:
        if armed in self._armed and not armed.hit:
            self._armed.remove(armed)
            if armed.step.word not in FAULTS and armed.step.word not in ("die", "second worker"):
                self.act(armed.step)

    def _due(self, where: Callable[[Step], bool]) -> list[Step]:
        """Count a moment; return the steps whose moment it is."""
        found = []
        for armed in self._armed:
            if not armed.hit and where(armed.step):
                armed.left -= 1
                if armed.left == 0:
                    armed.hit = True
                    found.append(armed.step)
        self._armed = [armed for armed in self._armed if not armed.hit]
        return found

    def moment(self, process: Process, name: str) -> None:
        """A statement or a commit of a process of ours: it may die here."""
        if process.kind not in app.tasks and name == "statement":
            return  # the web process dies at its commits only, and whoever only looks never does
        kind, late = ("commit", name == "committed") if name.startswith("commit") else ("statement", False)
        for step in self._due(lambda one: one.where == kind and one.late == late):
            if step.word == "die":
                process.die(f"{'after' if late else 'before'} a {kind}")
            else:
                self.act(step)

    # -- the call's part -------------------------------------------------------------------------------------

    def carry(self, request: PreparedRequest, read_s: float) -> Answered:
        """Carry one call of ours, which waits so many seconds for its answer."""
        process = self.processes.current
        if process is not None and process.dead:
            raise Killed
        call = self._begin(request, process)
        drags = self.schedule.now < self._drags.get(call.side, 0.0)
        takes = self.luck.uniform(*(DRAGS_S if drags else self.takes))
        self.schedule.let_pass(takes / 2)
        steps = self._due(lambda one: _fits(one, call))
        for step in steps:
            if not step.late and step.word not in FAULTS:
                self._happen(step, process)
        fault = next((step for step in steps if step.word in FAULTS), None)
        if self.schedule.now < self._hangs.get(call.side, 0.0):
            self._log(call, "hangs")
            self.schedule.let_pass(read_s)
            raise requests.ReadTimeout
        answered = self._answer(request, call, fault)
        for step in steps:
            if step.late and step.word not in FAULTS:
                self._happen(step, process)
        self.schedule.let_pass(takes / 2)
        if self.schedule.now - call.begun_at > read_s:
            self._log(call, "and timed out")
            raise requests.ReadTimeout
        call.answered_at = self.schedule.now
        call.understood = answered.status < 300 and not answered.body.startswith((b"<", b'{"errors"'))
        self._log(call, f"→ {call.status}")
        return answered

    def _begin(self, request: PreparedRequest, process: Process | None) -> Call:
        parts = urlsplit(str(request.url))
        token = platforms.token_of(request)
        side = "reverb" if parts.hostname == REVERB else "store"
        body = json.loads(request.body) if request.body else None
        writes = request.method != "GET" if side == "reverb" else platforms.writes(request, body)
        call = Call(
            side,
            platforms.BY_HOST.get(str(parts.hostname), ""),
            str(request.method),
            str(parts.path) + (f"?{parts.query}" if parts.query else ""),
            token,
            self.schedule.now,
            process.shop_id if process else None,
            writes,
            body,
            attempt=process.attempt if process else None,
        )
        self.made.append(call)
        return call

    def _happen(self, step: Step, process: Process | None) -> None:
        if step.word == "die" and process is not None:
            process.die(f"{'after' if step.late else 'before'} a call was applied")
        self.act(step)

    def _answer(self, request: PreparedRequest, call: Call, fault: Step | None) -> Answered:
        if self.schedule.now < self._out.get(call.side, 0.0):
            return self._refusal(call, 503)
        if (refusal := self.refused(call)) is not None:
            call.arrived_at, call.status = self.schedule.now, refusal.status
            return refusal
        if fault is None:
            return self._apply(request, call)
        number = fault.n if fault.word in ("slow", "status", "page") else ""
        self._log(call, f"meets: {fault.word} {number}".strip())
        refused = self._before_it(request, call, fault)
        return refused or self._after_it(self._apply(request, call), call, fault)

    def _before_it(self, request: PreparedRequest, call: Call, fault: Step) -> Answered | None:
        """Let a fault happen before a call is applied; return what it is answered then, None where it goes on."""
        match fault.word:
            case "refuse the line":
                raise lines.refused(str(request.url))
            case "lose the request":
                raise lines.broken()
            case "status" if not fault.late:
                return self._refusal(call, fault.n)
            case "page" if not fault.late:
                return self._page(call, fault.n)
            case "refuse the keys":
                call.arrived_at, (call.status, said) = self.schedule.now, platforms.KEYS_REFUSED[call.kind]
                return Answered(call.status, [("Content-Type", "application/json")], json.dumps(said).encode())
            case "slow":
                self.schedule.let_pass(float(fault.n))
        return None

    def _after_it(self, answered: Answered, call: Call, fault: Step) -> Answered:
        """Return what is answered to a call that was applied."""
        match fault.word:
            case "lose the answer":
                raise lines.broken()
            case "status":  # something on the way said no
                call.status, call.retry_after = 502, None
                return Answered(502, [("Content-Type", "text/html")], b"<html>Bad gateway</html>")
            case "page":
                return self._page(call, fault.n)
            case "errors":
                return self._errors(call)
            case "nonsense":
                return Answered(answered.status, [("Content-Type", "text/html")], b"<html>Something went wrong</html>")
        return answered

    def _apply(self, request: PreparedRequest, call: Call) -> Answered:
        call.arrived_at = self.schedule.now
        self.before(call)
        answered = lines.ask(self.doors[call.kind or call.side], request)
        call.status = answered.status
        after = dict(answered.headers).get("Retry-After")
        call.retry_after = float(after) if after else None
        self.applied(call)
        return answered

    def _refusal(self, call: Call, status: int) -> Answered:
        """Refuse a call at the door. A 429 says how long to wait, or does not."""
        call.arrived_at, call.status = self.schedule.now, status
        body = json.dumps({"message": "Too many requests" if status == 429 else "Something went wrong"}).encode()
        headers = [("Content-Type", "application/json")]
        if status == 429 and self.luck.random() < 0.7:
            call.retry_after = float(self.luck.choice((1, 2, 7, 30)))
            headers.append(("Retry-After", str(int(call.retry_after))))
        return Answered(status, headers, body)

    def _page(self, call: Call, status: int) -> Answered:
        """Answer with a page, or with JSON that is not the platform's: of a firewall, a proxy, a theme."""
        call.status, call.retry_after = status, None
        call.arrived_at = call.arrived_at or self.schedule.now
        name = self.luck.choice((*PAGES, "json", "json"))
        headers = [("Content-Type", "text/html" if name in PAGES else "application/json")]
        if 300 <= status < 400:
            headers.append(("Location", "https://login.example/"))
        if name in PAGES:
            headers += [pair for pair in HEADERS.get(name, {}).items() if pair[0] != "Retry-After"]
            return Answered(status, headers, PAGES[name].encode())
        body = self.luck.choice(({"error": "Forbidden"}, {"status": status}, {"success": False, "data": None}, []))
        return Answered(status, headers, json.dumps(body).encode())

    def _errors(self, call: Call) -> Answered:
        """Applied, and yet an error: GraphQL's errors beside 200, elsewhere a server error in JSON."""
        call.retry_after = None
        if call.kind == "shopify":
            error = {"message": "Internal error.", "extensions": {"code": "INTERNAL_SERVER_ERROR", "requestId": "1"}}
            body = json.dumps({"errors": [error]} | ({"data": None} if self.luck.random() < 0.5 else {}))
            return Answered(200, [("Content-Type", "application/json")], body.encode())
        call.status = 500
        return Answered(500, [("Content-Type", "application/json")], b'{"message": "Internal error."}')

    def _log(self, call: Call, words: str) -> None:
        name = f" {_operation(call)}" if call.side == "store" else f" {call.method} {call.path}"
        said = f" {json.dumps(_short(call.body))}" if call.writes else ""
        self.log(f"  we → {call.side}{name}{said} {words}")


def _fits(step: Step, call: Call) -> bool:
    if step.where == "new listing":
        return (call.side, call.method, call.path) == ("reverb", "POST", "/api/listings")
    if step.where == "new order":
        return call.side == "store" and platforms.makes_order(call.kind, _operation(call))
    side, _, writes = step.where.partition(" ")
    return side in ("any", call.side) and (not writes or call.writes)


def _operation(call: Call) -> str:
    return platforms.operation(call.kind, call.method, call.path, call.body)


def _short(body: Any) -> Any:
    if not isinstance(body, dict):
        return body
    found = body.get("variables") or body.get("data") or body
    return {name: value for name, value in found.items() if name not in ("description", "photos")}
