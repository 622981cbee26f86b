"""Jobs that are blocked until the seller changes something."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from listings.models import Job
from reverbsync.database import EVERYTHING, Span


def blocked_jobs(shop_id: int) -> QuerySet[Job]:
    """Return the shop's jobs that are blocked until the seller changes something."""
    return Job.objects.filter(shop_id=shop_id, blocked=True)


@transaction.atomic
def look_at_waiting(shop_id: int, *, now: datetime, span: Span = EVERYTHING) -> int:
    """Unblock the shop's jobs of the products in `span` and make them due. Returns how many.

    Rows are locked in the order of their products, as in `look_again`, so that the two cannot deadlock.
    """
    blocked = blocked_jobs(shop_id).filter(**span.of("product")).order_by("product").select_for_update()
    again = {"blocked": False, "retry_due_at": None, "due_at": now, "attempts": 0}
    return Job.objects.filter(pk__in=blocked.values("pk"), blocked=True).update(**again)


@transaction.atomic
def retry_waiting(*, now: datetime, most: int = 500) -> int:
    """Unblock up to `most` jobs whose automatic retry is due. Returns how many."""
    ready = Job.objects.filter(blocked=True, retry_due_at__lte=now).order_by("retry_due_at")
    found = ready.select_for_update(skip_locked=True)[:most]
    return Job.objects.filter(pk__in=found.values("pk"), blocked=True).update(
        blocked=False, retry_due_at=None, due_at=now
    )
