"""How often an account's orders are requested: a fair share of the app's calls, and less often while a shop is idle."""

from __future__ import annotations

from datetime import timedelta

#: Share of the app's calls that all accounts together use for looking at orders; the rest is for everything else.
SHARE = 0.5
#: A shop is idle if nothing was attempted and nothing sold in this time.
IDLE_AFTER = timedelta(hours=6)
IDLE_S = 30.0
#: Quick polls this rare find nothing that the whole ones would not.
RARE_S = 60.0


def fair_s(accounts: int, calls_per_minute: int) -> float:
    """Return the seconds between two requests of each account that share SHARE of the app's calls evenly."""
    return accounts * 60 / (calls_per_minute * SHARE)


def quick(least_s: float, *, active: bool, accounts: int, calls_per_minute: int) -> timedelta | None:
    """Return the time between two quick polls of an account; None if they are off or too rare to help."""
    seconds = max(least_s if active else max(least_s, IDLE_S), fair_s(accounts, calls_per_minute))
    return timedelta(seconds=seconds) if least_s > 0 and seconds < RARE_S else None


def whole(every: timedelta, *, accounts: int, calls_per_minute: int) -> timedelta:
    """Return the time between two whole polls: `every`, or longer while the app's calls do not suffice."""
    return max(every, timedelta(seconds=fair_s(accounts, calls_per_minute)))
