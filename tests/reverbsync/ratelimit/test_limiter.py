"""The rate limiter, on a real Redis, with a clock of its own."""

from __future__ import annotations

import uuid

import pytest

from reverbsync import clock
from reverbsync.http import errors, outbound
from reverbsync.ratelimit import current_work, limiter, throttle
from reverbsync.ratelimit.budget import Budget, NotNow, RateLimitUnavailable
from tests.reverbsync.conftest import T0, Time


def budget(per_minute: int, per_ten_minutes: int = 0, *, reserve: float = 0.0) -> Budget:
    """Return a budget that nobody has used."""
    name = f"test:{uuid.uuid4()}"
    return Budget(f"{name}:writes", per_minute, per_ten_minutes, account=name, reserve=reserve)


def allowed(found: Budget) -> bool:
    """Take a call if it may be made at once."""
    try:
        limiter.take([found])
    except NotNow:
        return False
    return True


def calls(found: Budget, time: Time, *, seconds: float, step_s: float = 0.05) -> list[float]:
    """Ask all the time; return the moments at which a call was allowed."""
    made = []
    for _ in range(round(seconds / step_s)):
        if allowed(found):
            made.append((time.now - T0).total_seconds())
        time.sleep(step_s)
    return made


def fullest(made: list[float], window_s: float) -> int:
    """Return how many calls the fullest window holds, wherever it starts."""
    return max(sum(start <= one < start + window_s for one in made) for start in made)


def test_calls_are_spread_over_the_minute_and_only_a_few_come_at_once(time: Time) -> None:
    found = budget(100)
    assert [allowed(found) for _ in range(8)] == [True] * 5 + [False] * 3


def test_no_minute_holds_more_than_the_limit_wherever_it_starts_and_nearly_all_of_it_is_used(time: Time) -> None:
    made = calls(budget(120), time, seconds=180)
    assert fullest(made, 60) == 120
    assert len(made) >= 3 * 120 * 0.98


def test_no_ten_minutes_hold_more_than_their_own_limit(time: Time) -> None:
    made = calls(budget(60, 300), time, seconds=1260, step_s=0.25)
    assert fullest(made, 600) == 300
    assert sum(one < 60 for one in made) == 60  # a short piece of work goes at the rate of the minute
    assert sum(600 <= one < 1200 for one in made) >= 290


def test_bulk_work_uses_a_minute_nearly_whole_and_leaves_a_reserve_to_what_is_urgent(time: Time) -> None:
    found = budget(600, reserve=0.1)
    with current_work.bulk():
        made = calls(found, time, seconds=60)
        assert 570 <= len(made) <= 582
        assert not allowed(found)
    assert sum(allowed(found) for _ in range(50)) == 600 - len(made)


def test_of_ten_minutes_bulk_work_leaves_what_the_setting_says(time: Time) -> None:
    found = budget(60, 100, reserve=0.1)
    with current_work.bulk():
        assert len(calls(found, time, seconds=300, step_s=0.25)) == 90
    assert sum(allowed(found) for _ in range(50)) == 10


def test_what_is_urgent_comes_at_once_though_bulk_work_has_slots_ahead(time: Time) -> None:
    found = budget(60, reserve=0.1)
    with current_work.bulk():
        for _ in range(6):
            ahead = limiter.take([found], patience_s=3.0)
    assert ahead.wait_s > 1
    assert limiter.take([found]).wait_s == 0


def test_a_slot_a_moment_ahead_is_given_to_who_can_wait_for_it(time: Time) -> None:
    found = budget(60)
    slots = [limiter.take([found], patience_s=3.0).wait_s for _ in range(6)]
    assert slots == pytest.approx([0, 0, 0, 0.02, 1.03, 2.04], abs=0.01)  # three come early, then even slots
    with pytest.raises(NotNow) as later:
        limiter.take([found], patience_s=3.0)
    time.sleep(later.value.wait_s)
    assert allowed(found)


