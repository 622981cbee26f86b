"""Wake-ups: tell a worker to look, by the task's name, after the commit, and never twice while one is waiting.

A wake-up carries no work. If it is lost, with Redis or on the way, the sweepers find what is open.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Protocol

import redis
from django.db import transaction
from kombu.exceptions import OperationalError

from reverbsync.celery import app
from reverbsync.redis import connection

logger = logging.getLogger(__name__)

#: A flag older than this is taken for lost together with its message.
FLAG_SECONDS = 5


class Carrier(Protocol):
    """Carries wake-ups to workers."""

    def send(self, task: str, shop_id: int) -> None:
        """Send a wake-up unless one is waiting. Never raises."""

    def taken(self, task: str, shop_id: int) -> None:
        """A worker has taken it. Never raises."""


def wake(task: str, shop_id: int) -> None:
    """Ask for `task` to be run for a shop once the current transaction has committed. Never raises."""
    transaction.on_commit(partial(_carrier.send, task, shop_id))


def awake(task: str, shop_id: int) -> None:
    """Take the flag down: from here on a new wake-up is a new message. Called by the task as its first step."""
    _carrier.taken(task, shop_id)


def waiting(task: str) -> int:
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
        try:
            if connection().set(self._flag(task, shop_id), 1, nx=True, ex=FLAG_SECONDS):
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
