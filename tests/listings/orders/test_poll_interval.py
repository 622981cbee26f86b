"""How often an account's orders are requested."""

from __future__ import annotations

from datetime import timedelta

import pytest

from listings.orders import poll_interval

LIMIT = 10_000


@pytest.mark.parametrize(
    ("least_s", "active", "accounts", "seconds"),
    [
        (10, True, 1, 10),
        (10, True, 500, 10),
        (10, False, 1, 30),
        # half of the app's 10,000 calls a minute, shared evenly
        (10, True, 1_000, 12),
        (10, False, 2_000, 30),
        (10, False, 4_000, 48),
        # so rare that the whole polls find as much
        (10, True, 5_000, None),
        (60, True, 1, None),
        # switched off
        (0, True, 1, None),
    ],
)
def test_quick_polls_share_the_apps_calls_and_are_rarer_for_an_idle_shop(
    least_s: int, active: bool, accounts: int, seconds: float | None
) -> None:
    found = poll_interval.quick(least_s, active=active, accounts=accounts, calls_per_minute=LIMIT)
    assert found == (None if seconds is None else timedelta(seconds=seconds))


@pytest.mark.parametrize(("accounts", "seconds"), [(1, 60), (5_000, 60), (10_000, 120), (20_000, 240)])
def test_whole_polls_are_stretched_where_the_apps_calls_do_not_suffice(accounts: int, seconds: float) -> None:
    every = poll_interval.whole(timedelta(minutes=1), accounts=accounts, calls_per_minute=LIMIT)
    assert every == timedelta(seconds=seconds)


def test_ten_thousand_accounts_use_half_of_the_apps_calls() -> None:
    every = poll_interval.whole(timedelta(minutes=1), accounts=10_000, calls_per_minute=LIMIT)
    assert 10_000 * 60 / every.total_seconds() == LIMIT * poll_interval.SHARE
