"""A limit to the whole time of a call by requests, whose own time-outs count from one byte to the next.

A server that sends a byte now and then would hold a worker's thread for as long as it likes. At the deadline the line
is shut down, which ends whatever waits for it.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection


class Deadline:
    """The lines that this thread's call uses, whether its time is over, and whether anything of it may be sent."""

    def __init__(self) -> None:
        """Begin without a line."""
        self._lines: list[socket.socket] = []
        self._changing = threading.Lock()
        self.is_over = self.is_sent = False

    def watch(self, line: socket.socket) -> None:
        """Shut a line down when the time is over; it is watched by a duplicate, so no other one can be meant."""
        with self._changing:
            self._lines.append(socket.socket(fileno=os.dup(line.fileno())))
            if self.is_over:
                self._shut_down()

    def end(self) -> None:
        """Shut all lines down."""
        with self._changing:
            self.is_over = True
            self._shut_down()

    def forget(self) -> None:
        """Watch no longer."""
        with self._changing:
            while self._lines:
                self._lines.pop().close()

    def _shut_down(self) -> None:
        for line in self._lines:
            with suppress(OSError):  # it is down already
                line.shutdown(socket.SHUT_RDWR)


_of_thread = threading.local()


@contextmanager
def within(seconds: float) -> Iterator[Deadline]:
    """Let the calls of this thread, in a session that is `watched`, take so long together."""
    made = Deadline()
    timer = threading.Timer(seconds, made.end)
    timer.daemon = True
    _of_thread.now = made
    timer.start()
    try:
        yield made
    finally:
        timer.cancel()
        _of_thread.now = None
        made.forget()


def watched(session: requests.Session) -> requests.Session:
    """Return the session with lines that keep to the deadline."""
    for adapter in session.adapters.values():
        if isinstance(adapter, HTTPAdapter):
            adapter.poolmanager.pool_classes_by_scheme = {"http": _Lines, "https": _SecureLines}
    return session


class _Watched:
    """A connection whose line is watched: a new one from its beginning on, a kept one from the next answer on."""

    sock: Any

    def _new_conn(self) -> socket.socket:
        line: socket.socket = super()._new_conn()  # type: ignore[misc]
        _watch(line)
        return line

    def request(self, *args: Any, **more: Any) -> None:
        if (found := _now()) is not None:
            found.is_sent = True
        super().request(*args, **more)  # type: ignore[misc]

    def getresponse(self) -> Any:
        _watch(self.sock)
        return super().getresponse()  # type: ignore[misc]


class _Line(_Watched, HTTPConnection):
    """Plain."""


class _SecureLine(_Watched, HTTPSConnection):
    """With TLS."""


class _Lines(HTTPConnectionPool):
    ConnectionCls = _Line


class _SecureLines(HTTPSConnectionPool):
    ConnectionCls = _SecureLine


def _now() -> Deadline | None:
    found: Deadline | None = getattr(_of_thread, "now", None)
    return found


def _watch(line: socket.socket | None) -> None:
    if line is not None and (found := _now()) is not None:
        found.watch(line)
