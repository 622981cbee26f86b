"""Drains: short slices, a helper while there is more, and no waiting for the rate limit with a job in hand."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from pytest_django.fixtures import Settings

from listings import tasks
from listings.models import Job, Rank
from listings.queue import jobs, settle_job
from listings.queue.jobs import Claim
from reverbsync import clock
from reverbsync.celery import app
from reverbsync.dispatch import wake
from reverbsync.dispatch.concurrency import share
from reverbsync.env import ROOT
from reverbsync.ratelimit import current_work, limiter
from reverbsync.ratelimit.budget import Budget, NotNow
from reverbsync.redis import connection
from sandbox.stack import run
from shops.models import ReverbConnection, Shop
from shops.reverb import limits
from synclog.models import Entry
from tests.listings.woken import Woken
from tests.people import nora, olivia, product_of, shop_of

pytestmark = pytest.mark.django_db


class World(Woken):
    """Collects wake-ups and attempts."""

    def __init__(self) -> None:
        super().__init__()
        self.tried: list[tuple[int, bool]] = []

    def attempt(self, taken: Claim) -> None:
        """Do a job at once."""
        work = current_work.current.get()
        self.tried.append((taken.rank, work is not None and work.in_bulk))
        settle_job.finish(taken, now=clock.now())


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> object:
    """Let drains run without Celery and without Reverb."""
    connection().flushdb()
    made = World()
    monkeypatch.setattr(tasks, "attempt", made.attempt)
    monkeypatch.setattr("django.db.transaction.on_commit", lambda run: run())
    with wake.carried_by(made):
        yield made


@pytest.fixture
def shop() -> Shop:
    """Return Olivia's shop."""
    return shop_of(olivia())


def open_jobs(shop: Shop, *ranks: Rank) -> None:
    """Open a job of each rank for a product of its own."""
    for number, rank in enumerate(ranks):
        product = product_of(shop, store_product_id=f"{rank}-{number}", sku=f"{rank}-{number}")
        jobs.look_again([product], rank=rank, trigger="test", now=clock.now())


def test_stock_is_woken_on_a_queue_of_its_own(world: World, shop: Shop) -> None:
    open_jobs(shop, Rank.EDIT, Rank.STOCK_TO_ZERO, Rank.STOCK)
    assert world.found == [(jobs.DRAIN, shop.pk), (jobs.DRAIN_URGENT, shop.pk), (jobs.DRAIN_URGENT, shop.pk)]


@pytest.mark.parametrize(
    ("queue", "tasks_of_it"),
    [
        ("urgent", [jobs.DRAIN_URGENT, "listings.sweep", "webhooks.sweep", "orders.sweep", "shops.sweep"]),
        ("sales", ["webhooks.hand_over_sales", "webhooks.hand_over_reverb_sales"]),
        ("orders", ["listings.orders"]),
        ("hooks", ["webhooks.hand_over", "webhooks.hand_over_reverb"]),
        ("sync", [jobs.DRAIN, "listings.crawl", "listings.upkeep.review", "webhooks.prune", "webhooks.delete_shops"]),
    ],
)
def test_each_kind_of_work_has_its_queue(queue: str, tasks_of_it: list[str]) -> None:
    assert {wake.queue_of(task) for task in tasks_of_it} == {queue}


def test_each_queue_is_served_by_a_worker_of_its_own_in_the_stack_and_in_compose() -> None:
    app.loader.import_default_modules()
    queues = {wake.queue_of(name) for name in app.tasks if not name.startswith("celery.")}
    assert sorted(served for _, served, _, _ in run.WORKERS) == sorted(queues)
    compose = (ROOT / "docker-compose.yml").read_text()
    assert sorted(re.findall(r'"-Q", "([\w,]+)"', compose)) == sorted(queues)


def test_threads_for_what_is_urgent_take_nothing_else(world: World, shop: Shop) -> None:
    open_jobs(shop, Rank.EDIT, Rank.STOCK, Rank.STOCK_TO_ZERO, Rank.CATALOGUE)
    tasks.drain_urgent(shop.pk)
    assert [rank for rank, _ in world.tried] == [Rank.STOCK_TO_ZERO, Rank.STOCK]
    assert Job.objects.count() == 2


def test_a_drain_does_all_and_only_stock_may_use_the_reserve(world: World, shop: Shop) -> None:
    open_jobs(shop, Rank.CATALOGUE, Rank.EDIT, Rank.STOCK)
    tasks.drain(shop.pk)
    assert world.tried == [(Rank.STOCK, False), (Rank.EDIT, True), (Rank.CATALOGUE, True)]


