"""The rate limiter: how fast an outside may be called, shared by all workers through Redis in one atomic script.

Redis remembers the moment of each call of the last ten minutes, so no minute and no ten minutes, wherever they start,
hold more than their limit. A call is given its slot, which may be a moment ahead; who cannot wait for it takes none,
and who does not use it gives it back. Work in bulk is spread evenly and leaves a reserve to what is urgent.

Without Redis no process knows what the others do: each then keeps to a small part
(reverbsync/ratelimit/fallback.py).
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

#: Part of a minute's calls that may come before their even slot, so that what was late is caught up with.
BURST_SHARE = 0.05
#: Part of a single minute's calls that bulk work leaves, where a budget has a reserve: little, so that a mass sync can
#: use a minute nearly whole. Of ten minutes it leaves what the budget says.
MINUTE_RESERVE = 0.03
#: A slowed account climbs back by a fifth of its limits a minute.
CLIMB_S = 300.0
#: Calls that were on their way when the outside said 429 get 429 too: all of them are one request.
ONE_REQUEST_S = 5.0
SMALLEST_SHARE = 1 / 16
#: By so much reserve.lua counts a minute longer than it is.
ARRIVES_IN_S = 0.5
#: For how long the calls of ten minutes are kept; reserve.lua has the same number.
KEEPS_MS = 700_000
_SLOWED = "ratelimit:slowed"


class NotNow(Exception):
    """The call may not be made now; `wait_s` says in how many seconds it may."""

    def __init__(self, wait_s: float) -> None:
        """Keep the seconds."""
        super().__init__(f"The rate limit allows the next call in {wait_s:.1f} s")
        self.wait_s = wait_s


class RateLimitUnavailable(Exception):
    """Redis did not answer, so nobody knows what the other processes have called."""


@dataclass(frozen=True)
class Budget:
    """How often something may be called, under a name such as `reverb:account-501:writes`."""

    name: str
    per_minute: int
    #: 0: only the minute counts.
    per_ten_minutes: int = 0
    #: Whose wish to slow down holds for it; by default its own.
    account: str = ""
    #: Part of ten minutes' calls that bulk work leaves to what is urgent. 0: there is no such difference, and all calls
    #: are spread evenly.
    reserve: float = 0.0

    @property
    def throttle_name(self) -> str:
        """The name under which a wish to slow down is kept."""
        return self.account or self.name

    def limits(self, *, bulk: bool) -> tuple[float, float]:
        """Return the calls a minute and in ten minutes for this kind of work."""
        if not (bulk and self.reserve):
            return self.per_minute, self.per_ten_minutes
        return self.per_minute * (1 - MINUTE_RESERVE), self.per_ten_minutes * (1 - self.reserve)

    def early_us(self, *, bulk: bool) -> int:
        """Return how early a call may come; -1 where calls are not spread, which is what is urgent."""
        return round(60e6 * BURST_SHARE) if bulk or not self.reserve else -1


@dataclass(frozen=True)
class Taken:
    """A slot for one call: make it in `wait_s` seconds, or give it back."""

    name: str
    budgets: tuple[Budget, ...]
    wait_s: float
    #: When that is, by our own monotonic clock.
    due: float = 0.0


@dataclass
class Work:
    """What a worker does for a while: whether it is in bulk, and whether the rate limiter refused it a call."""

    in_bulk: bool = False
    refused: bool = False
    #: Where its calls may follow each other at once.
    lots: Lots[tuple[bool, tuple[Budget, ...]]] | None = None


_work: ContextVar[Work | None] = ContextVar("work", default=None)


@contextmanager
def bulk(on: bool = True) -> Iterator[Work]:  # noqa: FBT001, FBT002 -- reads as one word: with limiter.bulk():
    """Let all calls in the block leave the reserve to what is urgent, and be spread evenly."""
    with _at(Work(on)) as work:
        yield work


def in_bulk() -> bool:
    """Return whether what this worker does at the moment is bulk work."""
    work = _work.get()
    return work is not None and work.in_bulk


@contextmanager
def in_lots() -> Iterator[Work]:
    """Let calls in the block take slots in lots; the caller says in what it yields whether they are in bulk."""
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
    """Take a slot for one call from every budget, or from none.

    The slot is at most `patience_s` ahead; where it would be later, nothing is taken and NotNow is raised. `now_us`
    (microseconds since 1970) is for tests: by default Redis' own clock counts, one for all machines.
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
    """Return the seconds until a call could be made, without taking a slot."""
    try:
        return _ask(budgets, "", -1.0, now_us, 1)[1]
    except redis.RedisError:
        return fallback.wait_s(_alone(budgets))


