"""Stories of sales on Reverb: which of them become orders in the store, when, and by one worker."""

from __future__ import annotations

import threading

import pytest
from django.db import IntegrityError, connections

from listings.models import Order, StoreOrderState
from listings.orders import create_store_order, due_store_orders, store_order_state
from listings.orders.tasks import process_store_orders
from reverbsync import clock
from shops import lifecycle
from shops.models import SyncSettings
from tests.listings.orders.world import Sales

pytestmark = pytest.mark.live


def test_what_breaks_on_our_side_is_tried_again_and_logged_without_the_buyer(
    sales: Sales, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise IntegrityError("Failing row contains (9001, Bob Buyer, 12 High Street).")

    sales.sell(product=sales.product())
    with monkeypatch.context() as broke:
        broke.setattr(create_store_order, "_create", broken)
        due_store_orders.run_slice(sales.shop.pk)
    assert "could not be processed: IntegrityError in test_due_store_orders.py" in caplog.text
    assert "Buyer" not in caplog.text
    sales.wait(minutes=1)
    sales.work()
    assert len(sales.store_orders()) == 1


@pytest.mark.parametrize("status", ["unpaid", "payment_pending", "pending_review", "blocked"])
def test_a_sale_waits_until_it_is_paid(sales: Sales, status: str) -> None:
    sales.sell(product=sales.product(), status=status)
    sales.work()
    assert (sales.row().store_state, sales.store_orders()) == (StoreOrderState.AWAITING_PAYMENT, [])
    sales.say(status="paid")
    sales.work()
    assert (sales.row().store_state, len(sales.store_orders())) == (StoreOrderState.CREATED, 1)


@pytest.mark.parametrize("status", ["cancelled", "refunded"])
def test_a_sale_that_was_off_before_it_was_made_is_not_made_and_says_so(sales: Sales, status: str) -> None:
    sales.sell(product=sales.product(), status="unpaid")
    sales.work()
    sales.say(status=status)
    sales.work()
    assert (sales.row().store_state, sales.store_orders(), sales.entries()) == (
        StoreOrderState.NOT_NEEDED,
        [],
        ["order_not_needed"],
    )


def test_a_sale_of_no_known_product_waits_for_its_product_without_being_asked(sales: Sales) -> None:
    sales.sell()
    sales.work()
    assert sales.row().store_state == StoreOrderState.NO_PRODUCT
    Order.objects.update(product=sales.product())
    sales.work()
    assert (sales.row().store_state, len(sales.store_orders())) == (StoreOrderState.CREATED, 1)


def test_only_sales_from_the_moment_on_that_orders_are_taken_go_into_the_store(sales: Sales) -> None:
    sales.set(take_orders=False)
    product = sales.product()
    sales.sell("9001", product=product)
    sales.sell("9002", product=product, status="unpaid")
    sales.wait(hours=1)
    assert sales.row("9001").store_state == StoreOrderState.SKIPPED
    sales.set(take_orders=True)
    sales.sell("9003", product=product)
    sales.work()
    # What was sold before but is paid only now counts too.
    sales.say("9002", status="paid", paid_at=sales.now.isoformat())
    sales.work()
    assert sorted(order["source_identifier"] for order in sales.store_orders()) == ["9002", "9003"]
    store_order_state.ask_for(sales.row("9001"))  # and an older one when the seller asks for it
    sales.work()
    assert len(sales.store_orders()) == 3


def test_two_shops_know_nothing_of_each_others_orders(sales: Sales) -> None:
    sales.sell(product=sales.product())
    assert due_store_orders.shops_with_due_ones(clock.now()) == {sales.shop.pk}
    other = lifecycle.create_shop(sales.shop.people.get(), "Drums")
    assert not due_store_orders.run_slice(other.pk)
    assert sales.store_orders() == []


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_make_one_order(sales: Sales) -> None:
    sales.sell(product=sales.product())
    SyncSettings.objects.filter(shop=sales.shop).update(take_orders=True)

    def worker() -> None:
        try:
            process_store_orders(sales.shop.pk)
        finally:
            connections.close_all()

    both = [threading.Thread(target=worker) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert len(sales.store_orders()) == 1
