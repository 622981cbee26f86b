"""Celery task: delete old entries."""

from __future__ import annotations

from datetime import timedelta

from celery import shared_task
from django.conf import settings

from reverbsync import clock
from synclog.models import Entry

BATCH = 10_000


@shared_task(name="synclog.prune")
def prune() -> None:
    """Delete entries older than KEEP_ENTRIES_DAYS, in batches."""
    before = clock.now() - timedelta(days=settings.KEEP_ENTRIES_DAYS)
    old = Entry.objects.filter(at__lt=before).order_by("at").values("pk")[:BATCH]
    while Entry.objects.filter(pk__in=old).delete()[0] == BATCH:
        pass
