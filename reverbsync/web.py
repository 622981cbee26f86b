"""The web server: gunicorn's settings, a deadline by which a request must have arrived, and a log without keys.

`gunicorn -c python:reverbsync.web reverbsync.wsgi:application`. A thread reads one request at a time, and waits for it:
so who sends a byte now and then would hold it for ever. Here each request has so many seconds in all. What comes by
hundreds of slow connections is the business of a proxy that buffers (docs/operations.md).
"""

from __future__ import annotations

import errno
import socket
import time
from typing import Any

from gunicorn.config import Config
from gunicorn.glogging import Logger
from gunicorn.workers.gthread import TConn, ThreadWorker

from reverbsync.security.redaction import Calm, RedactingFormatter

worker_class = "reverbsync.web.Worker"
logger_class = "reverbsync.web.Log"
workers = 2
threads = 8
control_socket_disable = True

#: Seconds for a whole request to arrive, headers and body; platforms give up after five to ten.
REQUEST_S = 20.0
#: Seconds for each part of an answer to be taken.
TAKEN_S = 30.0


class Timed:
    """A socket whose reading has a deadline; all else is the socket's own."""

    def __init__(self, sock: socket.socket) -> None:
        """`begin` before each request."""
        self._sock = sock
        self._over = 0.0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def begin(self) -> None:
        """Let a request begin."""
        self._over = time.monotonic() + REQUEST_S

    def recv(self, size: int, flags: int = 0) -> bytes:
        """Return what arrives. Past the deadline it is as if the caller had hung up."""
        left = self._over - time.monotonic()
        if left <= 0:
            raise _hung_up()
        self._sock.settimeout(left)
        try:
            return self._sock.recv(size, flags)
        except TimeoutError:
            raise _hung_up() from None

    def sendall(self, data: bytes) -> None:
        """Send a part of the answer, to one who takes it."""
        self._sock.settimeout(TAKEN_S)
        try:
            self._sock.sendall(data)
        except TimeoutError:
            raise _hung_up() from None


def _hung_up() -> OSError:
    return ConnectionResetError(errno.ECONNRESET, "too slow")


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """Threads that wait for no request longer than its deadline."""

    def handle(self, conn: TConn) -> Any:
        """Handle the next request of a connection."""
        if not isinstance(conn.sock, Timed):
            conn.sock = Timed(conn.sock)
        conn.sock.begin()
        return super().handle(conn)


class Log(Logger):  # type: ignore[misc]
    """Gunicorn's own lines, of errors and of accesses: without keys, and few in an outage."""

    def setup(self, cfg: Config) -> None:
        """Set it up as gunicorn does, then clean what it writes."""
        super().setup(cfg)
        for log in (self.error_log, self.access_log):
            for handler in log.handlers:
                form = handler.formatter
                handler.setFormatter(RedactingFormatter(form._fmt, form.datefmt))
                handler.addFilter(Calm())
