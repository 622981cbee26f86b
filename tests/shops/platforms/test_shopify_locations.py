"""Units at several locations: which count, and where they are taken."""

from __future__ import annotations

from typing import Any

import pytest

from shops.platforms.errors import (
    Malformed,
    Moved,
    TransientStoreError,
)
from shops.platforms.shopify import bulk, product_calls, store_calls
from shops.platforms.values import Count
from shops.snapshots import StoreProduct
from tests.shops.platforms.conftest import Store
from tests.shops.platforms.shopify import errors, file

pytestmark = [pytest.mark.live, pytest.mark.parametrize("store", ["shopify"], indirect=True)]
case = pytest.mark.parametrize


@pytest.fixture(autouse=True)
def unknown_locations() -> None:
    """Know no store's locations yet."""
    store_calls._known.clear()


def several(store: Store, **second: Any) -> None:
    """Give the store a second location, one that sells in its shop only, and one that is deactivated."""
    first = {"id": 75_500_000_001}
    away, closed = {"id": 3, "fulfillsOnlineOrders": False}, {"id": 4, "isActive": False}
    store.control.ask(
        "POST", "/shops", {"domain": store.stand_in.domain, "locations": [first, {"id": 2, **second}, away, closed]}
    )


def lying(store: Store) -> tuple[int, dict[str, int]]:
    """Return the units at the first location, and at the others."""
    [doc] = store.control.ask("GET", "/products", sku="A1")
    return doc["variants"][0]["inventory_quantity"], doc["variants"][0]["elsewhere"]


def spread(store: Store, here: int, **elsewhere: int) -> StoreProduct:
    """Make a product with units at the first location and at others; return it as it is read."""
    row = {
        "sku": "A1",
        "price": "5.00",
        "inventory_quantity": here,
        "elsewhere": {n[1:]: u for n, u in elsewhere.items()},
    }
    store.product(variants=[row])
    return store.unit()


