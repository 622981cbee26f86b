"""The clock: the database's time, so that all machines agree. Tests and the simulation may replace it.

Machine clocks may differ by seconds and may be set back. So each process reads the database's time when it opens a
connection, and every 30 seconds (reverbsync/one_clock.py). In between it adds the time of a monotonic clock. A process
that never reached the database uses its machine's clock.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

#: Keeps counting while a machine is suspended, where the system has such a clock.
_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def _steady() -> float:
    return time.clock_gettime(_STEADY)


def _machine() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class _Reading:
    """The database's time and the monotonic seconds of the same moment."""

    moment: datetime
    at: float

    def now(self, at: float) -> datetime:
        return self.moment + timedelta(seconds=at - self.at)


_reading: _Reading | None = None
#: Monotonic seconds at which the database was last queried, or a query was due.
_requested_at: float | None = None


def _agreed() -> datetime:
    return _machine() if _reading is None else _reading.now(_steady())


_source: Callable[[], datetime] = _agreed
#: Advances simulated time; None: real time.
_sleeping: Callable[[float], None] | None = None


def now() -> datetime:
    """Return the current time, aware, in UTC."""
    return _source()


def monotonic() -> float:
    """Return monotonic seconds, for measuring durations."""
    return time.monotonic() if _sleeping is None else _source().timestamp()


def sleep(seconds: float) -> None:
    """Sleep, or advance simulated time."""
    (_sleeping or time.sleep)(seconds)


def simulated_us() -> int | None:
    """Return microseconds since 1970 if time is simulated, also for shared services such as Redis; else None."""
    return None if _sleeping is None else round(_source().timestamp() * 1e6)


# -- synchronization with the database -----------------------------------------------------------------------------


def set_by(ask: Callable[[], datetime]) -> None:
    """Synchronize with another clock; `ask` queries it and returns an aware datetime.

    The answer is assumed to date from the middle of the round trip. If the current reading is within that error it is
    kept, so the time does not jitter by the duration of a query. Does nothing if the time was replaced.
    """
    global _reading, _requested_at  # noqa: PLW0603 -- one clock for the whole process
    if _source is not _agreed:
        return
    before = _requested_at = _steady()
    moment = ask()
    after = _steady()
    middle, error = (before + after) / 2, (after - before) / 2
    known = _reading
    if known is None or abs((known.now(middle) - moment).total_seconds()) > error:
        _reading = _Reading(moment, middle)


def may_ask(every_s: float) -> bool:
    """Return whether to query the other clock now: once in `every_s` seconds, successful or not; False if replaced."""
    global _requested_at  # noqa: PLW0603 -- as above
    now = _steady()
    if _source is not _agreed or (_requested_at is not None and now < _requested_at + every_s):
        return False
    _requested_at = now
    return True


@contextmanager
def running_by(source: Callable[[], datetime], *, sleeping: Callable[[float], None] | None = None) -> Iterator[None]:
    """Take the time from `source`, which returns aware datetimes, while the block runs. For tests and the simulation.

    `sleeping` advances time by that many seconds. With it, all time is simulated and nothing really waits.
    """
    global _source, _sleeping
    before, (_source, _sleeping) = (_source, _sleeping), (source, sleeping)
    try:
        yield
    finally:
        _source, _sleeping = before
