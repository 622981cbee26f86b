"""Run a shop's work in slices: one worker at a time, and the next slice behind the other shops."""

from __future__ import annotations

from collections.abc import Callable

from reverbsync.dispatch.locks import try_lock
from reverbsync.dispatch.wake import awake, wake


def one_slice(
    task: str, shop_id: int, work: Callable[[], bool | None], *, is_due: Callable[[], bool] | None = None
) -> None:
    """Run `work`, unless another worker runs this task for the shop. Then enqueue it again if there is more.

    There is more if `work` returns True, or if it returns None and `is_due` is true. The latter is called once the lock
    is released: a wake-up that arrived meanwhile was dropped.
    """
    awake(task, shop_id)
    with try_lock(task, shop_id) as alone:
        more = work() if alone else False
    if more is None and is_due is not None:
        more = is_due()
    if more:
        wake(task, shop_id)
