"""Sweeps: sent once a second and run no more often, independent of the machines' clocks.

A message with an expiry would be dropped by a worker whose clock is ahead of the scheduler's. So messages never expire.
Instead the scheduler sends none into a queue that is not consumed, and a worker runs one of those that piled up.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import defaultdict
from typing import Any

import redis
from celery import Task
from celery.beat import Scheduler

from reverbsync.dispatch.wake import queue_of
from reverbsync.redis import connection

logger = logging.getLogger(__name__)

#: A sweep that ended in this process less than this many seconds ago replaces the one that arrives now.
JUST_NOW_S = 0.5
#: A queue of this length is not consumed, or is full of the work that sweeps look for.
FULL = 1000
#: Seconds between two log lines about a Redis that does not respond.
LOG_EVERY_S = 60.0


class Steady(Scheduler):
    """Send each entry at its interval, by the monotonic clock."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Make all entries due."""
        self._due: dict[str, float] = {}
        self._logged_at: float | None = None
        super().__init__(*args, **kwargs)

    def tick(self, *_: Any, **__: Any) -> float:
        """Send the entries that are due; return the seconds until the next one."""
        now = time.monotonic()
        for name, row in self.app.conf.beat_schedule.items():
            due = self._due.get(name, now)
            if due <= now:
                # Runs missed while the machine was suspended are sent once.
                self._due[name] = max(due + float(row["schedule"]), now)
                self._send(name, queue_of(row["task"]))
        return max(0.0, min(self._due.values()) - time.monotonic())

    def _send(self, name: str, queue: str) -> None:
        try:
            full = connection().llen(queue) >= FULL
        except redis.RedisError as error:
            self._warn("Redis does not answer (%s); nothing is sent", type(error).__name__)
            return
        if full:
            self._warn("The queue %s is full; nothing is sent", queue)
        else:
            self.apply_entry(self.schedule[name], producer=self.producer)

    def _warn(self, words: str, what: str) -> None:
        if self._logged_at is None or time.monotonic() >= self._logged_at + LOG_EVERY_S:
            self._logged_at = time.monotonic()
            logger.warning(words, what)


class Sweep(Task):  # type: ignore[type-arg]  # generic only in its stubs
    """A task that the scheduler sends repeatedly. Of several waiting in its queue, one is run.

    A direct call always runs. One that hangs blocks one thread of its process, and no other process.
    """

    abstract = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the task, unless this process is running it or did so just now."""
        if self.request.called_directly:
            return super().__call__(*args, **kwargs)
        running = _running[self.name]
        if not running.acquire(blocking=False):
            return None
        try:
            ran_at = _ran_at.get(self.name)
            if ran_at is not None and time.monotonic() < ran_at + JUST_NOW_S:
                return None
            try:
                return super().__call__(*args, **kwargs)
            finally:
                _ran_at[self.name] = time.monotonic()
        finally:
            running.release()


_running: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
#: Task → when it last ended in this process.
_ran_at: dict[str, float] = {}
