"""The pace: how fast an outside may be called, shared by all workers through Redis in one atomic script."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import cast

import redis
from redis.commands.core import Script

from reverbsync import clock
from reverbsync.redis import connection

#: Part of a minute's calls that may come at once; the rest is spread evenly, so that no minute, wherever it
#: starts, holds more than the limit.
BURST_SHARE = 0.05
#: Keys are forgotten so long after they mean anything: time that is set for a test may pass slower than Redis' own.
KEPT_MS = 60_000


class PaceLost(Exception):
    """Redis did not answer, so nobody knows how fast we are. The call is not made; try again later."""


@dataclass(frozen=True)
class Budget:
    """A number of calls a minute under a name, such as `reverb:reads:<account>`."""

    name: str
    per_minute: int

    @property
    def _burst_calls(self) -> float:
        return max(1.0, self.per_minute * BURST_SHARE)

    @property
    def spacing_us(self) -> int:
        """Microseconds between two calls at a steady pace; burst and steady calls add up to the limit."""
        steady = max(self.per_minute - self._burst_calls, self.per_minute * 0.5)
        return round(60_000_000 / steady)

    @property
    def burst_us(self) -> int:
        """How early a call may come, in microseconds."""
        return round(self.spacing_us * (self._burst_calls - 1))


def take(budgets: Sequence[Budget], *, now_us: int | None = None) -> float:
    """Take one call from every budget, or from none.

    `now_us` (microseconds since the epoch) is for tests; by default Redis' own clock counts, one for all machines,
    unless all of time is set (reverbsync/clock.py).
    Returns 0.0 when it was taken, else the seconds after which asking again makes sense. Raises PaceLost.
    """
    now_us = clock.told_us() if now_us is None else now_us
    keys = [key for budget in budgets for key in (_arrival(budget), _blocked(budget.name))]
    limits = [value for budget in budgets for value in (budget.spacing_us, budget.burst_us)]
    try:
        return int(cast("str", _script()(keys=keys, args=["" if now_us is None else now_us, *limits]))) / 1e6
    except redis.RedisError as error:
        raise PaceLost("The shared pace cannot be asked.") from error


def block(name: str, seconds: float) -> None:
    """Stop all calls of the budget `name` for `seconds`, for every worker, because the outside asked for it."""
    try:
        until_us = _now_us() + round(seconds * 1e6)
        connection().set(_blocked(name), until_us, px=max(1, round(seconds * 1000)) + KEPT_MS)
    except redis.RedisError as error:
        raise PaceLost("The shared pace cannot be told.") from error


def blocked_for(name: str) -> float:
    """Return the seconds for which the budget `name` is still blocked, 0.0 when it is free. Raises PaceLost."""
    try:
        until_us = cast("str | None", connection().get(_blocked(name)))
        return max(0.0, (int(until_us) - _now_us()) / 1e6) if until_us else 0.0
    except redis.RedisError as error:
        raise PaceLost("The shared pace cannot be asked.") from error


def _now_us() -> int:
    """Return the time by Redis' clock."""
    told = clock.told_us()
    if told is not None:
        return told
    seconds, microseconds = connection().time()
    return seconds * 1_000_000 + microseconds


@lru_cache(maxsize=1)
def _script() -> Script:
    return connection().register_script(Path(__file__).with_name("pace.lua").read_text())


def _arrival(budget: Budget) -> str:
    return f"pace:{budget.name}"


def _blocked(name: str) -> str:
    return f"pace:{name}:blocked"
