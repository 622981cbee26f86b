"""Reverb's rate limits as budgets: reads and writes of an account, and the whole app's calls.

Reported by an integrator, and by Reverb only as "a 429 comes": 2,000 reads or 600 writes a minute, 10,000 or 3,000 in
ten minutes. Reverb asks that mass syncs be slow (guide "Build an E-Commerce Sync Integration").
"""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache
from typing import Literal

from django.conf import settings
from django.core.signals import setting_changed
from django.dispatch import receiver

from reverbsync.ratelimit import limiter, throttle
from reverbsync.ratelimit.budget import Budget, NotNow, RateLimitUnavailable
from shops.models import ReverbConnection

Kind = Literal["reads", "writes"]
KINDS: tuple[Kind, ...] = ("reads", "writes")
#: Pause after a 429 without Retry-After: the rate is halved anyway.
DEFAULT_PAUSE_S = 2.0


def account(budget: str) -> str:
    """Return an account's name in the rate limiter; `budget` is ReverbConnection.budget."""
    return f"reverb:{budget}"


@lru_cache(maxsize=1)
def app() -> Budget:
    """Return the budget of the whole app."""
    return Budget("reverb:app", settings.REVERB_APP_CALLS_PER_MINUTE, reserve=_reserve())


@lru_cache(maxsize=4096)
def of_account(budget: str, kind: Kind) -> Budget:
    """Return an account's budget for reads or writes."""
    per_minute, per_ten_minutes = {
        "reads": (settings.REVERB_READS_PER_MINUTE, settings.REVERB_READS_PER_10_MINUTES),
        "writes": (settings.REVERB_WRITES_PER_MINUTE, settings.REVERB_WRITES_PER_10_MINUTES),
    }[kind]
    name = account(budget)
    return Budget(f"{name}:{kind}", per_minute, per_ten_minutes, account=name, reserve=_reserve())


def budgets(budget: str, kind: Kind) -> list[Budget]:
    """Return all budgets that one call of an account uses."""
    return [of_account(budget, kind), app()]


def count(budget: str, reads: int) -> None:
    """Count reads that were made before the token's account was known."""
    with suppress(NotNow):
        for _ in range(reads):
            limiter.take([of_account(budget, "reads")])


def move(before: str, now: str) -> None:
    """Move the calls counted under one name to another, once the token's account is known."""
    if before != now:
        for kind in KINDS:
            limiter.move(of_account(before, kind), of_account(now, kind))


def seconds_for(budget: str, writes: int) -> float:
    """Return how many seconds this many writes take in bulk, at the currently allowed rate."""
    seconds = of_account(budget, "writes").seconds_for(writes)
    try:
        found = throttle.throttle_of(account(budget))
    except RateLimitUnavailable:
        found = None
    return seconds / max(found.share, 0.05) + found.quiet_s if found else seconds


def slow_down(budget: str, retry_after: float | None) -> float:
    """Slow the account down for all workers after a 429; return the seconds without calls.

    Both reads and writes are slowed down, since Reverb does not say which it meant. Raise RateLimitUnavailable if other
    workers cannot be reached.
    """
    seconds = max(1.0, retry_after or DEFAULT_PAUSE_S)
    throttle.slow_down(account(budget), seconds)
    return seconds


def throttle_of(connection: ReverbConnection) -> throttle.Throttle | None:
    """Return how far Reverb has slowed this account down; None if it has not, or Redis is unavailable."""
    try:
        return throttle.throttle_of(account(connection.budget))
    except RateLimitUnavailable:
        return None


def _reserve() -> float:
    return settings.REVERB_RESERVE_PERCENT / 100


@receiver(setting_changed)
def _forget_budgets(**_: object) -> None:
    """Reread the settings when a test changes one."""
    app.cache_clear()
    of_account.cache_clear()
