"""When WooCommerce sells a product or a variation, and when that changes by a date. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from reverbsync import clock
from shops.platforms.woocommerce import product_units, products
from shops.snapshots import StoreProduct

case = pytest.mark.parametrize


def family(parent: dict[str, Any], *variations: dict[str, Any]) -> list[StoreProduct]:
    """Return the units of a variable product, each counted by itself unless it says otherwise."""
    whole = {"id": 9, "type": "variable", "manage_stock": False, "variations": [1], **parent}
    own = {"manage_stock": True, "stock_quantity": 3, "price": "5.00"}
    parts = [products.read_item({"id": n, **own, **one}) for n, one in enumerate(variations, 1)]
    return product_units.units(products.read_item(whole), parts, currency="USD", admin="https://w.test/wp-admin")


@case(
    ("parent", "variation", "sellable"),
    [
        ({}, {}, 3),
        ({}, {"status": "private"}, 0),  # disabled
        ({}, {"purchasable": False}, 0),
        ({}, {"stock_status": "outofstock"}, 0),
        ({"status": "draft"}, {}, 0),
        ({"catalog_visibility": "hidden"}, {}, 0),
        ({"post_password": "x"}, {}, 0),
        ({"stock_status": "outofstock"}, {}, 0),
        # A parent with a number of its own says nothing about a variation with one.
        ({"manage_stock": True, "stock_quantity": 0, "stock_status": "outofstock"}, {}, 3),
        ({"manage_stock": True, "stock_quantity": 7}, {"manage_stock": "parent", "stock_quantity": 7}, 7),
        ({"manage_stock": True, "stock_quantity": 7}, {"manage_stock": "parent", "stock_quantity": None}, 7),
        ({"manage_stock": True, "stock_quantity": 0, "stock_status": "outofstock"}, {"manage_stock": "parent"}, 0),
    ],
    ids=str,
)
def test_a_variation_is_sold_as_its_parent_lets_it(
    parent: dict[str, Any], variation: dict[str, Any], sellable: int
) -> None:
    [unit] = family(parent, variation)
    assert unit.sellable == sellable


@case("kind", ["variable-subscription", "variable-booking"])
def test_types_of_plug_ins_with_variations_are_sold_by_variation(kind: str) -> None:
    assert [unit.store_product_id for unit in family({"type": kind, "variations": []}, {}, {})] == ["1", "2"]


def at(moment: datetime, says: dict[str, Any]) -> StoreProduct:
    """Return a product on sale for 80 instead of 100, as read at a moment."""
    row = {
        "id": 1,
        "stock_status": "instock",
        "price": "100.00",
        "regular_price": "100.00",
        "sale_price": "80.00",
        **says,
    }
    with clock.running_by(lambda: moment):
        return product_units.units(products.read_item(row), [], currency="USD", admin="")[0]


NOON = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
BEGIN, END = NOON + timedelta(hours=1), NOON + timedelta(hours=2)
DATES = {"date_on_sale_from_gmt": "2026-11-02T13:00:00", "date_on_sale_to_gmt": "2026-11-02T14:00:00"}


def test_a_sale_is_looked_at_when_it_begins_and_when_it_ends() -> None:
    assert at(NOON, DATES).changes_at == BEGIN
    on = at(BEGIN + timedelta(minutes=5), {**DATES, "price": "80.00"})
    assert (on.price, on.changes_at) == (Decimal("80.00"), END)
    assert at(END + timedelta(minutes=5), DATES).changes_at is None
    assert at(NOON, {"date_on_sale_from_gmt": None, "date_on_sale_to_gmt": None}).changes_at is None
    assert at(NOON, {**DATES, "sale_price": ""}).changes_at is None


def test_while_the_stores_queue_is_late_the_price_is_what_it_charges_and_it_is_looked_at_again() -> None:
    late = at(BEGIN + timedelta(minutes=2), DATES)
    assert (late.price, late.changes_at) == (Decimal("100.00"), BEGIN + timedelta(minutes=4))
    still = at(END + timedelta(minutes=1), {**DATES, "price": "80.00"})
    assert (still.price, still.changes_at) == (Decimal("80.00"), END + timedelta(minutes=2))


def test_a_planned_product_is_looked_at_when_it_is_published() -> None:
    planned = at(NOON, {"status": "future", "date_created_gmt": "2026-11-02T13:00:00", "sale_price": ""})
    assert (planned.for_sale, planned.changes_at) == (False, BEGIN)


@case("value", ["used", "Refurbished"])
@case("key", ["_wc_gla_condition", "_woosea_condition", "_product_condition", "wc_condition", "fb_product_condition"])
@case("of", ["product", "variation"])
def test_a_condition_that_a_plug_in_keeps_is_read(of: str, key: str, value: str) -> None:
    meta = {"meta_data": [{"id": 1, "key": key, "value": value}, {"id": 2, "key": "_price", "value": "5"}]}
    one = family(*((meta, {}) if of == "product" else ({}, meta)))[0]
    assert one.attributes == {key: value}


def test_a_condition_in_an_array_of_a_plug_in_is_read() -> None:
    says = {"brand": "Fender", "condition": "used"}
    one = family({"meta_data": [{"id": 1, "key": "_woocommerce_gpf_data", "value": says}]}, {})[0]
    assert one.attributes == {"_woocommerce_gpf_data_condition": "used"}
