"""Map webhook addresses to stores, cached for a second: a burst of calls is one query."""

from __future__ import annotations

from reverbsync import clock
from reverbsync.database import without_health_check
from shops.models import StoreConnection

REMEMBERED_S = 1.0
MOST_REMEMBERED = 10_000

_memory: dict[str, tuple[float, StoreConnection]] = {}


def store_at(key: str, *, fresh: bool = False) -> StoreConnection | None:
    """Return the store with this webhook address, None if there is none.

    `fresh`: bypass the cache. Use it before a signature counts as invalid: the secret may have changed.
    """
    now = clock.monotonic()
    until, known = _memory.get(key, (0.0, None))
    if known is not None and not fresh and now < until:
        return known
    store = without_health_check(lambda: next(iter(StoreConnection.objects.raw(_STORE_AT, [key])), None))
    if store is None:
        _memory.pop(key, None)
        return None
    if len(_memory) >= MOST_REMEMBERED:
        _memory.clear()
    _memory[key] = now + REMEMBERED_S, store
    return store


def forget() -> None:
    """Clear the cache."""
    _memory.clear()


_STORE_AT = "SELECT * FROM shops_storeconnection WHERE hook_key = %s"
