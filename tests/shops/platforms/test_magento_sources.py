"""Magento's stock lists that leave something out, and SKUs that change hands or are alike."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.cache import cache

from listings.intake import crawls
from listings.models import Product
from shops.platforms.errors import Malformed, Unsupported
from shops.platforms.magento2 import skus as names
from shops.platforms.magento2 import sources
from tests.shops.platforms.conftest import Store
from tests.shops.platforms.test_contract import reverb_order
from tests.shops.platforms.test_crawls import the_crawl, through
from tests.shops.platforms.test_magento_stock import client_of, lies, own_sources, product, urgent

pytestmark = pytest.mark.live
only = pytest.mark.parametrize("store", ["magento2"], indirect=True)
case = pytest.mark.parametrize
OFTEN = 10**6


def learnt(store: Store) -> None:
    """Learn the store; the next reading asks for all that is kept for a while."""
    crawls.plan(store.shop)
    through(store)
    Product.objects.update(pending_first_sync=False)
    cache.clear()


def stock(store: Store) -> dict[str, int | None]:
    """Return the stock of each product as it is known here."""
    return dict(Product.objects.filter(shop=store.shop).values_list("sku", "snapshot__stock"))


# -- sources -------------------------------------------------------------------------------------------------------


@only
@case("total", ["kept", 0, None])
@case(("path", "after"), [("/sources$", 1), ("/stock-source-links$", 0), ("/source-items$", 0)])
def test_one_list_without_sources_takes_nothing_off_sale(store: Store, path: str, after: int, total: Any) -> None:
    own_sources(store)
    product(store, "A1", sources={"east": 3})
    product(store, "B1", units=0, sources={"west": 2})
    learnt(store)
    edits = {"items": []} | ({} if total == "kept" else {"total_count": total})
    store.control.fault("edited", method="GET", path=path, edits=edits, after=after)
    through(store, "stock")
    assert stock(store) == {"A1": 3, "B1": 2}
    assert urgent() == set()


@only
@case("path", ["/sources$", "/stock-source-links$", "/source-items$"])
def test_sources_that_are_never_listed_end_nothing_that_the_store_sells(store: Store, path: str) -> None:
    own_sources(store)
    product(store, sources={"east": 3})
    learnt(store)
    store.control.fault("edited", method="GET", path=path, edits={"items": [], "total_count": 0}, times=OFTEN)
    through(store, "stock")
    assert (stock(store), urgent()) == ({"A1": 3}, set())
    with pytest.raises(Malformed, match="lists no source"):
        store.client.count(Product.objects.get().seen)


@only
def test_a_source_that_one_list_leaves_out_is_asked_for_again_before_its_units_go_off_sale(store: Store) -> None:
    own_sources(store)
    product(store, units=0, sources={"east": 1, "west": 2})
    learnt(store)
    client_of(store).take_stock([])
    rest = client_of(store)._rest
    assert sources.stock_sources(rest, "base") is not None
    drop = {"drops": ["items.[source_code=west]"], "edits": {"total_count": 2}}
    store.control.fault("edited", method="GET", path="/stock-source-links$", **drop)
    found = sources.stock_sources(rest, "base")
    assert found is not None
    assert found["sources"] == ["east", "west", "north"]


@only
def test_a_website_that_draws_on_no_source_any_more_sells_nothing(store: Store) -> None:
    own_sources(store)
    product(store, sources={"east": 3})
    learnt(store)
    own_sources(store, disabled=("east", "west", "north"))
    through(store, "stock")
    assert (stock(store), urgent()) == ({"A1": 0}, {"A1"})


# -- stock that nobody manages -------------------------------------------------------------------------------------


@only
def test_stock_that_nobody_manages_is_not_zero_where_the_export_leaves_it_out(store: Store) -> None:
    product(store, units=0, tracked=False)
    store.control.ask("PUT", "/entities/A1", {"sources": {"default": 0}})
    learnt(store)
    store.control.fault("edited", path="/export-stock-salable-qty/", edits={"items": [], "total_count": 0}, times=OFTEN)
    through(store, "stock")
    assert (stock(store), urgent()) == ({"A1": None}, set())


@only
@case("msi", [True, False])
@case(
    "said",
    [
        {"status": 200, "body": {"message": "Please wait"}},
        {"status": 200, "raw": "{}"},
        {"status": 404, "body": {"message": "The product that was requested doesn't exist. Verify the product."}},
        {"status": 500, "body": {"message": "Internal Error."}},
    ],
    ids=str,
)
def test_a_stock_item_that_says_nothing_makes_no_stock_zero(store: Store, said: dict[str, Any], msi: bool) -> None:
    store.control.ask("POST", "/shops", {"domain": store.stand_in.domain, "msi": msi})
    product(store, tracked=False)
    learnt(store)
    unit = Product.objects.get().seen
    store.control.fault("status", path="/stockItems/", times=OFTEN, **said)
    through(store, "stock")
    assert (stock(store), urgent()) == ({"A1": None}, set())
    assert the_crawl(store, "stock").note == ""
    with pytest.raises(Malformed):
        store.client.count(unit)


@only
def test_what_lies_in_no_source_is_asked_for_once_a_day(store: Store) -> None:
    product(store, sources={"default": None})
    unit, client = store.unit(), client_of(store)
    store.control.ask("DELETE", "/requests")
    assert client.take_stock([unit]).units == {unit.store_product_id: 0}
    assert not [call for call in store.control.calls() if "/stockItems/" in call["path"]]


@only
def test_stock_that_nobody_manages_any_more_is_noticed_soon_after_it_lay_in_no_source(store: Store) -> None:
    made = product(store, sources={"default": None})
    unit, client = store.unit(), client_of(store)
    assert client.take_stock([unit]).units == {unit.store_product_id: 0}
    store.set(made, tracked=False)
    assert client.take_stock([unit]).units == {unit.store_product_id: None}


# -- SKUs that change hands ----------------------------------------------------------------------------------------


def swapped(store: Store) -> tuple[dict[str, Any], dict[str, Any]]:
    """Let A1 and B1 take each other's SKU; return the products that were called so."""
    first, second = product(store, "A1", units=5), product(store, "B1", units=3)
    crawls.plan(store.shop)
    through(store)
    for made, sku in ((first, "TMP"), (second, "A1"), (first, "B1")):
        store.set(made, sku=sku)
    return first, second


