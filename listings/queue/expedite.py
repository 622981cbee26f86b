"""Retry failed and blocked jobs early once the store or Reverb responds again.

An account may respond while its listings still fail. So a few of the failed jobs are retried first, and the first
success expedites the others. A job is expedited at most once per its own retry delay, however often the
API fails and recovers.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.db import transaction
from django.db.models import DateTimeField, DurationField, F, Func, Q, QuerySet, Value
from django.db.models.functions import Greatest, Least, Power

from listings.models import Job
from listings.queue import jobs, retry_delay
from reverbsync.database import BATCH_SIZE, batches
from reverbsync.dispatch.wake import wake

#: Reasons that block a job because of the store, and because of Reverb.
STORE_REASONS = ("store_refused", "store_takes_no_stock")
REVERB_REASONS = ("gave_up", "not_connected", "not_permitted", "still_on_sale", "token_refused")
#: How many failed jobs are retried first.
FIRST = 3


def store_is_back(shop_id: int, *, now: datetime) -> None:
    """Expedite jobs that failed or are blocked because of the store, which responds and accepts our keys again."""
    _is_back(shop_id, reasons=STORE_REASONS, now=now)


def reverb_is_back(shop_id: int, *, now: datetime) -> None:
    """Expedite jobs that failed or are blocked because of Reverb, which responds and accepts the token again."""
    _is_back(shop_id, reasons=REVERB_REASONS, now=now)


def one_went_through(shop_id: int, *, reasons: Collection[str], now: datetime) -> int:
    """Expedite a batch of failed jobs and of those blocked for these reasons. Returns how many.

    Jobs that gave up are included, since a job that had failed too has just succeeded.
    """
    return _expedite(_failed(shop_id, now) | _waiting(shop_id, {*reasons, "gave_up"}), now)


def _is_back(shop_id: int, *, reasons: Collection[str], now: datetime) -> None:
    ordered = _failed(shop_id, now).order_by(F("expedited_at").asc(nulls_first=True), "rank", "due_at")
    _expedite(Job.objects.filter(pk__in=list(ordered.values_list("pk", flat=True)[:FIRST])), now)
    for some in batches(_waiting(shop_id, reasons)):
        _expedite(some, now)
    wake(jobs.DRAIN_URGENT, shop_id)
    wake(jobs.DRAIN, shop_id)


def _failed(shop_id: int, now: datetime) -> QuerySet[Job]:
    return Job.objects.filter(shop=shop_id, blocked=False, attempts__gt=0, due_at__gt=now, lease__isnull=True)


def _waiting(shop_id: int, reasons: Collection[str]) -> QuerySet[Job]:
    mine = Job.objects.filter(shop=shop_id, blocked=True, lease__isnull=True)
    return mine.filter(product__waits_for__in=reasons)


@transaction.atomic
def _expedite(rows: QuerySet[Job], now: datetime) -> int:
    """Make jobs due, or at the end of their delay if they were expedited within it. Returns how many moved.

    Rows are locked in the order of their products, as in `jobs.look_again`, so that the two cannot deadlock.
    """
    locked = rows.order_by("product").select_for_update(skip_locked=True, of=("self",))[:BATCH_SIZE]
    found = Job.objects.filter(pk__in=locked.values("pk"), lease__isnull=True).annotate(soonest=_soonest(now))
    moved = found.filter(Q(blocked=True) | Q(due_at__gt=F("soonest")))
    return moved.update(blocked=False, retry_due_at=None, due_at=F("soonest"), expedited_at=F("soonest"))


def _soonest(now: datetime) -> Greatest:
    """Return the earliest time at which a job may be due: `retry_delay.delay_s` after it was last expedited."""
    doubled = Value(retry_delay.FIRST_DELAY_S) * Power(Value(2.0), Least(F("attempts"), Value(20)) - Value(1))
    delay = Func(
        Least(doubled, Value(retry_delay.LONGEST_DELAY_S)),
        function="make_interval",
        template="%(function)s(secs => %(expressions)s)",
        output_field=DurationField(),
    )
    return Greatest(Value(now), F("expedited_at") + delay, output_field=DateTimeField())
