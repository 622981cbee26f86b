"""A fair share of a worker's threads for each shop: a store or account that hangs never blocks them all.

Threads are counted per process, so each process keeps threads free, however many processes there are. A drain over
the share returns: the shop's running drains wake another one at the end of their slice, or the sweeper does.
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
        #: Threads of this process; None if it is not a worker, so that no share applies.
        self.threads: int | None = None
        self._busy: Counter[tuple[str, int]] = Counter()
        self._counting = threading.Lock()

    @contextmanager
    def of(self, task: str, shop_id: int, *, parts: int) -> Iterator[bool]:
        """Yield whether this thread is within the shop's share while the block runs: 1/`parts` of all, at least one.

        Only threads that run the same task count.
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
    """Store the worker's number of threads."""
    share.threads = sender.concurrency
