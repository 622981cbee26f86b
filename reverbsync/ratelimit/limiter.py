"""The rate limiter for external APIs, shared by all workers through Redis in one atomic script.

Redis records the time of each call of the last ten minutes, so no minute and no ten minutes, wherever they start,
exceed their limit. A call reserves a slot, which may be a moment ahead. A caller that cannot wait reserves none, and an
unused slot is returned. Bulk work is spread evenly and leaves a reserve for urgent work.

Without Redis no process knows the calls of the others: each then uses a small part (reverbsync/ratelimit/fallback.py).
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import cast

import redis
from redis.commands.core import Script

from reverbsync import clock
from reverbsync.ratelimit import fallback
from reverbsync.ratelimit.lots import Lots
from reverbsync.redis import connection

#: Part of a minute's calls that may run ahead of their even spacing, to catch up after delays.
BURST_SHARE = 0.05
#: Part of a minute's calls that bulk work leaves unused if the budget has a reserve: little, so that a mass sync can
#: use nearly the whole minute. The reserve of ten minutes is set by the budget.
MINUTE_RESERVE = 0.03
#: A throttled account recovers a fifth of its limits a minute.
CLIMB_S = 300.0
#: Calls in flight when the API answers 429 get 429 too: within this time all count as one request to slow down.
ONE_REQUEST_S = 5.0
SMALLEST_SHARE = 1 / 16
#: reserve.lua counts a minute this much longer than it is.
ARRIVES_IN_S = 0.5
#: How long the calls of ten minutes are stored; reserve.lua has the same number.
KEEPS_MS = 700_000
_SLOWED = "ratelimit:slowed"


class NotNow(Exception):
    """The call may not be made now; retry in `wait_s` seconds."""

    def __init__(self, wait_s: float) -> None:
        """Store the seconds."""
        super().__init__(f"The rate limit allows the next call in {wait_s:.1f} s")
        self.wait_s = wait_s


class RateLimitUnavailable(Exception):
    """Redis did not respond, so the calls of the other processes are unknown."""


@dataclass(frozen=True)
class Budget:
    """A limit for calls, under a name such as `reverb:account-501:writes`."""

    name: str
    per_minute: int
    #: 0: only the limit a minute applies.
    per_ten_minutes: int = 0
    #: Account whose throttle applies; by default the budget's own name.
    account: str = ""
    #: Part of ten minutes' calls that bulk work leaves for urgent work. 0: bulk and urgent do not differ, and all calls
    #: are spread evenly.
    reserve: float = 0.0

    @property
    def throttle_name(self) -> str:
        """The name under which the throttle is stored."""
        return self.account or self.name

    def limits(self, *, bulk: bool) -> tuple[float, float]:
        """Return the calls allowed a minute and in ten minutes for this kind of work."""
        if not (bulk and self.reserve):
            return self.per_minute, self.per_ten_minutes
        return self.per_minute * (1 - MINUTE_RESERVE), self.per_ten_minutes * (1 - self.reserve)

    def early_us(self, *, bulk: bool) -> int:
        """Return how early a call may come, in microseconds; -1 if calls are not spread, as for urgent work."""
        return round(60e6 * BURST_SHARE) if bulk or not self.reserve else -1


@dataclass(frozen=True)
class Taken:
    """A reserved slot for one call: make the call in `wait_s` seconds, or give the slot back."""

    name: str
    budgets: tuple[Budget, ...]
    wait_s: float
    #: When the call is due, by our monotonic clock.
    due: float = 0.0


@dataclass
class Work:
    """A worker's current work: whether it is bulk, and whether the rate limiter refused it a call."""

    in_bulk: bool = False
    refused: bool = False
    #: Set if its calls may reserve several slots at once.
    lots: Lots[tuple[bool, tuple[Budget, ...]]] | None = None


_work: ContextVar[Work | None] = ContextVar("work", default=None)


@contextmanager
def bulk(on: bool = True) -> Iterator[Work]:  # noqa: FBT001, FBT002 -- reads as one word: with limiter.bulk():
    """Mark all calls in the block as bulk: they leave the reserve to urgent work and are spread evenly."""
    with _at(Work(on)) as work:
        yield work


