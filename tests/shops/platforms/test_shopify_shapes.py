"""Products of odd shapes: one that cannot be read hides no other."""

from __future__ import annotations

from typing import Any

import pytest

from shops.platforms.errors import (
    Malformed,
    TransientStoreError,
)
from shops.platforms.shopify import product_calls, store_calls
from shops.platforms.store_client import Resizable
from tests.shops.platforms.conftest import Store
from tests.shops.platforms.shopify import file
from tests.shops.platforms.test_contract import reverb_order

pytestmark = [pytest.mark.live, pytest.mark.parametrize("store", ["shopify"], indirect=True)]
case = pytest.mark.parametrize


@pytest.fixture(autouse=True)
def unknown_locations() -> None:
    """Know no store's locations yet."""
    store_calls._known.clear()


@case(
    "edits",
    [
        {"data.shop": None, "data.product": None},
        {"data.product.variants.pageInfo": None},
        {"data.product.variants.pageInfo.hasNextPage": None, "data.product.variants.pageInfo.endCursor": 7},
        {"data.product.variants.nodes": None},
        {"data.product.variants.nodes.0.inventoryItem.tracked": None},
        {"data.product.variants.nodes.0.inventoryQuantity": ""},
        {"data.product.status": None},
        {"data": None},
        {"data": {}},
    ],
    ids=str,
)
def test_an_answer_that_is_null_in_parts_ends_no_product_and_none_of_its_variants(
    store: Store, edits: dict[str, Any]
) -> None:
    store.product()
    unit, asks = store.unit(), store.client
    store.control.fault("edited", text="query Product(", edits=edits)
    with pytest.raises(TransientStoreError):
        asks.products(unit.store_parent_id)
    assert asks.products(unit.store_parent_id) == [unit]


def test_a_page_that_does_not_say_whether_there_are_more_variants_is_not_all_of_them(store: Store) -> None:
    made = store.product()
    store.control.fault("edited", text="query Products(", edits={"data.products.nodes.0.variants.pageInfo": None})
    page = store.client.crawl("")
    assert ([unit.sku for unit in page.products], page.unread) == (["A1"], ())
    assert [
        one["body"]["variables"]["id"] for one in store.control.calls() if "query Product(" in str(one["body"])
    ] == [f"gid://shopify/Product/{made['id']}"]


@case("path", [["media", "nodes", 0, "image"], ["media"], ["variants", "nodes", 0, "media"]], ids=str)
def test_an_error_about_a_photo_hides_neither_price_nor_stock(store: Store, path: list[Any]) -> None:
    made = store.product()
    error = {"message": "Timeout", "extensions": {"code": "INTERNAL_SERVER_ERROR"}}
    for name, where in (("query Product(", ["product"]), ("query Products(", ["products", "nodes", 0])):
        whole_path = [*where, *path]
        edits = {"errors": [{**error, "path": whole_path}], ".".join(map(str, ["data", *whole_path])): None}
        store.control.fault("edited", text=name, edits=edits, times=99)
    [unit] = store.client.products(str(made["id"]))
    assert (unit.stock, unit.sku) == (3, "A1")
    assert [one.stock for one in store.client.crawl("").products] == [3]


def test_an_error_about_a_photo_that_has_taken_the_product_along_is_no_word_that_it_is_gone(store: Store) -> None:
    made = store.product()
    error = {"message": "Timeout", "path": ["product", "media", "nodes", 0]}
    store.control.fault("edited", text="query Product(", edits={"errors": [error], "data.product": None})
    with pytest.raises(TransientStoreError):
        store.client.products(str(made["id"]))


@case("said", [None, [], {}, {"name": None, "currencyCode": None}], ids=str)
def test_a_store_that_does_not_say_who_it_is_keeps_its_name_and_currency(store: Store, said: Any) -> None:
    store.control.fault("edited", text="query Shop", edits={"data.shop": said})
    with pytest.raises(TransientStoreError):
        store.client.check()


@case("rows", [[None], ["no"], [{}], [{"code": None, "message": None}], {"message": "no"}, None], ids=str)
@case("name", ["inventoryAdjustQuantities", "orderCreate"])
def test_a_refusal_without_code_and_words_leaves_open_whether_it_was_done(store: Store, name: str, rows: Any) -> None:
    store.product()
    unit, asks, order = store.unit(), store.client, reverb_order(store)
    count = asks.count(unit)
    store.control.fault("edited", text="mutation", edits={f"data.{name}.userErrors": rows})
    does = {"orderCreate": lambda: asks.create_order(order)}.get(
        name, lambda: asks.adjust(unit, count, by=-1, reference="r")
    )
    with pytest.raises(TransientStoreError) as lost:
        does()
    assert lost.value.may_have_applied


