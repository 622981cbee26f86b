"""Each process's snapshot of the circuit breakers, at most a second old."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime

from reverbsync import clock
from shops.models import Breaker

#: Greatest age of a process's snapshot.
FRESH_S = 1.0


@dataclass(frozen=True)
class Seen:
    """The snapshot's state of one service."""

    probe_at: datetime | None
    probes: int
    score: int

    @property
    def is_well(self) -> bool:
        """Return whether a success changes nothing: it failed a while ago, and has worked since."""
        return self.probe_at is None and not self.score


def forget() -> None:
    """Clear the snapshot, as in a new process."""
    _memory.at = None


class _Memory:
    """This process's last snapshot of all breakers, and its time."""

    def __init__(self) -> None:
        self.at: float | None = None
        self.rows: dict[str, Seen] = {}
        self.reading = threading.Lock()


_memory = _Memory()


def snapshot() -> dict[str, Seen]:
    """Return name → state of all services that failed lately, at most FRESH_S old."""
    now = clock.monotonic()
    if _memory.at is None or not 0 <= now - _memory.at < FRESH_S:
        with _memory.reading:
            if _memory.at is None or not 0 <= now - _memory.at < FRESH_S:
                found = Breaker.objects.values_list("name", "probe_at", "probes", "score")
                _memory.rows = {name: Seen(probe_at, probes, score) for name, probe_at, probes, score in found}
                _memory.at = now
    return _memory.rows
