"""Wake-ups: ask a worker to look, by the task's name, after the commit, and never twice while one is waiting.

A wake-up carries no work. If it is lost, with Redis or on the way, the sweepers find what is open.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, partial
from typing import Protocol

import redis
from django.db import transaction
from kombu.exceptions import OperationalError

from reverbsync.celery import app
from reverbsync.redis import connection

logger = logging.getLogger(__name__)

#: A flag older than this is taken for lost together with its message. Behind a long queue it stands longer: a sweeper
#: would make that only longer by messages that wait already.
FLAG_SECONDS = 5
MESSAGES_PER_SECOND = 10


class Carrier(Protocol):
    """Carries wake-ups to workers."""

    def send(self, task: str, shop_id: int) -> None:
        """Send a wake-up unless one is waiting. Never raises."""

    def taken(self, task: str, shop_id: int) -> None:
        """A worker has taken it. Never raises."""


def wake(task: str, shop_id: int) -> None:
    """Ask for `task` to be run for a shop once the current transaction has committed. Never raises."""
    transaction.on_commit(partial(_carrier.send, task, shop_id))


def wake_soon(task: str, shop_id: int) -> None:
    """The same from a thread of its own, for a web server that answers meanwhile; many for one shop are one.

    It may be lost with the process: only for what a sweeper looks after.
    """
    transaction.on_commit(partial(_soon, task, shop_id))


def wake_all(task: str, shops: Collection[int]) -> None:
    """Ask for `task` for each of these shops unless that is waiting, for a sweeper. Never raises."""
    if shops:
        transaction.on_commit(partial(_send_all, task, [*shops], behind=queue_length))


def awake(task: str, shop_id: int) -> None:
    """Take the flag down: from here on a new wake-up is a new message. Called by the task as its first step."""
    _carrier.taken(task, shop_id)


def queue_length(task: str) -> int:
    """Return how many messages wait in the queue that carries `task`; 0 where nobody knows."""
    try:
        return connection().llen(queue_of(task))
    except redis.RedisError:
        return 0


def queue_of(task: str) -> str:
    """Return the name of the queue that carries `task`."""
    found: str = app.amqp.router.route({}, task)["queue"].name
    return found


class _Celery:
    """By Celery; a flag in Redis keeps a second message back while one is waiting."""

    def send(self, task: str, shop_id: int) -> None:
        for one in self.unless_waiting(task, [shop_id], seconds=FLAG_SECONDS):
            self.send_flagged(task, one)

    def unless_waiting(self, task: str, shops: Sequence[int], *, seconds: int) -> list[int]:
        """Put the flags of many shops up in one call; return those of which it was down. Never raises."""
        try:
            with connection().pipeline(transaction=False) as pipe:
                for shop_id in shops:
                    pipe.set(self._flag(task, shop_id), 1, nx=True, ex=seconds)
                return [shop_id for shop_id, was_down in zip(shops, pipe.execute(), strict=True) if was_down]
        except redis.RedisError as error:
            logger.warning("%s could not be woken (%s); the next sweep will", task, type(error).__name__)
            return []

    def send_flagged(self, task: str, shop_id: int) -> None:
        """Send a message whose flag is up. Never raises."""
        try:
            app.send_task(task, args=[shop_id], retry=False)
        except (redis.RedisError, OperationalError) as error:
            logger.warning(
                "%s could not be woken for shop %s (%s); the sweeper will", task, shop_id, type(error).__name__
            )

    def taken(self, task: str, shop_id: int) -> None:
        try:
            connection().delete(self._flag(task, shop_id))
        except redis.RedisError:
            logger.warning("Redis did not answer; the flag of %s falls by itself", task)

    def _flag(self, task: str, shop_id: int) -> str:
        return f"wake:{task}:{shop_id}"


class _Soon:
    """Carries wake-ups of one task from a thread of its own: one at once, then what gathers while it rests.

    So a wake-up for a sale does not wait for hundreds for edits.
    """

    REST_S = 0.02

    def __init__(self, task: str) -> None:
        self._task = task
        self._gathered: deque[int] = deque()
        self._there = threading.Event()
        self._pid = 0
        self._starting = threading.Lock()

    def add(self, shop_id: int) -> None:
        """Leave a wake-up to the thread."""
        self._gathered.append(shop_id)
        if not self._there.is_set():
            self._there.set()
        if self._pid != os.getpid():  # a fork takes no threads along
            with self._starting:
                if self._pid != os.getpid():
                    self._pid = os.getpid()
                    threading.Thread(target=self._run, name="wake-ups", daemon=True).start()

    def carry(self) -> None:
        """Send all that has gathered."""
        found: dict[int, None] = {}
        while self._gathered:
            found[self._gathered.popleft()] = None
        _send_all(self._task, [*found])

    def _run(self) -> None:
        while True:
            self._there.wait()
            self._there.clear()  # what is added from here on is seen now or sets it again
            self.carry()
            time.sleep(self.REST_S)


def _soon(task: str, shop_id: int) -> None:
    if isinstance(_carrier, _Celery):
        _soon_of(task).add(shop_id)
    else:
        _carrier.send(task, shop_id)


_soon_of = cache(_Soon)


def _send_all(task: str, shops: Sequence[int], *, behind: Callable[[str], int] = lambda _: 0) -> None:
    """Send what is not waiting; `behind` returns behind how many messages. Without Redis nobody asks it."""
    if isinstance(_carrier, _Celery):
        seconds = FLAG_SECONDS + behind(task) // MESSAGES_PER_SECOND
        for shop_id in _carrier.unless_waiting(task, shops, seconds=seconds):
            _carrier.send_flagged(task, shop_id)
    else:
        for shop_id in shops:
            _carrier.send(task, shop_id)


_carrier: Carrier = _Celery()


@contextmanager
def carried_by(carrier: Carrier) -> Iterator[None]:
    """Let `carrier` carry wake-ups while the block runs. For the simulation."""
    global _carrier  # noqa: PLW0603 -- one carrier for the process is the point
    before, _carrier = _carrier, carrier
    try:
        yield
    finally:
        _carrier = before
