"""Check which of the new listings Reverb has published, page by page instead of one by one.

Publishing is asynchronous, and what Reverb does not publish stays a draft (seen live). So the pages of drafts show it:
listings that are not on them are live, and each of ours that is on them gets a job, which finds the reason.
"""

from __future__ import annotations

from datetime import timedelta
from itertools import islice

from django.db import transaction
from django.db.models import QuerySet

from listings.models import Line, Listing, MassSync, Rank
from listings.queue import jobs
from reverbsync import clock
from shops.reverb.client import ReverbClient

#: Reverb publishes within a second or so, and its lists lag by some.
SETTLES = timedelta(seconds=15)
#: Pages of drafts that are read at most; with more, the new listings are checked one by one.
MAX_PAGES = 40
BATCH_SIZE = 500
State = MassSync.State


def step(sync: MassSync, client: ReverbClient) -> bool:
    """Check, or wait until it is possible; return whether to take another step at once. Raises ReverbError."""
    ours = Listing.objects.filter(
        shop=sync.shop_id, publish_looks__isnull=False, product__in=Line.objects.filter(sync=sync).values("product")
    ).exclude(product__job__isnull=False)
    newest = ours.order_by("-read_at").values_list("read_at", flat=True).first()
    now = clock.now()
    if newest is not None and now < newest + SETTLES:
        sync.due_at = newest + SETTLES
        sync.save(update_fields=["due_at"])
        return False
    if newest is not None:
        drafts = _drafts(client)
        if drafts is not None:
            ours.exclude(reverb_id__in=drafts).update(publish_looks=None, state="live")
        _look_at(ours)
    with transaction.atomic():
        if sync.goes_on():
            sync.state, sync.finished_at, sync.due_at = State.DONE, now, None
            sync.save(update_fields=["state", "finished_at", "due_at"])
    return False


def _look_at(listings: QuerySet[Listing]) -> None:
    """Open a job for each, in batches: there may be very many."""
    found = listings.order_by("pk").select_related("product").iterator(chunk_size=BATCH_SIZE)
    while products := [row.product for row in islice(found, BATCH_SIZE)]:
        jobs.look_again(products, rank=Rank.CATALOGUE, trigger="mass sync: not published", now=clock.now())


def _drafts(client: ReverbClient) -> set[str] | None:
    """Return the ids of all drafts, None if there are too many, or if the list shows fewer than it counts."""
    found: set[str] = set()
    for number in range(1, MAX_PAGES + 1):
        rows, total, more = client.index_page(number, "draft")
        found |= {row.id for row in rows}
        if not more:
            return found if len(found) >= total else None
    return None