def test_who_waits_for_a_slot_makes_no_call_when_the_outside_asks_for_silence_meanwhile(
    time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = budget(60)
    for _ in range(3):
        assert allowed(found)
    monkeypatch.setattr(clock, "sleep", lambda _: throttle.slow_down(found.account, 30.0))
    with pytest.raises(errors.RateLimited) as later:
        outbound.wait_for([found])
    assert later.value.retry_after == pytest.approx(30.0)
    assert limiter.used(found) == 3


def test_a_call_takes_from_every_budget_or_from_none(time: Time) -> None:
    wide, narrow = budget(600), budget(1)
    limiter.take([wide, narrow])
    with pytest.raises(NotNow):
        limiter.take([wide, narrow])
    assert limiter.used(wide) == 1


def test_a_slot_that_was_not_used_is_given_back(time: Time) -> None:
    found = budget(2, reserve=0.1)
    first, _ = limiter.take([found]), limiter.take([found])
    assert not allowed(found)
    limiter.give_back(first)
    assert allowed(found)


def test_a_call_that_went_out_late_or_was_long_on_its_way_counts_from_its_answer(time: Time) -> None:
    found = budget(1, reserve=0.1)
    taken = limiter.take([found])
    time.sleep(3)
    limiter.answered(taken)
    time.sleep(59)
    assert not allowed(found)
    time.sleep(2)
    assert allowed(found)


def test_a_slot_that_was_given_back_stays_so_when_an_answer_comes(time: Time) -> None:
    found = budget(1, reserve=0.1)
    taken = limiter.take([found])
    limiter.give_back(taken)
    time.sleep(3)
    limiter.answered(taken)
    assert allowed(found)


def test_calls_that_were_counted_by_a_token_count_for_its_account_once_that_is_known(time: Time) -> None:
    by_token, of_account = budget(2, 4, reserve=0.1), budget(2, 4, reserve=0.1)
    limiter.take([by_token])
    time.sleep(1)
    limiter.take([of_account])
    limiter.move(by_token, of_account)
    assert not allowed(of_account)
    time.sleep(60)
    assert allowed(of_account)
    assert not allowed(of_account)
    time.sleep(600)
    assert [allowed(of_account), allowed(of_account)] == [True, True]


def test_what_was_asked_of_a_token_is_asked_of_its_account_once_that_is_known(time: Time) -> None:
    by_token, of_account = budget(60), budget(60)
    throttle.slow_down(by_token.account, 30.0)
    limiter.move(by_token, of_account)
    assert not allowed(of_account)
    time.sleep(31)
    assert allowed(of_account)


def test_asking_how_long_it_takes_takes_nothing(time: Time) -> None:
    found = budget(1)
    assert [limiter.wait_s([found]), limiter.wait_s([found])] == [0, 0]
    assert allowed(found)
    assert limiter.wait_s([found]) == pytest.approx(60.5)


def test_budgets_do_not_touch_each_other(time: Time) -> None:
    assert allowed(budget(1))
    assert allowed(budget(1))


def test_a_block_stops_everybody_until_it_is_over_and_then_all_is_as_before(time: Time) -> None:
    found = budget(600)
    throttle.block(found.account, 30)
    assert throttle.blocked_for(found.account) == pytest.approx(30)
    assert not allowed(found)
    time.sleep(30)
    assert throttle.throttle_of(found.account) is None
    assert allowed(found)


def test_after_429_nothing_is_called_then_half_of_it_and_after_minutes_all_again(time: Time) -> None:
    found = budget(120)
    throttle.slow_down(found.account, 20)
    made = calls(found, time, seconds=600, step_s=0.25)
    assert made[0] >= 20
    first, third, last = (sum(start <= one < start + 60 for one in made) for start in (20, 140, 480))
    assert 60 <= first <= 80  # a half, and climbing by a fifth of the whole a minute
    assert 100 <= third <= 120
    assert 110 <= last <= 120


def test_many_429_at_once_are_one_request_and_another_one_halves_again(time: Time) -> None:
    name = budget(1).account
    for _ in range(8):
        throttle.slow_down(name, 1)
    assert share(name) == 0.5
    time.sleep(6)
    throttle.slow_down(name, 1)
    assert share(name) == pytest.approx(0.26, abs=0.01)


def share(name: str) -> float:
    """Return the part of the limits that is in use."""
    found = throttle.throttle_of(name)
    return found.share if found else 1.0


def test_the_rate_and_the_reason_for_it_can_be_read_until_it_is_full_again(time: Time) -> None:
    name = budget(1).account
    assert throttle.throttle_of(name) is None
    throttle.slow_down(name, 60)
    found = throttle.throttle_of(name)
    assert found is not None
    assert (found.quiet_s, found.share, found.whole_in_s, found.at) == (60, 0.5, 210, T0)
    assert name in [one.name for one in throttle.slowed()]
    time.sleep(211)
    assert throttle.throttle_of(name) is None
    assert name not in [one.name for one in throttle.slowed()]


@pytest.mark.parametrize(
    ("count", "seconds"),
    [
        (582, 60),  # 97 of 100 in a minute
        (2700, 600),  # nine tenths in ten minutes
        (2700 + 291, 630),
    ],
)
def test_how_long_bulk_work_takes_is_known_before(count: int, seconds: float) -> None:
    assert budget(600, 3000, reserve=0.1).seconds_for(count) == pytest.approx(seconds)


def test_without_redis_a_process_keeps_to_a_hundredth_and_begins_with_a_pause(
    time: Time, unreachable_redis: None
) -> None:
    made = calls(budget(600), time, seconds=600, step_s=1.0)
    assert made[0] == pytest.approx(10, abs=1)
    assert 50 <= len(made) <= 60


def test_without_redis_what_the_outside_asked_for_still_holds_for_the_process(
    time: Time, unreachable_redis: None
) -> None:
    found = budget(6000)
    with pytest.raises(RateLimitUnavailable):
        throttle.slow_down(found.account, 30)
    assert calls(found, time, seconds=60, step_s=1.0)[0] >= 30
