"""Faults on demand: a test asks for them over the control address, and the next calls that match get them."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from flask import Flask, Request, Response, request

KINDS = ("status", "slow", "lost_answer", "lost_request")


@dataclass
class Fault:
    """One fault: which calls it hits, what it does to them, and how many of them."""

    kind: str
    method: str = ""
    path: str = ""  # a regular expression that the path must hold
    text: str = ""  # a text that path, query or body must hold
    status: int = 503
    retry_after: int | None = None
    body: Any = None
    delay_s: float = 0.0
    times: int = 1
    after: int = 0  # let this many matching calls pass first
    hits: int = field(default=0)

    def matches(self, call: Request, payload: str) -> bool:
        """Tell whether the fault is meant for this call, and count it."""
        if self.times <= 0 or (self.method and call.method != self.method.upper()):
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
    """The faults that are waiting."""

    def __init__(self) -> None:
        """Begin without any."""
        self._lock = threading.Lock()
        self.waiting: list[Fault] = []

    def add(self, wish: dict[str, Any]) -> None:
        """Add a fault as asked for in JSON. Raises ValueError or TypeError for what makes no sense."""
        if wish.get("kind") not in KINDS:
            raise ValueError(f"kind is one of {', '.join(KINDS)}")
        with self._lock:
            self.waiting.append(Fault(**wish))

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self.waiting.clear()

    def before(self, call: Request) -> Response | None:
        """Apply what hits a call before anything is done. Sets `lost` on the request for what hits it afterwards."""
        payload = call.get_data(as_text=True)
        with self._lock:
            hit = next((fault for fault in self.waiting if fault.matches(call, payload)), None)
        if hit is None:
            return None
        if hit.delay_s:
            time.sleep(hit.delay_s)
        if hit.kind == "lost_request":
            close(call)
            return Response(status=500)
        if hit.kind == "lost_answer":
            call.environ["sandbox.lost"] = True
        if hit.kind != "status":
            return None
        return _answer(hit)

    def after(self, response: Response) -> Response:
        """Lose the answer of a call that was applied."""
        if request.environ.get("sandbox.lost"):
            close(request)
        return response


def _answer(fault: Fault) -> Response:
    from flask import jsonify  # noqa: PLC0415 -- needs an application

    made = jsonify(fault.body) if fault.body is not None else Response("<html>Something went wrong</html>")
    made.status_code = fault.status
    if fault.retry_after is not None:
        made.headers["Retry-After"] = str(fault.retry_after)
    return made


def close(call: Request) -> None:
    """Close the connection of a call under its feet (gunicorn hands its socket on)."""
    line: socket.socket | None = call.environ.get("gunicorn.socket")
    if line is not None:
        with contextlib.suppress(OSError):
            line.shutdown(socket.SHUT_RDWR)


class Log:
    """Every API call, for tests that count."""

    def __init__(self) -> None:
        """Begin empty."""
        self._lock = threading.Lock()
        self.calls: list[dict[str, Any]] = []

    def add(self, response: Response, *, account: str) -> None:
        """Write a call down with its answer's status; never with its token."""
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
        """Forget all."""
        with self._lock:
            self.calls.clear()


def control(app: Flask, faults: Faults, log: Log) -> None:
    """Add the control addresses that all stand-ins have."""

    @app.route("/_control/faults", methods=["GET", "POST", "DELETE"])
    def _faults() -> Any:
        if request.method == "POST":
            faults.add(request.get_json())
        if request.method == "DELETE":
            faults.clear()
        return [vars(fault) for fault in faults.waiting]

    @app.route("/_control/requests", methods=["GET", "DELETE"])
    def _requests() -> Any:
        if request.method == "DELETE":
            log.clear()
        return log.calls[int(request.args.get("since", 0)) :]
