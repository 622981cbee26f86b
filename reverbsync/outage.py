"""Is it the database or Redis that failed, or the one thing in hand? An outage is nobody's fault and passes."""

from __future__ import annotations

from collections.abc import Callable

import redis
from django.db import InterfaceError, OperationalError

from reverbsync.ownership import Lost
from reverbsync.pace import PaceLost

#: PostgreSQL's classes of errors that say nothing about a row: connection, resources, deadlock, lock, shutdown
#: (PostgreSQL documentation, appendix A).
_PASSING = ("08", "40", "53", "55", "57")


def is_outage(error: BaseException) -> bool:
    """Tell whether PostgreSQL or Redis failed, whatever row was in hand: then nothing may be counted against it.

    So it is where a lock fell with its connection, and another worker may be at the same work.
    """
    if isinstance(error, InterfaceError | redis.RedisError | PaceLost | Lost):
        return True
    if not isinstance(error, OperationalError):
        return False
    code = getattr(error.__cause__, "pgcode", None)
    return code is None or code.startswith(_PASSING)


class NotReached(Exception):
    """There was no time left for it in this turn."""


def attempt(work: Callable[[], object]) -> Exception | None:
    """Do one piece of work and return what it raised. Raises only when the database or Redis is away."""
    try:
        work()
    except Exception as error:
        if is_outage(error):
            raise
        return error
    return None
