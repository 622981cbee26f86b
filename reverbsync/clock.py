"""The time, handed out in one place: the database's, so that all machines agree; tests and the simulation may set it.

Machines' clocks may differ by seconds, and may be set back. So each process asks the database for the time when it
opens a connection, and every half minute (reverbsync/one_clock.py). In between it counts on by a clock that nobody can
set. A process that never reached the database goes by its machine's clock.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

#: Counts on while a machine sleeps, where it has such a clock.
_STEADY = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def _steady() -> float:
    return time.clock_gettime(_STEADY)


def _machine() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class _Reading:
    """The database's time, and ours of the same moment, in seconds that only ever grow."""

    moment: datetime
    at: float

    def now(self, at: float) -> datetime:
        return self.moment + timedelta(seconds=at - self.at)


_reading: _Reading | None = None
#: When the database was last asked, or should have been, in those seconds.
_requested_at: float | None = None


def _agreed() -> datetime:
    return _machine() if _reading is None else _reading.now(_steady())


_source: Callable[[], datetime] = _agreed
#: Lets time pass; None: it passes by itself.
_sleeping: Callable[[float], None] | None = None


def now() -> datetime:
    """Return the present moment, aware, in UTC."""
    return _source()


def monotonic() -> float:
    """Return seconds that only ever grow, for measuring how long something takes."""
    return time.monotonic() if _sleeping is None else _source().timestamp()


def sleep(seconds: float) -> None:
    """Wait."""
    (_sleeping or time.sleep)(seconds)


def simulated_us() -> int | None:
    """Return the microseconds since 1970 where all of time is set, also that of machines we share; else None."""
    return None if _sleeping is None else round(_source().timestamp() * 1e6)


# -- in agreement with others --------------------------------------------------------------------------------------


def set_by(ask: Callable[[], datetime]) -> None:
    """Go by another clock from now on; `ask` asks it, and returns an aware moment.

    Its answer is taken for the middle of the time that it took. While that leaves room for what we went by till now,
    that stays: the time does not jump back and forth for the time that questions take. Where the time is set by hand,
    nothing is asked.
    """
    global _reading, _requested_at  # noqa: PLW0603 -- one time for the process is the point
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
    """Return whether to ask the other clock now: once in so many seconds, whatever comes of it; not where it is set."""
    global _requested_at  # noqa: PLW0603 -- as above
    now = _steady()
    if _source is not _agreed or (_requested_at is not None and now < _requested_at + every_s):
        return False
    _requested_at = now
    return True


@contextmanager
def running_by(source: Callable[[], datetime], *, sleeping: Callable[[float], None] | None = None) -> Iterator[None]:
    """Take the time from `source` (which returns aware moments) while the block runs. For tests and simulation.

    With `sleeping`, which lets that many seconds pass, all of time is set: nothing waits in earnest any more.
    """
    global _source, _sleeping
    before, (_source, _sleeping) = (_source, _sleeping), (source, sleeping)
    try:
        yield
    finally:
        _source, _sleeping = before
