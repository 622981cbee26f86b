"""Simulated time and scheduled events. Nothing waits: time jumps to the next event."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

#: Noon of a day in 2026, when every run starts.
NOON = datetime(2026, 11, 2, 12, 0, tzinfo=UTC).timestamp()

What = Callable[[], None]


@dataclass(order=True)
class Event:
    """An event at a time. `busy`: it needs a worker of ours."""

    at: float
    order: int
    what: What = field(compare=False)
    busy: bool = field(compare=False, default=False)


class Schedule:
    """The events to come."""

    def __init__(self) -> None:
        """Start at noon without events."""
        self.now = NOON
        self._events: list[Event] = []
        self._order = itertools.count()
        #: Our busy workers; there are two.
        self.workers = 0

    def datetime(self) -> datetime:
        """Return the current time."""
        return datetime.fromtimestamp(self.now, UTC)

    def later(self, in_s: float, what: What, *, busy: bool = False) -> None:
        """Schedule an event in so many seconds."""
        heapq.heappush(self._events, Event(self.now + in_s, next(self._order), what, busy))

    @property
    def next_at(self) -> float | None:
        """The time of the next event, None if there is none."""
        return self._events[0].at if self._events else None

    @property
    def open(self) -> int:
        """The number of events to come."""
        return len(self._events)

    def run_until(self, moment: float) -> None:
        """Run all events that are due until a time, and advance to it."""
        while self._events and self._events[0].at <= moment:
            event = heapq.heappop(self._events)
            self.now = max(self.now, event.at)
            event.what()
        self.now = max(self.now, moment)

    def jump(self, seconds: float) -> None:
        """Advance time without running anything of ours: events that became due run afterwards."""
        self.now += seconds

    def let_pass(self, seconds: float) -> None:
        """Advance time inside a call or a sleep of ours: other events run meanwhile, if workers are free."""
        until, put_off = self.now + seconds, []
        while self._events and self._events[0].at <= until:
            event = heapq.heappop(self._events)
            if event.busy and self.workers >= 2:
                put_off.append(event)
                continue
            self.now = max(self.now, event.at)
            event.what()
        for event in put_off:
            heapq.heappush(self._events, event)
        self.now = max(self.now, until)
