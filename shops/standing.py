"""How a shop's two connections stand at this moment, in a word for a badge and a sentence: what all pages say of them.

What is known comes from real calls (the breaker, the health of the store, the daily checks). Looking at a page asks for
a new check where the last one is more than a minute old, and the page shows what it found.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from reverbsync import clock
from reverbsync.dispatch.wake import wake
from shops import lifecycle, outages
from shops.connect import upkeep
from shops.models import ReverbConnection, StoreConnection, StoreHealth
from shops.reverb import upkeep as reverb_upkeep
from shops.reverb.connect import PROBLEMS, Problem

#: What was checked within this time counts as now.
FRESH = timedelta(seconds=60)


@dataclass(frozen=True)
class Standing:
    """A word for the badge, whether all is well, and what there is to say. `reconnect`: new keys may help."""

    word: str
    good: bool = False
    words: str = ""
    reconnect: bool = False


CONNECTED = Standing("connected", good=True)


def of_store(store: StoreConnection | None, health: StoreHealth | None) -> Standing | None:
    """Return how the store's connection stands, None where there is none."""
    if store is None:
        return None
    if store.removed_at is not None:
        return Standing("removed")
    if words := outages.of_store(store):
        return Standing("not responding", words=words)
    if health is not None and health.away_since is not None:
        since = f"{health.away_since:%-d %B, %H:%M} UTC"
        words = f"Your store hasn't answered as expected since {since}: {health.away_words} We retry automatically."
        return Standing("not answering", words=words, reconnect=True)
    if store.problem:
        return Standing("needs you", words=store.problem, reconnect=True)
    return CONNECTED


def of_reverb(connection: ReverbConnection | None) -> Standing | None:
    """Return how the connection to Reverb stands, None where there is none. Its problem is shown by itself."""
    if connection is None:
        return None
    if words := outages.of_reverb(connection):
        return Standing("not responding", words=words)
    problem = problem_of(connection)
    return Standing("needs you") if problem is not None and not problem.usable else CONNECTED


def problem_of(connection: ReverbConnection | None) -> Problem | None:
    """Return what is wrong with the account, None where nothing is known to be."""
    return PROBLEMS.get(connection.problem) if connection is not None else None


def look(store: StoreConnection | None, health: StoreHealth | None, reverb: ReverbConnection | None) -> None:
    """Let what somebody looks at be checked, unless it was just now. Returns at once: a worker does it."""
    if store is not None and of_store(store, health) == CONNECTED and upkeep.is_stale(store, FRESH):
        upkeep.ask(store)
        wake(lifecycle.CHECK_STORE, store.shop_id)
    problem = problem_of(reverb)
    if reverb is not None and problem is not None and problem.usable and _is_old(reverb):
        reverb_upkeep.ask(reverb)
        wake(lifecycle.CHECK_REVERB, reverb.shop_id)


def _is_old(reverb: ReverbConnection) -> bool:
    return reverb.checked_at is None or reverb.checked_at < clock.now() - FRESH
