"""The queue: at most one open job a product, no job taken twice, no change lost."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from listings.models import Job, Product, Rank
from listings.queue import blocked, expedite, jobs, retry_delay, settle_job, sql
from listings.queue.jobs import LEASE, Claim
from listings.queue.retry_delay import PAUSE
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
    jobs.look_again([product], rank=rank, trigger="test", now=NOON)


def take(shop: Shop, seconds: float = 0) -> Claim:
    """Claim a job that must be there."""
    taken = jobs.claim(shop.pk, now=NOON + timedelta(seconds=seconds))
    assert taken is not None
    return taken


def test_ten_changes_while_it_waits_are_one_job(product: Product) -> None:
    for _ in range(10):
        ask(product)
    assert Job.objects.get().generation == 10


def test_a_finished_job_is_gone(shop: Shop, product: Product) -> None:
    ask(product)
    settle_job.finish(take(shop), now=NOON)
    assert not Job.objects.exists()


def test_a_change_that_comes_while_the_job_runs_is_not_lost(shop: Shop, product: Product) -> None:
    ask(product)
    taken = take(shop)
    ask(product)
    settle_job.finish(taken, now=NOON)
    assert jobs.claim(shop.pk, now=NOON) is None
    assert take(shop, PAUSE.total_seconds()).generation == 2


def test_a_change_that_comes_while_the_job_runs_is_not_lost_to_waiting_either(shop: Shop, product: Product) -> None:
    ask(product)
    taken = take(shop)
    ask(product)
    settle_job.wait_for_seller(taken, now=NOON)
    assert not Job.objects.get().blocked


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
    assert jobs.free_abandoned(now=NOON + timedelta(seconds=1)) == []
    [lost] = jobs.free_abandoned(now=NOON + timedelta(seconds=4))
    assert (lost.product_id, lost.attempt) == (product.pk, 1)
    assert take(shop, 5).attempt == 2


def test_a_job_whose_worker_lives_is_left_to_it_however_long_it_takes(shop: Shop, product: Product) -> None:
    ask(product)
    with jobs.at_work() as worker_lock:
        assert jobs.claim(shop.pk, now=NOON, worker_lock=worker_lock)
        assert jobs.free_abandoned(now=NOON + timedelta(seconds=30)) == []
    assert len(jobs.free_abandoned(now=NOON + timedelta(seconds=30))) == 1


def test_who_lost_the_lease_can_no_longer_close_the_job(shop: Shop, product: Product) -> None:
    ask(product)
    slow = take(shop)
    take(shop, LEASE.total_seconds() + 1)
    with pytest.raises(jobs.LeaseLost), transaction.atomic():
        settle_job.finish(slow, now=NOON)
    assert Job.objects.exists()
    with pytest.raises(jobs.LeaseLost):
        jobs.renew(slow, now=NOON)


def test_the_most_urgent_job_comes_first(shop: Shop) -> None:
    calm, gone = product_of(shop), product_of(shop, store_product_id="22", sku="A2")
    ask(calm)
    ask(gone, Rank.STOCK_TO_ZERO)
    assert take(shop).product_id == gone.pk


def test_stock_comes_before_edits_then_retries_then_a_mass_sync(shop: Shop) -> None:
    ranks = [Rank.CATALOGUE, Rank.EDIT, Rank.STOCK, Rank.EDIT, Rank.STOCK_TO_ZERO]
    for number, rank in enumerate(ranks):
        ask(product_of(shop, store_product_id=str(number), sku=f"A{number}"), rank)
    Job.objects.filter(rank=Rank.EDIT, product__sku="A1").update(rank=Rank.RETRY)
    order = [take(shop).rank for _ in ranks]
    assert order == [Rank.STOCK_TO_ZERO, Rank.STOCK, Rank.EDIT, Rank.RETRY, Rank.CATALOGUE]


def test_an_edit_that_failed_is_tried_again_after_those_that_did_not(shop: Shop, product: Product) -> None:
    ask(product)
    settle_job.try_later(take(shop), due=NOON, attempts=1, now=NOON)
    assert Job.objects.get().rank == Rank.RETRY
    ask(product)
    assert Job.objects.get().rank == Rank.EDIT  # asked for again, it is an edit like any other


def test_stock_that_failed_stays_as_urgent_as_it_was(shop: Shop, product: Product) -> None:
    ask(product, Rank.STOCK_TO_ZERO)
    settle_job.try_later(take(shop), due=NOON, attempts=1, now=NOON)
    assert Job.objects.get().rank == Rank.STOCK_TO_ZERO


def test_what_the_rate_limiter_put_off_keeps_its_rank(shop: Shop, product: Product) -> None:
    ask(product)
    settle_job.try_later(take(shop), due=NOON, attempts=0, now=NOON)
    assert Job.objects.get().rank == Rank.EDIT


def test_who_takes_urgent_jobs_only_leaves_the_others(shop: Shop, product: Product) -> None:
    ask(product)
    assert jobs.claim(shop.pk, now=NOON, ranks=jobs.URGENT) is None
    ask(product, Rank.STOCK)
    assert jobs.claim(shop.pk, now=NOON, ranks=jobs.URGENT) is not None


def test_only_so_many_jobs_of_a_shop_are_in_hand_until_one_is_done_or_its_lease_is_over(shop: Shop) -> None:
    for number in range(4):
        ask(product_of(shop, store_product_id=str(number), sku=f"A{number}"))
    first = jobs.claim(shop.pk, now=NOON, most=2)
    assert first is not None
    assert jobs.claim(shop.pk, now=NOON, most=2)
    assert jobs.claim(shop.pk, now=NOON, most=2) is None
    settle_job.finish(first, now=NOON)
    assert jobs.claim(shop.pk, now=NOON, most=2)
    assert jobs.claim(shop.pk, now=NOON + LEASE * 2, most=2)


def test_who_claims_a_job_learns_whether_there_are_more(shop: Shop, product: Product) -> None:
    ask(product)
    ask(product_of(shop, store_product_id="22", sku="A2"))
    assert [take(shop).more, take(shop).more] == [True, False]


def test_a_claim_reads_a_handful_of_rows_however_many_wait_or_are_not_due_yet(shop: Shop) -> None:
    wait_in_masses(shop)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE listings_job, listings_product, listings_listing, listings_ledger, listings_order")
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql.CLAIM}", claiming(shop))
        [[[plan]]] = cursor.fetchall()
    assert 0 < rows_read(plan["Plan"]) < 30
    assert take(shop).rank == Rank.CATALOGUE


def rows_read(node: dict[str, Any]) -> float:
    """Return how many rows the scans of a plan found, and threw away: no pages, which dead rows fill as well."""
    inner = sum(rows_read(one) for one in node.get("Plans", ()))
    if "Relation Name" not in node or node["Node Type"] == "ModifyTable":
        return inner
    removed = sum(rows for name, rows in node.items() if name.startswith("Rows Removed by "))
    return float(inner + (node["Actual Rows"] + removed) * node["Actual Loops"])


def wait_in_masses(shop: Shop) -> None:
    """Let 5,000 edits be due in an hour, and as many jobs of a mass sync now."""
    fields = {"shop": shop, "title": "Guitar", "snapshot": {}, "read_at": NOON}
    products = Product.objects.bulk_create(
        Product(store_product_id=str(n), sku=str(n), **fields) for n in range(10_000)
    )
    hour = timedelta(hours=1)
    opened = {"shop": shop, "opened_at": NOON}
    later = [Job(product=one, rank=Rank.EDIT, due_at=NOON + hour, **opened) for one in products[::2]]
    Job.objects.bulk_create(
        later + [Job(product=one, rank=Rank.CATALOGUE, due_at=NOON, **opened) for one in products[1::2]]
    )


def claiming(shop: Shop) -> dict[str, Any]:
    """Return what the claim's statement is asked with."""
    params = {"shop": shop.pk, "now": NOON, "ranks": list(jobs.ALL), "most": 8}
    return {**params, "lease": uuid.uuid4(), "until": NOON + LEASE, "worker_lock": 1, "orders_since": NOON}


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
    settle_job.try_later(take(shop), due=NOON + timedelta(seconds=30), attempts=1, now=NOON)
    assert jobs.claim(shop.pk, now=NOON + timedelta(seconds=29)) is None
    assert take(shop, 30).attempt == 2


