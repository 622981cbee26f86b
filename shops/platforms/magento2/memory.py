"""What is remembered of a store between the short lives of its clients: in the cache, and lost without harm."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.cache import cache
from redis import RedisError


def recall(key: str) -> Any:
    """Return what is remembered, None where nothing is, or the cache is away."""
    try:
        return cache.get(key)
    except RedisError:
        return None


def remember(key: str, value: object, seconds: int) -> None:
    """Remember a value for a while, where the cache is there."""
    try:
        cache.set(key, value, seconds)
    except RedisError:
        return


def recall_all(prefix: str, names: list[str]) -> dict[str, Any]:
    """Return what is remembered of several names, by name."""
    try:
        found = cache.get_many([f"{prefix}{name}" for name in names])
    except RedisError:
        return {}
    return {key.removeprefix(prefix): value for key, value in found.items()}


def remember_all(prefix: str, values: Mapping[str, object], seconds: int) -> None:
    """Remember several values by name."""
    try:
        cache.set_many({f"{prefix}{name}": value for name, value in values.items()}, seconds)
    except RedisError:
        return


def claim(key: str, seconds: int) -> bool:
    """Return whether nobody else holds `key`, and hold it for at most so long; yes where the cache is away."""
    try:
        return bool(cache.add(key, 1, seconds))
    except RedisError:
        return True


def release(key: str) -> None:
    """Hold `key` no longer."""
    try:
        cache.delete(key)
    except RedisError:
        return