def give_back(taken: Taken) -> None:
    """Give back a slot that was not used. Never raises: at worst the call counts."""
    _give_back(taken.budgets, [taken.name])


def answered(taken: Taken) -> None:
    """Count a call that was answered just now from when it has arrived at the latest. Never raises.

    It may have been long on its way, or have gone out late. Calls that arrive at once are counted a little longer than
    they must be (reserve.lua), so nothing is done for them.
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
    """Count one budget's calls for another too, and let it keep what the outside asked of the first. Never raises."""
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
    """Give back what the worker has taken ahead."""
    work = _work.get()
    if work is not None and work.lots is not None:
        for (_, budgets), names in work.lots.left().items():
            _give_back(budgets, names)


def block(name: str, seconds: float) -> None:
    """Stop all calls that go by `name` for `seconds`, for every worker, because the outside asked for it."""
    _give_back_lots()
    fallback.block(name, seconds)
    _keep(name, seconds, least=0.0)


def slow_down(name: str, seconds: float) -> None:
    """The outside said 429: stop for `seconds`, then go on at half the rate and climb back over some minutes."""
    _give_back_lots()
    fallback.block(name, seconds)
    until = _keep(name, seconds, least=SMALLEST_SHARE)
    if until:
        connection().zadd(_SLOWED, {name: until})


def blocked_for(name: str) -> float:
    """Return the seconds for which nothing may be called that goes by `name`, 0.0 when it may.

    Raises RateLimitUnavailable.
    """
    found = throttle_of(name)
    return found.quiet_s if found else 0.0


def quiet_s(budgets: Sequence[Budget]) -> float:
    """Return the seconds of silence that an outside asked for on any of these, 0.0 also where Redis does not answer."""
    try:
        return max((blocked_for(name) for name in {budget.throttle_name for budget in budgets}), default=0.0)
    except RateLimitUnavailable:
        return 0.0


@dataclass(frozen=True)
class Throttle:
    """What an outside asked for, and what is left of it."""

    name: str
    #: Seconds for which nothing is called.
    quiet_s: float
    #: Part of the limits that is in use now or will be after the quiet; climbs to 1.
    share: float
    #: Seconds until all of it is.
    whole_in_s: float
    #: When it last asked.
    at: datetime | None

    @property
    def quiet_until(self) -> datetime | None:
        """The moment from which calls are made again, None when they are."""
        return clock.now() + timedelta(seconds=self.quiet_s) if self.quiet_s else None

    @property
    def whole_at(self) -> datetime:
        """The moment at which the full rate is allowed again."""
        return clock.now() + timedelta(seconds=self.whole_in_s)

    @property
    def percent(self) -> int:
        """The share, for people."""
        return round(self.share * 100)


def throttle_of(name: str) -> Throttle | None:
    """Return what is left of the last wish to slow down, None at the full rate. Raises RateLimitUnavailable."""
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
    """Return all who asked us to slow down and are not back at the full rate. Raises RateLimitUnavailable."""
    try:
        connection().zremrangebyscore(_SLOWED, "-inf", _now_us())
        names = cast("list[str]", connection().zrange(_SLOWED, 0, -1))
    except redis.RedisError as error:
        raise RateLimitUnavailable("The shared rate limit cannot be read.") from error
    return [found for name in names if (found := throttle_of(name))]


def used(budget: Budget) -> int:
    """Return how many calls of the last minute a budget has seen. Raises RateLimitUnavailable."""
    try:
        now = _now_us()
        return connection().zcount(_log(budget), now - 60_000_000, now)
    except redis.RedisError as error:
        raise RateLimitUnavailable("The shared rate limit cannot be read.") from error


def seconds_for(calls: int, budget: Budget) -> float:
    """Return how long `calls` calls of bulk work take at the allowed rate, when nothing else is called."""
    per_minute, per_ten_minutes = budget.limits(bulk=True)
    if not per_ten_minutes or per_ten_minutes >= per_minute * 10:
        return calls * 60 / per_minute
    whole, rest = divmod(calls, int(per_ten_minutes))
    return whole * 600 + rest * 60 / per_minute


# -- Redis ---------------------------------------------------------------------------------------------------------


def _ask(budgets: Sequence[Budget], name: str, patience_s: float, now_us: int | None, most: int) -> tuple[int, float]:
    """Ask for a slot and for up to `most` in all, the others without any wait; return how many, and the wait."""
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
    """Return the time by Redis' clock."""
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
