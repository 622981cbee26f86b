"""Celery tasks: drain a shop's jobs, continue a crawl of its store, and sweep for due work.

One message is one short slice of work for one shop, and a shop has at most one message waiting. So workers serve the
shops in turn, however much one of them has waiting. While more is due, a drain wakes a helper, so that several of a
shop's jobs are in flight; `claim` bounds how many.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import TypeVar

from celery import shared_task
from django.conf import settings

from listings.intake import crawl_slices, crawls, read_again, rechecks, scheduled_reads
from listings.mass_sync import run
from listings.models import Rank
from listings.queue import blocked, jobs
from listings.sync import recover
from listings.sync.attempt import attempt
from listings.upkeep import compare, review
from reverbsync import clock
from reverbsync.contained import each_by_itself
from reverbsync.dispatch.concurrency import share
from reverbsync.dispatch.locks import try_lock
from reverbsync.dispatch.scheduling import Sweep
from reverbsync.dispatch.slices import one_slice
from reverbsync.dispatch.wake import awake, wake, wake_all
from reverbsync.ratelimit import current_work
from shops.models import ReverbConnection, StoreConnection
from shops.reverb.client import ReverbClient

logger = logging.getLogger(__name__)

Work = TypeVar("Work")

#: How long one drain occupies a worker before the shop is enqueued again behind the others.
SLICE_S = 1.0
#: Stock does not wait for the shop's other jobs in flight.
URGENT_IN_FLIGHT = 100
#: A shop's drains use at most one part in this many of a worker's threads.
URGENT_PARTS, BULK_PARTS = 6, 2


@shared_task(name=jobs.DRAIN)
def drain(shop_id: int) -> None:
    """Run the shop's due jobs, most urgent first, for one slice. Several workers may drain one shop."""
    awake(jobs.DRAIN, shop_id)
    with share.of(jobs.DRAIN, shop_id, parts=BULK_PARTS) as within:
        if within:
            _drain(jobs.DRAIN, shop_id, jobs.ALL, settings.REVERB_JOBS_IN_FLIGHT)


@shared_task(name=jobs.DRAIN_URGENT)
def drain_urgent(shop_id: int) -> None:
    """Run the shop's stock jobs, those to zero first, for one slice."""
    awake(jobs.DRAIN_URGENT, shop_id)
    with share.of(jobs.DRAIN_URGENT, shop_id, parts=URGENT_PARTS) as within:
        if within:
            _drain(jobs.DRAIN_URGENT, shop_id, jobs.URGENT, URGENT_IN_FLIGHT)


def _drain(task: str, shop_id: int, ranks: Sequence[int], most: int) -> None:
    if _must_wait(shop_id, in_bulk=task == jobs.DRAIN):
        return  # the sweeper comes back when the rate limiter allows calls again
    over = clock.monotonic() + SLICE_S
    with jobs.at_work() as worker_lock, current_work.in_lots() as work:
        helped = False
        while clock.monotonic() < over:
            taken = jobs.claim(shop_id, now=clock.now(), ranks=ranks, most=most, worker_lock=worker_lock)
            if taken is None:
                return
            if taken.more and not helped:
                wake(task, shop_id)
                helped = True
            work.in_bulk = taken.rank > Rank.STOCK
            attempt(taken)
            if work.refused:
                return
    wake(task, shop_id)


@shared_task(name=crawls.CRAWL)
def crawl(shop_id: int) -> None:
    """Continue one of the shop's crawls for one slice; the next slice is a new message, behind the other shops."""
    _one_slice(crawls.CRAWL, shop_id, crawls.due, crawl_slices.run_slice)


@shared_task(name=rechecks.RECHECK)
def recheck(shop_id: int) -> None:
    """Read again, for one slice, the shop's products that could not be read."""
    _one_slice(rechecks.RECHECK, shop_id, rechecks.due, read_again.run_slice)


@shared_task(name=scheduled_reads.LOOK)
def look_at_dated(shop_id: int) -> None:
    """Read the shop's products that are due, e.g. because a sale has ended, for one slice."""
    _one_slice(scheduled_reads.LOOK, shop_id, scheduled_reads.due, scheduled_reads.run_slice)


@shared_task(name=run.MASS)
def mass_sync(shop_id: int) -> None:
    """Continue the shop's mass sync for one slice."""
    with current_work.bulk():
        _one_slice(run.MASS, shop_id, run.due, run.run_slice)


@shared_task(name=review.REVIEW)
def review_shop(shop_id: int) -> None:
    """Continue for one slice the review that follows changed settings or a changed connection."""
    _one_slice(review.REVIEW, shop_id, review.due, review.run_slice)


def _one_slice(task: str, shop_id: int, due: Callable[[int], Work | None], run_slice: Callable[[Work], object]) -> None:
    """Run one slice of what is due for the shop, and enqueue the next one while more is due."""

    def work() -> bool | None:
        found = due(shop_id) if not _is_clearing(shop_id) else None
        if found is None:
            return False
        run_slice(found)
        return None

    one_slice(task, shop_id, work, is_due=lambda: due(shop_id) is not None)


@shared_task(name=compare.COMPARE)
def compare_listings() -> None:
    """Compare the next part of all listings with their products."""
    with try_lock(compare.COMPARE, 0) as alone:
        if alone:
            compare.run_slice()


@shared_task(name="listings.sweep", base=Sweep)
def sweep() -> None:
    """Wake the shops that have something due: delayed jobs and crawls, and those whose wake-up or worker was lost."""
    each_by_itself(
        recover.free,
        lambda: blocked.retry_waiting(now=clock.now()),
        lambda: wake_all(jobs.DRAIN_URGENT, jobs.shops_with_due_jobs(now=clock.now(), ranks=jobs.URGENT)),
        lambda: wake_all(jobs.DRAIN, jobs.shops_with_due_jobs(now=clock.now())),
        lambda: wake_all(review.REVIEW, review.shops_with_due_ones()),
        lambda: wake_all(crawls.CRAWL, crawls.shops_with_due_ones()),
        lambda: wake_all(scheduled_reads.LOOK, scheduled_reads.shops_with_due_ones()),
        lambda: wake_all(rechecks.RECHECK, rechecks.shops_with_due_ones()),
        lambda: wake_all(run.MASS, run.shops_with_due_ones()),
    )


def _is_clearing(shop_id: int) -> bool:
    """Return whether the data about the shop's products belongs to a previously connected store."""
    return StoreConnection.objects.filter(shop=shop_id, clearing_since__isnull=False).exists()


def _must_wait(shop_id: int, *, in_bulk: bool) -> bool:
    if _is_clearing(shop_id):
        return True
    connection = ReverbConnection.objects.filter(shop=shop_id).first()
    if connection is None:
        return False
    with current_work.bulk(in_bulk):
        return ReverbClient.of(connection).must_wait()
