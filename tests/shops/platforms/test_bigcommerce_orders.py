"""Orders of odd shapes."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from shops.orders import NewOrder, OrderLine
from shops.platforms.errors import TransientStoreError
from tests.shops.platforms.bigcommerce import odd
from tests.shops.platforms.conftest import Store
from tests.shops.platforms.test_contract import an_hour_ago

pytestmark = [pytest.mark.live, pytest.mark.parametrize("store", ["bigcommerce"], indirect=True)]
case = pytest.mark.parametrize


@case(
    "edits",
    [
        {"*.quantity": 2.5, "*.price_ex_tax": None, "*.name": "A &amp; B"},
        {"*.quantity": "2.5", "*.sku": None, "*.variant_id": ""},
    ],
    ids=str,
)
def test_an_order_with_odd_lines_is_read(store: Store, edits: dict[str, Any]) -> None:
    made = store.product()
    store.control.ask("POST", "/orders", {"variant_id": made["variants"][0]["id"]})
    odd(store, edits, path=r"/orders/\d+/products")
    [order], _ = store.client.orders(an_hour_ago(), "")
    assert [line.quantity for line in order.lines] == [2]


@case("edits", [{"0.status_id": "new"}, {"0": None}, {"0.id": {}}], ids=str)
def test_an_order_that_cannot_be_read_hides_no_other(store: Store, edits: dict[str, Any]) -> None:
    made = store.product()
    for _ in range(2):
        store.control.ask("POST", "/orders", {"variant_id": made["variants"][0]["id"]})
    odd(store, edits, path="/v2/orders$")
    found, following = store.client.orders(an_hour_ago(), "")
    assert (len(found), following) == (1, None)


@case("date", ["", None, "yesterday", "Mon, 11 Mar 2019 17:22:08 -0000", "2019-03-11T17:22:08Z", {}], ids=str)
def test_an_order_without_a_date_is_read(store: Store, date: Any) -> None:
    made = store.product()
    store.control.ask("POST", "/orders", {"variant_id": made["variants"][0]["id"]})
    odd(store, {"*.date_modified": date}, path="/v2/orders$")
    [order], _ = store.client.orders(an_hour_ago(), "")
    assert order.updated_at.tzinfo is not None


def test_another_order_that_cannot_be_read_does_not_keep_one_from_being_made(store: Store) -> None:
    made = store.product()
    store.control.ask("POST", "/orders", {"variant_id": made["variants"][0]["id"]})
    line = OrderLine("1", store.unit().store_product_id, "A1", "Strat", 1, Decimal("5.00"))
    order = NewOrder("R-9", (line,), "USD", "Bob", None, Decimal(0), Decimal(0))
    store.control.fault("edited", path="/v2/orders$", method="GET", edits={"": [{"id": 1, "external_order_id": None}]})
    assert store.client.create_order(order).reverb_number == "R-9"
    store.control.fault("edited", path="/v2/orders$", method="GET", edits={"": {"error": "slow down"}})
    with pytest.raises(TransientStoreError):
        store.client.create_order(order)
    assert len(store.control.ask("GET", "/orders")) == 2
