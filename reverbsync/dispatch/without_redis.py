"""While Redis is down no wake-up arrives. Each worker then sweeps by itself and runs what it finds in a few threads.

The rate limiter allows few calls meanwhile (reverbsync/ratelimit/fallback.py): work is slow, but does not stop.
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

#: Seconds between two checks of Redis.
LOOK_S = 5.0
#: A shop whose store hangs occupies one or two of them.
THREADS = 4
SWEEPS = ("webhooks.sweep", "listings.sweep", "orders.sweep")


class _InPlace:
    """Collects the wake-ups of this thread."""

    def __init__(self) -> None:
        self.found: dict[tuple[str, int], None] = {}

    def send(self, task: str, shop_id: int) -> None:
        """Collect a wake-up."""
        self.found[task, shop_id] = None

    def taken(self, task: str, shop_id: int) -> None:
        """Do nothing: there is no flag to clear."""


#: Task and shop of the work that is running.
_running: set[tuple[str, int]] = set()


def gone() -> bool:
    """Return whether Redis does not respond."""
    try:
        connection().ping()
    except redis.RedisError:
        return True
    return False


def sweep(pool: Executor) -> list[tuple[str, int]]:
    """Sweep once, and let `pool` run the tasks that would have been woken. Their own wake-ups wait for the next sweep.

    A sweep or shop that fails or hangs does not stop the others. Returns the tasks and shops that were started.
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
        logger.exception("%s failed without Redis", task)


def _watch() -> None:
    pool = ThreadPoolExecutor(THREADS, thread_name_prefix="without redis")
    while True:
        time.sleep(LOOK_S)
        if gone():
            close_old_connections()
            sweep(pool)


@worker_init.connect
def begin(**_: object) -> None:
    """Start the watching thread in each worker."""
    threading.Thread(target=_watch, name="without redis", daemon=True).start()
