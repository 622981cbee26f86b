"""While Redis is gone a worker goes on by itself, slowly."""

from __future__ import annotations

import pytest
from celery import Celery

from listings import jobs
from listings.models import Rank
from listings.orders import poll
from reverbsync import without_redis
from reverbsync.celery import app
from tests.people import NOON, olivia, product_of, shop_of
from webhooks import inbox
from webhooks.models import Delivery

pytestmark = pytest.mark.django_db


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Collect what is run instead of running it; the sweeps are run."""
    app.loader.import_default_modules()
    found: list[tuple[str, int]] = []
    for name in (jobs.DRAIN, jobs.DRAIN_URGENT, *inbox.HAND_OVER.values(), poll.ORDERS):
        monkeypatch.setattr(app.tasks[name], "run", lambda shop_id, name=name: found.append((name, shop_id)))
    return found


def test_what_a_sweep_finds_is_done_in_place(ran: list[tuple[str, int]], unreachable_redis: None) -> None:
    shop = shop_of(olivia())
    inbox.keep(shop.pk, source="store", delivery_id="1", topic="t", body=b"{}", state=Delivery.State.OPEN)
    jobs.look_again([product_of(shop)], rank=Rank.STOCK_TO_ZERO, cause="test", now=NOON)
    assert without_redis.gone()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("django.db.transaction.on_commit", lambda run: run())
        without_redis.turn()
    woken = (inbox.HAND_OVER["store", False], poll.ORDERS, jobs.DRAIN_URGENT, jobs.DRAIN)
    assert set(ran) == {(task, shop.pk) for task in woken}


def test_while_redis_answers_a_worker_waits_for_its_messages() -> None:
    assert not without_redis.gone()


def test_each_task_of_the_turn_exists() -> None:
    app.loader.import_default_modules()
    assert set(without_redis.SWEEPS) <= set(app.tasks)
    assert isinstance(app, Celery)
