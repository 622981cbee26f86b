"""One time for all processes: the database's, whatever the machines' clocks say."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from django.core.signals import request_started
from django.db import connection

from reverbsync import clock, one_clock

A_PROCESS = """
import sys
from datetime import UTC, datetime, timedelta
import django
django.setup()
from django.db import connection
from reverbsync import clock
clock._machine = lambda: datetime.now(UTC) + timedelta(seconds=float(sys.argv[1]))
connection.ensure_connection()
with connection.cursor() as cursor:
    cursor.execute("SELECT clock_timestamp()")
    print((clock.now() - cursor.fetchone()[0]).total_seconds())
"""


@pytest.fixture(autouse=True)
def nothing_requested(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Begin as a process that was never given the time."""
    monkeypatch.setattr(clock, "_reading", None)
    monkeypatch.setattr(clock, "_requested_at", None)
    yield  # noqa: PT022 -- undone by the monkeypatch


def skewed(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Let the machine's clock be wrong, in a process that was never given the time."""
    connection.ensure_connection()
    monkeypatch.setattr(clock, "_reading", None)
    monkeypatch.setattr(clock, "_requested_at", None)
    monkeypatch.setattr(clock, "_machine", lambda: datetime.now(UTC) + timedelta(seconds=seconds))


def off_s() -> float:
    """Return by how many seconds we are ahead of the database."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        moment: datetime = cursor.fetchone()[0]
    return (clock.now() - moment).total_seconds()


@pytest.mark.django_db
@pytest.mark.parametrize("seconds", ["-10", "0", "10", "86400"])
def test_processes_whose_machines_clocks_differ_agree(seconds: str) -> None:
    env = {**os.environ, "DJANGO_SETTINGS_MODULE": "reverbsync.settings"}
    command = [sys.executable, "-c", A_PROCESS, seconds]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True, timeout=60)
    assert abs(float(done.stdout)) < 0.5


@pytest.mark.django_db(transaction=True)
def test_a_new_connection_asks_for_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    skewed(monkeypatch, 10)
    assert off_s() == pytest.approx(10, abs=0.5)
    connection.close()
    assert off_s() == pytest.approx(0, abs=0.5)


@pytest.mark.django_db(transaction=True)
def test_a_request_asks_for_the_time_where_it_was_not_asked_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    skewed(monkeypatch, -10)
    assert off_s() == pytest.approx(-10, abs=0.5)
    request_started.send(object)
    assert off_s() == pytest.approx(0, abs=0.5)


@pytest.mark.django_db
def test_what_was_asked_just_now_is_not_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    one_clock.ask_now_and_then()
    monkeypatch.setattr(one_clock, "_ask", pytest.fail)
    one_clock.ask_now_and_then()


@pytest.mark.django_db
def test_a_machine_whose_clock_is_set_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    one_clock.ask_now_and_then()
    monkeypatch.setattr(clock, "_machine", lambda: datetime(2099, 1, 1, tzinfo=UTC))
    assert off_s() == pytest.approx(0, abs=0.5)


def test_without_a_database_the_machines_clock_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    away = SimpleNamespace(connection=None, ensure_connection=lambda: 1 / 0)
    monkeypatch.setattr(one_clock, "connection", away)
    one_clock.ask_now_and_then()
    assert abs((clock.now() - datetime.now(UTC)).total_seconds()) < 0.5


def test_a_slow_answer_does_not_make_the_time_jump(monkeypatch: pytest.MonkeyPatch) -> None:
    at = 1000.0
    monkeypatch.setattr(clock, "_steady", lambda: at)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    clock.set_by(lambda: start)
    before = clock.now()

    def slowly() -> datetime:
        nonlocal at
        at += 4
        return start + timedelta(seconds=3.5)  # the way back took half a second

    clock.set_by(slowly)
    assert clock.now() - before == timedelta(seconds=4)


def test_another_database_is_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    clock.set_by(lambda: start)
    clock.set_by(lambda: start + timedelta(seconds=10))
    assert clock.now() - start >= timedelta(seconds=10)


def test_a_time_that_is_set_by_hand_is_left_alone() -> None:
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    with clock.running_by(lambda: noon):
        clock.set_by(lambda: noon + timedelta(hours=1))
        assert not clock.may_ask(0)
        assert clock.now() == noon
