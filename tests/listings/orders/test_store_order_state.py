"""What becomes of orders in the store when another store is connected."""

from __future__ import annotations

import pytest

from listings.models import StoreOrderState
from shops import store_connection
from shops.models import StoreConnection
from shops.platforms.values import Keys
from tests.listings.orders.world import Sales
from webhooks.tasks import clear_store

pytestmark = pytest.mark.live


def test_another_store_gets_none_of_the_former_ones_orders_and_cancels_none_of_its_own(sales: Sales) -> None:
    product = sales.product()
    sales.sell("9001", product=product)
    sales.sell("9002", product=product, status="unpaid")
    sales.work()
    token = StoreConnection.objects.get().token.get_secret_value()
    store_connection.connect_store(sales.shop, platform="shopify", address="other.myshopify.com", keys=Keys(token, "s"))
    while StoreConnection.objects.filter(clearing_since__isnull=False).exists():
        clear_store(sales.shop.pk)
    sales.set()
    sales.say("9001", status="cancelled")
    sales.say("9002", status="paid")
    sales.work()
    assert (sales.row("9001").store_state, sales.row("9002").store_state) == (
        StoreOrderState.IN_FORMER_STORE,
        StoreOrderState.NO_PRODUCT,
    )
    assert [order["status"] for order in sales.store_orders()] == ["open"]
