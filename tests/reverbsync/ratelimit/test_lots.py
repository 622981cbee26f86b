"""Slots that are taken in lots: only where calls follow each other at once, and never more than is allowed."""

from __future__ import annotations

import uuid
from unittest import mock

import pytest

from reverbsync.ratelimit import current_work, limiter, throttle
from reverbsync.ratelimit.budget import Budget, NotNow
from reverbsync.ratelimit.lots import KEEPS_S
from tests.reverbsync.conftest import Time


def budget(per_minute: int) -> Budget:
    """Return a budget that nobody has used."""
    name = f"test:{uuid.uuid4()}"
    return Budget(f"{name}:writes", per_minute, account=name)


def asks(found: Budget, time: Time, *, calls: int, each_s: float) -> int:
    """Make calls one after the other; return how often Redis was asked."""
    with mock.patch.object(limiter, "_ask", wraps=limiter._ask) as ask:
        for _ in range(calls):
            limiter.take([found])
            time.sleep(each_s)
    return ask.call_count


def test_calls_that_follow_each_other_at_once_ask_for_more_and_more_slots_together(time: Time) -> None:
    with current_work.in_lots():
        assert asks(budget(60_000), time, calls=47, each_s=0.001) == 6  # 1, 2, 4, 8, 16, 16


def test_calls_that_take_their_time_ask_for_each_slot(time: Time) -> None:
    with current_work.in_lots():
        assert asks(budget(60_000), time, calls=10, each_s=0.2) == 10


def test_what_was_taken_ahead_is_given_back_at_the_end_of_the_turn(time: Time) -> None:
    found = budget(60_000)
    with current_work.in_lots():
        asks(found, time, calls=5, each_s=0.001)
        assert limiter.used(found) == 7
    assert limiter.used(found) == 5


def test_a_slot_that_grew_old_is_not_used_but_given_back(time: Time) -> None:
    found = budget(60_000)
    with current_work.in_lots():
        asks(found, time, calls=2, each_s=0.001)
        assert limiter.used(found) == 3
        time.sleep(KEEPS_S)
        assert asks(found, time, calls=1, each_s=0) == 1
        assert limiter.used(found) == 3


def test_after_a_429_no_slot_that_was_taken_before_is_used(time: Time) -> None:
    found = budget(60_000)
    with current_work.in_lots():
        asks(found, time, calls=2, each_s=0.001)
        throttle.slow_down(found.throttle_name, 30)
        with pytest.raises(NotNow):
            limiter.take([found])


def test_two_workers_with_lots_never_have_more_than_a_minute_holds(time: Time) -> None:
    found, made = budget(40), 0
    for _ in range(400):
        with current_work.in_lots():
            for _ in range(3):
                try:
                    limiter.take([found])
                except NotNow:
                    break
                made += 1
                time.sleep(0.01)
        time.sleep(0.02)
    assert 0 < made <= 40
    assert limiter.used(found) <= 40


def test_slots_for_what_is_urgent_are_not_used_in_bulk(time: Time) -> None:
    found = budget(60_000)
    with current_work.in_lots() as work:
        asks(found, time, calls=2, each_s=0.001)
        work.in_bulk = True
        assert asks(found, time, calls=1, each_s=0.001) == 1
