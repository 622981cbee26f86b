"""Time that a test of the rate limiter moves by itself."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from reverbsync import clock

T0 = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)


class Time:
    """Time that only the test moves."""

    def __init__(self) -> None:
        self.now = T0

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def time() -> Iterator[Time]:
    """Set all of time, Redis' too, and move it on."""
    made = Time()
    with clock.running_by(lambda: made.now, sleeping=made.sleep):
        yield made
