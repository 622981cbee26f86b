"""While Redis is gone no wake-up arrives. One thread of each worker then sweeps by itself and does what it finds.

It is one thread, and the pace lets it make few calls (reverbsync/local_pace.py): slow and careful, but not stopped.
"""

from __future__ import annotations

import logging
import threading
import time

import redis
from celery.signals import worker_init
from django.db import close_old_connections

from reverbsync import wake
from reverbsync.celery import app
from reverbsync.redis import connection

logger = logging.getLogger(__name__)

#: How often a worker looks whether Redis is there.
LOOK_S = 5.0
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


def gone() -> bool:
    """Tell whether Redis does not answer."""
    try:
        connection().ping()
    except redis.RedisError:
        return True
    return False


def turn() -> list[tuple[str, int]]:
    """Sweep once, and run what would have been woken; what that wakes in turn is left to the next sweep."""
    carrier = _InPlace()
    with wake.carried_by(carrier):
        for name in SWEEPS:
            app.tasks[name]()
        found = list(carrier.found)
        for task, shop_id in found:
            app.tasks[task](shop_id)
    return found


def _watch() -> None:
    while True:
        time.sleep(LOOK_S)
        if not gone():
            continue
        close_old_connections()
        try:
            turn()
        except Exception:
            logger.exception("A turn without Redis broke")


@worker_init.connect
def begin(**_: object) -> None:
    """Begin to watch, in each worker."""
    threading.Thread(target=_watch, name="without redis", daemon=True).start()