def in_bulk() -> bool:
    """Return whether this worker is doing bulk work."""
    work = _work.get()
    return work is not None and work.in_bulk


@contextmanager
def in_lots() -> Iterator[Work]:
    """Let calls in the block reserve slots in lots; the caller sets `in_bulk` on the yielded work."""
    with _at(Work(lots=Lots())) as work:
        try:
            yield work
        finally:
            _give_back_lots()


@contextmanager
def _at(work: Work) -> Iterator[Work]:
    before = _work.set(work)
    try:
        yield work
    finally:
        _work.reset(before)


def take(budgets: Sequence[Budget], *, patience_s: float = 0.0, now_us: int | None = None) -> Taken:
    """Reserve a slot for one call in every budget, or in none.

    The slot is at most `patience_s` ahead; if it would be later, nothing is reserved and NotNow is raised. `now_us`
    (microseconds since 1970) is for tests: the default is Redis' clock, one for all machines.
    """
    work = _work.get()
    lots = work.lots if work is not None else None
    of = work is not None and work.in_bulk, tuple(budgets)
    if lots is not None and (kept := lots.next(of)):
        return Taken(kept, tuple(budgets), 0.0, clock.monotonic())
    name, size = uuid.uuid4().hex, lots.size(of) if lots is not None else 1
    try:
        taken, wait_s = _ask(budgets, name, patience_s, now_us, size)
        fallback.over()
    except redis.RedisError:
        taken, wait_s = fallback.take(_alone(budgets), patience_s)
    if not taken:
        if work is not None:
            work.refused = True
        raise NotNow(wait_s)
    if lots is not None:
        _give_back(budgets, lots.fill(of, size, [f"{name}+{number}" for number in range(2, taken + 1)]))
    return Taken(name, tuple(budgets), wait_s, clock.monotonic() + wait_s)


def wait_s(budgets: Sequence[Budget], *, now_us: int | None = None) -> float:
    """Return the seconds until a call could be made, without reserving a slot."""
    try:
        return _ask(budgets, "", -1.0, now_us, 1)[1]
    except redis.RedisError:
        return fallback.wait_s(_alone(budgets))


def give_back(taken: Taken) -> None:
    """Return an unused slot. Never raises: at worst the call counts."""
    _give_back(taken.budgets, [taken.name])


def answered(taken: Taken) -> None:
    """Count a call that was just answered from the latest time at which it may have arrived. Never raises.

    It may have been sent late, or taken long to arrive. Calls that arrive at once need no update: each window is a
    little longer than it should be (reserve.lua).
    """
    took_s = clock.monotonic() - taken.due
    if took_s <= ARRIVES_IN_S:
        return
    try:
        pipeline = connection().pipeline(transaction=False)
        for budget in taken.budgets:
            pipeline.zadd(_log(budget), {taken.name: (took_s - ARRIVES_IN_S) * 1e6}, xx=True, incr=True)
        pipeline.execute()
    except redis.RedisError:
        pass


def move(before: Budget, to: Budget) -> None:
    """Count one budget's calls for another too, and copy its throttle. Never raises."""
    try:
        pipeline = connection().pipeline(transaction=False)
        pipeline.zunionstore(_log(to), [_log(to), _log(before)], aggregate="MAX")
        pipeline.pexpire(_log(to), KEEPS_MS)
        pipeline.copy(_throttle_key(before.throttle_name), _throttle_key(to.throttle_name))
        pipeline.execute()
    except redis.RedisError:
        pass


def _give_back(budgets: Sequence[Budget], names: Sequence[str]) -> None:
    if not names:
        return
    try:
        pipeline = connection().pipeline(transaction=False)
        for budget in budgets:
            pipeline.zrem(_log(budget), *names)
        pipeline.execute()
    except redis.RedisError:
        pass


def _give_back_lots() -> None:
    """Return the slots that this worker reserved in advance."""
    work = _work.get()
    if work is not None and work.lots is not None:
        for (_, budgets), names in work.lots.left().items():
            _give_back(budgets, names)


