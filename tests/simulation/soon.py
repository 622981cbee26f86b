"""What must be right minutes after both sides work again, regardless of earlier failures."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from listings.models import Job, Product
from listings.queue import retry_delay
from reverbsync import clock
from reverbsync.backoff import doubled_s
from synclog.models import Entry
from tests.simulation.book import Item
from webhooks.models import Delivery

if TYPE_CHECKING:
    from tests.simulation.run import Run

#: Ending a listing is tried at least once a minute; the rest allows for a killed worker, an open breaker and slow
#: calls.
SOON_S = 200.0
#: A side that works again is noticed within half a minute; the rest allows for the same delays. What failed because it
#: did not respond then waits at most this long.
NOTICED_S, WAITS_AT_MOST = 100.0, timedelta(seconds=60)


def sold_out(run: Run) -> list[Item]:
    """Return the products that we know to be sold out, and that Reverb has on sale."""
    if run.story.ways["writes_per_minute"] < 100:
        return []  # the rate limit may take longer
    with run.processes.running("reader"):
        return [item for items in run.world.items for item in items if _is_known(run, item)]


def _is_known(run: Run, item: Item) -> bool:
    known = Product.objects.filter(shop=run.shops[item.shop], store_product_id=item.unit_id).first()
    if known is None or known.gone_at is not None or known.seen.stock != 0 or item.book.unsure:
        return False
    left, listing = max(item.book.units, run.world.in_store(item) or 0), run.world.listing(item)
    return left <= 0 and not item.deleted and run.world.linked(item) and run.world.shown(listing) > 0


def still_on_sale(run: Run, before: list[Item]) -> Iterator[tuple[int, str]]:
    """Yield a promise's number and message for each product on sale that was known as sold out when the story ended."""
    with run.processes.running("reader"):
        for item in before:
            if _is_known(run, item):
                yield 3, f"{item.sku} was known to be sold out {SOON_S:.0f} s ago and is still on sale on Reverb"


def waits_too_long(run: Run) -> Iterator[tuple[int, str]]:
    """Yield what is not due although the side that it waited for responds again."""
    with run.processes.running("reader"):
        yield from _waits_too_long()


def _waits_too_long() -> Iterator[tuple[int, str]]:
    late = clock.now() + WAITS_AT_MOST
    for job in Job.objects.filter(blocked=False, lease=None, attempts__gt=0, due_at__gt=late).select_related("product"):
        last = (
            Entry.objects.filter(shop=job.shop_id, store_product_id=job.product.store_product_id).order_by("pk").last()
        )
        if last is not None and last.reason == "try_later" and not _hurried(job):
            yield 1, f"{job.product.sku} waits {_left_s(job.due_at):.0f} s more for Reverb, which answers"
    for delivery in Delivery.objects.filter(state=Delivery.State.OPEN, faults=0, attempts__gt=0, due_at__gt=late):
        yield 1, f"a delivery waits {_left_s(delivery.due_at):.0f} s more for a side that answers: {delivery.topic}"


def _hurried(job: Job) -> bool:
    """Return whether it was expedited within its last delay, and failed again: it waits for the delay's end."""
    delay_s = doubled_s(retry_delay.FIRST_DELAY_S, job.attempts - 1, most_s=retry_delay.LONGEST_DELAY_S)
    return job.expedited_at is not None and job.due_at <= job.expedited_at + timedelta(seconds=delay_s)


def _left_s(due_at: datetime) -> float:
    return (due_at - clock.now()).total_seconds()
