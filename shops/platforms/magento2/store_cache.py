"""Cache what a store's short-lived clients share; losing it does no harm."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.cache import cache
from redis import RedisError


def recall(key: str) -> Any:
    """Return the cached value, None if there is none or the cache is unavailable."""
    try:
        return cache.get(key)
    except RedisError:
        return None


def remember(key: str, value: object, seconds: int) -> None:
    """Cache a value for `seconds`, if the cache is available."""
    try:
        cache.set(key, value, seconds)
    except RedisError:
        return


def recall_all(prefix: str, names: list[str]) -> dict[str, Any]:
    """Return the cached values of several names, by name."""
    try:
        found = cache.get_many([f"{prefix}{name}" for name in names])
    except RedisError:
        return {}
    return {key.removeprefix(prefix): value for key, value in found.items()}


def remember_all(prefix: str, values: Mapping[str, object], seconds: int) -> None:
    """Cache several values by name."""
    try:
        cache.set_many({f"{prefix}{name}": value for name, value in values.items()}, seconds)
    except RedisError:
        return


def claim(key: str, seconds: int) -> bool:
    """Acquire `key` for at most `seconds`; return whether it was free. True if the cache is unavailable."""
    try:
        return bool(cache.add(key, 1, seconds))
    except RedisError:
        return True


def release(key: str) -> None:
    """Release `key`."""
    try:
        cache.delete(key)
    except RedisError:
        return
