"""While Redis is gone no wake-up arrives. Each worker then sweeps by itself and does what it finds in a few threads.

The rate limiter lets them make few calls (reverbsync/ratelimit/fallback.py): slow and careful, but not stopped.
"""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import Executor, ThreadPoolExecutor

import redis
from celery.signals import worker_init
from django.db import close_old_connections, connections

from reverbsync.celery import app
from reverbsync.dispatch import wake
from reverbsync.redis import connection

logger = logging.getLogger(__name__)

#: How often a worker looks whether Redis is there.
LOOK_S = 5.0
#: A shop whose store hangs holds one or two of them.
THREADS = 4
SWEEPS = ("webhooks.sweep", "listings.sweep", "orders.sweep")


class _InPlace:
    """Carries wake-ups to this thread itself."""

    def __init__(self) -> None:
        self.found: dict[tuple[str, int], None] = {}

    def send(self, task: str, shop_id: int) -> None:
        """Note it."""
        self.found[task, shop_id] = None

    def taken(self, task: str, shop_id: int) -> None:
        """Nothing is to be taken down."""


#: Task and shop of what is being done.
_running: set[tuple[str, int]] = set()


def gone() -> bool:
    """Return whether Redis does not answer."""
    try:
        connection().ping()
    except redis.RedisError:
        return True
    return False


def sweep(pool: Executor) -> list[tuple[str, int]]:
    """Sweep once, and let `pool` run what would have been woken; what that wakes is left to the next sweep.

    Whatever breaks or hangs in one sweep or for one shop, the others go on. Returns what was begun.
    """
    carrier = _InPlace()
    with wake.carried_by(carrier):
        for name in SWEEPS:
            _run(name)
    found = [one for one in carrier.found if one not in _running]
    for task, shop_id in found:
        _running.add((task, shop_id))
        pool.submit(_begin, task, shop_id)
    return found


def _begin(task: str, shop_id: int) -> None:
    try:
        _run(task, shop_id)
    finally:
        connections.close_all()
        _running.discard((task, shop_id))


def _run(task: str, *args: int) -> None:
    try:
        app.tasks[task](*args)
    except Exception:
        logger.exception("%s broke without Redis", task)


def _watch() -> None:
    pool = ThreadPoolExecutor(THREADS, thread_name_prefix="without redis")
    while True:
        time.sleep(LOOK_S)
        if gone():
            close_old_connections()
            sweep(pool)


@worker_init.connect
def begin(**_: object) -> None:
    """Begin to watch, in each worker."""
    threading.Thread(target=_watch, name="without redis", daemon=True).start()
