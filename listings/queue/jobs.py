"""The queue: open a job, claim one, and say how its attempt ended. Each is one statement on one table.

A worker holds an advisory lock while it is at work. If it dies, PostgreSQL releases the lock with its connection, and
the sweeper frees its jobs within seconds; otherwise the lease expires. The lease is a token: a worker that lost it can
neither close, postpone or reopen the job, nor write what belongs to it (listings/queue/lease.py).
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from django.db import DataError, connection, transaction
from django.db.models import QuerySet
from psycopg2.errors import DivisionByZero
from psycopg2.extras import execute_values

from listings.models import Job, Product, Rank
from reverbsync.backoff import doubled_s
from reverbsync.database import EVERYTHING, Span, Statement
from reverbsync.dispatch.ownership import Lost
from reverbsync.dispatch.wake import wake

DRAIN = "listings.drain"
#: The same for stock alone, on a queue and with threads of its own: it never waits for a worker behind other work.
DRAIN_URGENT = "listings.drain_urgent"
ALL = tuple(Rank.values)
URGENT = tuple(rank.value for rank in Rank if rank <= Rank.STOCK)
#: Trigger of a job that a person asked for; it runs even where auto-sync is off.
BY_HAND = "by hand"
#: Trigger of a job that a mass sync opened.
MASS = "mass sync"

#: Longer than one call can take (reverbsync.http.outbound: to connect, and to a silent or slow answer). It is renewed
#: before each call.
LEASE = timedelta(seconds=180)
#: A claimed job whose worker_lock is gone after this time was abandoned.
LOCKED_WITHIN = timedelta(seconds=3)
#: Names our locks among PostgreSQL's advisory locks.
_LOCKS = 0x52565202
#: A product is looked at no oftener than this, unless its stock went to zero; a burst of changes is one look.
PAUSE = timedelta(seconds=2)
#: After so many failures in a row, some seven hours, only the seller tries an edit again; stock is never given up.
MAX_ATTEMPTS = 40
#: The same for a line of a mass sync, some twenty minutes: its page shows what failed, and the seller tries that again.
MASS_ATTEMPTS = 10
FIRST_DELAY_S = 2.0
LONGEST_DELAY_S = 900.0


class LeaseLost(Lost):
    """Another worker has taken the job over; nothing more may be called or written."""


@dataclass(frozen=True)
class Claim:
    """A job in one worker's hands."""

    job_id: int
    product_id: int
    shop_id: int
    lease: uuid.UUID
    generation: int
    attempt: int
    trigger: str
    #: The previous worker_lock never said how its attempt ended.
    interrupted: bool
    rank: int
    #: Another job of the shop is due.
    more: bool
    #: What `ExtraColumns` asked for, as it was when the statement began: a change that came between that and the claim
    #: is in `generation` and not in here.
    read: Sequence[Any] = field(default=(), repr=False)


@dataclass(frozen=True)
class ExtraColumns:
    """What is read in the same statement as a claim: more columns, from tables that are joined to `job`."""

    columns: str = ""
    joins: str = ""


_OPEN = """
INSERT INTO listings_job AS job (product_id, shop_id, rank, due_at, opened_at, generation, attempts, trigger, blocked)
VALUES %s
ON CONFLICT (product_id) DO UPDATE SET
    generation = job.generation + 1,
    attempts = 0,
    rank = least(job.rank, excluded.rank),
    due_at = least(job.due_at, excluded.due_at),
    trigger = excluded.trigger,
    blocked = false,
    retry_due_at = NULL
"""

