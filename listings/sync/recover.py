"""Free jobs whose worker died, and log it, in one transaction."""

from __future__ import annotations

from django.db import transaction

from listings.models import Listing, Product
from listings.queue import jobs
from listings.sync import log
from listings.sync.log import Ending
from reverbsync import clock
from synclog.models import Entry
from synclog.record import record

#: Jobs per transaction: a dead worker held one per thread, so more than these are rare.
BATCH_SIZE = 50


def free() -> None:
    """Free what dead workers had claimed, and log it at once: the next worker may die before it could."""
    while _free_some() == BATCH_SIZE:
        pass


@transaction.atomic
def _free_some() -> int:
    found = jobs.free_abandoned(now=clock.now(), most=BATCH_SIZE)
    for lost in found:
        product = Product.objects.get(pk=lost.product_id)
        link = Listing.objects.filter(product=product).values_list("link", flat=True).first() or ""
        ending = Ending(Entry.Outcome.FAILED, "interrupted")
        record(log.attempt_of(product, link, lost, ending, took_ms=0, attempt=lost.attempt))
    return len(found)
