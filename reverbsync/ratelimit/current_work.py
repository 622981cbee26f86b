"""Know a worker's current work: whether it is bulk, and the slots that it reserved in advance."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import redis

from reverbsync.ratelimit import store
from reverbsync.ratelimit.budget import Budget
from reverbsync.ratelimit.lots import Lots

current: ContextVar[Work | None] = ContextVar("work", default=None)


@dataclass
class Work:
    """A worker's current work: whether it is bulk, and whether the rate limiter refused it a call."""

    in_bulk: bool = False
    refused: bool = False
    #: Set if its calls may reserve several slots at once.
    lots: Lots[tuple[bool, tuple[Budget, ...]]] | None = None


@contextmanager
def bulk(on: bool = True) -> Iterator[Work]:  # noqa: FBT001, FBT002 -- reads as one word: with current_work.bulk():
    """Mark all calls in the block as bulk: they leave the reserve to urgent work and are spread evenly."""
    with _at(Work(on)) as work:
        yield work


def in_bulk() -> bool:
    """Return whether this worker is doing bulk work."""
    work = current.get()
    return work is not None and work.in_bulk


@contextmanager
def in_lots() -> Iterator[Work]:
    """Let calls in the block reserve slots in lots; the caller sets `in_bulk` on the yielded work."""
    with _at(Work(lots=Lots())) as work:
        try:
            yield work
        finally:
            give_back_lots()


@contextmanager
def _at(work: Work) -> Iterator[Work]:
    before = current.set(work)
    try:
        yield work
    finally:
        current.reset(before)


def give_back_names(budgets: Sequence[Budget], names: Sequence[str]) -> None:
    """Return slots by their names. Never raises: at worst their calls count."""
    if not names:
        return
    try:
        pipeline = store.connection().pipeline(transaction=False)
        for budget in budgets:
            pipeline.zrem(store.calls_key(budget.name), *names)
        pipeline.execute()
    except redis.RedisError:
        pass


def give_back_lots() -> None:
    """Return the slots that this worker reserved in advance."""
    work = current.get()
    if work is not None and work.lots is not None:
        for (_, budgets), names in work.lots.left().items():
            give_back_names(budgets, names)
