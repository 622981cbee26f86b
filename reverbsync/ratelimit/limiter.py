"""The rate limiter for external APIs, shared by all workers through Redis in one atomic script.

Redis records the time of each call of the last ten minutes, so no minute and no ten minutes, wherever they start,
exceed their limit. A call reserves a slot, which may be a moment ahead. A caller that cannot wait reserves none, and an
unused slot is returned. Bulk work is spread evenly and leaves a reserve for urgent work.

Without Redis no process knows the calls of the others: each then uses a small part (reverbsync/ratelimit/fallback.py).
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import cast

import redis

from reverbsync import clock
from reverbsync.ratelimit import current_work, fallback, store
from reverbsync.ratelimit.budget import Budget, NotNow, RateLimitUnavailable, Taken
from reverbsync.ratelimit.throttle import CLIMB_S

#: reserve.lua counts a minute this much longer than it is.
ARRIVES_IN_S = 0.5


def take(budgets: Sequence[Budget], *, patience_s: float = 0.0, now_us: int | None = None) -> Taken:
    """Reserve a slot for one call in every budget, or in none.

    The slot is at most `patience_s` ahead; if it would be later, nothing is reserved and NotNow is raised. `now_us`
    (microseconds since 1970) is for tests: the default is Redis' clock, one for all machines.
    """
    work = current_work.current.get()
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
        current_work.give_back_names(
            budgets, lots.fill(of, size, [f"{name}+{number}" for number in range(2, taken + 1)])
        )
    return Taken(name, tuple(budgets), wait_s, clock.monotonic() + wait_s)


def wait_s(budgets: Sequence[Budget], *, now_us: int | None = None) -> float:
    """Return the seconds until a call could be made, without reserving a slot."""
    try:
        return _ask(budgets, "", -1.0, now_us, 1)[1]
    except redis.RedisError:
        return fallback.wait_s(_alone(budgets))


def give_back(taken: Taken) -> None:
    """Return an unused slot. Never raises: at worst the call counts."""
    current_work.give_back_names(taken.budgets, [taken.name])


def answered(taken: Taken) -> None:
    """Count a call that was just answered from the latest time at which it may have arrived. Never raises.

    It may have been sent late, or taken long to arrive. Calls that arrive at once need no update: each window is a
    little longer than it should be (reserve.lua).
    """
    took_s = clock.monotonic() - taken.due
    if took_s <= ARRIVES_IN_S:
        return
    try:
        pipeline = store.connection().pipeline(transaction=False)
        for budget in taken.budgets:
            pipeline.zadd(store.calls_key(budget.name), {taken.name: (took_s - ARRIVES_IN_S) * 1e6}, xx=True, incr=True)
        pipeline.execute()
    except redis.RedisError:
        pass


def move(before: Budget, to: Budget) -> None:
    """Count one budget's calls for another too, and copy its throttle. Never raises."""
    try:
        pipeline = store.connection().pipeline(transaction=False)
        pipeline.zunionstore(
            store.calls_key(to.name), [store.calls_key(to.name), store.calls_key(before.name)], aggregate="MAX"
        )
        pipeline.pexpire(store.calls_key(to.name), store.KEEPS_MS)
        pipeline.copy(store.throttle_key(before.throttle_name), store.throttle_key(to.throttle_name))
        pipeline.execute()
    except redis.RedisError:
        pass


def used(budget: Budget) -> int:
    """Return the number of calls of a budget in the last minute. Raises RateLimitUnavailable."""
    try:
        now = store.now_us()
        return store.connection().zcount(store.calls_key(budget.name), now - 60_000_000, now)
    except redis.RedisError as error:
        raise RateLimitUnavailable("The shared rate limit cannot be read.") from error


def _ask(budgets: Sequence[Budget], name: str, patience_s: float, now_us: int | None, most: int) -> tuple[int, float]:
    """Reserve a slot, and up to `most` in all if the others need no wait; return how many, and the wait in seconds."""
    bulk_work = current_work.in_bulk()
    keys: list[str] = []
    args: list[str | float] = [store.moment(now_us), name, round(patience_s * 1e6), round(CLIMB_S * 1e6), most]
    for budget in budgets:
        keys += [store.calls_key(budget.name), f"ratelimit:{budget.name}:due", store.throttle_key(budget.throttle_name)]
        args += [*budget.limits(bulk=bulk_work), budget.early_us(bulk=bulk_work)]
    taken, wait_us = cast("tuple[int, str]", store.script("reserve.lua")(keys=keys, args=args))
    return taken, int(wait_us) / 1e6


def _alone(budgets: Sequence[Budget]) -> list[tuple[str, str, int]]:
    return [(budget.name, budget.throttle_name, budget.per_minute) for budget in budgets]