# Rank by rank, and the first one found: so the index leads straight to it, however many wait and however many of a
# more urgent rank are not due yet.
# A claim that a power cut takes back is made again, so it does not wait for the disk.
_CLAIM = """
WITH quick AS MATERIALIZED (SELECT set_config('synchronous_commit', 'off', true)), next AS (
    SELECT found.id, found.lease IS NOT NULL AS interrupted
    FROM quick, unnest(%(ranks)s::int[]) AS wanted(rank), LATERAL (
        SELECT id, lease FROM listings_job
        WHERE shop_id = %(shop)s AND rank = wanted.rank AND NOT blocked AND due_at <= %(now)s
          AND (lease_until IS NULL OR lease_until < %(now)s)
        ORDER BY due_at
        LIMIT 1
        FOR UPDATE SKIP LOCKED
    ) AS found
    WHERE (
        SELECT count(*) FROM listings_job WHERE shop_id = %(shop)s AND lease IS NOT NULL AND lease_until >= %(now)s
    ) < %(most)s
    LIMIT 1
), claimed AS (
    UPDATE listings_job AS job
    SET lease = %(lease)s, lease_until = %(until)s, worker_lock = %(worker_lock)s, attempts = job.attempts + 1
    FROM next WHERE job.id = next.id
    RETURNING
        job.id, job.product_id, job.shop_id, job.generation, job.attempts, job.trigger, next.interrupted, job.rank,
        EXISTS (
        SELECT 1 FROM unnest(%(ranks)s::int[]) AS wanted(rank), LATERAL (
            SELECT 1 FROM listings_job
            WHERE shop_id = %(shop)s AND rank = wanted.rank AND NOT blocked AND due_at <= %(now)s
              AND (lease_until IS NULL OR lease_until < %(now)s) AND id <> next.id
            ORDER BY due_at
            LIMIT 1
        ) AS other
    )
)
SELECT claimed.*{columns} FROM claimed LEFT JOIN listings_job AS job ON job.id = claimed.id {joins}
"""

_FREE_ABANDONED = """
WITH gone AS (
    SELECT id, lease FROM listings_job AS job
    WHERE lease IS NOT NULL AND lease_until < %(locked_by)s AND NOT EXISTS (
        SELECT 1 FROM pg_locks
        WHERE locktype = 'advisory' AND classid = %(locks)s AND objid = job.worker_lock AND granted
    )
    LIMIT %(most)s
    FOR UPDATE SKIP LOCKED
)
UPDATE listings_job AS job SET lease = NULL, lease_until = NULL, worker_lock = NULL
FROM gone WHERE job.id = gone.id
RETURNING
    job.id, job.product_id, job.shop_id, gone.lease, job.generation, job.attempts, job.trigger, true, job.rank, false
"""

# From shop to shop by the index, and in each one only the first job of each rank: never all that wait.
_SHOPS = """
WITH RECURSIVE shop(id) AS (
    (SELECT shop_id FROM listings_job WHERE NOT blocked ORDER BY shop_id LIMIT 1)
    UNION ALL
    SELECT (
        SELECT shop_id FROM listings_job WHERE NOT blocked AND shop_id > shop.id ORDER BY shop_id LIMIT 1
    ) FROM shop WHERE shop.id IS NOT NULL
)
SELECT id FROM shop WHERE EXISTS (
    SELECT 1 FROM unnest(%(ranks)s::int[]) AS wanted(rank), LATERAL (
        SELECT 1 FROM listings_job
        WHERE shop_id = shop.id AND rank = wanted.rank AND NOT blocked AND due_at <= %(now)s
          AND (lease_until IS NULL OR lease_until < %(now)s)
        ORDER BY due_at
        LIMIT 1
    ) AS found
)
"""


def look_again(products: Iterable[Product], *, rank: Rank, trigger: str, now: datetime) -> None:
    """Open a job for each product, or add to the open one: the more urgent rank and the earlier time win."""
    rows = []
    # In the order of the products: two transactions that open jobs for the same ones never wait for each other.
    for product in sorted(products, key=lambda one: one.pk):
        pause = timedelta(0) if rank == Rank.STOCK_TO_ZERO or product.looked_at is None else PAUSE
        due = max(now, (product.looked_at or now) + pause)
        rows.append((product.pk, product.shop_id, rank.value, due, now, 1, 0, trigger[:60], False))
    if not rows:
        return
    with connection.cursor() as cursor:
        execute_values(cursor, _OPEN, rows, page_size=500)
    for shop_id in {row[1] for row in rows}:
        wake(DRAIN_URGENT if rank in URGENT else DRAIN, shop_id)


def in_hand(shop_id: int) -> Iterable[Product]:
    """Return the products that a worker has in hand: it may go by what has changed since it began."""
    return Product.objects.filter(shop=shop_id, job__lease__isnull=False)


