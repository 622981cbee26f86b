"""Simulated time, and what happens when. Nothing waits: the next thing is due, and it is then."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

#: Noon of a day in 2026; every run begins then.
NOON = datetime(2026, 11, 2, 12, 0, tzinfo=UTC).timestamp()

What = Callable[[], None]


@dataclass(order=True)
class Event:
    """Something that will happen at a moment. `busy`: it needs a worker of ours."""

    at: float
    order: int
    what: What = field(compare=False)
    busy: bool = field(compare=False, default=False)


class Schedule:
    """The moments to come."""

    def __init__(self) -> None:
        """Begin at noon with nothing to come."""
        self.now = NOON
        self._events: list[Event] = []
        self._order = itertools.count()
        #: How many workers of ours are in the middle of something; none is free beyond two.
        self.workers = 0

    def datetime(self) -> datetime:
        """Return the present moment."""
        return datetime.fromtimestamp(self.now, UTC)

    def later(self, in_s: float, what: What, *, busy: bool = False) -> None:
        """Let something happen in so many seconds."""
        heapq.heappush(self._events, Event(self.now + in_s, next(self._order), what, busy))

    @property
    def next_at(self) -> float | None:
        """The moment of the next event, None when there is none."""
        return self._events[0].at if self._events else None

    @property
    def open(self) -> int:
        """How many events are to come."""
        return len(self._events)

    def run_until(self, moment: float) -> None:
        """Let everything happen that is due until a moment, and be there."""
        while self._events and self._events[0].at <= moment:
            event = heapq.heappop(self._events)
            self.now = max(self.now, event.at)
            event.what()
        self.now = max(self.now, moment)

    def jump(self, seconds: float) -> None:
        """Let time pass in which nothing of ours runs: what became due meanwhile comes afterwards."""
        self.now += seconds

    def let_pass(self, seconds: float) -> None:
        """Let time pass inside a call or a sleep of ours: others go on meanwhile, as far as there are free workers."""
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
