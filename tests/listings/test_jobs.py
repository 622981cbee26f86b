"""The queue: at most one open job a product, no job taken twice, no change lost."""

from __future__ import annotations

from datetime import timedelta

import pytest

from listings import jobs
from listings.jobs import LEASE, PAUSE, Claim
from listings.models import Job, Product, Rank
from shops.models import Shop
from tests.people import NOON, nora, olivia, product_of, shop_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop() -> Shop:
    """Return Olivia's shop."""
    return shop_of(olivia())


@pytest.fixture
def product(shop: Shop) -> Product:
    """Return a product of it."""
    return product_of(shop)


def ask(product: Product, rank: Rank = Rank.EDIT) -> None:
    """Open a job at noon."""
    jobs.look_again([product], rank=rank, cause="test", now=NOON)


def take(shop: Shop, seconds: float = 0) -> Claim:
    """Claim a job that must be there."""
    taken = jobs.claim(shop.pk, now=NOON + timedelta(seconds=seconds))
    assert taken is not None
    return taken


def test_ten_changes_while_it_waits_are_one_job(product: Product) -> None:
    for _ in range(10):
        ask(product)
    assert Job.objects.get().asked == 10


def test_a_finished_job_is_gone(shop: Shop, product: Product) -> None:
    ask(product)
    jobs.finish(take(shop), now=NOON)
    assert not Job.objects.exists()


def test_a_change_that_comes_while_the_job_runs_is_not_lost(shop: Shop, product: Product) -> None:
    ask(product)
    taken = take(shop)
    ask(product)
    jobs.finish(taken, now=NOON)
    assert jobs.claim(shop.pk, now=NOON) is None
    assert take(shop, PAUSE.total_seconds()).asked == 2


def test_a_change_that_comes_while_the_job_runs_is_not_lost_to_waiting_either(shop: Shop, product: Product) -> None:
    ask(product)
    taken = take(shop)
    ask(product)
    jobs.wait_for_seller(taken, now=NOON)
    assert not Job.objects.get().waiting


def test_no_two_workers_take_the_same_job(shop: Shop, product: Product) -> None:
    ask(product)
    take(shop)
    assert jobs.claim(shop.pk, now=NOON) is None


def test_a_job_whose_worker_died_is_free_when_the_lease_runs_out(shop: Shop, product: Product) -> None:
    ask(product)
    take(shop)
    again = take(shop, LEASE.total_seconds() + 1)
    assert again.interrupted
    assert again.attempt == 2


def test_a_job_whose_worker_is_gone_is_noticed_long_before(shop: Shop, product: Product) -> None:
    ask(product)
    take(shop)
    assert jobs.free_abandoned(now=NOON + timedelta(seconds=1)) == 0
    assert jobs.free_abandoned(now=NOON + timedelta(seconds=4)) == 1
    assert take(shop, 5).interrupted


def test_a_job_whose_worker_lives_is_left_to_it_however_long_it_takes(shop: Shop, product: Product) -> None:
    ask(product)
    with jobs.locked(take(shop)):
        assert jobs.free_abandoned(now=NOON + timedelta(seconds=30)) == 0
    assert jobs.free_abandoned(now=NOON + timedelta(seconds=30)) == 1


def test_who_lost_the_lease_can_no_longer_close_the_job(shop: Shop, product: Product) -> None:
    ask(product)
    slow = take(shop)
    take(shop, LEASE.total_seconds() + 1)
    jobs.finish(slow, now=NOON)
    assert Job.objects.exists()
    with pytest.raises(jobs.LeaseLost):
        jobs.renew(slow, now=NOON)


def test_the_most_urgent_job_comes_first(shop: Shop) -> None:
    calm, gone = product_of(shop), product_of(shop, store_product_id="22", sku="A2")
    ask(calm)
    ask(gone, Rank.STOCK_TO_ZERO)
    assert take(shop).product_id == gone.pk


def test_the_more_urgent_request_wins(shop: Shop, product: Product) -> None:
    ask(product, Rank.EDIT)
    ask(product, Rank.STOCK_TO_ZERO)
    ask(product, Rank.STOCK)
    assert Job.objects.get().rank == Rank.STOCK_TO_ZERO


def test_a_product_is_looked_at_no_oftener_than_the_pause_unless_its_stock_went_to_zero(
    shop: Shop, product: Product
) -> None:
    product.looked_at = NOON
    ask(product)
    assert jobs.claim(shop.pk, now=NOON) is None
    ask(product, Rank.STOCK_TO_ZERO)
    assert jobs.claim(shop.pk, now=NOON) is not None


def test_a_job_put_back_is_due_later(shop: Shop, product: Product) -> None:
    ask(product)
    jobs.try_later(take(shop), due=NOON + timedelta(seconds=30), attempts=1, now=NOON)
    assert jobs.claim(shop.pk, now=NOON + timedelta(seconds=29)) is None
    assert take(shop, 30).attempt == 2


def test_a_job_that_waits_for_the_seller_is_not_taken_until_something_changes(shop: Shop, product: Product) -> None:
    ask(product)
    jobs.wait_for_seller(take(shop), now=NOON)
    assert jobs.claim(shop.pk, now=NOON + timedelta(days=1)) is None
    ask(product)
    assert take(shop).attempt == 1


def test_changed_settings_free_the_jobs_that_wait(shop: Shop, product: Product) -> None:
    ask(product)
    jobs.wait_for_seller(take(shop), now=NOON)
    assert jobs.look_at_waiting(shop.pk, now=NOON) == 1
    assert take(shop)


def test_a_shop_never_gets_another_shops_job(product: Product) -> None:
    ask(product)
    assert jobs.claim(shop_of(nora()).pk, now=NOON) is None


def test_the_sweeper_sees_shops_with_due_or_abandoned_jobs_only(shop: Shop, product: Product) -> None:
    ask(product)
    assert jobs.shops_with_due_jobs(now=NOON) == [shop.pk]
    take(shop)
    assert jobs.shops_with_due_jobs(now=NOON) == []
    assert jobs.shops_with_due_jobs(now=NOON + LEASE + timedelta(seconds=1)) == [shop.pk]


@pytest.mark.parametrize(
    ("attempt", "dice", "delay"),
    [
        (1, 0.0, 2.0),  # 2 × 2^0
        (1, 1.0, 1.5),  # less a quarter
        (4, 0.0, 16.0),  # 2 × 2^3
        (10, 0.0, 900.0),  # 1,024 is over the longest
        (60, 0.0, 900.0),
    ],
)
def test_delays_grow_with_each_attempt_up_to_a_limit(attempt: int, dice: float, delay: float) -> None:
    assert jobs.delay_s(attempt, dice=dice) == delay


def test_a_delay_is_never_shorter_than_what_the_outside_asked_for() -> None:
    assert jobs.delay_s(1, at_least=60) == 60
