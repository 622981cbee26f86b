"""The time, handed out by one function so that tests and the simulation can set it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime


def _system() -> datetime:
    return datetime.now(UTC)


_source: Callable[[], datetime] = _system


def now() -> datetime:
    """Return the present moment, aware, in UTC."""
    return _source()


@contextmanager
def running_by(source: Callable[[], datetime]) -> Iterator[None]:
    """Take the time from `source` (which returns aware moments) while the block runs. For tests and simulation."""
    global _source  # noqa: PLW0603 -- one clock for the process is the point
    before, _source = _source, source
    try:
        yield
    finally:
        _source = before
