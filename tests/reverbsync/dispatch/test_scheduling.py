"""Sweeps come every second whatever the machines' clocks say, and a queue that was blocked is soon worked off."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest import mock

import pytest

from reverbsync import redis
from reverbsync.celery import app
from reverbsync.dispatch import scheduling
from reverbsync.dispatch.scheduling import FULL, Steady, Sweep
from reverbsync.redis import connection

SWEEP = "tests.sweep"
QUEUE = "urgent"


class Ran:
    """Counts the runs of the sweep; each waits for `go`."""

    def __init__(self) -> None:
        self.times = 0
        self.breaks = False
        self.began, self.go = threading.Event(), threading.Event()
        self.go.set()


_ran = Ran()


@app.task(name=SWEEP, base=Sweep)
def sweep() -> None:
    """Sweep."""
    _ran.times += 1
    _ran.began.set()
    _ran.go.wait(10)
    if _ran.breaks:
        raise RuntimeError


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> Iterator[Ran]:
    """Begin with an empty queue, and a sweep that never ran."""
    global _ran  # noqa: PLW0603 -- the task looks for it
    _ran = Ran()
    connection().flushdb()
    monkeypatch.setattr(scheduling, "_ran_at", {})
    yield _ran
    _ran.go.set()


@pytest.fixture
def beat(ran: Ran) -> Iterator[Steady]:
    """Return a scheduler that sends the sweep each second."""
    with mock.patch.dict(app.conf.beat_schedule, {"test": {"task": SWEEP, "schedule": 1.0}}, clear=True):
        yield Steady(app=app)


def waiting() -> list[dict[str, Any]]:
    """Return the headers of the messages that wait."""
    return [json.loads(one)["headers"] for one in connection().lrange(QUEUE, 0, -1)]


def passes(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Let so many seconds pass for the scheduler."""
    at = vars(scheduling)["time"].monotonic() + seconds
    monkeypatch.setattr(scheduling, "time", type("Time", (), {"monotonic": staticmethod(lambda: at)}))


def test_a_sweep_is_sent_each_second(beat: Steady, monkeypatch: pytest.MonkeyPatch) -> None:
    for sent in (1, 2, 3):
        assert beat.tick() <= 1
        assert len(waiting()) == sent
        passes(monkeypatch, 1)


def test_no_message_expires(beat: Steady) -> None:
    beat.tick()
    assert [one.get("expires") for one in waiting()] == [None]
    assert all("expires" not in row.get("options", {}) for row in app.conf.beat_schedule.values())


def test_a_clock_that_is_set_back_stops_no_sweep(beat: Steady, monkeypatch: pytest.MonkeyPatch) -> None:
    beat.tick()
    now = datetime.now(UTC)
    monkeypatch.setattr(app, "now", lambda: now - timedelta(hours=1))
    monkeypatch.setattr(time, "time", lambda: now.timestamp() - 3600)
    passes(monkeypatch, 1)
    beat.tick()
    assert len(waiting()) == 2


def test_a_scheduler_that_slept_sends_what_it_missed_once(beat: Steady, monkeypatch: pytest.MonkeyPatch) -> None:
    beat.tick()
    passes(monkeypatch, 600)
    for _ in range(5):
        beat.tick()
    assert len(waiting()) == 3  # the one of before, the missed one, and the next, which is due at once


def test_a_queue_that_nobody_serves_does_not_grow_for_ever(beat: Steady, monkeypatch: pytest.MonkeyPatch) -> None:
    connection().rpush(QUEUE, *["{}"] * FULL)
    beat.tick()
    assert connection().llen(QUEUE) == FULL
    connection().delete(QUEUE)
    passes(monkeypatch, 1)
    beat.tick()
    assert len(waiting()) == 1


def test_without_redis_the_scheduler_goes_on_and_says_so_once_a_minute(
    beat: Steady, unreachable_redis: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(scheduling, "connection", redis.connection)
    for _ in range(30):
        beat.tick()
        passes(monkeypatch, 1)
    assert [one.message for one in caplog.records] == ["Redis does not answer (ConnectionError); nothing is sent"]


def take_one(*_: object) -> None:
    """Run one message as a worker does."""
    app.tasks[SWEEP].apply()


def test_six_hundred_sweeps_that_waited_in_a_blocked_queue_are_run_as_one(ran: Ran) -> None:
    began = time.monotonic()
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(take_one, range(600)))
    assert 1 <= ran.times <= 1 + (time.monotonic() - began) / scheduling.JUST_NOW_S


def test_a_sweep_that_hangs_holds_one_thread(ran: Ran) -> None:
    ran.go.clear()
    with ThreadPoolExecutor(1) as threads:
        hanging = threads.submit(take_one)
        assert ran.began.wait(10)
        for _ in range(20):
            take_one()
        assert (ran.times, hanging.done()) == (1, False)
        ran.go.set()


def test_the_next_second_s_sweep_is_run(ran: Ran, monkeypatch: pytest.MonkeyPatch) -> None:
    for times in (1, 2, 3):
        take_one()
        assert ran.times == times
        passes(monkeypatch, 1)


def test_a_sweep_that_breaks_is_run_again(ran: Ran, monkeypatch: pytest.MonkeyPatch) -> None:
    ran.breaks = True
    for times in (1, 2):
        take_one()
        assert ran.times == times
        passes(monkeypatch, 1)


def test_called_directly_a_sweep_always_runs(ran: Ran) -> None:
    for _ in range(3):
        app.tasks[SWEEP]()
    assert ran.times == 3
