"""Define the limits for calls, and a reserved slot for one call."""

from __future__ import annotations

from dataclasses import dataclass

#: Part of a minute's calls that may run ahead of their even spacing, to catch up after delays.
BURST_SHARE = 0.05
#: Part of a minute's calls that bulk work leaves unused if the budget has a reserve: little, so that a mass sync can
#: use nearly the whole minute. The reserve of ten minutes is set by the budget.
MINUTE_RESERVE = 0.03


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

    def seconds_for(self, calls: int) -> float:
        """Return how many seconds `calls` bulk calls take at the allowed rate if nothing else is called."""
        per_minute, per_ten_minutes = self.limits(bulk=True)
        if not per_ten_minutes or per_ten_minutes >= per_minute * 10:
            return calls * 60 / per_minute
        whole, rest = divmod(calls, int(per_ten_minutes))
        return whole * 600 + rest * 60 / per_minute


@dataclass(frozen=True)
class Taken:
    """A reserved slot for one call: make the call in `wait_s` seconds, or give the slot back."""

    name: str
    budgets: tuple[Budget, ...]
    wait_s: float
    #: When the call is due, by our monotonic clock.
    due: float = 0.0
