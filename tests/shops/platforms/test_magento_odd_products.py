"""Products of odd shapes: one that cannot be read hides no other."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from shops.platforms.errors import Malformed, TransientStoreError
from shops.platforms.magento2 import items
from shops.platforms.magento2.client import Magento2Client
from tests.shops.platforms.conftest import Store
from tests.shops.platforms.magento import FAMILY

only = pytest.mark.parametrize("store", ["magento2"], indirect=True)


SHAPES: dict[str, Any] = {
    "custom_attributes": {"description": "<p>Nice</p>", "manufacturer": {}, "special_price": "99"},
    "media_gallery_entries": None,
    "extension_attributes": [],
    "tier_prices": "",
    "name": None,
    "price": None,
}


@only
@pytest.mark.parametrize("field", sorted(SHAPES))
def test_an_odd_field_hides_neither_stock_nor_the_next_product(store: Store, field: str) -> None:
    store.product("A1")
    store.product("B1")
    store.control.fault("edited", path="/products$", times=9, edits={f"items.[sku=A1].{field}": SHAPES[field]})
    found = {unit.sku: unit for unit in store.client.crawl("").products}
    assert (found["A1"].stock, found["B1"].stock, found["B1"].price) == (3, 3, Decimal("849.90"))
    if field == "custom_attributes":
        assert (found["A1"].description, found["A1"].price) == ("<p>Nice</p>", Decimal("99.00"))
    if field == "price":
        assert found["A1"].price == 0


@only
@pytest.mark.parametrize(
    "edits",
    [
        {"items.[sku=A1].sku": None},
        {"items.[sku=A1].status": "on"},
        {"items.[sku=A1].visibility": {}},
        {"items.[sku=A1].type_id": 7},
        {"items.[sku=A1].extension_attributes": {"website_ids": "all"}},
        {"items.[sku=A1]": "A1"},
    ],
)
def test_a_product_that_cannot_be_read_is_left_out_and_the_others_are_taken(
    store: Store, edits: dict[str, Any]
) -> None:
    store.product("A1")
    store.product("B1")
    store.control.fault("edited", path="/products$", times=9, edits=edits)
    page = store.client.crawl("")
    assert [one.sku for one in page.products] == ["B1"]
    assert len(page.unread) == 1
    assert page.next is None


@only
@pytest.mark.parametrize("value", [[], None, {"website_ids": [1]}, {"configurable_product_links": "7"}])
def test_a_family_whose_children_cannot_be_read_keeps_them_on_sale(store: Store, value: Any) -> None:
    store.product("B1")
    family = store.product(variants=FAMILY)
    before = {unit.sku: unit for unit in store.units()}
    edits = {f"items.[id={family['id']}].extension_attributes": value}
    store.control.fault("edited", path="/products$", times=99, edits=edits)
    store.control.ask("POST", "/clock", {"advance_s": 7200})
    page = store.client.crawl("")
    assert str(family["id"]) not in page.whole_parents
    for unit in page.products:
        assert (unit.for_sale, unit.store_parent_id) == (True, before[unit.sku].store_parent_id)
    with pytest.raises(Malformed):
        store.client.products(str(family["id"]))


@only
@pytest.mark.parametrize("total", ["3", None, 0, "many"])
def test_a_total_that_is_odd_or_missing_ends_no_crawl_too_soon(store: Store, total: Any) -> None:
    for number in range(3):
        store.product(f"A{number}")
    store.control.fault("edited", path="/products$", times=99, edits={"total_count": total})
    client, cursor, seen = store.client, "", []
    assert isinstance(client, Magento2Client)
    for _ in range(9):
        page = client.crawl(cursor, size=1)
        seen += [unit.sku for unit in page.products]
        if page.next is None:
            break
        cursor = page.next
    assert seen == ["A0", "A1", "A2"]


@only
def test_a_page_that_leads_nowhere_does_not_crawl_for_ever(store: Store) -> None:
    store.product("A1")
    store.product("B1")
    client = store.client
    assert isinstance(client, Magento2Client)
    first = client.crawl("", size=1)
    assert first.next is not None
    store.control.fault("edited", path="/products$", edits={"items.0.id": 1, "total_count": 9})
    with pytest.raises(TransientStoreError, match="does not go on"):
        client.crawl(first.next, size=1)


@only
def test_a_product_that_is_too_large_is_left_out_by_its_id(store: Store) -> None:
    store.product("A1")
    store.product("B1")
    client = store.client
    assert isinstance(client, Magento2Client)
    [first, second] = [unit.store_product_id for unit in store.units()]
    page = client.skip("")
    assert ([one.store_parent_id for one in page.unread], page.next) == ([first], first)
    assert [one.store_parent_id for one in client.skip(first).unread] == [second]


@only
def test_labels_lose_their_entities_and_the_deepest_category_counts(store: Store) -> None:
    store.product(
        title="Peavey &amp; Co",
        vendor="G&amp;L",
        product_type="Solid Body &amp; more",
        collections=["Electric Guitars", "New &amp; used"],
    )
    unit = store.unit()
    assert (unit.title, unit.vendor, unit.product_type) == ("Peavey & Co", "G&L", "Solid Body & more")
    assert set(unit.collections) == {"Electric Guitars", "New & used", "Solid Body & more"}


@only
def test_one_odd_order_hides_no_other(store: Store) -> None:
    made = store.product()
    orders = [store.control.ask("POST", "/orders", {"variant_id": made["variants"][0]["id"]}) for _ in range(3)]
    edits = {
        "items.0.items": None,
        "items.1.items": {"0": {"item_id": 5, "qty_ordered": "2.5", "price": None, "product_id": None}},
        "items.2.entity_id": {},
    }
    store.control.fault("edited", path="/orders$", edits=edits)
    found, following = store.client.orders(datetime.now(UTC) - timedelta(hours=1), "")
    assert [one.id for one in found] == [str(orders[0]["id"]), str(orders[1]["id"])]
    assert [line.quantity for line in found[1].lines] == [2]
    assert following is None


def test_everything_that_a_real_answer_holds_is_read_as_it_was_meant() -> None:
    """Shapes of Magento 2.4.7, shortened."""
    item = items.read(
        {
            "id": 22,
            "sku": "TIER-1",
            "name": "Tier",
            "price": 312,
            "status": 1,
            "visibility": 4,
            "type_id": "simple",
            "extension_attributes": {"website_ids": [1], "category_links": [{"position": 0, "category_id": "3"}]},
            "options": [],
            "media_gallery_entries": [
                {"id": 4, "media_type": "image", "label": "x", "position": 2, "disabled": False, "file": "/p/_/b.png"},
                {"id": 5, "media_type": "image", "position": 1, "disabled": True, "file": "/p/_/c.png"},
                {"id": 6, "media_type": "external-video", "position": 1, "disabled": False, "file": "/p/_/d.png"},
                {"id": 7, "media_type": "image", "position": 1, "disabled": False, "file": "/p/_/a.png"},
            ],
            "tier_prices": [
                {"customer_group_id": 32000, "qty": 1, "value": 77, "extension_attributes": {"website_id": 0}}
            ],
            "custom_attributes": [
                {"attribute_code": "swatch_image", "value": "no_selection"},
                {"attribute_code": "category_ids", "value": ["2", "3"]},
            ],
        }
    )
    assert item.categories == ["2", "3"]
    assert item.photos == ["/p/_/a.png", "/p/_/b.png"]
    assert item.tier_prices[0].value == 77
