"""The current state of a shop's two connections, as a badge and a sentence, for all pages.

The state comes from real calls (the breaker, the store's health, the daily checks). Viewing a page requests a new check
if the last one is more than a minute old, and the page shows the result.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from reverbsync import clock
from reverbsync.dispatch.wake import wake
from shops import health, outages, reverb_connection, store_connection
from shops.connect import upkeep
from shops.models import ReverbConnection, Shop, StoreConnection, StoreHealth
from shops.platforms import PLATFORMS
from shops.reverb import limits
from shops.reverb import upkeep as reverb_upkeep
from shops.reverb.connect import PROBLEMS, Problem

#: A check within this time counts as current.
FRESH = timedelta(seconds=60)


@dataclass(frozen=True)
class ConnectionStatus:
    """The badge's word, whether all is well, and the sentence. `reconnect`: new keys may help."""

    word: str
    good: bool = False
    words: str = ""
    reconnect: bool = False


CONNECTED = ConnectionStatus("connected", good=True)


def of_store(store: StoreConnection | None, health: StoreHealth | None) -> ConnectionStatus | None:
    """Return the state of the store's connection, None if there is none."""
    if store is None:
        return None
    if store.removed_at is not None:
        return ConnectionStatus("removed")
    if words := outages.of_store(store):
        return ConnectionStatus("not responding", words=words)
    if health is not None and health.away_since is not None:
        since = f"{health.away_since:%-d %B, %H:%M} UTC"
        words = f"Your store hasn't answered as expected since {since}: {health.away_words} We retry automatically."
        return ConnectionStatus("not answering", words=words, reconnect=True)
    if store.problem:
        return ConnectionStatus("needs you", words=store.problem, reconnect=True)
    return CONNECTED


def of_reverb(connection: ReverbConnection | None) -> ConnectionStatus | None:
    """Return the state of the connection to Reverb, None if there is none. Its problem is shown separately."""
    if connection is None:
        return None
    if words := outages.of_reverb(connection):
        return ConnectionStatus("not responding", words=words)
    problem = problem_of(connection)
    return ConnectionStatus("needs you") if problem is not None and not problem.usable else CONNECTED


def problem_of(connection: ReverbConnection | None) -> Problem | None:
    """Return the account's problem, None if none is known."""
    return PROBLEMS.get(connection.problem) if connection is not None else None


def look(store: StoreConnection | None, health: StoreHealth | None, reverb: ReverbConnection | None) -> None:
    """Request a check of connections that somebody views, unless the last is recent. A worker makes it."""
    if store is not None and of_store(store, health) == CONNECTED and upkeep.is_stale(store, FRESH):
        upkeep.ask(store)
        wake(store_connection.CHECK_STORE, store.shop_id)
    problem = problem_of(reverb)
    if reverb is not None and problem is not None and problem.usable and _is_old(reverb):
        reverb_upkeep.ask(reverb)
        wake(reverb_connection.CHECK_REVERB, reverb.shop_id)


def _is_old(reverb: ReverbConnection) -> bool:
    return reverb.checked_at is None or reverb.checked_at < clock.now() - FRESH


def page_context(shop: Shop) -> dict[str, Any]:
    """Return the pages' context for both connections, and request checks of outdated ones."""
    store = StoreConnection.objects.filter(shop=shop).first()
    reverb = ReverbConnection.objects.filter(shop=shop).first()
    found = StoreHealth.objects.filter(shop=shop).first()
    problem = problem_of(reverb)
    look(store, found, reverb)
    return {
        "shop": shop,
        "store": store,
        "store_status": of_store(store, found),
        "platform": PLATFORMS[store.platform] if store else None,
        "health": found,
        "silent": store is not None and health.is_silent(found, store.hooks_checked_at),
        "reverb": reverb,
        "reverb_status": of_reverb(reverb),
        "throttle": limits.throttle_of(reverb) if reverb else None,
        "problem": problem,
        "link": problem.link_on(reverb.web_url) if problem and reverb else "",
    }
