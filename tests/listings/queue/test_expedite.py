"""What expedites jobs: a side that is back, and a job that goes through. None is, again and again."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from listings.models import Job, Product, Rank
from listings.queue import expedite, jobs
from shops.models import Shop
from tests.people import NOON, olivia, product_of, shop_of

pytestmark = pytest.mark.django_db

MANY = 8
#: All of these jobs have failed so often; the delay after that is some 64 seconds.
ATTEMPTS = 6
DELAY = timedelta(seconds=64)
LATER = NOON + timedelta(minutes=10)


@pytest.fixture
def shop() -> Shop:
    """Return Olivia's shop, with many jobs that failed."""
    made = shop_of(olivia())
    for number in range(MANY):
        product = product_of(made, store_product_id=f"{number}", sku=f"S{number}")
        jobs.look_again([product], rank=Rank.EDIT, trigger="test", now=NOON)
    Job.objects.update(attempts=ATTEMPTS, due_at=LATER)
    return made


def due(now: datetime = NOON) -> set[int]:
    """Return the jobs that are due."""
    return set(Job.objects.filter(blocked=False, due_at__lte=now).values_list("pk", flat=True))


def fail_again(now: datetime = NOON) -> None:
    """Let what is due have been tried and have failed."""
    Job.objects.filter(pk__in=due(now)).update(due_at=LATER)


def test_when_a_side_is_back_a_few_of_the_jobs_that_failed_go_first(shop: Shop) -> None:
    expedite.reverb_is_back(shop.pk, now=NOON)
    assert len(due()) == expedite.FIRST


def test_when_a_side_is_back_once_more_others_go_first(shop: Shop) -> None:
    expedite.reverb_is_back(shop.pk, now=NOON)
    before = due()
    fail_again()
    expedite.store_is_back(shop.pk, now=NOON)
    assert len(due()) == expedite.FIRST
    assert not before & due()


def test_once_a_job_went_through_all_that_failed_are_due(shop: Shop) -> None:
    assert expedite.one_went_through(shop.pk, reasons=(), now=NOON) == MANY
    assert len(due()) == MANY


def test_what_gave_up_goes_on_once_a_job_went_through(shop: Shop) -> None:
    Job.objects.update(blocked=True)
    Product.objects.update(waits_for="gave_up")
    expedite.one_went_through(shop.pk, reasons=(), now=NOON)
    assert len(due()) == MANY


def test_a_job_is_brought_forward_once_in_each_of_its_own_delays(shop: Shop) -> None:
    expedite.one_went_through(shop.pk, reasons=(), now=NOON)
    fail_again()
    for seconds in range(0, 60, 5):
        expedite.one_went_through(shop.pk, reasons=(), now=NOON + timedelta(seconds=seconds))
    assert not due(NOON + DELAY - timedelta(seconds=1))
    assert len(due(NOON + DELAY)) == MANY


def test_a_job_that_waits_for_the_seller_and_was_brought_forward_just_now_is_due_after_its_delay(shop: Shop) -> None:
    """It has no date of its own: passed over, it would wait for good."""
    Job.objects.update(blocked=True, expedited_at=NOON)
    Product.objects.update(waits_for="token_refused")
    expedite.reverb_is_back(shop.pk, now=NOON + timedelta(seconds=1))
    assert not due(NOON + DELAY - timedelta(seconds=1))
    assert len(due(NOON + DELAY)) == MANY


def test_a_job_in_a_workers_hands_is_left_alone(shop: Shop) -> None:
    Job.objects.update(due_at=NOON)
    taken = jobs.claim(shop.pk, now=NOON)
    assert taken is not None
    Job.objects.update(due_at=LATER)
    expedite.one_went_through(shop.pk, reasons=(), now=NOON)
    assert taken.job_id not in due()
