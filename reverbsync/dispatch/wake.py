"""Wake-ups: enqueue a task for a shop after the commit, at most once while one is waiting.

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

#: A flag expires after this time, in case its message was lost. With a long queue it lives longer: otherwise a sweeper
#: would enqueue duplicates of messages that are still waiting.
FLAG_SECONDS = 5
MESSAGES_PER_SECOND = 10


class Carrier(Protocol):
    """Carries wake-ups to workers."""

    def send(self, task: str, shop_id: int) -> None:
        """Send a wake-up unless one is waiting. Never raises."""

    def taken(self, task: str, shop_id: int) -> None:
        """Note that a worker has received it. Never raises."""


def wake(task: str, shop_id: int) -> None:
    """Enqueue `task` for a shop once the current transaction has committed. Never raises."""
    transaction.on_commit(partial(_carrier.send, task, shop_id))


def wake_soon(task: str, shop_id: int) -> None:
    """Do the same from a background thread, so that the web server responds meanwhile; duplicates are merged.

    It may be lost with the process: use it only for work that a sweeper finds.
    """
    transaction.on_commit(partial(_soon, task, shop_id))


def wake_all(task: str, shops: Collection[int]) -> None:
    """Enqueue `task` for each of these shops unless it is waiting; for sweepers. Never raises."""
    if shops:
        transaction.on_commit(partial(_send_all, task, [*shops], behind=queue_length))


def awake(task: str, shop_id: int) -> None:
    """Clear the flag: from now on a new wake-up is a new message. The task calls it as its first step."""
    _carrier.taken(task, shop_id)


def queue_length(task: str) -> int:
    """Return the length of the queue that carries `task`; 0 if Redis does not respond."""
    try:
        return connection().llen(queue_of(task))
    except redis.RedisError:
        return 0


def queue_of(task: str) -> str:
    """Return the name of the queue that carries `task`."""
    found: str = app.amqp.router.route({}, task)["queue"].name
    return found


class _Celery:
    """Carries wake-ups by Celery; a flag in Redis suppresses a second message while one is waiting."""

    def send(self, task: str, shop_id: int) -> None:
        for one in self.unless_waiting(task, [shop_id], seconds=FLAG_SECONDS):
            self.send_flagged(task, one)

    def unless_waiting(self, task: str, shops: Sequence[int], *, seconds: int) -> list[int]:
        """Set the flags of many shops in one call; return the shops whose flag was not set. Never raises."""
        try:
            with connection().pipeline(transaction=False) as pipe:
                for shop_id in shops:
                    pipe.set(self._flag(task, shop_id), 1, nx=True, ex=seconds)
                return [shop_id for shop_id, was_down in zip(shops, pipe.execute(), strict=True) if was_down]
        except redis.RedisError as error:
            logger.warning("%s could not be woken (%s); the next sweep will", task, type(error).__name__)
            return []

    def send_flagged(self, task: str, shop_id: int) -> None:
        """Send a message whose flag is set. Never raises."""
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
            logger.warning("Redis did not answer; the flag of %s expires by itself", task)

    def _flag(self, task: str, shop_id: int) -> str:
        return f"wake:{task}:{shop_id}"


class _Soon:
    """Sends the wake-ups of one task from its own thread: the first at once, then those collected while it sleeps.

    A thread per task: a wake-up for a sale does not wait for hundreds of wake-ups for edits.
    """

    REST_S = 0.02

    def __init__(self, task: str) -> None:
        self._task = task
        self._gathered: deque[int] = deque()
        self._there = threading.Event()
        self._pid = 0
        self._starting = threading.Lock()

    def add(self, shop_id: int) -> None:
        """Pass a wake-up to the thread."""
        self._gathered.append(shop_id)
        if not self._there.is_set():
            self._there.set()
        if self._pid != os.getpid():  # a fork does not copy threads
            with self._starting:
                if self._pid != os.getpid():
                    self._pid = os.getpid()
                    threading.Thread(target=self._run, name="wake-ups", daemon=True).start()

    def carry(self) -> None:
        """Send all that was collected."""
        found: dict[int, None] = {}
        while self._gathered:
            found[self._gathered.popleft()] = None
        _send_all(self._task, [*found])

    def _run(self) -> None:
        while True:
            self._there.wait()
            self._there.clear()  # whatever is added from now on is sent now or sets it again
            self.carry()
            time.sleep(self.REST_S)


def _soon(task: str, shop_id: int) -> None:
    if isinstance(_carrier, _Celery):
        _soon_of(task).add(shop_id)
    else:
        _carrier.send(task, shop_id)


_soon_of = cache(_Soon)


def _send_all(task: str, shops: Sequence[int], *, behind: Callable[[str], int] = lambda _: 0) -> None:
    """Send what is not waiting yet; `behind` returns the length of the queue. Not called for other carriers."""
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
    """Use `carrier` for wake-ups while the block runs. For the simulation."""
    global _carrier  # noqa: PLW0603 -- one carrier for the whole process
    before, _carrier = _carrier, carrier
    try:
        yield
    finally:
        _carrier = before
