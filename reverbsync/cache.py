"""Django's cache in Redis; while Redis is away, in the memory of this process.

So nothing that caches has to know whether Redis is there, and the limits of sign-in hold all the while, for each
process by itself. What was kept in memory is forgotten once Redis is back.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache, RedisCacheClient
from redis.exceptions import RedisError

#: Kept for all threads of the process, under this name.
_own = LocMemCache("while Redis is away", {"OPTIONS": {"MAX_ENTRIES": 10_000}})
_state = {"away": False}


def _guarded(name: str) -> Callable[..., Any]:
    in_redis, in_memory = getattr(RedisCacheClient, name), getattr(_own, name)

    def run(client: RedisCacheClient, *args: Any) -> Any:
        try:
            found = in_redis(client, *args)
        except RedisError:
            _state["away"] = True
            return in_memory(*args)
        if _state["away"]:
            _state["away"] = False
            _own.clear()
        return found

    return run


class _Client(RedisCacheClient):
    """What the backend asks; each call falls back on memory."""

    add = _guarded("add")
    get = _guarded("get")
    set = _guarded("set")
    touch = _guarded("touch")
    delete = _guarded("delete")
    get_many = _guarded("get_many")
    has_key = _guarded("has_key")
    incr = _guarded("incr")
    set_many = _guarded("set_many")
    delete_many = _guarded("delete_many")
    clear = _guarded("clear")


class Cache(RedisCache):
    """The backend that settings name."""

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        """Take what Django gives each backend."""
        super().__init__(server, params)
        self._class = _Client
