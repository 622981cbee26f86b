"""The web server: gunicorn's settings, a deadline for receiving a request, and a log without keys.

`gunicorn -c python:reverbsync.web reverbsync.wsgi:application`. A thread reads one request at a time and waits for it,
so a client that sends a byte now and then would block it for ever. The deadline covers the whole request. Hundreds of
slow connections need a buffering proxy (docs/operations.md).
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
#: Seconds for the client to receive each part of a response.
TAKEN_S = 30.0


class Timed:
    """A socket whose reads have a deadline; all else is delegated."""

    def __init__(self, sock: socket.socket) -> None:
        """Wrap `sock`; call `begin` before each request."""
        self._sock = sock
        self._over = 0.0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def begin(self) -> None:
        """Start the deadline of a request."""
        self._over = time.monotonic() + REQUEST_S

    def recv(self, size: int, flags: int = 0) -> bytes:
        """Return received bytes. After the deadline, raise as if the client had disconnected."""
        left = self._over - time.monotonic()
        if left <= 0:
            raise _hung_up()
        self._sock.settimeout(left)
        try:
            return self._sock.recv(size, flags)
        except TimeoutError:
            raise _hung_up() from None

    def sendall(self, data: bytes) -> None:
        """Send a part of the response; raise if the client does not receive it in time."""
        self._sock.settimeout(TAKEN_S)
        try:
            self._sock.sendall(data)
        except TimeoutError:
            raise _hung_up() from None


def _hung_up() -> OSError:
    return ConnectionResetError(errno.ECONNRESET, "too slow")


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """A gthread worker that enforces the deadline of a request."""

    def handle(self, conn: TConn) -> Any:
        """Handle the next request of a connection."""
        if not isinstance(conn.sock, Timed):
            conn.sock = Timed(conn.sock)
        conn.sock.begin()
        return super().handle(conn)


class Log(Logger):  # type: ignore[misc]
    """Gunicorn's error and access logs: without keys, and few lines in an outage."""

    def setup(self, cfg: Config) -> None:
        """Set up as gunicorn does, then add redaction."""
        super().setup(cfg)
        for log in (self.error_log, self.access_log):
            for handler in log.handlers:
                form = handler.formatter
                handler.setFormatter(RedactingFormatter(form._fmt, form.datefmt))
                handler.addFilter(Calm())
