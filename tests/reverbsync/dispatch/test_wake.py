"""Wake-ups name tasks that exist, and are sent once while one is waiting."""

from __future__ import annotations

import ast
import os
import time
from pathlib import Path

import pytest
from celery import Celery
from pytest_django import DjangoCaptureOnCommitCallbacks

from listings.orders import order_poll
from listings.queue import jobs
from reverbsync.celery import app
from reverbsync.dispatch import wake
from reverbsync.redis import connection
from shops import reverb_connection
from webhooks import inbox

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Collect the tasks that are sent."""
    found: list[str] = []
    monkeypatch.setattr(Celery, "send_task", lambda _, name, **__: found.append(name))
    connection().delete("wake:x.y:1")
    return found


def test_each_task_that_is_woken_or_scheduled_exists() -> None:
    app.loader.import_default_modules()
    scheduled = {entry["task"] for entry in app.conf.beat_schedule.values()}
    assert {
        jobs.DRAIN,
        order_poll.ORDERS,
        reverb_connection.CHECK_REVERB,
        *inbox.HAND_OVER.values(),
    } | scheduled <= set(app.tasks)


def test_no_task_takes_more_than_an_id() -> None:
    for path in ROOT.glob("*/tasks.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and node.decorator_list:
                assert {arg.arg for arg in node.args.args} <= {"shop_id"}, f"{path}: {node.name}"


@pytest.mark.django_db
def test_a_wake_up_goes_out_after_the_commit(
    sent: list[str], django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        wake.wake("x.y", 1)
        assert sent == []
    assert sent == ["x.y"]


@pytest.mark.django_db
def test_a_sweeper_wakes_the_shops_that_are_not_woken_yet(
    sent: list[str], django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        wake.wake("x.y", 2)
    with django_capture_on_commit_callbacks(execute=True):
        wake.wake_all("x.y", [1, 2, 3])
    assert len(sent) == 3


@pytest.mark.django_db
def test_behind_a_long_queue_a_sweeper_takes_no_message_for_lost_soon(
    sent: list[str], django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wake, "queue_length", lambda _: 600)
    with django_capture_on_commit_callbacks(execute=True):
        wake.wake_all("x.y", [1])
    assert 60 < connection().ttl("wake:x.y:1") <= 65


@pytest.mark.django_db
def test_while_a_wake_up_waits_no_second_one_is_sent(
    sent: list[str], django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        wake.wake("x.y", 1)
        wake.wake("x.y", 1)
    assert sent == ["x.y"]
    wake.awake("x.y", 1)
    with django_capture_on_commit_callbacks(execute=True):
        wake.wake("x.y", 1)
    assert sent == ["x.y", "x.y"]


@pytest.mark.django_db
def test_a_wake_up_without_redis_harms_nobody(
    sent: list[str], unreachable_redis: None, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        wake.wake("x.y", 1)
    assert sent == []


def test_what_gathers_for_a_shop_in_a_moment_is_one_wake_up(sent: list[str]) -> None:
    connection().delete("wake:x.y:1", "wake:x.y:2")
    gathering = wake._Soon("x.y")
    gathering._pid = os.getpid()  # its thread is not started: the test carries
    for shop_id in (1, 2, 1, 1):
        gathering.add(shop_id)
    gathering.carry()
    gathering.carry()
    assert sent == ["x.y", "x.y"]


def test_the_thread_sends_what_was_left_to_it_and_a_fork_gets_one_of_its_own(sent: list[str]) -> None:
    gathering = wake._Soon("x.y")
    for pid in (0, -1):
        gathering._pid = pid
        connection().delete("wake:x.y:1")
        sent.clear()
        gathering.add(1)
        over = time.monotonic() + 10
        while not sent and time.monotonic() < over:
            time.sleep(0.001)
        assert sent == ["x.y"]
