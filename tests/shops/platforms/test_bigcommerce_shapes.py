"""Products of odd shapes: one that cannot be read hides no other."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from reverbsync import clock
from shops.platforms.bigcommerce import names
from shops.platforms.errors import Malformed, TransientStoreError
from shops.platforms.store_client import Resizable
from tests.shops.platforms.bigcommerce import NO_ROWS, odd
from tests.shops.platforms.conftest import Store

pytestmark = [pytest.mark.live, pytest.mark.parametrize("store", ["bigcommerce"], indirect=True)]
case = pytest.mark.parametrize


@case("total", [0, -3, 1, "two", "\u00b2", None, {"a": 1}, True], ids=str)
def test_a_total_that_cannot_be_true_ends_no_crawl(store: Store, total: Any) -> None:
    for n in range(4):
        store.product(f"A{n}")
    store.control.fault("edited", path="/catalog/products$", edits={"meta.pagination.total": total}, times=99)
    client = store.client
    assert isinstance(client, Resizable)
    found: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = client.crawl(cursor, size=2)
        found += [unit.sku for unit in page.products]
        cursor = page.next
    assert found == ["A0", "A1", "A2", "A3"]


@case(
    "edits",
    [
        {"data.[sku=ODD].variants": []},
        {"data.[sku=ODD].variants": None},
        {"data.[sku=ODD].inventory_tracking": "by moon"},
        {"data.[sku=ODD].variants.0": None},
        {"data.[sku=ODD].variants.0.id": "x"},
        {"data.[sku=ODD].is_visible": "perhaps"},
        {"data.[sku=ODD].id": [1]},
        {"data.[sku=ODD]": None},
        {"data.[sku=ODD]": "ODD"},
    ],
    ids=str,
)
def test_a_product_that_cannot_be_read_hides_no_other(store: Store, edits: dict[str, Any]) -> None:
    store.product("A1")
    store.product("ODD")
    store.product("B1")
    odd(store, edits)
    page = store.client.crawl("")
    assert {unit.sku for unit in page.products} == {"A1", "B1"}
    assert len(page.unread) == 1
    assert page.unread[0].words


@case(
    "edits",
    [
        {"images": None, "custom_fields": {"0": {"id": 1, "name": "Year", "value": 1979}}, "brand_id": None},
        {"images": {"3": {"url_zoom": "http://store.test/1.jpg"}}, "custom_fields": "", "categories": {"1": "x"}},
        {"brand_id": 987654, "categories": [None, "abc"], "search_keywords": None, "description": None, "name": 12},
        {"variants.0.upc": None, "variants.0.sku": None, "variants.0.option_values": {}, "upc": 885978110803},
        {"id": "101", "variants.0.id": "201", "inventory_level": "", "variants.0.inventory_level": 2.5},
        {"price": None, "variants.0.price": None, "sale_price": "", "variants.0.sale_price": "none"},
    ],
    ids=str,
)
def test_odd_side_fields_hide_neither_stock_nor_the_product(store: Store, edits: dict[str, Any]) -> None:
    store.product()
    odd(store, {f"data.*.{name}": value for name, value in edits.items()})
    [unit] = store.client.crawl("").products
    assert (unit.stock, unit.for_sale) == (3, True)


def test_a_price_that_is_none_reads_as_none_and_a_variant_inherits(store: Store) -> None:
    store.product()
    assert store.unit().price == Decimal("849.90")
    odd(store, {"data.*.price": None})
    assert store.unit().price == 0
    store.control.ask("DELETE", "/faults")
    odd(store, {"data.*.variants.*.price": "12.5", "data.*.sale_price": 3})
    assert store.unit().price == Decimal("12.50")


def test_names_are_read_as_people_read_them(store: Store) -> None:
    store.product(title="Peavey &amp; Co <b>Amp</b>", vendor="G&amp;L", product_type="Drums &amp; Percussion")
    unit = store.unit()
    assert (unit.title, unit.vendor, unit.product_type) == ("Peavey & Co Amp", "G&L", "Drums & Percussion")


def test_one_variant_that_cannot_be_read_hides_its_siblings_neither_here_nor_there(store: Store) -> None:
    rows = [
        {"sku": f"V-{n}", "price": "5.00", "inventory_quantity": n, "options": {"Color": str(n)}} for n in (1, 2, 3)
    ]
    made = store.product("V", variants=rows)
    odd(store, {"data.*.variants.[sku=V-2].id": None, "data.variants.[sku=V-2].id": None})
    page = store.client.crawl("")
    assert ([unit.sku for unit in page.products], page.whole_parents) == (["V-1", "V-3"], [])
    with pytest.raises(Malformed) as malformed:
        store.client.products(str(made["id"]))
    assert [unit.sku for unit in malformed.value.readable] == ["V-1", "V-3"]


@case(
    "edits",
    [{"data.*.locations.*.available_to_sell": "many"}, {"data.*.locations": None}, {"data": []}],
    ids=str,
)
def test_stock_that_cannot_be_read_is_neither_none_nor_zero(store: Store, edits: dict[str, Any]) -> None:
    store.product()
    unit = store.unit()
    odd(store, edits, path="/inventory/items")
    page = store.client.crawl("")
    assert (page.products, len(page.unread)) == ((), 1)
    with pytest.raises(Malformed):
        store.client.products(unit.store_parent_id)
    with pytest.raises(Malformed):
        store.client.count(unit)


def test_a_product_that_is_sold_out_and_not_in_the_inventory_has_none(store: Store) -> None:
    store.product(variants=[{"sku": "A1", "price": "5.00", "inventory_quantity": 0}])
    odd(store, NO_ROWS, path="/inventory/items")
    assert store.unit().stock == 0


def test_a_product_that_the_catalogue_counts_as_sold_out_is_unread_where_the_inventory_lacks_rows(store: Store) -> None:
    store.product(variants=[{"sku": "A1", "price": "5.00", "inventory_quantity": 0}])
    odd(store, {"data": []}, path="/inventory/items")
    page = store.client.crawl("")
    assert (page.products, len(page.unread)) == ((), 1)


def test_all_pages_of_the_inventory_are_read_where_they_hold_fewer_rows_than_asked(store: Store) -> None:
    for number in range(3):
        store.product(variants=[{"sku": f"A{number}", "price": "5.00", "inventory_quantity": 2}])
    store.control.ask("POST", "/shops", {"domain": store.stand_in.domain, "most_rows": 1})
    assert [unit.stock for unit in store.client.crawl("").products] == [2, 2, 2]


@case(
    ("edits", "stock"),
    [
        ({"data.*.locations.*.available_to_sell": "2"}, 2),
        ({"data.*.locations.*.available_to_sell": 2.5}, 2),
        ({"data.*.locations.*.available_to_sell": None}, 3),
        ({"data.*.identity.variant_id": None}, 3),
        ({"data.*.identity.variant_id": 0, "data.*.locations.*.settings": None}, 3),
        ({"data.*.locations.*.location_enabled": "boolean"}, 3),
    ],
    ids=str,
)
def test_an_odd_inventory_is_read_as_it_is_meant(store: Store, edits: dict[str, Any], stock: int) -> None:
    store.product()
    odd(store, edits, path="/inventory/items")
    unit = store.unit()
    assert unit.stock == store.client.count(unit).units == stock


@case(
    "meta", [None, {}, "", {"pagination": None}, {"pagination": {"total": "3"}}, {"pagination": {"total": -1}}], ids=str
)
def test_a_crawl_ends_whatever_the_store_says_of_its_pages(store: Store, meta: Any) -> None:
    for sku in ("A1", "B1", "C1"):
        store.product(sku)
    odd(store, {"meta": meta})
    assert [unit.sku for unit in store.units()] == ["A1", "B1", "C1"]


def test_a_store_that_shows_the_same_page_for_ever_ends_the_crawl_with_words(store: Store) -> None:
    store.product()
    odd(store, {"meta": {"pagination": {"total": 900}}})
    first = store.client.crawl("")
    assert first.next
    odd(store, {"data": [{"id": 1}]})
    with pytest.raises(TransientStoreError, match="do not lead on"):
        store.client.crawl(first.next)


@case("said", ["", [], "no", {"message": "x"}, None], ids=str)
def test_a_catalogue_that_is_no_list_is_asked_for_again(store: Store, said: Any) -> None:
    store.product()
    odd(store, {"": {"data": said}} if said != [] else {"": said})
    with pytest.raises(TransientStoreError):
        store.client.crawl("")


def test_pages_may_be_small_and_one_product_may_be_left_out(store: Store) -> None:
    made = [store.product(sku) for sku in ("A1", "B1", "C1")]
    client = store.client
    assert isinstance(client, Resizable)
    first = client.crawl("", size=1)
    assert ([unit.sku for unit in first.products], first.total) == (["A1"], 3)
    without = client.skip(first.next or "")
    assert ([one.store_parent_id for one in without.unread], without.products) == ([str(made[1]["id"])], ())
    last = client.crawl(without.next or "", size=1)
    assert ([unit.sku for unit in last.products], last.next) == (["C1"], None)


@case(
    ("said", "shown", "known"),
    [("Used", False, "Used"), ("New", False, None), ("New", True, "New"), ("Refurbished", False, "Refurbished")],
)
def test_a_condition_counts_unless_it_is_the_one_that_bigcommerce_sets_by_itself(
    store: Store, said: str, *, shown: bool, known: str | None
) -> None:
    store.product()
    odd(store, {"data.*.condition": said, "data.*.is_condition_shown": shown})
    assert store.unit().attributes.get("condition") == known


@case(
    "edits",
    [
        {"availability": "disabled"},
        {"availability": "preorder"},
        {"is_visible": False},
        {"variants.*.purchasing_disabled": True},
    ],
    ids=str,
)
def test_what_the_store_does_not_sell_is_not_for_sale(store: Store, edits: dict[str, Any]) -> None:
    store.product()
    odd(store, {f"data.*.{name}": value for name, value in edits.items()})
    assert not store.unit().for_sale


def test_names_that_cannot_be_had_for_a_while_hide_no_stock(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    names._lists.clear()
    now = [1000.0]
    monkeypatch.setattr(clock, "monotonic", lambda: now[0])
    store.product()
    assert store.unit().vendor == "Fender"
    store.control.fault("status", path="/catalog/brands", status=500, page="oops", times=1000)
    assert store.unit().vendor == "Fender"  # known for a while
    now[0] += names.FRESH_S + 1
    with pytest.raises(TransientStoreError):
        store.units()
    now[0] += names.PATIENCE_S
    assert (store.unit().vendor, store.unit().stock) == ("Fender", 3)