def test_while_there_is_more_a_helper_is_woken_once(world: World, shop: Shop) -> None:
    open_jobs(shop, *[Rank.EDIT] * 4)
    world.found.clear()
    tasks.drain(shop.pk)
    assert world.found == [(jobs.DRAIN, shop.pk)]


def test_one_job_alone_wakes_nobody(world: World, shop: Shop) -> None:
    open_jobs(shop, Rank.EDIT)
    world.found.clear()
    tasks.drain(shop.pk)
    assert (world.found, len(world.tried)) == ([], 1)


def test_after_its_turn_a_shop_queues_up_again_behind_the_others(
    world: World, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_jobs(shop, *[Rank.EDIT] * 3)
    world.found.clear()
    monkeypatch.setattr(tasks, "SLICE_S", 1e-9)
    monkeypatch.setattr(clock, "monotonic", iter(range(100)).__next__)
    tasks.drain(shop.pk)
    assert len(world.tried) < 3
    assert world.found[-1] == (jobs.DRAIN, shop.pk)


def test_while_enough_of_a_shops_jobs_are_in_flight_its_other_drains_make_room(
    world: World, shop: Shop, settings: Settings
) -> None:
    settings.REVERB_JOBS_IN_FLIGHT = 1
    open_jobs(shop, Rank.EDIT, Rank.EDIT, Rank.STOCK)
    assert jobs.claim(shop.pk, now=clock.now(), ranks=[Rank.EDIT])
    tasks.drain(shop.pk)
    assert world.tried == []
    tasks.drain_urgent(shop.pk)
    assert world.tried == [(Rank.STOCK, False)]


def test_a_shop_holds_a_sixth_of_the_threads_for_stock_at_most_and_a_second_shop_finds_others_free(
    world: World, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(share, "threads", 12)
    other = shop_of(nora())
    open_jobs(shop, Rank.STOCK)
    open_jobs(other, Rank.STOCK_TO_ZERO)
    hanging = [share.of(jobs.DRAIN_URGENT, shop.pk, parts=tasks.URGENT_PARTS) for _ in range(2)]
    with hanging[0] as first, hanging[1] as second:
        assert (first, second) == (True, True)
        tasks.drain_urgent(shop.pk)
        tasks.drain_urgent(other.pk)
    assert world.tried == [(Rank.STOCK_TO_ZERO, False)]
    tasks.drain_urgent(shop.pk)
    assert world.tried == [(Rank.STOCK_TO_ZERO, False), (Rank.STOCK, False)]


def test_a_drain_that_gives_way_takes_its_flag_down(world: World, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(share, "threads", 1)
    taken: list[tuple[str, int]] = []
    monkeypatch.setattr(world, "taken", lambda *one: taken.append(one))
    with share.of(jobs.DRAIN, shop.pk, parts=tasks.BULK_PARTS):
        tasks.drain(shop.pk)
    assert taken == [(jobs.DRAIN, shop.pk)]


def test_a_drain_takes_no_job_while_the_rate_limiter_would_not_let_it_call(world: World, shop: Shop) -> None:
    open_jobs(shop, Rank.EDIT)
    limits.slow_down(ReverbConnection.objects.get(shop=shop).budget, 60)
    tasks.drain(shop.pk)
    assert world.tried == []


def test_a_drain_ends_when_the_rate_limiter_refused_a_call(
    world: World, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_jobs(shop, *[Rank.EDIT] * 3)
    narrow = Budget("test:narrow", 1)
    limiter.take([narrow])

    def refused(taken: Claim) -> None:
        with pytest.raises(NotNow):
            limiter.take([narrow])
        world.attempt(taken)

    monkeypatch.setattr(tasks, "attempt", refused)
    tasks.drain(shop.pk)
    assert len(world.tried) == 1


def test_the_sweeper_wakes_both_kinds_and_no_shop_that_has_nothing_due(world: World, shop: Shop) -> None:
    shop_of(nora())
    open_jobs(shop, Rank.STOCK)
    world.found.clear()
    tasks.sweep()
    drains = [one for one in world.found if one[0] in (jobs.DRAIN, jobs.DRAIN_URGENT)]
    assert drains == [(jobs.DRAIN_URGENT, shop.pk), (jobs.DRAIN, shop.pk)]


def test_each_of_two_workers_that_die_at_one_job_is_logged(
    world: World, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "LOCKED_WITHIN", timedelta(0))
    open_jobs(shop, Rank.EDIT)
    for _ in range(2):
        assert jobs.claim(shop.pk, now=clock.now())
        tasks.sweep()
    tasks.sweep()
    logged = Entry.objects.order_by("pk").values_list("reason", "attempt")
    assert list(logged) == [("interrupted", 1), ("interrupted", 2)]
