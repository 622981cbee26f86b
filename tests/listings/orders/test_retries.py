"""An order that could not be made is tried again by itself: a refusal may have been a mistake, and nobody may look."""

from __future__ import annotations

from datetime import timedelta

import pytest

from listings.models import Order, StoreOrderState
from shops.models import ReverbConnection, StoreConnection
from shops.platforms import client_of
from shops.signals import reverb_is_back, store_is_back
from tests.listings.orders.world import Sales

pytestmark = pytest.mark.live


def test_an_order_that_the_store_refused_is_made_by_itself_once_it_is_taken(sales: Sales) -> None:
    product, good = sales.product(), StoreConnection.objects.get().token
    StoreConnection.objects.update(token="wrong")
    sales.sell(product=product)
    sales.work()
    assert sales.row().store_state == StoreOrderState.CREATE_FAILED
    StoreConnection.objects.update(token=good)
    sales.wait(minutes=16)
    assert (sales.row().store_state, len(sales.store_orders())) == (StoreOrderState.CREATED, 1)


def test_tries_become_rarer_and_the_log_names_the_cause_once(sales: Sales) -> None:
    product = sales.product()
    StoreConnection.objects.update(token="wrong")
    sales.sell(product=product)
    gaps = []
    for _ in range(7):
        sales.work()
        due = sales.row().store_due_at
        assert due is not None
        gaps.append(due - sales.now)
        sales.wait(seconds=gaps[-1].total_seconds() - 1)
        sales.now += timedelta(seconds=2)
    assert gaps == sorted(gaps)
    assert (gaps[0], gaps[-1]) == (timedelta(minutes=15), timedelta(hours=6))
    assert sales.entries().count("order_create_failed") == 1


def test_a_store_that_answers_again_makes_the_failed_orders_due(sales: Sales) -> None:
    product, good = sales.product(), StoreConnection.objects.get().token
    StoreConnection.objects.update(token="wrong")
    sales.sell(product=product)
    sales.work()
    StoreConnection.objects.update(token=good)
    store_is_back.send_robust(StoreConnection, shop_id=sales.shop.pk)
    sales.work()
    assert sales.row().store_state == StoreOrderState.CREATED


def test_one_order_that_gets_through_takes_the_others_along(sales: Sales) -> None:
    product, good = sales.product(units=9), StoreConnection.objects.get().token
    StoreConnection.objects.update(token="wrong")
    for number in ("9001", "9002", "9003"):
        sales.sell(number, product=product)
    sales.work()
    StoreConnection.objects.update(token=good)
    Order.objects.exclude(number="9001").update(store_due_at=sales.now + timedelta(hours=6))
    sales.wait(minutes=16)
    assert set(Order.objects.values_list("store_state", flat=True)) == {StoreOrderState.CREATED}


def test_tracking_that_reverb_refused_goes_when_the_account_is_healthy(sales: Sales) -> None:
    sales.sell(product=sales.product())
    sales.work()
    sales.reverb.faults += [(403, {"message": "You are not allowed to do that."})]
    sales.ship_in_store(sales.row())
    sales.work()
    assert sales.parcel().state == "waits"
    reverb_is_back.send_robust(ReverbConnection, shop_id=sales.shop.pk)
    sales.work()
    assert sales.parcel().state == "sent"


def test_a_page_in_front_of_reverb_keeps_no_tracking_for_good(sales: Sales) -> None:
    sales.sell(product=sales.product())
    sales.work()
    sales.reverb.faults += [(403, "<html>Attention Required!</html>")] * 2
    sales.ship_in_store(sales.row())
    sales.work()
    assert sales.parcel().state == "open"
    sales.wait(minutes=1)
    sales.wait(minutes=1)
    assert sales.parcel().state == "sent"


def test_an_endless_list_of_orders_is_left_and_tried_again(sales: Sales, monkeypatch: pytest.MonkeyPatch) -> None:
    product = sales.product()
    sales.store.fault("lost_answer", text="orderCreate")
    sales.sell(product=product)
    sales.work()
    sales.say(status="cancelled")
    endless = type(client_of(sales.shop.store))
    with monkeypatch.context() as patched:
        patched.setattr(endless, "orders", lambda _, since, cursor="": ((), f"{cursor}x"))
        sales.wait(minutes=3)
        assert sales.row().store_problem == "The list of your store's orders has no end."
    sales.wait(minutes=20)
    assert [order["status"] for order in sales.store_orders()] == ["cancelled"]
