"""Tell an outage of PostgreSQL or Redis from an error of the current item: an outage is not the item's fault."""

from __future__ import annotations

from collections.abc import Callable

import redis
from django.db import InterfaceError, OperationalError

from reverbsync.dispatch.ownership import Lost
from reverbsync.ratelimit.budget import RateLimitUnavailable

#: SQLSTATE classes unrelated to a row: connection, resources, deadlock, lock, shutdown (PostgreSQL documentation,
#: appendix A).
_TRANSIENT = ("08", "40", "53", "55", "57")
#: A statement exceeded statement_timeout: that counts as a failure, or its cause would be retried for ever.
_TOOK_TOO_LONG = "57014"
#: SQLSTATE prefixes after which the connection is gone: connection errors and shutdown.
_LINE = ("08", "57P")


def is_outage(error: BaseException) -> bool:
    """Return whether PostgreSQL or Redis failed, regardless of the row: then the failure does not count against it.

    A lost lock counts as an outage too: another worker may be doing the same work.
    """
    if isinstance(error, InterfaceError | redis.RedisError | RateLimitUnavailable | Lost):
        return True
    if not isinstance(error, OperationalError):
        return False
    code = getattr(error.__cause__, "pgcode", None)
    return code is None or (code.startswith(_TRANSIENT) and code != _TOOK_TOO_LONG)


def ends_the_slice(error: BaseException) -> bool:
    """Return whether the slice must end: the connection to PostgreSQL is gone, or a lock was lost with it.

    Other outages, such as a deadlock or a Redis outage, need not affect the next item.
    """
    if isinstance(error, InterfaceError | Lost):
        return True
    code = getattr(error.__cause__, "pgcode", None)
    return isinstance(error, OperationalError) and (code is None or code.startswith(_LINE))


class NotReached(Exception):
    """The slice had no time left for it."""


def attempt(work: Callable[[], object]) -> Exception | None:
    """Run one piece of work and return the exception that it raised, if any. Raises only what ends the slice."""
    try:
        work()
    except Exception as error:
        if ends_the_slice(error):
            raise
        return error
    return None
