"""Wake-ups: tell a worker to look, by the task's name, after the commit, and never twice while one is waiting.

A wake-up carries no work. If it is lost, with Redis or on the way, the sweepers find what is open.
"""

from __future__ import annotations

import logging
from functools import partial

import redis
from django.db import transaction
from kombu.exceptions import OperationalError

from reverbsync.celery import app
from reverbsync.redis import connection

logger = logging.getLogger(__name__)

#: A flag older than this is taken for lost together with its message.
FLAG_SECONDS = 5


def wake(task: str, shop_id: int) -> None:
    """Ask for `task` to be run for a shop once the current transaction has committed. Never raises."""
    transaction.on_commit(partial(_send, task, shop_id))


def awake(task: str, shop_id: int) -> None:
    """Take the flag down: from here on a new wake-up is a new message. Called by the task as its first step."""
    try:
        connection().delete(_flag(task, shop_id))
    except redis.RedisError:
        logger.warning("Redis did not answer; the flag of %s falls by itself", task)


def _flag(task: str, shop_id: int) -> str:
    return f"wake:{task}:{shop_id}"


def _send(task: str, shop_id: int) -> None:
    try:
        if connection().set(_flag(task, shop_id), 1, nx=True, ex=FLAG_SECONDS):
            app.send_task(task, args=[shop_id], retry=False)
    except (redis.RedisError, OperationalError) as error:
        logger.warning("%s could not be woken for shop %s (%s); the sweeper will", task, shop_id, type(error).__name__)