@case(
    "edits",
    [
        {"data.products.nodes.1": None},
        {"data.products.nodes.1.variants": None},
        {"data.products.nodes.1.variants.nodes": []},
        {"data.products.nodes.1.variants.nodes.0.inventoryItem": None},
        {"data.products.nodes.1.variants.nodes.0.inventoryQuantity": None},
        {"data.products.nodes.1.variants.nodes.0": None},
        {"data.products.nodes.1.status": None},
        {"data.products.nodes.1.legacyResourceId": None},
        {"data.products.nodes.1": "ODD"},
    ],
    ids=str,
)
def test_a_product_that_cannot_be_read_hides_no_other(store: Store, edits: dict[str, Any]) -> None:
    for sku in ("A1", "ODD", "B1"):
        store.product(sku)
    store.control.fault("edited", text="query Products", edits=edits)
    page = store.client.crawl("")
    assert {unit.sku for unit in page.products} == {"A1", "B1"}
    assert len(page.unread) == 1


def test_an_error_about_one_product_of_a_page_hides_no_other(store: Store) -> None:
    made = [store.product(sku) for sku in ("A1", "ODD", "B1")]
    error = {"message": "Timeout", "path": ["products", "nodes", 1, "metafields"]}
    edits = {"errors": [error], "data.products.nodes.1.metafields": None}
    store.control.fault("edited", text="query Products", edits=edits)
    page = store.client.crawl("")
    assert {unit.sku for unit in page.products} == {"A1", "B1"}
    assert [one.store_parent_id for one in page.unread] == [str(made[1]["id"])]


def test_one_variant_that_cannot_be_read_hides_its_siblings_neither_here_nor_there(store: Store) -> None:
    rows = [
        {"sku": f"V-{n}", "price": "5.00", "inventory_quantity": n, "options": {"Color": str(n)}} for n in (1, 2, 3)
    ]
    made = store.product("V", variants=rows)
    for part in ("products.nodes.0", "product"):
        store.control.fault(
            "edited",
            path="graphql",
            text="shop { currencyCode }",
            edits={f"data.{part}.variants.nodes.1.inventoryItem": None},
            times=2,
        )
    page = store.client.crawl("")
    assert ([unit.sku for unit in page.products], page.whole_parents) == (["V-1", "V-3"], [])
    with pytest.raises(Malformed) as malformed:
        store.client.products(str(made["id"]))
    assert [unit.sku for unit in malformed.value.readable] == ["V-1", "V-3"]


@case(
    "info",
    [{"hasNextPage": True, "endCursor": None}, {"hasNextPage": True}, {"hasNextPage": True, "endCursor": 7}],
    ids=str,
)
def test_a_page_that_goes_on_to_nowhere_ends_with_words(store: Store, info: dict[str, Any]) -> None:
    store.product()
    store.control.fault("edited", text="query Products", edits={"data.products.pageInfo": info})
    with pytest.raises(Malformed):
        store.client.crawl("")


def test_a_page_without_a_word_about_the_next_one_is_the_last(store: Store) -> None:
    store.product()
    store.control.fault(
        "edited", text="query Products", edits={"data.products.pageInfo": None, "data.productsCount": None}
    )
    page = store.client.crawl("")
    assert (len(page.products), page.next, page.total) == (1, None, None)


def test_one_product_may_be_left_out(store: Store) -> None:
    made = [store.product(sku) for sku in ("A1", "B1", "C1")]
    asks = store.client
    assert isinstance(asks, Resizable)
    first = asks.crawl("", size=1)
    without = asks.skip(first.next or "")
    assert ([one.store_parent_id for one in without.unread], without.products) == ([str(made[1]["id"])], ())
    last = asks.crawl(without.next or "", size=1)
    assert ([unit.sku for unit in last.products], last.next) == (["C1"], None)


def test_a_cursor_from_before_an_upgrade_goes_on(store: Store) -> None:
    made = [store.product(sku) for sku in ("A1", "B1")]
    assert [unit.sku for unit in store.client.crawl(f"15:{made[0]['id']}").products] == ["B1"]


def test_all_collections_and_metafields_and_as_many_photos_as_a_listing_has_are_read(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.product(
        collections=[f"Collection {n}" for n in range(120)],
        attributes={f"field{n}": str(n) for n in range(130)},
        images=[f"http://store.test/{n}.jpg" for n in range(24)],
    )
    unit = store.unit()
    assert (len(unit.collections), len(unit.attributes), len(unit.photos)) == (120, 130, 24)
    assert store.client.products(unit.store_parent_id) == [unit]
    monkeypatch.setattr(product_calls, "MOST_BY_PAGES", 0)
    assert file(store) == [unit]


def test_what_a_page_shows_whole_costs_no_further_call(store: Store) -> None:
    for n in range(15):
        store.product(f"A{n}", collections=list("abcdefgh"), attributes={f"f{m}": "x" for m in range(14)})
    store.client.crawl("")
    store.control.ask("DELETE", "/requests")
    store.client.crawl("")
    assert len(store.control.calls()) == 1
