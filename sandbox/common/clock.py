"""A stand-in's time: the real one, plus what a test moved it on by."""

from __future__ import annotations

import time
from datetime import UTC, datetime


class Clock:
    """Seconds since the epoch, movable."""

    def __init__(self) -> None:
        """Start with the real time."""
        self.offset_s = 0.0

    def now(self) -> float:
        """Return the time in seconds."""
        return time.time() + self.offset_s

    def stamp(self, at: float | None = None) -> str:
        """Return a moment as ISO 8601 with offset, the present one by default."""
        return datetime.fromtimestamp(self.now() if at is None else at, UTC).isoformat(timespec="microseconds")
