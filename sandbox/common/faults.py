"""Faults on demand: a test requests them at the control address, and the next matching calls get them.

| kind | effect on the call |
|---|---|
| `status` | answered with `status` and the fault's own body; nothing is applied |
| `instead` | applied, then answered like `status`: the response of something in front of the store |
| `slow`, `slow_answer` | waits `delay_s` before it is applied, or after |
| `hang` | nothing is applied; the connection stays silent for `delay_s`, then closes |
| `lost_request`, `lost_answer` | the connection closes before the call is applied, or after |
| `wrapped` | applied; `before` and `behind` surround the body, such as a byte-order mark, or PHP's warnings |
| `edited` | applied; the JSON of the response is changed by `edits` and `drops` (see `edits.py`) |
| `cut` | applied; `bytes` of the body arrive, then the connection closes |
| `drip` | applied; the body arrives in ten pieces over `delay_s` |

`status` and `instead` send `body` (JSON), `raw` (text; the byte FF is U+DCFF), or `page` (a name in `pages/`), padded
with blanks to `pad` bytes; `headers` override the rest. `edited`, `wrapped` and `slow` combine with one further fault
on the same call; of the others a call gets one. Clearing the faults ends all waits.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from flask import Flask, Request, Response, request

from sandbox.common.edits import edit
from sandbox.common.pages import HEADERS, HTML, PAGES

BESIDE_OTHERS = ("edited", "wrapped", "slow")
KINDS = (
    *BESIDE_OTHERS,
    "status",
    "instead",
    "slow_answer",
    "hang",
    "lost_request",
    "lost_answer",
    "cut",
    "drip",
)
DELAY_LATER = ("hang", "slow_answer", "drip")
PIECES = 10
HITS = "sandbox.faults"


@dataclass
class Fault:
    """One fault: which calls it affects, how, and how many of them."""

    kind: str
    method: str = ""  # GET, PUT, …; several with "|"
    path: str = ""  # a regular expression to search for in the path
    text: str = ""  # a text that path, query or body must contain
    status: int = 503
    retry_after: int | None = None
    body: Any = None
    raw: str | None = None
    page: str = "oops"
    pad: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    before: str = ""
    behind: str = ""
    edits: dict[str, Any] = field(default_factory=dict)
    drops: list[str] = field(default_factory=list)
    bytes: int = 0
    delay_s: float = 0.0
    times: int = 1
    after: int = 0  # let this many matching calls pass first
    hits: int = field(default=0)

    def matches(self, call: Request, payload: str) -> bool:
        """Return whether the fault applies to this call, and count it."""
        if self.times <= 0 or (self.method and call.method not in self.method.upper().split("|")):
            return False
        if not re.search(self.path, call.path) or self.text not in call.full_path + payload:
            return False
        if self.after > 0:
            self.after -= 1
            return False
        self.times -= 1
        self.hits += 1
        return True


class Faults:
    """The faults that are waiting for calls."""

    def __init__(self) -> None:
        """Start without faults."""
        self._lock = threading.Lock()
        self._silent: list[socket.socket] = []
        self._over = threading.Event()
        self.waiting: list[Fault] = []

    def add(self, wish: dict[str, Any]) -> None:
        """Add a fault from its JSON. Raises ValueError or TypeError if it is invalid."""
        if wish.get("kind") not in KINDS:
            raise ValueError(f"kind is one of {', '.join(KINDS)}")
        made = Fault(**wish)
        if made.page not in PAGES:
            raise ValueError(f"page is one of {', '.join(PAGES)}")
        with self._lock:
            self.waiting.append(made)

    def clear(self) -> None:
        """Clear all faults, close hanging connections, and end all waits."""
        with self._lock:
            self.waiting.clear()
            self._over.set()
            self._over = threading.Event()
            while self._silent:
                self._silent.pop().close()

    def before(self, call: Request) -> Response | None:
        """Apply faults that affect a call before it is processed; store those that affect its response for `after`."""
        hits = self._hits(call)
        for hit in hits:
            if hit.kind not in DELAY_LATER:
                self._over.wait(hit.delay_s)
            if hit.kind == "hang":
                self._hang(call, hit.delay_s or 60.0)
                return Response(status=504)
            if hit.kind == "lost_request":
                close(call)
                return Response(status=500)
            if hit.kind == "status":
                return _answer(hit)
        call.environ[HITS] = hits
        return None

    def after(self, response: Response) -> Response:
        """Change, delay or drop the response of a call that was applied."""
        for hit in request.environ.get(HITS) or ():
            match hit.kind:
                case "edited" if response.is_json:
                    response.set_data(json.dumps(edit(response.get_json(), hit.edits, hit.drops)))
                case "wrapped":
                    response.set_data(_bytes(hit.before) + response.get_data() + _bytes(hit.behind))
                case "instead":
                    response = _answer(hit)
                case "lost_answer":
                    close(request)
                case "slow_answer":
                    _stream(response, self._late(response.get_data(), hit.delay_s))
                case "drip":
                    _stream(response, self._drip(response.get_data(), hit.delay_s))
                case "cut":
                    _stream(response, _cut(request.environ.get("gunicorn.socket"), response.get_data()[: hit.bytes]))
        return response

    def _hits(self, call: Request) -> list[Fault]:
        payload, found = call.get_data(as_text=True), []
        with self._lock:
            for fault in self.waiting:
                if fault.matches(call, payload):
                    found.append(fault)
                    if fault.kind not in BESIDE_OTHERS:
                        break
        return found

    def _hang(self, call: Request, seconds: float) -> None:
        """Keep the connection open and silent without blocking the thread: gunicorn writes to a dead socket instead."""
        line: socket.socket | None = call.environ.get("gunicorn.socket")
        if line is None:
            return
        kept = line.dup()
        other, dead = socket.socketpair()
        other.close()
        os.dup2(dead.fileno(), line.fileno())
        dead.close()
        with self._lock:
            self._silent.append(kept)
        timer = threading.Timer(seconds, kept.close)
        timer.daemon = True
        timer.start()

    def _late(self, body: bytes, seconds: float) -> Iterator[bytes]:
        self._over.wait(seconds)
        yield body

    def _drip(self, body: bytes, seconds: float) -> Iterator[bytes]:
        size = max(1, -(-len(body) // PIECES))
        for start in range(0, len(body), size):
            yield body[start : start + size]
            self._over.wait(seconds / PIECES)


def _answer(fault: Fault) -> Response:
    text, headers = PAGES[fault.page], HEADERS.get(fault.page, {})
    if fault.body is not None:
        text, headers = json.dumps(fault.body), {"Content-Type": "application/json"}
    elif fault.raw is not None:
        text, headers = fault.raw, {"Content-Type": "application/json"}
    made = Response(_bytes(text).ljust(fault.pad), status=fault.status, content_type=HTML)
    if fault.retry_after is not None:
        made.headers["Retry-After"] = str(fault.retry_after)
    for name, value in {**headers, **fault.headers}.items():
        made.headers[name] = value
    return made


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _stream(response: Response, pieces: Iterator[bytes]) -> None:
    """Send a body piece by piece, after the call's locks are released; its length is known already."""
    length = response.headers.get("Content-Length") or str(len(response.get_data()))
    response.response = pieces
    response.headers["Content-Length"] = length


