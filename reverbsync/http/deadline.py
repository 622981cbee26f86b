"""A deadline for a whole call by requests, whose own time-outs only limit the gap between two bytes.

Otherwise a server that sends a byte now and then could block a worker's thread for ever. At the deadline the socket is
shut down, which ends every read from it.
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
    """The sockets of this thread's call, whether its deadline has passed, and whether any of it may have been sent."""

    def __init__(self) -> None:
        """Start without sockets."""
        self._lines: list[socket.socket] = []
        self._changing = threading.Lock()
        self.is_over = self.is_sent = False

    def watch(self, line: socket.socket) -> None:
        """Shut a socket down at the deadline; a duplicate is watched, so its number cannot be reused meanwhile."""
        with self._changing:
            self._lines.append(socket.socket(fileno=os.dup(line.fileno())))
            if self.is_over:
                self._shut_down()

    def end(self) -> None:
        """Shut all sockets down."""
        with self._changing:
            self.is_over = True
            self._shut_down()

    def forget(self) -> None:
        """Stop watching."""
        with self._changing:
            while self._lines:
                self._lines.pop().close()

    def _shut_down(self) -> None:
        for line in self._lines:
            with suppress(OSError):  # already closed
                line.shutdown(socket.SHUT_RDWR)


_of_thread = threading.local()


@contextmanager
def within(seconds: float) -> Iterator[Deadline]:
    """Limit the total time of this thread's calls in a `watched` session to `seconds`."""
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
    """Return the session, with connections that honor the deadline."""
    for adapter in session.adapters.values():
        if isinstance(adapter, HTTPAdapter):
            adapter.poolmanager.pool_classes_by_scheme = {"http": _Lines, "https": _SecureLines}
    return session


class _Watched:
    """A connection that is watched: a new one from the start, a reused one from its next response on."""

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
    """A plain connection."""


class _SecureLine(_Watched, HTTPSConnection):
    """A connection with TLS."""


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