def claim(
    shop_id: int,
    *,
    now: datetime,
    ranks: Sequence[int] = ALL,
    most: int = 1_000,
    worker_lock: int | None = None,
    also: ExtraColumns | None = None,
) -> Claim | None:
    """Take the shop's most urgent due job of these ranks, None when there is none. No two workers take the same.

    None also while `most` jobs of the shop are in hand. `worker_lock` names the worker's lock (`at_work`).
    """
    lease = uuid.uuid4()
    params: dict[str, Any] = {"shop": shop_id, "now": now, "ranks": list(ranks), "most": most}
    given: dict[str, Any] = {"lease": lease, "until": now + LEASE, "worker_lock": worker_lock}
    with connection.cursor() as cursor:
        _claiming(also or ExtraColumns()).run(cursor, params | given)
        row = cursor.fetchone()
    if row is None:
        return None
    job_id, product_id, shop, generation, attempts, trigger, interrupted, rank, more, *read = row
    return Claim(job_id, product_id, shop, lease, generation, attempts, trigger, interrupted, rank, more, read)


@lru_cache(maxsize=2)
def _claiming(also: ExtraColumns) -> Statement:
    return Statement(_CLAIM.format(columns=also.columns, joins=also.joins))


@contextmanager
def at_work() -> Iterator[int]:
    """Hold a lock that falls with this worker's database connection, so that its death is noticed at once.

    Yields its name, for the jobs that the worker claims meanwhile.
    """
    worker_lock = random.randrange(1, 2**31)  # noqa: S311 -- a name, not a secret
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s, %s)", [_LOCKS, worker_lock])
    try:
        yield worker_lock
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [_LOCKS, worker_lock])


def free_abandoned(*, now: datetime, most: int = 100) -> list[Claim]:
    """Free up to `most` claimed jobs whose worker is gone; returns its claims, for the log in the same transaction."""
    with connection.cursor() as cursor:
        cursor.execute(_FREE_ABANDONED, {"locked_by": now + LEASE - LOCKED_WITHIN, "locks": _LOCKS, "most": most})
        return [Claim(*row) for row in cursor.fetchall()]


def renew(taken: Claim, *, now: datetime) -> bool:
    """Renew the lease before a call or with a write; returns whether something was asked since the job was claimed.

    Raises LeaseLost when another worker has taken the job over.
    """
    with connection.cursor() as cursor:
        _RENEW.run(cursor, [now + LEASE, taken.job_id, taken.lease])
        row = cursor.fetchone()
    if row is None:
        raise LeaseLost
    return bool(row[0] != taken.generation)


def finish(taken: Claim, *, now: datetime, beside: ExtraWrites | None = None) -> None:
    """Close the job, unless something was asked since it was claimed: then it is due again."""
    _settle(taken, "DELETE FROM listings_job", [], due=now + PAUSE, attempts=0, beside=beside)


def wait_for_seller(
    taken: Claim, *, now: datetime, retry_at: datetime | None = None, beside: ExtraWrites | None = None
) -> None:
    """Keep the job until the seller has changed something, unless something was asked since it was claimed.

    `retry_at`: when it is tried again by itself; None: never.
    """
    waits = "UPDATE listings_job SET blocked = true, retry_due_at = %s, lease = NULL, lease_until = NULL"
    _settle(taken, waits, [retry_at], due=now + PAUSE, attempts=0, beside=beside)


def try_later(
    taken: Claim,
    *,
    due: datetime,
    attempts: int,
    now: datetime,
    beside: ExtraWrites | None = None,
    at_least: Rank = Rank.CATALOGUE,
) -> None:
    """Put the job back until `due`, or only for a moment if something was asked since it was claimed.

    `attempts` is how often it has failed so far; an edit that failed comes after those that did not. `at_least`: the
    least urgent rank that it may have.
    """
    rank = min(Rank.RETRY if attempts and taken.rank == Rank.EDIT else taken.rank, at_least)
    later = "UPDATE listings_job SET due_at = %s, attempts = %s, rank = %s, lease = NULL, lease_until = NULL"
    given = [due, attempts, int(rank)]
    _settle(taken, later, given, due=min(due, now + PAUSE), attempts=attempts, beside=beside)


