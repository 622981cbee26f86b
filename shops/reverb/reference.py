"""Reverb's lists: categories, conditions, a shop's shipping profiles. Kept for a day in the cache."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.cache import cache

from shops.reverb.client import ReverbClient
from shops.reverb.errors import Lasting
from shops.reverb.lists import Choice, Lists

DAY = 24 * 60 * 60


def lists(client: ReverbClient, budget: str) -> Lists:
    """Return Reverb's lists for an account. Raises ReverbError when they are not in the cache."""
    return Lists(
        categories=_kept("categories", lambda: client.get("/categories/flat"), "categories", _category),
        conditions=_kept(f"conditions:{budget}", lambda: client.get("/listing_conditions"), "conditions", _condition),
        shipping_profiles=_kept(f"profiles:{budget}", lambda: client.get("/shop"), "shipping_profiles", _profile),
    )


def _kept(name: str, ask: Callable[[], Any], key: str, read: Callable[[dict[str, Any]], Choice]) -> tuple[Choice, ...]:
    kept = cache.get(f"reverb:{name}")
    if kept is None:
        try:
            body = ask()
        except Lasting:  # an account that may not see a list has an empty one
            body = None
        rows = body.get(key) if isinstance(body, dict) else None
        kept = [read(row) for row in rows or [] if isinstance(row, dict)]
        cache.set(f"reverb:{name}", kept, DAY if kept else 60)
    return tuple(kept)


def _category(row: dict[str, Any]) -> Choice:
    return Choice(str(row.get("uuid", "")), str(row.get("full_name", "")), row.get("listable") is not False)


def _condition(row: dict[str, Any]) -> Choice:
    return Choice(str(row.get("uuid", "")), str(row.get("display_name", "")))


def _profile(row: dict[str, Any]) -> Choice:
    return Choice(str(row.get("id", "")), str(row.get("name", "")))
