"""Orders of odd shapes."""

from __future__ import annotations

from typing import Any

import pytest

from shops.platforms.errors import (
    Malformed,
)
from shops.platforms.shopify import store_calls
from tests.shops.platforms.conftest import Store
from tests.shops.platforms.test_contract import an_hour_ago, reverb_order

pytestmark = [pytest.mark.live, pytest.mark.parametrize("store", ["shopify"], indirect=True)]
case = pytest.mark.parametrize


@pytest.fixture(autouse=True)
def unknown_locations() -> None:
    """Know no store's locations yet."""
    store_calls._known.clear()


@case(
    "edits",
    [
        {"data.orders.nodes.0": None},
        {"data.orders.nodes.0.updatedAt": "yesterday"},
        {"data.orders.nodes.0.legacyResourceId": None},
    ],
    ids=str,
)
def test_an_order_that_cannot_be_read_hides_no_other(store: Store, edits: dict[str, Any]) -> None:
    made = store.product()
    for _ in range(2):
        store.control.ask("POST", "/orders", {"variant_id": made["variants"][0]["id"]})
    store.control.fault("edited", text="query Orders", edits=edits)
    found, _ = store.client.orders(an_hour_ago(), "")
    assert len(found) == 1


@case(
    "edits",
    [
        {"lineItems": None},
        {"lineItems.nodes.0.variant": None, "lineItems.nodes.0.product": None, "lineItems.nodes.0.sku": None},
        {"lineItems.nodes.0.quantity": "1", "lineItems.nodes.0.originalUnitPriceSet": None, "name": None},
        {"displayFinancialStatus": None, "displayFulfillmentStatus": None, "sourceIdentifier": None},
    ],
    ids=str,
)
def test_an_order_with_odd_parts_is_read(store: Store, edits: dict[str, Any]) -> None:
    made = store.product()
    store.control.ask("POST", "/orders", {"variant_id": made["variants"][0]["id"]})
    store.control.fault(
        "edited", text="query Orders", edits={f"data.orders.nodes.0.{name}": value for name, value in edits.items()}
    )
    [order], _ = store.client.orders(an_hour_ago(), "")
    assert order.id


def test_our_own_order_that_cannot_be_read_is_not_made_again(store: Store) -> None:
    store.product()
    order = reverb_order(store)
    store.client.create_order(order)
    store.control.fault("edited", text="query Orders", edits={"data.orders.nodes.0.updatedAt": None})
    with pytest.raises(Malformed):
        store.client.create_order(order)
    assert len(store.control.ask("GET", "/orders")) == 1


@case(
    "node",
    [None, {"trackingInfo": None}, {"legacyResourceId": "7", "trackingInfo": [None, {"number": 12, "company": None}]}],
    ids=str,
)
def test_odd_parcels_are_left_out(store: Store, node: Any) -> None:
    made = store.product()
    order = store.control.ask("POST", "/orders", {"variant_id": made["variants"][0]["id"]})
    store.control.fault("edited", text="query Shipments", edits={"data.order.fulfillments": [node]})
    found = [parcel.tracking_number for parcel in store.client.shipments(str(order["id"]))]
    assert found == (["12"] if node and node.get("legacyResourceId") else [])