def delay_s(attempt: int, *, at_least: float | None = None, dice: float | None = None) -> float:
    """Return the seconds to wait after the given attempt (from 1) failed for a transient reason.

    Doubles from FIRST_DELAY_S to LONGEST_DELAY_S, less up to a quarter by `dice` (0..1) so that many do not come back
    at once; never less than `at_least` seconds, which is what the outside asked for.
    """
    full = doubled_s(FIRST_DELAY_S, attempt - 1, most_s=LONGEST_DELAY_S)
    drawn = random.random() if dice is None else dice  # noqa: S311 -- jitter, not a secret
    return max(full * (1 - 0.25 * drawn), at_least or 0.0)


def blocked_jobs(shop_id: int) -> QuerySet[Job]:
    """Return the shop's jobs that wait for the seller."""
    return Job.objects.filter(shop_id=shop_id, blocked=True)


@transaction.atomic
def look_at_waiting(shop_id: int, *, now: datetime, span: Span = EVERYTHING) -> int:
    """Make the shop's blocked jobs due, those of the products in `span`. Returns how many.

    Rows are locked in the order of their products, as `look_again` does: neither waits for the other for ever.
    """
    blocked = blocked_jobs(shop_id).filter(**span.of("product")).order_by("product").select_for_update()
    again = {"blocked": False, "retry_due_at": None, "due_at": now, "attempts": 0}
    return Job.objects.filter(pk__in=blocked.values("pk"), blocked=True).update(**again)


@transaction.atomic
def retry_waiting(*, now: datetime, most: int = 500) -> int:
    """Make due what waits for the seller and is to be tried again by itself; returns how many, at most `most`."""
    ready = Job.objects.filter(blocked=True, retry_due_at__lte=now).order_by("retry_due_at")
    found = ready.select_for_update(skip_locked=True)[:most]
    return Job.objects.filter(pk__in=found.values("pk"), blocked=True).update(
        blocked=False, retry_due_at=None, due_at=now
    )


def shops_with_due_jobs(*, now: datetime, ranks: Sequence[int] = ALL) -> list[int]:
    """Return the shops that have something to do, for the sweeper."""
    with connection.cursor() as cursor:
        cursor.execute(_SHOPS, {"now": now, "ranks": list(ranks)})
        return [shop_id for (shop_id,) in cursor.fetchall()]


_RENEW = Statement("UPDATE listings_job SET lease_until = %s WHERE id = %s AND lease = %s RETURNING generation")

# What is asked in another transaction meanwhile is seen: where that one changed the job's row, PostgreSQL looks at the
# row as it has become, finds another count, and goes on with `put_back`, which looks at the new row too. Where neither
# finds the job, the lease is lost: the division by zero undoes the statement, and with it what is written beside.
_SETTLE = """
WITH {beside}settled AS (
    {settle} WHERE id = %s AND lease = %s AND generation = %s{after} RETURNING id
), put_back AS (
    UPDATE listings_job SET due_at = %s, attempts = %s, lease = NULL, lease_until = NULL
    WHERE id = %s AND lease = %s AND NOT EXISTS (SELECT FROM settled){after} RETURNING id
)
SELECT 1 / count(*) FROM (SELECT id FROM settled UNION ALL SELECT id FROM put_back) AS mine
"""


@dataclass(frozen=True)
class ExtraWrites:
    """What is written in the same statement as the job: parts of a WITH clause, and what they take.

    One of them is named `before`: the job's row is not touched before it is through.
    """

    sql: str
    given: Sequence[Any]


def _settle(
    taken: Claim, settle: str, given: Sequence[Any], *, due: datetime, attempts: int, beside: ExtraWrites | None
) -> None:
    """Do this with the job if nothing was asked since it was claimed; else it is due at `due` again.

    Raises LeaseLost, and writes nothing, where another worker has the job.
    """
    after = " AND EXISTS (SELECT FROM before)" if beside else ""
    sql = _SETTLE.format(beside=f"{beside.sql}, " if beside else "", settle=settle, after=after)
    mine = [taken.job_id, taken.lease]
    values = [*(beside.given if beside else ()), *given, *mine, taken.generation, due, attempts, *mine]
    with connection.cursor() as cursor:
        try:
            _statement(sql).run(cursor, values)
        except DataError as error:
            if isinstance(error.__cause__, DivisionByZero):
                raise LeaseLost from None
            raise


@lru_cache(maxsize=200)
def _statement(sql: str) -> Statement:
    return Statement(sql)
