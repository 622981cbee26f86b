"""Is it the database or Redis that failed, or the one thing in hand? An outage is nobody's fault and passes."""

from __future__ import annotations

from collections.abc import Callable

import redis
from django.db import InterfaceError, OperationalError

from reverbsync.dispatch.ownership import Lost
from reverbsync.ratelimit.limiter import RateLimitUnavailable

#: PostgreSQL's classes of errors that say nothing about a row: connection, resources, deadlock, lock, shutdown
#: (PostgreSQL documentation, appendix A).
_TRANSIENT = ("08", "40", "53", "55", "57")
#: A statement ran into statement_timeout: that is counted, or whatever causes it would be tried without end.
_TOOK_TOO_LONG = "57014"
#: Those after which the line is gone: connection, and shutdown.
_LINE = ("08", "57P")


def is_outage(error: BaseException) -> bool:
    """Return whether PostgreSQL or Redis failed, whatever row was in hand: then nothing may be counted against it.

    So it is where a lock fell with its connection, and another worker may be at the same work.
    """
    if isinstance(error, InterfaceError | redis.RedisError | RateLimitUnavailable | Lost):
        return True
    if not isinstance(error, OperationalError):
        return False
    code = getattr(error.__cause__, "pgcode", None)
    return code is None or (code.startswith(_TRANSIENT) and code != _TOOK_TOO_LONG)


def ends_the_slice(error: BaseException) -> bool:
    """Return whether nothing more can be done for now: the line to PostgreSQL is gone, or a lock fell with it.

    Of other outages, such as a deadlock or Redis being away, the next piece of work may know nothing.
    """
    if isinstance(error, InterfaceError | Lost):
        return True
    code = getattr(error.__cause__, "pgcode", None)
    return isinstance(error, OperationalError) and (code is None or code.startswith(_LINE))


class NotReached(Exception):
    """There was no time left for it in this slice."""


def attempt(work: Callable[[], object]) -> Exception | None:
    """Do one piece of work and return what it raised. Raises only what ends the slice."""
    try:
        work()
    except Exception as error:
        if ends_the_slice(error):
            raise
        return error
    return None
