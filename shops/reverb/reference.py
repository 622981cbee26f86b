"""Cache Reverb's lists: categories, conditions, a shop's shipping profiles.

Each list is cached with its ETag and revalidated once a day: Reverb resends it only if it changed (facts:
`If-None-Match` on /categories/flat is answered 304, as seen live). Each process also holds them in memory for a moment,
so that hundreds of rows are not read from the cache for every product, and are available while Redis is down.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

from django.core.cache import cache
from redis.exceptions import RedisError

from reverbsync import clock
from shops.reverb.client import ReverbClient
from shops.reverb.errors import NeedsSeller, PermanentError, ReverbError, TransientError
from shops.reverb.lists import PROVIDERS, Choice, Lists
from shops.schema_text import storable

DAY_S = 24 * 60 * 60
#: Interval for a list that could not be read or is empty.
SOON_S = 60
#: A listing without a value from these lists would be a different listing.
NEEDED = frozenset({"categories"})
#: The only list that may be empty: a shop need not have any.
PROFILES = "profiles:"
#: How long a list is cached if no newer one can be read.
KEPT_S = 30 * DAY_S

#: How long a process uses its memory, and how many lists it holds.
REMEMBERED_S = 30
MOST_REMEMBERED = 500

#: List name → time of the last cache read, and the list.
_memory: dict[str, tuple[float, dict[str, Any]]] = {}

Row = Callable[[dict[str, Any]], Choice]


def lists(client: ReverbClient, budget: str) -> Lists:
    """Return Reverb's lists for an account. Raise ReverbError if they are neither cached nor readable."""
    return Lists(
        categories=_kept(client, "categories", "/categories/flat", ("categories",), _category),
        conditions=_kept(client, f"conditions:{budget}", "/listing_conditions", ("conditions",), _condition),
        shipping_profiles=_kept(client, f"{PROFILES}{budget}", "/shop", ("shipping_profiles",), _profile),
    )


def providers(client: ReverbClient) -> tuple[str, ...]:
    """Return the carrier names that Reverb accepts; the documented ones if it does not answer."""
    try:
        rows = _kept(client, "providers", "/shipping/providers", ("shipping_providers", "providers"), _provider)
    except ReverbError:
        return PROVIDERS
    return tuple(row.name for row in rows) or PROVIDERS


def _kept(client: ReverbClient, name: str, path: str, keys: tuple[str, ...], read: Row) -> tuple[Choice, ...]:
    now = clock.now().timestamp()
    kept = _found(name, now)
    if kept is not None and now < kept["until"]:
        return tuple(kept["rows"])
    rows, etag = (kept["rows"], kept["etag"]) if kept is not None else ([], "")
    soon = False
    try:
        answer = client.get_if_new(path, etag)
    except (PermanentError, NeedsSeller) as error:
        if isinstance(error, NeedsSeller) and error.status == 401:
            raise  # the token may be dead
        keep(name, rows, etag=etag, until=now + SOON_S)
        return tuple(rows)  # an account without access to a list has an empty one
    except ReverbError:
        if not rows:
            raise
        return tuple(rows)  # an old list is better than none
    if answer is not None:
        body, etag_now = answer
        found = next((_rows(body[key]) for key in keys if isinstance(body.get(key), dict | list)), None)
        if not found and not rows and name in NEEDED:
            raise TransientError("Reverb's answer could not be read as a list.")
        if found or (found is not None and name.startswith(PROFILES)):
            rows, etag = [read(storable(row if isinstance(row, dict) else {"name": row})) for row in found], etag_now
        else:  # an old list is better than none
            soon = True
    keep(name, rows, etag=etag, until=now + (SOON_S if soon or not rows else DAY_S))
    return tuple(rows)


def _rows(said: dict[str, Any] | list[Any]) -> list[Any]:
    """Return the rows of a list; one with gaps comes as an object whose names are numbers."""
    if isinstance(said, dict):
        said = list(said.values()) if all(name.isdecimal() for name in said) else []
    return [row for row in said if row]


def keep(name: str, rows: list[Choice], *, etag: str = "", until: float) -> None:
    """Cache a list; `until` (seconds since 1970) is when it is revalidated."""
    kept = {"rows": rows, "etag": etag, "until": until}
    _remember(name, clock.now().timestamp(), kept)
    with contextlib.suppress(RedisError):
        cache.set(_key(name), kept, KEPT_S)


def forget() -> None:
    """Clear this process's memory."""
    _memory.clear()


def _found(name: str, now: float) -> dict[str, Any] | None:
    """Return a list from memory or the cache; from memory at any age if the cache is unavailable."""
    looked_at, kept = _memory.get(name, (0.0, None))
    if kept is not None and looked_at <= now < looked_at + REMEMBERED_S:
        return kept
    try:
        found: dict[str, Any] | None = cache.get(_key(name))
    except RedisError:
        return kept
    if found is not None:
        _remember(name, now, found)
    return found


def _remember(name: str, now: float, kept: dict[str, Any]) -> None:
    if len(_memory) >= MOST_REMEMBERED:
        _memory.clear()
    _memory[name] = (now, kept)


def _key(name: str) -> str:
    return f"reverb:list:{name}"


def _category(row: dict[str, Any]) -> Choice:
    return Choice(str(row.get("uuid", "")), str(row.get("full_name", "")), row.get("listable") is not False)


def _condition(row: dict[str, Any]) -> Choice:
    return Choice(str(row.get("uuid", "")), str(row.get("display_name", "")))


def _provider(row: dict[str, Any]) -> Choice:
    """Read a carrier. The list's shape is undocumented: bare names, or rows with a name."""
    return Choice(str(row.get("name", "")), str(row.get("name", "")))


def _profile(row: dict[str, Any]) -> Choice:
    return Choice(str(row.get("id", "")), str(row.get("name", "")))
