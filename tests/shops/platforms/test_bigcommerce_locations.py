"""Units at several locations: which count, and where they are taken."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest

from shops.platforms.bigcommerce import inventory
from shops.platforms.errors import Malformed, Moved, TransientStoreError, Unsupported
from shops.platforms.values import Count
from shops.snapshots import StoreProduct
from tests.shops.platforms.bigcommerce import NO_ROWS, v3
from tests.shops.platforms.conftest import Store, wait_for

pytestmark = [pytest.mark.live, pytest.mark.parametrize("store", ["bigcommerce"], indirect=True)]
case = pytest.mark.parametrize


def several(store: Store, **second: Any) -> None:
    """Give the store a second location, and one that is switched off."""
    locations = [{"id": 1}, {"id": 2, **second}, {"id": 3, "enabled": False}]
    store.control.ask("POST", "/shops", {"domain": store.stand_in.domain, "locations": locations})


def spread(store: Store, here: int, **elsewhere: int) -> StoreProduct:
    """Make a product with units at the default location and at others; return it as it is read."""
    row = {
        "sku": "A1",
        "price": "500.00",
        "inventory_quantity": here,
        "elsewhere": {n[1:]: u for n, u in elsewhere.items()},
    }
    store.product(variants=[row])
    return store.unit()


def lying(store: Store) -> tuple[int, dict[str, int]]:
    """Return the units at the default location, and at the others."""
    [doc] = store.control.ask("GET", "/products", sku="A1")
    return doc["variants"][0]["inventory_quantity"], doc["variants"][0]["elsewhere"]


def test_units_at_all_locations_that_sell_count_and_those_at_a_disabled_one_do_not(store: Store) -> None:
    several(store)
    unit = spread(store, 1, _2=1, _3=5)
    assert unit.stock == store.client.count(unit).units == 2
    assert store.client.products(unit.store_parent_id) == [unit]


@case("hidden", [{"storefront_visibility": False}, {"enabled": False}, {"enabled": "false"}])
def test_a_location_that_is_hidden_or_disabled_sells_nothing(store: Store, hidden: dict[str, Any]) -> None:
    several(store, **hidden)
    unit = spread(store, 1, _2=4)
    assert unit.stock == store.client.count(unit).units == 1


def test_what_a_location_holds_back_is_not_sold_and_not_taken(store: Store) -> None:
    several(store)
    row = {
        "sku": "A1",
        "price": "5.00",
        "inventory_quantity": 3,
        "elsewhere": {"2": 4},
        "safety_stock": {"1": 2, "2": "off"},
    }
    store.product(variants=[row])
    unit, client = store.unit(), store.client
    assert unit.stock == client.count(unit).units == 1
    assert client.adjust(unit, client.count(unit), by=-1, reference="r").units == 0
    wait_for(lambda: lying(store) == (2, {"2": 4}))


def test_two_units_that_lie_at_two_locations_are_both_taken(store: Store) -> None:
    several(store)
    unit, client = spread(store, 1, _2=1), store.client
    assert client.adjust(unit, client.count(unit), by=-2, reference="r").units == 0
    wait_for(lambda: lying(store) == (0, {"2": 0}))
    assert store.unit().stock == 0


def test_one_unit_is_taken_where_most_lie_and_a_raise_goes_to_one_location(store: Store) -> None:
    several(store)
    unit, client = spread(store, 1, _2=3, _3=9), store.client
    after = client.adjust(unit, client.count(unit), by=-1, reference="r")
    wait_for(lambda: lying(store) == (1, {"2": 2, "3": 9}))
    client.adjust(unit, client.count(unit), by=2, reference="r")
    wait_for(lambda: lying(store) == (1, {"2": 4, "3": 9}))
    assert after.units == 3


def test_a_location_whose_stock_another_system_keeps_is_the_last_to_be_changed(store: Store) -> None:
    several(store, managed_by_external_source=True)
    unit, client = spread(store, 1, _2=3), store.client
    client.adjust(unit, client.count(unit), by=-2, reference="r")
    wait_for(lambda: lying(store) == (0, {"2": 2}))
    client.adjust(unit, client.count(unit), by=1, reference="r")
    wait_for(lambda: lying(store) == (1, {"2": 2}))


def test_what_no_location_has_is_not_taken_and_said_to_be_left(store: Store) -> None:
    several(store)
    unit, client = spread(store, 1, _2=1), store.client
    after = client.adjust(unit, client.count(unit), by=-5, reference="r")
    assert (after.units, after.done) == (0, -2)
    assert client.adjust(unit, client.count(unit), by=-1, reference="s").done == 0


def test_without_the_right_to_read_locations_the_items_say_which_are_enabled(store: Store) -> None:
    several(store)
    unit = spread(store, 1, _2=1, _3=5)
    store.control.ask("POST", "/shops", {"domain": store.stand_in.domain, "may_not": ["/inventory/locations"]})
    assert store.client.count(unit).units == 2


def test_variants_are_adjusted_by_their_own_number_and_simple_products_by_the_products(store: Store) -> None:
    rows = [{"sku": f"V-{n}", "price": "5.00", "inventory_quantity": 2, "options": {"Color": str(n)}} for n in (1, 2)]
    store.product("V", variants=rows)
    store.product("A1")
    client = store.client
    for sku in ("V-2", "A1"):
        unit = store.unit(sku)
        before = client.count(unit)
        assert client.adjust(unit, before, by=-1, reference="r").units == (before.units or 0) - 1
    wait_for(lambda: (store.stock("V-1"), store.stock("V-2"), store.stock("A1")) == (2, 1, 2))


def test_a_refused_change_is_moved_when_the_units_have_gone_and_is_said_when_they_have_not(store: Store) -> None:
    made = store.product()
    unit, client = store.unit(), store.client
    before = client.count(unit)
    store.set(made, inventory_quantity=0)
    with pytest.raises(Moved):
        client.adjust(unit, before, by=-1, reference="r")
    store.set(made, inventory_quantity=3)
    store.control.fault("status", path="/adjustments/", status=422, body=v3(422, "Payload contains invalid fields"))
    with pytest.raises(Unsupported, match="invalid fields") as refused:
        client.adjust(unit, before, by=-1, reference="r")
    assert not refused.value.may_have_applied
    assert store.stock() == 3


def test_a_change_that_was_taken_is_not_in_doubt_when_it_cannot_be_looked_at(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inventory, "pause", lambda _: None)
    store.product()
    unit, client = store.unit(), store.client
    before = client.count(unit)
    store.control.fault("status", path="/inventory/items", status=404, page="oops", times=inventory.LOOKS)
    assert client.adjust(unit, before, by=-1, reference="r").units == 2
    wait_for(lambda: store.stock() == 2)


def test_a_count_from_before_an_upgrade_is_still_worked_off(store: Store) -> None:
    store.product()
    unit, client = store.unit(), store.client
    assert client.adjust(unit, Count(3, "1", 3), by=-1, reference="r").units == 2


def test_locations_that_could_not_all_be_read_are_asked_for_again_and_none_counts_as_open(store: Store) -> None:
    several(store, storefront_visibility=False)
    store.product("B1", variants=[{"sku": "B1", "price": "5.00", "inventory_quantity": 1, "elsewhere": {"2": 4}}])
    spread(store, 1, _2=4)
    for edits in ({"data.1": None}, {"data.1.id": None}, {"data": None}):
        store.control.fault("edited", path="/inventory/locations", edits=edits)
        with contextlib.suppress(TransientStoreError):
            assert {unit.stock for unit in store.client.crawl("").products} <= {1}
    assert {unit.stock for unit in store.units()} == {1}


@case("edits", [{"data.0.locations": []}, {"data.0.locations": None}, {"data.0.locations": {}}, {"data": []}], ids=str)
def test_an_inventory_without_a_location_is_not_no_units(store: Store, edits: dict[str, Any]) -> None:
    made = store.product()
    unit = store.unit()
    store.control.fault("edited", path="/inventory/items", edits=edits, times=2)
    with pytest.raises(Malformed):
        store.client.products(str(made["id"]))
    with pytest.raises(Malformed):
        store.client.count(unit)
    assert store.client.products(str(made["id"])) == [unit]


def test_variants_that_share_their_products_stock_show_all_of_it_until_it_is_gone(store: Store) -> None:
    rows = [{"sku": f"V-{n}", "price": "5.00", "inventory_quantity": 0, "options": {"Color": str(n)}} for n in (1, 2)]
    made = store.product("V", variants=rows)
    shared = {"data.inventory_tracking": "product", "data.inventory_level": 3}
    store.control.fault("edited", path="/catalog/products/", edits=shared, times=99)
    assert [unit.stock for unit in store.client.products(str(made["id"]))] == [0, 0]
    row = {"identity": {"product_id": made["id"], "variant_id": None}, "locations": []}
    at = {"location_id": 1, "location_enabled": True, "available_to_sell": 3}
    store.control.fault("edited", path="/inventory/items", edits={"data": [{**row, "locations": [at]}]})
    units = store.client.products(str(made["id"]))
    assert [(unit.stock, unit.store_stock_id) for unit in units] == [(3, f"product-{made['id']}")] * 2
    store.control.fault("edited", path="/inventory/items", edits=NO_ROWS)
    assert [unit.stock for unit in store.client.products(str(made["id"]))] == [None, None]
    gone = {"data.inventory_level": 0}
    store.control.fault("edited", path="/catalog/products/", edits=gone)
    store.control.fault("edited", path="/inventory/items", edits=NO_ROWS)
    assert [unit.stock for unit in store.client.products(str(made["id"]))] == [0, 0]
