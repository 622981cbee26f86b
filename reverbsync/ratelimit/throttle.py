"""Stop or slow all calls for an account because its API asked for it, in every worker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import cast

import redis

from reverbsync import clock
from reverbsync.ratelimit import current_work, fallback, store
from reverbsync.ratelimit.budget import Budget, RateLimitUnavailable

#: A throttled account recovers a fifth of its limits a minute.
CLIMB_S = 300.0
#: Calls in flight when the API answers 429 get 429 too: within this time all count as one request to slow down.
ONE_REQUEST_S = 5.0
SMALLEST_SHARE = 1 / 16
_SLOWED = "ratelimit:slowed"


def block(name: str, seconds: float) -> None:
    """Stop all calls under the throttle `name` for `seconds`, in every worker, because the API asked for it."""
    current_work.give_back_lots()
    fallback.block(name, seconds)
    _keep(name, seconds, least=0.0)


def slow_down(name: str, seconds: float) -> None:
    """Handle a 429: stop for `seconds`, then continue at half the rate and recover over some minutes."""
    current_work.give_back_lots()
    fallback.block(name, seconds)
    until = _keep(name, seconds, least=SMALLEST_SHARE)
    if until:
        store.connection().zadd(_SLOWED, {name: until})


def blocked_for(name: str) -> float:
    """Return the seconds for which no call under the throttle `name` is allowed; 0.0 if calls are allowed.

    Raises RateLimitUnavailable.
    """
    found = throttle_of(name)
    return found.quiet_s if found else 0.0


def quiet_s(budgets: Sequence[Budget]) -> float:
    """Return the longest pause in seconds requested for any of these budgets; 0.0 also if Redis does not respond."""
    try:
        return max((blocked_for(name) for name in {budget.throttle_name for budget in budgets}), default=0.0)
    except RateLimitUnavailable:
        return 0.0


@dataclass(frozen=True)
class Throttle:
    """The throttle that an API requested, and what remains of it."""

    name: str
    #: Seconds without any call.
    quiet_s: float
    #: Part of the limits in use, now or after the pause; recovers to 1.
    share: float
    #: Seconds until the full rate is in use.
    whole_in_s: float
    #: Time of the last request to slow down.
    at: datetime | None

    @property
    def quiet_until(self) -> datetime | None:
        """The time from which calls are made again; None if they are made now."""
        return clock.now() + timedelta(seconds=self.quiet_s) if self.quiet_s else None

    @property
    def whole_at(self) -> datetime:
        """The time at which the full rate is allowed again."""
        return clock.now() + timedelta(seconds=self.whole_in_s)

    @property
    def percent(self) -> int:
        """The share in percent, for display."""
        return round(self.share * 100)


def throttle_of(name: str) -> Throttle | None:
    """Return what remains of the last throttle; None at the full rate. Raises RateLimitUnavailable."""
    try:
        found = cast("dict[str, str]", store.connection().hgetall(store.throttle_key(name)))
        now = store.now_us()
    except redis.RedisError as error:
        raise RateLimitUnavailable("The shared rate limit cannot be read.") from error
    quiet_s = max(0.0, (int(found.get("until", 0)) - now) / 1e6)
    begun_s = max(0.0, (now - int(found.get("from", now))) / 1e6)
    share = min(1.0, float(found.get("share", 1.0)) + begun_s / CLIMB_S)
    if not quiet_s and share == 1.0:
        return None
    at = datetime.fromtimestamp(int(found["at"]) / 1e6, UTC) if "at" in found else None
    return Throttle(name, quiet_s, share, quiet_s + (1 - share) * CLIMB_S, at)


def slowed() -> list[Throttle]:
    """Return all throttles that are not back at the full rate. Raises RateLimitUnavailable."""
    try:
        store.connection().zremrangebyscore(_SLOWED, "-inf", store.now_us())
        names = cast("list[str]", store.connection().zrange(_SLOWED, 0, -1))
    except redis.RedisError as error:
        raise RateLimitUnavailable("The shared rate limit cannot be read.") from error
    return [found for name in names if (found := throttle_of(name))]


def _keep(name: str, seconds: float, *, least: float) -> int:
    args = [store.moment(None), round(seconds * 1e6), round(CLIMB_S * 1e6), round(ONE_REQUEST_S * 1e6), least]
    try:
        return int(cast("str", store.script("backoff.lua")(keys=[store.throttle_key(name)], args=args)))
    except redis.RedisError as error:
        raise RateLimitUnavailable("The shared rate limit cannot be written.") from error
