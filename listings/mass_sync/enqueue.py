"""Enqueue the plan in batches, and check whether it is complete."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.db.models import Q

from listings.models import Job, Line, Listing, MassSync, Product, Rank
from listings.queue import jobs
from reverbsync import clock
from reverbsync.database import next_span
from shops.reverb.client import ReverbClient

#: Lines in progress at most: enough to keep all workers busy for a while.
WINDOW = 300
LOOK_AGAIN = timedelta(seconds=1)
#: How many listings are made between two checks whether Reverb has more than we know of.
MADE_BETWEEN_COUNTS = 100
State, Lines = MassSync.State, Line.State


def let_go(sync: MassSync) -> None:
    """Release the next batch of products that get no call: the seller has seen what becomes of them.

    Those that get a call are released one by one as they are enqueued, so that a cancelled run leaves the rest pending.
    """
    rest = Line.objects.filter(sync=sync).exclude(kind__in=Line.CALLS)
    span = next_span(rest, "product", after=sync.let_go_up_to or 0)
    if span is not None:
        some = rest.filter(**span.of("product"))
        Product.objects.filter(pending_first_sync=True, pk__in=some.values("product")).update(pending_first_sync=False)
        # Those in sync were compared, so settings that are saved later need not open a job for each. What was read
        # since the run began may be newer than the comparison.
        in_sync = some.filter(kind=Line.Kind.NOTHING).values("product")
        Product.objects.filter(looked_at__isnull=True, pk__in=in_sync).update(looked_at=sync.begun_at)
    sync.let_go_up_to = None if span is None else span.until
    sync.save(update_fields=["let_go_up_to"])


def step(sync: MassSync, client: ReverbClient) -> bool:
    """Fill the window; return True if there is nothing to do but wait. Raises ReverbError."""
    _found_again(sync)
    under_way = Line.objects.filter(sync=sync, state=Lines.QUEUED).count()
    todo = Line.objects.filter(sync=sync, state=Lines.OPEN, kind__in=Line.CALLS)
    if under_way > WINDOW // 2:
        return True
    lines = list(todo.select_related("product").order_by("priority", "pk")[: WINDOW - under_way])
    if lines:
        if any(line.kind == Line.Kind.CREATE for line in lines):
            _count(sync, client)
        _queue(sync, lines)
        return True
    if under_way:
        return True
    with transaction.atomic():
        if sync.goes_on():
            sync.state, sync.due_at = State.CONFIRMING, clock.now()
            sync.save(update_fields=["state", "due_at"])
    return False


def _queue(sync: MassSync, lines: list[Line]) -> None:
    products = [line.product for line in lines]
    keys = [product.pk for product in products]
    now = clock.now()
    ends = {line.product_id for line in lines if line.kind == Line.Kind.END}
    with transaction.atomic():
        # The run may have been paused meanwhile: then nothing is enqueued.
        if not sync.goes_on():
            return
        queued = Line.objects.filter(pk__in=[line.pk for line in lines])
        queued.filter(product__pending_first_sync=True).update(was_pending_first_sync=True)
        queued.update(state=Lines.QUEUED)
        Product.objects.filter(pk__in=keys, pending_first_sync=True).update(pending_first_sync=False)
        jobs.look_again(
            [one for one in products if one.pk in ends], rank=Rank.STOCK_TO_ZERO, trigger=jobs.MASS, now=now
        )
        rest = [one for one in products if one.pk not in ends]
        jobs.look_again(rest, rank=Rank.CATALOGUE, trigger=jobs.MASS, now=now)


def _found_again(sync: MassSync) -> None:
    """Reopen lines in progress without a job: it was finished without a result, or taken back."""
    Line.objects.filter(sync=sync, state=Lines.QUEUED, product__job__isnull=True).update(state=Lines.OPEN)


def _count(sync: MassSync, client: ReverbClient) -> None:
    """Check whether someone else creates listings: then those to be made are looked up first, each by its SKU.

    Between two checks Reverb prevents a second listing, since it rejects a SKU that it has.
    """
    settled = Line.objects.filter(sync=sync, kind=Line.Kind.CREATE, state__in=(Lines.DONE, Lines.FAILED)).count()
    if settled < sync.made_checked + MADE_BETWEEN_COUNTS and sync.made_checked:
        return
    there = client.count()
    # Counted after the call to Reverb, so that listings made meanwhile are not attributed to somebody else.
    made = _made(sync)
    if there > sync.total + made:
        Listing.objects.filter(shop=sync.shop_id, reverb_id="", indexed_at__isnull=False).update(indexed_at=None)
    sync.made, sync.made_checked = made, max(1, settled)
    sync.save(update_fields=["made", "made_checked"])


def _made(sync: MassSync) -> int:
    """Return how many listings this run made, including those that a call in flight may have made."""
    begun = Q(product__listing__post_started_at__isnull=False) | ~Q(product__listing__reverb_id="")
    lines = Line.objects.filter(sync=sync, kind=Line.Kind.CREATE).exclude(state=Lines.OPEN)
    return lines.filter(begun, product__listing__isnull=False).count()


def take_back(sync: MassSync) -> None:
    """Remove this run's jobs from the queue.

    Jobs that a worker holds are finished, and so are those that others requested too.
    """
    waiting = Line.objects.filter(sync=sync, state=Lines.QUEUED)
    jobs_of_it = Job.objects.filter(trigger=jobs.MASS, product__in=waiting.values("product"))
    alone = jobs_of_it.filter(lease__isnull=True, blocked=False, generation=1)
    were_pending = waiting.filter(was_pending_first_sync=True, product__in=alone.values("product"))
    Product.objects.filter(pk__in=were_pending.values("product")).update(pending_first_sync=True)
    alone.delete()
    waiting.filter(product__job__isnull=True).update(state=Lines.OPEN)
