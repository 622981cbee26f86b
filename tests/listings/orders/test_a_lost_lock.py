"""The database connection of the worker that makes an order breaks while the store is silent: it is made once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from listings.models import Order, StoreOrderState
from listings.orders import calling
from listings.orders.tasks import process_store_orders
from reverbsync.dispatch import ownership
from reverbsync.dispatch.locks import try_lock
from reverbsync.dispatch.ownership import Lost
from reverbsync.http import outbound
from tests.journeys.world import elsewhere
from tests.listings.orders.world import Sales

pytestmark = [pytest.mark.live, pytest.mark.django_db(transaction=True)]


def break_connection() -> None:
    """Let PostgreSQL end this worker's connection: its locks fall."""
    pid = connection.connection.info.backend_pid

    def end() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])

    elsewhere(end)


@contextmanager
def after_call(sales: Sales, number: int, happens: Callable[[], None]) -> Iterator[list[str]]:
    """Let something happen when the store has applied its n-th call, and its answer is on its way; yields all calls."""
    carry, made = outbound._call, []

    def carried(method: str, url: str, *rest: Any) -> outbound.Answer:
        answer = carry(method, url, *rest)
        if url.startswith(sales.store.url):
            made.append(str(rest[0]))
            if len(made) == number:
                happens()
        return answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(outbound, "_call", carried)
        yield made


def try_to(work: Callable[[], object]) -> None:
    """Do what may break: the worker's connection is gone."""
    try:
        work()
    except Exception:  # noqa: BLE001 -- whatever the driver says
        connection.close()


def test_a_worker_that_lost_its_lock_after_looking_for_the_order_does_not_make_it(sales: Sales) -> None:
    """The store took so long to search that the second worker has waited long enough, and has made the order."""
    sales.sell(product=sales.product())

    def breaks() -> None:
        break_connection()
        sales.now += calling.LOOK_AFTER + timedelta(seconds=1)
        elsewhere(lambda: process_store_orders(sales.shop.pk))

    with after_call(sales, 1, breaks):
        try_to(lambda: process_store_orders(sales.shop.pk))
    assert len(sales.store_orders()) == 1
    assert (sales.row().store_state, sales.entries()) == (StoreOrderState.CREATED, ["order_created"])


def test_an_order_whose_answer_came_after_the_lock_fell_is_found_and_not_made_again(sales: Sales) -> None:
    """The wait for it begins with the call that made it, however long the store searched before."""
    sales.sell(product=sales.product())

    def searches() -> None:
        sales.now += calling.LOOK_AFTER

    def breaks() -> None:
        break_connection()
        sales.now += timedelta(seconds=60)
        elsewhere(lambda: process_store_orders(sales.shop.pk))  # too early for it
        assert sales.row().store_state == StoreOrderState.CREATING

    with after_call(sales, 1, searches), after_call(sales, 2, breaks):
        try_to(lambda: process_store_orders(sales.shop.pk))
    sales.wait(seconds=calling.LOOK_AFTER.total_seconds() + 1)
    assert len(sales.store_orders()) == 1
    assert (sales.row().store_state, sales.entries()) == (StoreOrderState.CREATED, ["order_created"])


def test_an_order_is_cancelled_by_one_worker_at_a_time(sales: Sales) -> None:
    sales.set(stock_way="store")
    sales.sell(product=sales.product())
    sales.work()
    sales.say(status="cancelled")
    assert sales.stock() == 2

    def breaks() -> None:
        break_connection()
        elsewhere(lambda: process_store_orders(sales.shop.pk))
        assert len(calls) == 1  # it waits

    with after_call(sales, 1, breaks) as calls:
        try_to(lambda: process_store_orders(sales.shop.pk))
    sales.wait(seconds=calling.LOOK_AFTER.total_seconds() + 1)
    assert (sales.row().store_state, sales.stock()) == (StoreOrderState.CANCELLED, 3)


def test_who_took_the_order_over_keeps_it(sales: Sales) -> None:
    """The lock stands, but another worker has written to the row: no further call is made."""
    sales.sell(product=sales.product())

    def taken_over() -> None:
        Order.objects.update(making_at=sales.now + timedelta(seconds=1))

    with after_call(sales, 1, taken_over) as calls:
        process_store_orders(sales.shop.pk)
    assert (len(calls), sales.store_orders()) == (1, [])


def test_what_a_lock_covers_is_not_written_by_a_later_connection(sales: Sales) -> None:
    sales.sell(product=sales.product())

    def writes() -> None:
        with try_lock("test", 1):
            connection.close()
            with ownership.fenced():
                Order.objects.update(store_problem="written")

    with pytest.raises(Lost):
        writes()
    assert sales.row().store_problem == ""
