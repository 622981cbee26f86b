"""Run a shop's work in slices: one worker at a time, and the next slice behind the other shops."""

from __future__ import annotations

from collections.abc import Callable

from reverbsync.dispatch.locks import try_lock
from reverbsync.dispatch.wake import awake, wake


def one_slice(task: str, shop_id: int, work: Callable[[], object], *, is_due: Callable[[], bool] | None = None) -> None:
    """Run `work`, unless another worker runs this task for the shop. Then enqueue it again if there is more.

    There is more if `work` returns True, or if `is_due` does. The latter is called once the lock is released: a wake-up
    that arrived meanwhile was dropped.
    """
    awake(task, shop_id)
    with try_lock(task, shop_id) as alone:
        more = alone and work() is True
    if more or (alone and is_due is not None and is_due()):
        wake(task, shop_id)
