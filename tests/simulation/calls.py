"""Our outbound calls: they take time, and fail in every possible way when the story says so.

The real stand-ins answer them through WSGI. The calls are recorded for the promises.
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
#: Seconds that a response of a slow side takes. The longest time out for us, though they are applied.
DRAGS_S = (10.0, 24.0)
#: Seconds after which a step that waits for a call of ours happens anyway.
WAITS_S = 20.0
#: The same for a step that waits for the order of a sale on Reverb, which may only show at the next poll.
ORDER_WAITS_S = 100.0


@dataclass
class Call:
    """One call of ours, as its receiver saw it. `at` is Reverb's or the store's own time."""

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
    #: Whether we could read the response.
    understood: bool = False
    #: The attempt that made it (tests/simulation/watch.py).
    attempt: Any = None


@dataclass
class _Armed:
    step: Step
    left: int
    #: Waits until this time.
    until: float
    hit: bool = False


@dataclass
class Calls:
    """Carries all outbound calls."""

    schedule: Schedule
    processes: Processes
    doors: dict[str, Wsgi]
    luck: Random
    #: Minimum and maximum seconds of a call.
    takes: tuple[float, float]
    #: Runs a step of the story.
    act: Callable[[Step], None]
    #: Called for each call right before, and after, it is applied.
    before: Callable[[Call], None]
    applied: Callable[[Call], None]
    log: Callable[[str], None]
    #: Returns the receiver's own refusal of a call, None if it accepts the call.
    refused: Callable[[Call], Answered | None]
    made: list[Call] = field(default_factory=list)
    _armed: list[_Armed] = field(default_factory=list)
    #: Side → until when it answers only 503; and until when it accepts calls and never responds.
    _out: dict[str, float] = field(default_factory=dict)
    _hangs: dict[str, float] = field(default_factory=dict)
    #: Side → until when each response is slow.
    _drags: dict[str, float] = field(default_factory=dict)

    # -- the story's part ------------------------------------------------------------------------------------

    def arm(self, step: Step) -> None:
        """Run a step at a matching moment of our code. If none comes, run it anyway, unless it affects a call."""
        waits_s = ORDER_WAITS_S if step.where == "new order" or step.word == "refuse the keys" else WAITS_S
        armed = _Armed(step, step.at, self.schedule.now + waits_s)
        self._armed.append(armed)
        self.schedule.later(waits_s, lambda: self._missed(armed))

    def out_of_order(self, side: str, seconds: float) -> None:
        """Make a side answer only 503 for a while."""
        self._out[side] = self.schedule.now + seconds

    def hang(self, side: str, seconds: float) -> None:
        """Make a side accept connections without responding for a while."""
        self._hangs[side] = self.schedule.now + seconds

    def drag(self, side: str, seconds: float) -> None:
        """Make a side respond slowly for a while."""
        self._drags[side] = self.schedule.now + seconds

    def went_well_for(self, seconds: float) -> bool:
        """Return whether both sides have answered every call for so many seconds."""
        since = self.schedule.now - seconds
        untils = [until for trouble in (self._out, self._hangs, self._drags) for until in trouble.values()]
        late = (call for call in reversed(self.made) if call.begun_at >= since)
        return max(untils, default=0.0) <= since and all(
            call.understood or call.status in platforms.REFUSALS for call in late
        )

    def disarm(self) -> None:
        """End all faults; pending steps run now."""
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
        """Count a moment; return the steps that are due at it."""
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
        """Handle a statement or a commit of a process, which may die at it."""
        if process.kind not in app.tasks and name == "statement":
            return  # the web process dies only at commits, and read-only processes never die
        kind, late = ("commit", name == "committed") if name.startswith("commit") else ("statement", False)
        for step in self._due(lambda one: one.where == kind and one.late == late):
            if step.word == "die":
                process.die(f"{'after' if late else 'before'} a {kind}")
            else:
                self.act(step)

    # -- the call's part -------------------------------------------------------------------------------------

    def carry(self, request: PreparedRequest, read_s: float) -> Answered:
        """Carry one call of ours, which times out after `read_s` seconds."""
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
        """Apply a fault before a call is processed; return its response, or None if the call continues."""
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
        """Return the response to a call that was applied."""
        match fault.word:
            case "lose the answer":
                raise lines.broken()
            case "status":  # an intermediary failed
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
        """Refuse a call before it is processed. A 429 may or may not have a Retry-After."""
        call.arrived_at, call.status = self.schedule.now, status
        body = json.dumps({"message": "Too many requests" if status == 429 else "Something went wrong"}).encode()
        headers = [("Content-Type", "application/json")]
        if status == 429 and self.luck.random() < 0.7:
            call.retry_after = float(self.luck.choice((1, 2, 7, 30)))
            headers.append(("Retry-After", str(int(call.retry_after))))
        return Answered(status, headers, body)

    def _page(self, call: Call, status: int) -> Answered:
        """Answer with a page, or with JSON that is not the platform's: from a firewall, a proxy, a theme."""
        call.status, call.retry_after = status, None
        call.arrived_at = call.arrived_at or self.schedule.now
        name = self.luck.choice((*PAGES, "json", "json"))
        headers = [("Content-Type", "text/html" if name in PAGES else "application/json")]
        if 300 <= status < 400:
            headers.append(("Location", "https://login.example/"))
        if name in PAGES:
            headers += [pair for pair in HEADERS.get(name, {}).items() if pair[0] != "Retry-After"]
            return Answered(status, headers, PAGES[name].encode())
        body: object = self.luck.choice(
            ({"error": "Forbidden"}, {"status": status}, {"success": False, "data": None}, [])
        )
        return Answered(status, headers, json.dumps(body).encode())

    def _errors(self, call: Call) -> Answered:
        """Return an error for an applied call: GraphQL errors with 200, elsewhere a server error in JSON."""
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
