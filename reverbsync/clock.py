"""The time, handed out in one place so that tests and the simulation can set it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime


def _system() -> datetime:
    return datetime.now(UTC)


_source: Callable[[], datetime] = _system
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


def told_us() -> int | None:
    """Return the microseconds since 1970 where all of time is set, also that of machines we share; else None."""
    return None if _sleeping is None else round(_source().timestamp() * 1e6)


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
