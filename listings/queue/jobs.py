"""The job queue: open a job, claim one, and settle it after its attempt. Each operation is one SQL statement.

A worker holds an advisory lock while it works. If it dies, PostgreSQL releases the lock with its connection, and the
sweeper frees its jobs within seconds; otherwise the lease expires. The lease is a fencing token: a worker that lost it
can neither settle the job nor write its rows (listings/queue/lease.py).
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from listings.models import Order, Product, Rank
from listings.queue import sql
from listings.queue.retry_delay import PAUSE
from reverbsync.database import Statement
from reverbsync.dispatch.ownership import Lost
from reverbsync.dispatch.wake import wake

DRAIN = "listings.drain"
#: Drains stock jobs alone, on a queue of its own, so that stock never waits behind other work.
DRAIN_URGENT = "listings.drain_urgent"
ALL = tuple(Rank.values)
URGENT = tuple(rank.value for rank in Rank if rank <= Rank.STOCK)
#: Trigger of a job that a person requested. It runs even if auto-sync is off.
BY_HAND = "by hand"
#: Trigger of a job that a mass sync opened.
MASS = "mass sync"
#: Longer than one call can take, including timeouts (reverbsync/http/outbound.py). It is renewed before each call.
LEASE = timedelta(seconds=180)
#: A claimed job counts as abandoned if its worker_lock is not held after this time.
LOCKED_WITHIN = timedelta(seconds=3)
#: The first key of our advisory locks in PostgreSQL.
_LOCKS = 0x52565202
#: The greatest difference between our clock and Reverb's for which a changed order is still noticed.
CLOCKS_APART = timedelta(hours=1)


class LeaseLost(Lost):
    """Another worker has taken the job over. This one may make no more calls and write nothing."""


@dataclass(frozen=True)
class Claim:
    """A job that this worker has claimed."""

    job_id: int
    product_id: int
    shop_id: int
    lease: uuid.UUID
    generation: int
    attempt: int
    trigger: str
    #: The previous worker died before it settled the job.
    interrupted: bool
    rank: int
    #: Another job of the shop is due.
    more: bool
    #: The attempt's input (listings/sync/rows.py), as it was when the statement began. A change between that and the
    #: row lock is in `generation` but not in here.
    read: Sequence[Any] = field(default=(), repr=False)


def look_again(products: Iterable[Product], *, rank: Rank, trigger: str, now: datetime) -> None:
    """Open a job for each product, or merge with the open one: the more urgent rank and the earlier due time win."""
    # Ordered by product, so that two transactions that open the same jobs cannot deadlock.
    wanted = sorted(products, key=lambda one: one.pk)
    if not wanted:
        return
    due = []
    for product in wanted:
        pause = timedelta(0) if rank == Rank.STOCK_TO_ZERO or product.looked_at is None else PAUSE
        due.append(max(now, (product.looked_at or now) + pause))
    shops = [product.shop_id for product in wanted]
    given: dict[str, Any] = {"products": [product.pk for product in wanted], "shops": shops, "due": due}
    with connection.cursor() as cursor:
        cursor.execute(sql.OPEN_JOBS, {**given, "rank": rank.value, "trigger": trigger[:60], "now": now})
    for shop_id in set(shops):
        wake(DRAIN_URGENT if rank in URGENT else DRAIN, shop_id)


def in_hand(shop_id: int) -> Iterable[Product]:
    """Return the products whose job is claimed: the worker may have read them before the latest change."""
    return Product.objects.filter(shop=shop_id, job__lease__isnull=False)


def claim(
    shop_id: int, *, now: datetime, ranks: Sequence[int] = ALL, most: int = 1_000, worker_lock: int | None = None
) -> Claim | None:
    """Claim the shop's most urgent due job of these ranks; None when there is none. No two workers claim the same one.

    None also while `most` jobs of the shop are claimed. `worker_lock` is the worker's advisory lock (`at_work`).
    """
    lease = uuid.uuid4()
    with connection.cursor() as cursor:
        _CLAIM.run(
            cursor,
            {
                "shop": shop_id,
                "now": now,
                "ranks": list(ranks),
                "most": most,
                "lease": lease,
                "until": now + LEASE,
                "worker_lock": worker_lock,
                "orders_since": orders_since(now),
            },
        )
        row = cursor.fetchone()
    if row is None:
        return None
    job_id, product_id, shop, generation, attempts, trigger, interrupted, rank, more, *read = row
    return Claim(job_id, product_id, shop, lease, generation, attempts, trigger, interrupted, rank, more, read)


def orders_since(now: datetime) -> datetime:
    """Return the time after which a changed order may still affect stock, with an hour for clock skew."""
    return now - Order.SETTLED_AFTER - CLOCKS_APART


def read_again(taken: Claim, *, now: datetime) -> Sequence[Any]:
    """Return the attempt's input (`Claim.read`) as it is now; empty when the lease is lost."""
    with connection.cursor() as cursor:
        _READ.run(cursor, {"orders_since": orders_since(now), "job": taken.job_id, "lease": taken.lease})
        return cursor.fetchone() or ()


@contextmanager
def at_work() -> Iterator[int]:
    """Hold an advisory lock that PostgreSQL releases if this worker dies. Yields its key, for `claim`."""
    worker_lock = random.randrange(1, 2**31)  # noqa: S311 -- a name, not a secret
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s, %s)", [_LOCKS, worker_lock])
    try:
        yield worker_lock
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [_LOCKS, worker_lock])


def free_abandoned(*, now: datetime, most: int = 100) -> list[Claim]:
    """Free up to `most` claimed jobs of dead workers. Returns their claims, to be logged in the same transaction."""
    with connection.cursor() as cursor:
        cursor.execute(sql.FREE_ABANDONED, {"locked_by": now + LEASE - LOCKED_WITHIN, "locks": _LOCKS, "most": most})
        return [Claim(*row) for row in cursor.fetchall()]


def renew(taken: Claim, *, now: datetime) -> bool:
    """Renew the lease. Returns whether the job was requested again since it was claimed.

    Raises LeaseLost when another worker has taken the job over.
    """
    with connection.cursor() as cursor:
        _RENEW.run(cursor, {"until": now + LEASE, "job": taken.job_id, "lease": taken.lease})
        row = cursor.fetchone()
    if row is None:
        raise LeaseLost
    return bool(row[0] != taken.generation)


def shops_with_due_jobs(*, now: datetime, ranks: Sequence[int] = ALL) -> list[int]:
    """Return the ids of shops with due jobs, for the sweeper."""
    with connection.cursor() as cursor:
        cursor.execute(sql.SHOPS_WITH_DUE_JOBS, {"now": now, "ranks": list(ranks)})
        return [shop_id for (shop_id,) in cursor.fetchall()]


_CLAIM, _READ = Statement(sql.CLAIM), Statement(sql.READ_ATTEMPT)
_RENEW = Statement(sql.RENEW_LEASE)
