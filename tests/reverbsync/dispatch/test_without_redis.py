"""While Redis is gone a worker goes on by itself, slowly."""

from __future__ import annotations

import threading
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from celery import Celery

from listings.models import Rank
from listings.orders import order_poll
from listings.queue import jobs
from reverbsync.celery import app
from reverbsync.dispatch import without_redis
from tests.people import NOON, nora, olivia, product_of, shop_of
from webhooks import inbox
from webhooks.models import Delivery

pytestmark = pytest.mark.django_db


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Collect what is run instead of running it; the sweeps are run."""
    app.loader.import_default_modules()
    found: list[tuple[str, int]] = []
    for name in (jobs.DRAIN, jobs.DRAIN_URGENT, *inbox.HAND_OVER.values(), order_poll.ORDERS):
        monkeypatch.setattr(app.tasks[name], "run", lambda shop_id, name=name: found.append((name, shop_id)))
    return found


def sweep(pool: Executor | None = None) -> None:
    """Sweep once, and wait for what it began where no pool is given."""
    with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        patch.setattr("django.db.transaction.on_commit", lambda run: run())
        without_redis.sweep(pool or stack.enter_context(ThreadPoolExecutor(2)))


def test_what_a_sweep_finds_is_done_in_place(ran: list[tuple[str, int]], unreachable_redis: None) -> None:
    shop = shop_of(olivia())
    inbox.keep(shop.pk, source="store", delivery_id="1", topic="t", body=b"{}", state=Delivery.State.OPEN)
    jobs.look_again([product_of(shop)], rank=Rank.STOCK_TO_ZERO, trigger="test", now=NOON)
    assert without_redis.gone()
    sweep()
    woken = (inbox.HAND_OVER["store", False], order_poll.ORDERS, jobs.DRAIN_URGENT, jobs.DRAIN)
    assert set(ran) == {(task, shop.pk) for task in woken}


def test_a_poisoned_sweep_and_a_poisoned_shop_stop_nobody_else(
    ran: list[tuple[str, int]], unreachable_redis: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    poisoned, healthy = shop_of(olivia()), shop_of(nora())
    for shop in (poisoned, healthy):
        jobs.look_again([product_of(shop)], rank=Rank.STOCK_TO_ZERO, trigger="test", now=NOON)

    def breaks(shop_id: int = 0) -> None:
        if shop_id in (0, poisoned.pk):
            raise ValueError("poison")
        ran.append((jobs.DRAIN_URGENT, shop_id))

    for name in ("webhooks.sweep", jobs.DRAIN_URGENT):
        monkeypatch.setattr(app.tasks[name], "run", breaks)
    sweep()
    assert (jobs.DRAIN_URGENT, healthy.pk) in ran
    assert (order_poll.ORDERS, poisoned.pk) in ran


def test_a_shop_that_hangs_holds_one_thread_and_is_not_begun_twice(
    ran: list[tuple[str, int]], unreachable_redis: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    hanging, healthy = shop_of(olivia()), shop_of(nora())
    jobs.look_again([product_of(hanging)], rank=Rank.STOCK_TO_ZERO, trigger="test", now=NOON)
    let_go, begun = threading.Event(), []

    def hangs(shop_id: int) -> None:
        begun.append(shop_id)
        assert let_go.wait(20)

    monkeypatch.setattr(app.tasks[jobs.DRAIN_URGENT], "run", hangs)
    with ThreadPoolExecutor(2) as pool:
        try:
            sweep(pool)
            jobs.look_again([product_of(healthy)], rank=Rank.EDIT, trigger="test", now=NOON)
            while (jobs.DRAIN, healthy.pk) not in ran:
                sweep(pool)
        finally:
            let_go.set()
    assert begun == [hanging.pk]


def test_while_redis_answers_a_worker_waits_for_its_messages() -> None:
    assert not without_redis.gone()


def test_each_task_of_the_turn_exists() -> None:
    app.loader.import_default_modules()
    assert set(without_redis.SWEEPS) <= set(app.tasks)
    assert isinstance(app, Celery)
