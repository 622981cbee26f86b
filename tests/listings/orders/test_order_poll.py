"""Several workers want to know the newest orders at once: one of them asks Reverb, and all of them know."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, cast

import pytest
from django.db import connection as line

from listings.models import Order
from listings.orders import order_poll
from shops.models import ReverbConnection
from shops.reverb.client import ReverbClient
from shops.reverb.errors import ReverbError, TransientError
from shops.snapshots import ReverbOrder
from tests.listings.orders.test_ingest import order
from tests.people import NOON, olivia, shop_of


class Slow:
    """A Reverb that answers only when the test lets it."""

    def __init__(self) -> None:
        self.requested = 0
        self.reading = threading.Event()
        self.go_on = threading.Event()

    def orders(self, since: datetime, **_: object) -> Iterator[ReverbOrder]:
        self.requested += 1
        self.reading.set()
        assert self.go_on.wait(10)
        yield order()


def worker(reverb: Slow, mine: ReverbConnection, *, now: datetime, ended: list[Any]) -> threading.Thread:
    """Begin a worker that wants orders that are five seconds old at most."""

    def run() -> None:
        try:
            order_poll.fresh(mine, cast("ReverbClient", reverb), now=now, max_age_s=5)
            ended.append(Order.objects.count())
        except (ReverbError, AssertionError) as error:
            ended.append(error)
        finally:
            line.close()

    made = threading.Thread(target=run)
    made.start()
    return made


@pytest.mark.django_db(transaction=True)
def test_the_first_one_reads_and_the_others_wait_for_it() -> None:
    mine = ReverbConnection.objects.get(shop=shop_of(olivia()))
    reverb = Slow()
    ended: list[Any] = []
    first = worker(reverb, mine, now=NOON, ended=ended)
    assert reverb.reading.wait(10)
    others = [worker(reverb, mine, now=NOON + timedelta(seconds=n), ended=ended) for n in range(3)]
    assert ended == []
    reverb.go_on.set()
    for one in (first, *others):
        one.join(10)
    assert ended == [1, 1, 1, 1]
    assert reverb.requested == 1


@pytest.mark.django_db
def test_orders_of_a_connection_that_is_gone_cannot_be_known() -> None:
    mine = ReverbConnection.objects.get(shop=shop_of(olivia()))
    ReverbConnection.objects.filter(pk=mine.pk).delete()
    with pytest.raises(ReverbError):
        order_poll.fresh(mine, cast("ReverbClient", Slow()), now=NOON, max_age_s=5)


@pytest.mark.django_db(transaction=True)
def test_the_moment_up_to_which_all_is_known_never_goes_back() -> None:
    mine = ReverbConnection.objects.get(shop=shop_of(olivia()))
    reverb = Slow()
    reverb.go_on.set()
    for moment in (NOON, NOON - timedelta(minutes=1)):
        order_poll.read(mine, cast("ReverbClient", reverb), now=moment)
    assert ReverbConnection.objects.get(pk=mine.pk).orders_read_at == NOON


@pytest.mark.django_db
def test_what_came_before_a_page_that_cannot_be_read_is_taken() -> None:
    class HalfRead:
        def orders(self, since: datetime, **_: object) -> Iterator[ReverbOrder]:
            yield order()
            raise TransientError("the second page is none")

    mine = ReverbConnection.objects.get(shop=shop_of(olivia()))
    with pytest.raises(TransientError):
        order_poll.read(mine, cast("ReverbClient", HalfRead()), now=NOON)
    assert Order.objects.count() == 1
    assert ReverbConnection.objects.get(pk=mine.pk).orders_read_at is None
