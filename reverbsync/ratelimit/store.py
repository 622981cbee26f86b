"""What the rate limiter keeps in Redis: its keys, scripts and clock."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from redis.commands.core import Script

from reverbsync import clock
from reverbsync.redis import connection

__all__ = ["KEEPS_MS", "calls_key", "connection", "moment", "now_us", "script", "throttle_key"]

#: How long the calls of ten minutes are stored; reserve.lua has the same number.
KEEPS_MS = 700_000


def moment(now_us: int | None) -> int | str:
    """Return the time for a script, in microseconds since 1970; "" for Redis' own clock."""
    at = clock.simulated_us() if now_us is None else now_us
    return "" if at is None else at


def now_us() -> int:
    """Return the time by Redis' clock, in microseconds since 1970."""
    set_us = clock.simulated_us()
    if set_us is not None:
        return set_us
    seconds, microseconds = connection().time()
    return seconds * 1_000_000 + microseconds


@lru_cache(maxsize=2)
def script(file: str) -> Script:
    """Return the script of a file in this folder."""
    return connection().register_script(Path(__file__).with_name(file).read_text())


def calls_key(budget: str) -> str:
    """Return the key of the times of a budget's calls."""
    return f"ratelimit:{budget}:calls"


def throttle_key(name: str) -> str:
    """Return the key of a throttle."""
    return f"ratelimit:{name}:throttle"
