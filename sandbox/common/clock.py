"""A stand-in's clock: the real time plus the offset that a test set. Its responses carry that time."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from email.utils import formatdate

from flask import Flask, Response, request


class Clock:
    """Seconds since the epoch, movable."""

    def __init__(self) -> None:
        """Start with the real time."""
        self.offset_s = 0.0

    def now(self) -> float:
        """Return the time in seconds since the epoch."""
        return time.time() + self.offset_s

    def is_near(self, at: float, within_s: float) -> bool:
        """Return whether a caller's timestamp is recent by this clock, or by the real one."""
        return min(abs(self.now() - at), abs(self.now() - self.offset_s - at)) <= within_s

    def stamp(self, at: float | None = None) -> str:
        """Return a time as ISO 8601 with offset; the current time by default."""
        return datetime.fromtimestamp(self.now() if at is None else at, UTC).isoformat(timespec="microseconds")


def dated(app: Flask, clock: Clock) -> None:
    """Set the `Date` header of every response to the stand-in's time."""

    def header(timestamp: float | None = None) -> str:
        return formatdate(clock.now() if timestamp is None else timestamp, localtime=False, usegmt=True)

    @app.after_request
    def date(response: Response) -> Response:
        if "gunicorn.socket" not in request.environ:
            response.headers["Date"] = header()
        return response

    try:
        import gunicorn.util  # noqa: PLC0415 -- not installed with a test client
    except ImportError:
        return
    # gunicorn writes this header itself, by the machine's clock, and offers no setting for it.
    gunicorn.util.http_date = header