def test_a_job_that_waits_for_the_seller_is_not_taken_until_something_changes(shop: Shop, product: Product) -> None:
    ask(product)
    settle_job.wait_for_seller(take(shop), now=NOON)
    assert jobs.claim(shop.pk, now=NOON + timedelta(days=1)) is None
    ask(product)
    assert take(shop).attempt == 1


def test_changed_settings_free_the_jobs_that_wait(shop: Shop, product: Product) -> None:
    ask(product)
    settle_job.wait_for_seller(take(shop), now=NOON)
    assert blocked.look_at_waiting(shop.pk, now=NOON) == 1
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


def test_the_sweeper_sees_every_shop_once_and_those_with_urgent_jobs_apart(shop: Shop, product: Product) -> None:
    other, idle = shop_of(nora()), shop_of(nora())
    ask(product)
    ask(product_of(shop, store_product_id="22", sku="A2"))
    ask(product_of(other), Rank.STOCK)
    product_of(idle)
    assert jobs.shops_with_due_jobs(now=NOON) == sorted([shop.pk, other.pk])
    assert jobs.shops_with_due_jobs(now=NOON, ranks=jobs.URGENT) == [other.pk]


@pytest.mark.parametrize(
    ("attempt", "dice", "delay"),
    [
        (1, 0.0, 2.0),  # 2 × 2^0
        (1, 1.0, 1.5),  # less a quarter
        (4, 0.0, 16.0),  # 2 × 2^3
        (10, 0.0, 900.0),  # 1,024 is over the longest
        (60, 0.0, 900.0),
        (1_025, 0.0, 900.0),  # once a minute for 17 hours
    ],
)
def test_delays_grow_with_each_attempt_up_to_a_limit(attempt: int, dice: float, delay: float) -> None:
    assert retry_delay.delay_s(attempt, dice=dice) == delay


def test_a_delay_is_never_shorter_than_what_the_outside_asked_for() -> None:
    assert retry_delay.delay_s(1, at_least=60) == 60


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("wake_up", ["retry_waiting", "look_at_waiting", "reverb_is_back", "one_went_through"])
def test_what_waits_for_the_seller_is_woken_as_workers_do_it_outside_a_transaction(
    shop: Shop, product: Product, wake_up: str
) -> None:
    ask(product)
    Product.objects.update(waits_for="not_permitted")
    settle_job.wait_for_seller(take(shop), now=NOON, retry_at=NOON + timedelta(minutes=15))
    later = NOON + timedelta(minutes=16)
    assert jobs.claim(shop.pk, now=later) is None
    match wake_up:
        case "retry_waiting":
            blocked.retry_waiting(now=later - timedelta(minutes=2))
            assert Job.objects.get().blocked
            blocked.retry_waiting(now=later)
        case "look_at_waiting":
            blocked.look_at_waiting(shop.pk, now=later)
        case "reverb_is_back":
            expedite.reverb_is_back(shop.pk, now=later)
        case "one_went_through":
            expedite.one_went_through(shop.pk, reasons=["not_permitted"], now=later)
    take(shop, seconds=16 * 60)