@only
@case("msi", [True, False])
def test_a_unit_is_taken_from_the_product_that_was_sold_although_another_has_its_sku(store: Store, msi: bool) -> None:
    store.control.ask("POST", "/shops", {"domain": store.stand_in.domain, "msi": msi})
    swapped(store)
    unit, client = Product.objects.get(sku="A1").seen, client_of(store)
    count = client.count(unit)
    assert count.units == 5
    assert client.adjust(unit, count, by=-1, reference="r").units == 4
    assert (store.stock("B1"), store.stock("A1")) == (4, 3)


@only
def test_a_sku_that_changes_hands_between_counting_and_writing_is_noticed(store: Store) -> None:
    first, second = product(store, "A1", units=5), product(store, "B1", units=5)
    unit, client = store.unit("A1"), client_of(store)
    count = client.count(unit)
    for made, sku in ((first, "TMP"), (second, "A1"), (first, "B1")):
        store.set(made, sku=sku)
    client.adjust(unit, count, by=-1, reference="r")
    assert (store.stock("B1"), store.stock("A1")) == (4, 5)


@only
def test_a_product_that_is_gone_has_no_units_although_another_has_its_sku(store: Store) -> None:
    made = product(store, "A1", units=1)
    unit, client = store.unit(), client_of(store)
    store.control.ask("DELETE", f"/products/{made['id']}")
    product(store, "A1", units=3)
    count = client.count(unit)
    assert count.units == 0
    assert client.adjust(unit, count, by=-1, reference="r").done == 0
    assert lies(store) == {"default": 3}