def block(name: str, seconds: float) -> None:
    """Stop all calls under the throttle `name` for `seconds`, in every worker, because the API asked for it."""
    _give_back_lots()
    fallback.block(name, seconds)
    _keep(name, seconds, least=0.0)


def slow_down(name: str, seconds: float) -> None:
    """Handle a 429: stop for `seconds`, then continue at half the rate and recover over some minutes."""
    _give_back_lots()
    fallback.block(name, seconds)
    until = _keep(name, seconds, least=SMALLEST_SHARE)
    if until:
        connection().zadd(_SLOWED, {name: until})


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
        found = cast("dict[str, str]", connection().hgetall(_throttle_key(name)))
        now = _now_us()
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
        connection().zremrangebyscore(_SLOWED, "-inf", _now_us())
        names = cast("list[str]", connection().zrange(_SLOWED, 0, -1))
    except redis.RedisError as error:
        raise RateLimitUnavailable("The shared rate limit cannot be read.") from error
    return [found for name in names if (found := throttle_of(name))]


def used(budget: Budget) -> int:
    """Return the number of calls of a budget in the last minute. Raises RateLimitUnavailable."""
    try:
        now = _now_us()
        return connection().zcount(_log(budget), now - 60_000_000, now)
    except redis.RedisError as error:
        raise RateLimitUnavailable("The shared rate limit cannot be read.") from error


def seconds_for(calls: int, budget: Budget) -> float:
    """Return how many seconds `calls` bulk calls take at the allowed rate if nothing else is called."""
    per_minute, per_ten_minutes = budget.limits(bulk=True)
    if not per_ten_minutes or per_ten_minutes >= per_minute * 10:
        return calls * 60 / per_minute
    whole, rest = divmod(calls, int(per_ten_minutes))
    return whole * 600 + rest * 60 / per_minute


# -- Redis ---------------------------------------------------------------------------------------------------------


def _ask(budgets: Sequence[Budget], name: str, patience_s: float, now_us: int | None, most: int) -> tuple[int, float]:
    """Reserve a slot, and up to `most` in all if the others need no wait; return how many, and the wait in seconds."""
    bulk_work = in_bulk()
    keys: list[str] = []
    args: list[str | float] = [_moment(now_us), name, round(patience_s * 1e6), round(CLIMB_S * 1e6), most]
    for budget in budgets:
        keys += [_log(budget), f"ratelimit:{budget.name}:due", _throttle_key(budget.throttle_name)]
        args += [*budget.limits(bulk=bulk_work), budget.early_us(bulk=bulk_work)]
    taken, wait_us = cast("tuple[int, str]", _script("reserve.lua")(keys=keys, args=args))
    return taken, int(wait_us) / 1e6


def _keep(name: str, seconds: float, *, least: float) -> int:
    args = [_moment(None), round(seconds * 1e6), round(CLIMB_S * 1e6), round(ONE_REQUEST_S * 1e6), least]
    try:
        return int(cast("str", _script("backoff.lua")(keys=[_throttle_key(name)], args=args)))
    except redis.RedisError as error:
        raise RateLimitUnavailable("The shared rate limit cannot be written.") from error


def _alone(budgets: Sequence[Budget]) -> list[tuple[str, str, int]]:
    return [(budget.name, budget.throttle_name, budget.per_minute) for budget in budgets]


def _moment(now_us: int | None) -> int | str:
    moment = clock.simulated_us() if now_us is None else now_us
    return "" if moment is None else moment


def _now_us() -> int:
    """Return the time by Redis' clock, in microseconds since 1970."""
    set_us = clock.simulated_us()
    if set_us is not None:
        return set_us
    seconds, microseconds = connection().time()
    return seconds * 1_000_000 + microseconds


@lru_cache(maxsize=2)
def _script(file: str) -> Script:
    return connection().register_script(Path(__file__).with_name(file).read_text())


def _log(budget: Budget) -> str:
    return f"ratelimit:{budget.name}:calls"


def _throttle_key(name: str) -> str:
    return f"ratelimit:{name}:throttle"
