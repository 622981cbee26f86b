"""Stories of orders in the store that are cancelled when their sale on Reverb is off."""

from __future__ import annotations

import pytest

from listings.models import StoreOrderState
from listings.orders import store_order_state
from tests.listings.orders.world import Sales

pytestmark = pytest.mark.live


@pytest.mark.parametrize("status", ["cancelled", "refunded"])
def test_when_the_sale_is_off_the_order_in_the_store_is_cancelled_without_stock_or_mail(
    sales: Sales, status: str
) -> None:
    sales.sell(product=sales.product())
    sales.work()
    sales.say(status=status)
    sales.work()
    [order] = sales.store_orders()
    assert (order["status"], order["mailed"], status in order["cancelled_note"]) == ("cancelled", False, True)
    assert (sales.stock(), sales.row().store_state) == (3, StoreOrderState.CANCELLED)
    sales.wait(days=1)
    sales.say(status="cancelled")  # Reverb makes a refunded order a cancelled one
    sales.work()
    assert sales.entries() == ["order_created", "order_cancelled"]


def test_an_order_that_went_out_is_left_and_the_seller_can_say_that_it_is_dealt_with(sales: Sales) -> None:
    sales.set(send_tracking=False)
    sales.sell(product=sales.product())
    sales.work()
    sales.ship_in_store(sales.row())
    sales.work()
    sales.say(status="refunded")
    sales.work()
    row = sales.row()
    assert (row.store_state, "as shipped" in row.store_problem) == (StoreOrderState.CANCEL_FAILED, True)
    assert sales.entries()[-1] == "order_cancel_failed"
    store_order_state.mark_handled(row)
    sales.work()
    assert sales.row().store_state == StoreOrderState.CANCELLED
