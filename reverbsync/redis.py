"""The connection to Redis, one pool per process.

A Redis that does not respond costs a time-out once every few seconds, not on every call: in between, calls fail at
once. One that refuses connections fails at once anyway, and recovers as soon as it accepts them.
"""

from __future__ import annotations

import time
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import redis
from django.conf import settings

CONNECT_S, ANSWER_S = 1.0, 2.0
#: Seconds after a time-out during which calls fail at once.
REMEMBERED_S = 3.0


class _Silence:
    """Remembers for a moment that Redis did not respond; a mixin for the connections of redis-py."""

    until = 0.0

    def send_packed_command(self, *args: Any, **more: Any) -> Any:
        """Send a command, unless Redis timed out a moment ago."""
        if time.monotonic() < _Silence.until:
            raise redis.ConnectionError("Redis did not answer a moment ago.")
        return self._watched("send_packed_command", args, more)

    def read_response(self, *args: Any, **more: Any) -> Any:
        """Read a response, and remember a time-out."""
        return self._watched("read_response", args, more)

    def _watched(self, name: str, args: Any, more: Any) -> Any:
        try:
            return getattr(super(), name)(*args, **more)
        except redis.TimeoutError:
            _Silence.until = time.monotonic() + REMEMBERED_S
            raise


class Connection(_Silence, redis.Connection):
    """A TCP connection."""


class SecureConnection(_Silence, redis.SSLConnection):
    """A TLS connection."""


class LocalConnection(_Silence, redis.UnixDomainSocketConnection):
    """A Unix socket connection."""


def options(url: str) -> dict[str, Any]:
    """Return the pool options for the Redis at `url`: time-outs, and the connection class that remembers them."""
    kinds = {"rediss": SecureConnection, "unix": LocalConnection}
    kind = kinds.get(urlsplit(url).scheme, Connection)
    return {"connection_class": kind, "socket_connect_timeout": CONNECT_S, "socket_timeout": ANSWER_S}


@lru_cache(maxsize=1)
def connection() -> redis.Redis:
    """Return the client; it connects on first use."""
    pool = redis.ConnectionPool.from_url(settings.REDIS_URL, decode_responses=True, **options(settings.REDIS_URL))
    return redis.Redis(connection_pool=pool)