def _cut(line: socket.socket | None, body: bytes) -> Iterator[bytes]:
    yield body
    _shut(line)


def close(call: Request) -> None:
    """Close the connection of a call before it is answered (gunicorn exposes its socket)."""
    _shut(call.environ.get("gunicorn.socket"))


def _shut(line: socket.socket | None) -> None:
    if line is not None:
        with contextlib.suppress(OSError):
            line.shutdown(socket.SHUT_RDWR)


class Log:
    """All API calls, for tests that count them."""

    def __init__(self) -> None:
        """Start empty."""
        self._lock = threading.Lock()
        self.calls: list[dict[str, Any]] = []

    def add(self, response: Response, *, account: str) -> None:
        """Record a call with the status of its response; never with its token."""
        entry = {
            "method": request.method,
            "path": request.path,
            "query": request.query_string.decode(),
            "body": request.get_json(silent=True),
            "status": response.status_code,
            "account": account,
            "at": time.time(),
        }
        with self._lock:
            self.calls.append(entry)

    def clear(self) -> None:
        """Clear the log."""
        with self._lock:
            self.calls.clear()


def control(app: Flask, faults: Faults, log: Log) -> None:
    """Add the control addresses that all stand-ins have."""

    @app.route("/_control/faults", methods=["GET", "POST", "DELETE"])
    def _faults() -> Any:
        if request.method == "POST":
            try:
                faults.add(request.get_json())
            except (TypeError, ValueError) as error:
                return {"error": str(error)}, 400
        if request.method == "DELETE":
            faults.clear()
        return [asdict(fault) for fault in faults.waiting]

    @app.route("/_control/requests", methods=["GET", "DELETE"])
    def _requests() -> Any:
        if request.method == "DELETE":
            log.clear()
        return log.calls[int(request.args.get("since", 0)) :]
