"""Django cache in Redis that falls back to process memory while Redis is unavailable.

Callers need not know whether Redis is up. Sign-in limits stay in force, per process. Once Redis is back, values cached
in memory are discarded.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache, RedisCacheClient
from redis.exceptions import RedisError

#: Shared by all threads of the process under this name.
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
    """Cache client of the backend; each method falls back to memory."""

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
    """Cache backend named in the settings."""

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        """Accept the arguments that Django passes to every backend."""
        super().__init__(server, params)
        self._class = _Client