@only
@case("takes_stock", [True, False])
def test_an_order_is_made_of_the_product_that_was_sold_although_another_has_its_sku(
    store: Store, takes_stock: bool
) -> None:
    product(store, "A1", units=5)
    order = reverb_order(store, takes_stock=takes_stock)
    [line] = order.lines
    [made] = store.control.ask("GET", "/products", sku="A1")
    store.set(made, sku="A1-old")
    product(store, "A1", units=3)
    found = store.client.create_order(order)
    assert [one.store_product_id for one in found.lines] == [line.store_product_id]
    assert store.stock("A1") == 3


@only
def test_a_cancelled_order_gives_back_units_of_its_own_product_although_another_has_its_sku(store: Store) -> None:
    product(store, "A1", units=5)
    order = reverb_order(store, takes_stock=False)
    found = store.client.create_order(order)
    [made] = store.control.ask("GET", "/products", sku="A1")
    store.set(made, sku="A1-old")
    product(store, "A1", units=3)
    store.client.cancel_order(found.id, reverb_number="R-1", gives_back=False, note="It is off.")
    assert (store.stock("A1-old"), store.stock("A1")) == (5, 3)


@only
def test_an_order_that_is_made_is_found_again_although_its_product_is_gone(store: Store) -> None:
    made = product(store, "A1")
    order = reverb_order(store, takes_stock=False)
    found = store.client.create_order(order)
    store.control.ask("DELETE", f"/products/{made['id']}")
    assert store.client.create_order(order).id == found.id


@only
def test_no_order_is_made_of_another_product_where_the_one_that_was_sold_is_gone(store: Store) -> None:
    made = product(store, "A1", units=1)
    order = reverb_order(store)
    store.control.ask("DELETE", f"/products/{made['id']}")
    product(store, "A1", units=3)
    with pytest.raises(Unsupported, match="no longer has Fender Strat"):
        store.client.create_order(order)
    assert (store.control.ask("GET", "/orders"), store.stock()) == ([], 3)


# -- SKUs that are alike -------------------------------------------------------------------------------------------

ALIKE = [
    ("バス-1", "パス-1"),
    ("A1", "A１"),
    ("FUZZ2", "FUZZ²"),
    ("STRAT-II", "STRAT-Ⅱ"),
    ("HALF-1⁄2", "HALF-½"),
    ("กา", "ก่า"),
]


@only
@case("pair", ALIKE)
def test_skus_that_magento_keeps_apart_have_stocks_apart(store: Store, pair: tuple[str, str]) -> None:
    product(store, pair[0], units=0)
    product(store, pair[1], units=5)
    assert {one.sku: one.stock for one in store.units()} == {pair[0]: 0, pair[1]: 5}


@only
def test_skus_that_magento_keeps_apart_are_managed_apart(store: Store) -> None:
    product(store, "FUZZ2", tracked=False)
    product(store, "FUZZ²", units=2, backorders=1, min_qty=-10)
    assert {one.sku: one.stock for one in store.units()} == {"FUZZ2": None, "FUZZ²": 2}


@case(
    ("wanted", "spelled", "owners", "unclear"),
    [
        (["A1"], ["A1 "], {"A1 ": "A1"}, set()),
        (["A1"], ["a1"], {"a1": "A1"}, set()),
        (["É1"], ["e1"], {"e1": "É1"}, set()),
        (["A1", "A１"], ["A1", "A１"], {"A1": "A1", "A１": "A１"}, set()),
        (["A1", "A１"], ["a1", "a１"], {"a1": "A1", "a１": "A１"}, set()),
        (["FUZZ2", "FUZZ²"], ["FUZZ2", "FUZZ①"], {"FUZZ2": "FUZZ2"}, set()),
        (["É1", "E1"], ["E1", "è1"], {"E1": "E1", "è1": "É1"}, set()),
        (["É1", "E1"], ["è1"], {}, {"É1", "E1"}),
        (["A1"], ["B1", ""], {}, set()),
        (["A1", "A1"], ["a1"], {"a1": "A1"}, set()),
    ],
)
def test_a_row_belongs_to_the_sku_that_is_spelled_like_it_if_that_is_one_alone(
    wanted: list[str], spelled: list[str], owners: dict[str, str], unclear: set[str]
) -> None:
    assert names.owners(wanted, spelled) == (owners, unclear)