@case("layout", [{}, {"fulfillsOnlineOrders": False}], ids=["one location sells in its shop only", "two do"])
def test_only_what_the_store_sells_online_counts_and_every_way_of_reading_says_the_same(
    store: Store, layout: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    several(store, **layout)
    unit = spread(store, 1, _2=2, _3=4, _4=8)
    assert unit.stock == store.client.count(unit).units == (1 if layout else 3)
    assert store.client.products(unit.store_parent_id) == [unit]
    monkeypatch.setattr(product_calls, "MOST_BY_PAGES", 0)
    monkeypatch.setattr(bulk, "LOOK_AGAIN_S", 0.0)
    assert file(store) == [unit]


def test_two_units_that_lie_at_two_locations_are_both_taken_and_none_where_only_the_shop_sells(store: Store) -> None:
    several(store)
    unit, asks = spread(store, 1, _2=1, _3=5), store.client
    after = asks.adjust(unit, asks.count(unit), by=-2, reference="r")
    assert after.units == asks.count(unit).units == 0
    assert lying(store) == (0, {"2": 0, "3": 5})


def test_a_change_at_several_locations_counts_once_and_all_or_none(store: Store) -> None:
    several(store)
    unit, asks = spread(store, 1, _2=1), store.client
    count = asks.count(unit)
    store.control.ask("PUT", f"/variants/{unit.store_product_id}", {"inventory_quantity": 0})
    with pytest.raises(Moved):
        asks.adjust(unit, count, by=-2, reference="r")
    assert lying(store) == (0, {"2": 1})
    count = asks.count(unit)
    for _ in range(2):
        assert asks.adjust(unit, count, by=-1, reference="s").units == 0
    assert lying(store) == (0, {"2": 0})


def test_a_unit_is_taken_where_most_lie_and_one_that_comes_back_goes_to_one_location(store: Store) -> None:
    several(store)
    unit, asks = spread(store, 1, _2=3), store.client
    asks.adjust(unit, asks.count(unit), by=-1, reference="r")
    assert lying(store) == (1, {"2": 2})
    asks.adjust(unit, asks.count(unit), by=2, reference="s")
    assert lying(store) == (1, {"2": 4})


def test_a_warehouse_of_another_company_is_the_last_to_be_changed(store: Store) -> None:
    several(store, isFulfillmentService=True)
    unit, asks = spread(store, 1, _2=3), store.client
    asks.adjust(unit, asks.count(unit), by=-2, reference="r")
    assert lying(store) == (0, {"2": 2})


def test_what_lies_where_the_app_cannot_see_is_left_and_said_to_be_left(store: Store) -> None:
    several(store)
    unit, asks = spread(store, 1, _2=2), store.client
    store.control.fault(
        "edited", text="query Count", edits={"data.inventoryItem.inventoryLevels.nodes.1.location": None}
    )
    count = asks.count(unit)
    assert count.units == 3
    after = asks.adjust(unit, count, by=-2, reference="r")
    assert (after.units, after.done) == (2, -1)
    assert lying(store) == (0, {"2": 2})
    nowhere = Count(2, "75500000001=0", 0)
    assert asks.adjust(unit, nowhere, by=-1, reference="s").done == 0


def test_a_count_from_before_an_upgrade_is_still_worked_off(store: Store) -> None:
    store.product()
    unit, asks = store.unit(), store.client
    old = Count(3, "gid://shopify/Location/75500000001", 3)
    for _ in range(2):
        assert asks.adjust(unit, old, by=-1, reference="r").units == 2
    assert store.stock() == 2


def test_a_token_that_may_not_read_locations_sees_the_total(store: Store) -> None:
    several(store)
    denied = errors("ACCESS_DENIED", data={"locations": None}, path=["locations"])
    store.control.fault("status", text="query Locations", status=200, body=denied)
    assert spread(store, 1, _2=2, _3=4).stock == 7


@case(
    "edits",
    [
        {"data.inventoryItem": None},
        {"data.inventoryItem.inventoryLevels.nodes.0.quantities": []},
        {"data.inventoryItem.inventoryLevels.nodes.0.quantities.0.quantity": "x"},
    ],
    ids=str,
)
def test_an_inventory_that_cannot_be_read_is_neither_none_nor_zero(store: Store, edits: dict[str, Any]) -> None:
    store.product()
    unit = store.unit()
    store.control.fault("edited", text="query Count", edits=edits)
    with pytest.raises(Malformed):
        store.client.count(unit)


@case(
    "edits",
    [
        {"data.inventoryItem.inventoryLevels": None},
        {"data.inventoryItem.inventoryLevels.nodes": None},
        {"data.inventoryItem.inventoryLevels.nodes.0": None},
        {"data.inventoryItem.inventoryLevels.nodes.0.quantities.0.quantity": ""},
        {"data.inventoryItem.inventoryLevels.nodes.0.quantities": [{"quantity": 3}, {"quantity": 3}]},
        {"data.inventoryItem.inventoryLevels.nodes.0.location.fulfillsOnlineOrders": None},
        {"data.inventoryItem.inventoryLevels.pageInfo": {"hasNextPage": True, "endCursor": None}},
        {"data.inventoryItem.tracked": None},
        {"data.inventoryItem.variants.nodes.0.inventoryQuantity": "many"},
    ],
    ids=str,
)
@case("layout", [{}, {"fulfillsOnlineOrders": False}], ids=["one location sells in its shop only", "two do"])
def test_null_instead_of_a_part_of_an_inventory_is_not_no_units(
    store: Store, edits: dict[str, Any], layout: dict[str, Any]
) -> None:
    several(store, **layout)
    unit = spread(store, 3, _3=4)
    store.control.fault("edited", text="query Count", edits=edits)
    with pytest.raises(Malformed):
        store.client.count(unit)


@case(
    "edits",
    [
        {"data.locations": None},
        {"data.locations.nodes": None},
        {"data.locations.nodes.2": None},
        {"data.locations.nodes.2.fulfillsOnlineOrders": None},
        {"data.locations.nodes.2.isActive": None},
        {"data.locations.nodes.2.id": None},
        {"data": None},
    ],
    ids=str,
)
def test_locations_that_cannot_be_read_do_not_all_sell(store: Store, edits: dict[str, Any]) -> None:
    several(store)
    store.control.fault("edited", text="query Locations", edits=edits)
    with pytest.raises(TransientStoreError):
        spread(store, 1, _2=2, _3=4)
    assert store.unit().stock == 3
    for address, (known, _) in store_calls._known.items():
        store_calls._known[address] = known, 0.0
    store.control.fault("edited", text="query Locations", edits=edits, times=9)
    if edits != {"data": None}:
        assert store.unit().stock == 3  # what was read before counts on
