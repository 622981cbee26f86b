"""A sale that was cancelled on Reverb is on again: the seller sees that its order in the store stays cancelled."""

from __future__ import annotations

import pytest

from listings.models import Order, StoreOrderState
from listings.orders import browse, descriptions, due_store_orders
from tests.listings.orders.world import Sales

pytestmark = pytest.mark.live


def cancelled(sales: Sales) -> None:
    """Sell a unit, make its order, and cancel both."""
    sales.sell(product=sales.product())
    sales.work()
    sales.wait(minutes=5)
    sales.say(status="cancelled")
    sales.work()
    assert sales.row().store_state == StoreOrderState.CANCELLED
    sales.wait(minutes=5)


def is_shown(sales: Sales) -> bool:
    """Return whether the page asks the seller to look at the order."""
    said = descriptions.in_store(sales.row(), takes_orders=True)
    return said.attention and browse.attention(sales.shop) == 1


def test_a_sale_that_is_on_again_is_shown_and_no_second_order_is_made(sales: Sales) -> None:
    cancelled(sales)
    for status in ("unpaid", "paid"):
        assert not is_shown(sales)
        sales.say(status=status)
        sales.work()
        sales.wait(hours=2)
    assert is_shown(sales)
    assert "open the order again" in descriptions.in_store(sales.row(), takes_orders=True).more
    assert [order["status"] for order in sales.store_orders()] == ["cancelled"]
    assert sales.entries() == ["order_created", "order_cancelled", "order_on_again"]


def test_where_the_order_itself_took_the_units_the_page_says_that_it_gave_them_back(sales: Sales) -> None:
    sales.set(stock_way="store")
    cancelled(sales)
    assert sales.row().takes_stock
    sales.say(status="paid")
    sales.work()
    assert "gave back 1 unit" in descriptions.in_stock(sales.row(), syncs=False)


def test_one_that_is_off_for_the_second_time_needs_nobody(sales: Sales) -> None:
    cancelled(sales)
    for status in ("paid", "cancelled"):
        sales.say(status=status)
        sales.work()
        sales.wait(hours=2)
    assert sales.row().store_state == StoreOrderState.CANCELLED
    assert not is_shown(sales)


def test_an_order_that_could_not_be_cancelled_is_that_of_the_sale_again(sales: Sales) -> None:
    sales.sell(product=sales.product())
    sales.work()
    Order.objects.update(store_state=StoreOrderState.CANCEL_FAILED, store_problem="Shipped.")
    due_store_orders.run_slice(sales.shop.pk)
    assert sales.row().store_state == StoreOrderState.CANCEL_FAILED
    sales.say(status="refunded")
    sales.work()
    assert is_shown(sales)
    sales.wait(minutes=5)
    sales.say(status="paid")
    sales.work()
    assert (sales.row().store_state, sales.row().store_problem) == (StoreOrderState.CREATED, "")
    assert not is_shown(sales)
