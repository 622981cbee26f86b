"""A job ends while another worker asks for its product: nothing that was asked is lost, and nobody is stuck."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
from django.db import connection, transaction

from listings.models import Job, Product, Rank
from listings.queue import jobs, retry_delay, settle_job
from listings.queue.jobs import Claim
from listings.sync import rows
from shops.models import Shop
from synclog.models import Entry
from synclog.record import Attempt
from tests.people import NOON, olivia, product_of, shop_of

pytestmark = pytest.mark.django_db(transaction=True)

End = Callable[..., None]


@pytest.fixture
def shop() -> Iterator[Shop]:
    """Return Olivia's shop."""
    yield shop_of(olivia())  # noqa: PT022 -- torn down with the database


def ended(product: Product, taken: Claim, ended: threading.Event, end: End) -> None:
    """End an attempt, on a line of its own."""
    entry = Attempt(shop_id=product.shop_id, at=NOON, outcome=Entry.Outcome.NOTHING, reason="in_sync")
    end_of_attempt = rows.ended(product, None, entry, looked_at=NOON, waits_for="", line=None)
    try:
        end(taken, now=NOON, attempt=end_of_attempt)
        ended.set()
    finally:
        connection.close()


def later(taken: Claim, **more: object) -> None:
    """Put the job back for an hour."""
    settle_job.try_later(taken, due=NOON.replace(hour=13), attempts=1, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("end", [settle_job.finish, settle_job.wait_for_seller, later])
def test_what_is_asked_while_the_end_waits_for_it_is_looked_at(shop: Shop, end: End) -> None:
    product = product_of(shop)
    jobs.look_again([product], rank=Rank.EDIT, trigger="test", now=NOON)
    taken = jobs.claim(shop.pk, now=NOON)
    assert taken is not None
    done = threading.Event()
    worker = threading.Thread(target=ended, args=(product, taken, done, end))
    with transaction.atomic():
        # As intake does: the product first, then its job.
        Product.objects.filter(pk=product.pk).update(title="Another")
        worker.start()
        assert not done.wait(0.3)
        jobs.look_again([product], rank=Rank.EDIT, trigger="news", now=NOON)
    worker.join(10)
    assert done.is_set()
    job = Job.objects.get()
    assert (job.lease, job.blocked, job.trigger, job.generation) == (None, False, "news", 2)
    assert job.due_at <= NOON + retry_delay.PAUSE
    product.refresh_from_db()
    assert (product.title, product.looked_at) == ("Another", NOON)
    assert Entry.objects.count() == 1


def test_who_lost_the_job_leaves_it_to_the_other_and_writes_nothing(shop: Shop) -> None:
    product = product_of(shop)
    jobs.look_again([product], rank=Rank.EDIT, trigger="test", now=NOON)
    slow = jobs.claim(shop.pk, now=NOON)
    quick = jobs.claim(shop.pk, now=NOON + 2 * jobs.LEASE)
    assert slow is not None and quick is not None  # noqa: PT018 -- both are needed
    for end in (settle_job.finish, settle_job.wait_for_seller, later):
        with pytest.raises(jobs.LeaseLost):
            ended(product, slow, threading.Event(), end)
    product.refresh_from_db()
    assert (Job.objects.get().lease, product.looked_at, Entry.objects.count()) == (quick.lease, None, 0)
