"""The pace, on a real Redis, with a clock of its own."""

from __future__ import annotations

import uuid

import pytest

from reverbsync import pace
from reverbsync.pace import Budget

T0 = 1_700_000_000_000_000
SECOND = 1_000_000


def budget(per_minute: int) -> Budget:
    """Return a budget that nobody has used."""
    return Budget(f"test:{uuid.uuid4()}", per_minute)


def taken_within(found: Budget, *, start_s: float, seconds: float, step_s: float = 0.05) -> int:
    """Ask all the time and return how many calls were allowed."""
    steps = int(seconds / step_s)
    moments = (T0 + round((start_s + n * step_s) * SECOND) for n in range(steps))
    return sum(pace.take([found], now_us=moment) == 0 for moment in moments)


def test_a_small_burst_may_come_at_once_and_then_calls_are_spread() -> None:
    found = budget(100)
    waits = [pace.take([found], now_us=T0) for _ in range(7)]
    assert waits[:5] == [0.0] * 5
    assert waits[5] > 0


def test_no_minute_holds_more_than_the_limit_and_nearly_all_of_it_is_used() -> None:
    found = budget(120)
    first = taken_within(found, start_s=0, seconds=60)
    second = taken_within(found, start_s=60, seconds=60)
    assert 114 <= first <= 120
    assert 110 <= second <= 120


def test_the_wait_that_is_named_is_enough() -> None:
    found = budget(60)
    while (wait := pace.take([found], now_us=T0)) == 0:
        pass
    assert pace.take([found], now_us=T0 + round(wait * SECOND) + 1) == 0


def test_a_call_takes_from_every_budget_or_from_none() -> None:
    wide, narrow = budget(600), budget(1)
    assert pace.take([wide, narrow], now_us=T0) == 0
    assert pace.take([wide, narrow], now_us=T0) > 0
    burst = sum(pace.take([wide], now_us=T0) == 0 for _ in range(40))
    assert burst == 29  # the refused call took nothing


def test_a_block_stops_everybody_until_it_falls() -> None:
    found = budget(600)
    pace.block(found.name, 30)
    assert 29 < pace.blocked_for(found.name) <= 30
    assert pace.take([found]) > 29


def test_budgets_do_not_touch_each_other() -> None:
    one, other = budget(1), budget(1)
    assert pace.take([one], now_us=T0) == 0
    assert pace.take([other], now_us=T0) == 0


def test_without_redis_no_call_is_allowed(monkeypatch: pytest.MonkeyPatch, unreachable_redis: None) -> None:
    with pytest.raises(pace.PaceLost):
        pace.take([budget(600)])
