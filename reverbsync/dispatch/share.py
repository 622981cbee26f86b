"""A fair share of a worker's threads for each shop: one whose store or account hangs never holds them all.

It counts in the process alone, so each process keeps threads free, however many processes there are. Who would be one
too many gives way: the shop's drains that are at work wake another one when their slice is over, and the sweeper does.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from celery.signals import worker_init


class Share:
    """Counts the threads that work for each shop."""

    def __init__(self) -> None:
        #: How many threads this process has; None where it is no worker and nothing is to be shared.
        self.threads: int | None = None
        self._busy: Counter[tuple[str, int]] = Counter()
        self._counting = threading.Lock()

    @contextmanager
    def of(self, task: str, shop_id: int, *, parts: int) -> Iterator[bool]:
        """Return whether this thread is within the shop's share while the block runs: one of `parts`, at least one.

        Only threads at the same task count.
        """
        most = None if self.threads is None else max(1, self.threads // parts)
        key = (task, shop_id)
        with self._counting:
            within = most is None or self._busy[key] < most
            self._busy[key] += within
        try:
            yield within
        finally:
            with self._counting:
                self._busy[key] -= within
                if not self._busy[key]:
                    del self._busy[key]


share = Share()


@worker_init.connect
def learn(sender: Any = None, **_: object) -> None:
    """Learn how many threads the worker has."""
    share.threads = sender.concurrency
