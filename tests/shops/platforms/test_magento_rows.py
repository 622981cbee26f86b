"""Odd rows of Magento's stock, families, sources and orders: each is contained, and none ends a good listing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.cache import cache
from pydantic import SecretStr

from listings.intake import crawl_slices, crawls
from listings.models import Product, Recheck
from shops.platforms.errors import Malformed, TransientStoreError
from shops.platforms.magento2 import forms, search, store_cache
from shops.platforms.magento2.client import Magento2Client
from shops.platforms.magento2.rest import Rest
from tests.shops.platforms.conftest import Store
from tests.shops.platforms.test_contract import reverb_order
from tests.shops.platforms.test_crawls import skus, the_crawl, through
from tests.shops.platforms.test_magento_families import ALL, family
from tests.shops.platforms.test_magento_stock import client_of, lies, own_sources, product

pytestmark = pytest.mark.live
only = pytest.mark.parametrize("store", ["magento2"], indirect=True)
OFTEN = 10**6
case = pytest.mark.parametrize

ODD_ROWS: list[dict[str, Any]] = [
    {"quantity": "many"},
    {"quantity": {}},
    {"quantity": True, "status": "on"},
    {"status": []},
    {"source_code": None},
    {"source_code": None, "quantity": None},
]


# -- stock ---------------------------------------------------------------------------------------------------------


@only
@case("odd", ODD_ROWS, ids=str)
def test_an_odd_row_of_a_source_hides_one_product_and_stops_no_stock_poll(store: Store, odd: dict[str, Any]) -> None:
    first, second = product(store, "A1"), product(store, "B1")
    crawls.plan(store.shop)
    through(store)
    edits = {f"items.[sku=A1].{name}": value for name, value in odd.items()}
    store.control.fault("edited", path="/source-items$", edits=edits, times=OFTEN)
    store.set(first, inventory_quantity=1)
    store.set(second, inventory_quantity=0)
    through(store, "stock")
    through(store)
    known = {one.sku: one for one in Product.objects.filter(gone_at=None)}
    assert {sku: one.seen.stock for sku, one in known.items()} == {"A1": 3, "B1": 0}
    assert Recheck.objects.get().store_parent_id == known["A1"].store_parent_id
    with pytest.raises(Malformed):
        store.client.count(known["A1"].seen)


@only
@case("edits", [{"qty": None}, {"qty": "some"}, {"is_salable": "perhaps"}, {"is_salable": []}], ids=str)
def test_an_odd_row_of_the_export_hides_one_product_alone(store: Store, edits: dict[str, Any]) -> None:
    product(store, "A1")
    product(store, "B1")
    edits = {f"items.[sku=A1].{name}": value for name, value in edits.items()}
    store.control.fault("edited", path="/export-stock-salable-qty/", edits=edits, times=OFTEN)
    page = store.client.crawl("")
    assert [(one.sku, one.stock) for one in page.products] == [("B1", 3)]
    assert len(page.unread) == 1


@only
@case("sku", ["1001", "0010", "7.0", "1e3"])
def test_a_sku_that_looks_like_a_number_is_a_text(store: Store, sku: str) -> None:
    """PHP makes numbers of an array's keys, and so of SKUs, and of the codes of sources."""
    own_sources(store)
    product(store, sku, sources={"east": 3})
    unit, client = store.unit(sku), client_of(store)
    if sku.isdigit() and not sku.startswith("0"):
        store.control.fault("edited", path="/inventory/", edits={"items.*.sku": int(sku)}, times=OFTEN)
    assert client.products(unit.store_parent_id)[0].stock == 3
    assert client.adjust(unit, client.count(unit), by=-1, reference="r").units == 2


@only
def test_a_source_whose_code_is_a_number_gives_its_units(store: Store) -> None:
    store.control.ask("POST", "/inventory", {"sources": ["1", "2"]})
    product(store, sources={"1": None, "2": 3})
    for name in ("source-items", "sources", "stock-source-links"):
        edits = {f"items.[source_code={code}].source_code": int(code) for code in "12"}
        store.control.fault("edited", method="GET", path=f"/{name}$", edits=edits, times=OFTEN)
    unit, client = store.unit(), client_of(store)
    assert client.adjust(unit, client.count(unit), by=-1, reference="r").units == 2
    assert lies(store) == {"2": 2}


@only
@case("edits", [{"items.0.enabled": "perhaps"}, {"items.0.source_code": None}, {"items.0": "east"}], ids=str)
@case("path", ["/sources$", "/stock-source-links$"])
def test_an_odd_source_hides_no_product(store: Store, edits: dict[str, Any], path: str) -> None:
    own_sources(store)
    product(store, sources={"east": 1, "west": 3})
    store.control.fault("edited", path=path, edits=edits, times=OFTEN)
    assert store.unit().stock == 4
    unit, client = store.unit(), client_of(store)
    assert client.adjust(unit, client.count(unit), by=-1, reference="r").units == 3


@only
@case("path", ["/sources$", "/stock-source-links$"])
def test_sources_of_which_none_can_be_read_say_nothing(store: Store, path: str) -> None:
    own_sources(store)
    product(store, sources={"east": 1, "west": 3})
    store.control.fault("edited", path=path, edits={"items": ["x", None]}, times=OFTEN)
    with pytest.raises(TransientStoreError):
        store.client.crawl("")


@only
@case("qty", [None, "", "?"])
def test_without_sources_a_number_that_is_missing_is_neither_zero_nor_uncounted(store: Store, qty: Any) -> None:
    store.control.ask("POST", "/shops", {"domain": store.stand_in.domain, "msi": False})
    product(store, "A1")
    product(store, "B1")
    unit = store.unit("A1")
    store.control.fault("edited", path="/stockItems/A1$", edits={"qty": qty}, times=OFTEN)
    assert [one.sku for one in store.client.crawl("").products] == ["B1"]
    with pytest.raises(Malformed):
        store.client.count(unit)


@only
@case(
    ("path", "body"),
    [
        ("storeConfigs", []),
        ("storeConfigs", [{"id": 1, "code": "default"}]),
        ("storeConfigs", [{"id": 1, "code": "default", "website_id": "x", "base_currency_code": "USD"}]),
        ("storeConfigs", [{"id": 1, "code": "default", "website_id": 9, "base_currency_code": "USD"}]),
        ("storeConfigs", ["default", None]),
        ("websites", []),
        ("websites", [{"id": 2, "code": "other"}]),
        ("websites", [{"id": "one", "code": "base"}]),
    ],
)
def test_settings_that_name_no_website_take_nothing_off_sale(store: Store, path: str, body: Any) -> None:
    product(store)
    crawls.plan(store.shop)
    through(store)
    cache.clear()
    store.control.fault("status", status=200, path=f"/{path}$", body=body, times=OFTEN)
    for read in (lambda: store.client.crawl(""), store.client.check, lambda: store.client.count(store.unit())):
        with pytest.raises(TransientStoreError):
            read()
    crawls.begin(store.shop, "stock")
    crawl_slices.run_slice(the_crawl(store, "stock"))
    assert Product.objects.get().seen.sellable == 3


@only
@case(
    "body",
    [
        {"items": None},
        {"items": []},
        {"items": None, "total_count": 1},
        {"items": [], "total_count": None},
        {"items": [], "total_count": "many"},
    ],
    ids=str,
)
def test_an_empty_search_that_does_not_count_nothing_ends_nothing_and_makes_no_order_twice(
    store: Store, body: Any
) -> None:
    product(store)
    unit, wish = store.unit(), reverb_order(store)
    first = store.client.create_order(wish)
    store.control.fault("status", status=200, path="/(products|orders)$", body=body, times=OFTEN)
    for read in (lambda: store.client.products(unit.store_parent_id), lambda: store.client.create_order(wish)):
        with pytest.raises(TransientStoreError):
            read()
    store.control.ask("DELETE", "/faults")
    assert store.client.create_order(wish).id == first.id
    assert len(store.control.ask("GET", "/orders")) == 1


@only
def test_one_empty_search_decides_nothing_and_two_do(store: Store) -> None:
    made = product(store)
    unit = store.unit()
    empty = {"items": [], "total_count": 0}
    store.control.fault("status", status=200, path="/products$", body=empty, times=1)
    with pytest.raises(TransientStoreError):
        store.client.products(unit.store_parent_id)
    store.control.ask("DELETE", f"/products/{made['id']}")
    assert store.client.products(unit.store_parent_id) == []


# -- SKUs that the store spells in another way ---------------------------------------------------------------------


@only
@case("msi", [True, False])
def test_a_product_whose_sku_was_changed_meanwhile_is_counted_and_changed_all_the_same(store: Store, msi: bool) -> None:
    store.control.ask("POST", "/shops", {"domain": store.stand_in.domain, "msi": msi})
    made = product(store)
    unit, client = store.unit(), client_of(store)
    store.set(made, sku="A1-new")
    count = client.count(unit)
    assert count.units == 3
    assert client.adjust(unit, count, by=-1, reference="r").units == 2
    assert store.stock("A1-new") == 2


@only
@case(
    "sku",
    [" A1", "A1 ", "A 1", "A%1", "A%2F1", "A/1", "A+1", "A&1", "A#1", "A?1=2", "A,1", "Ä1", "ギター", "A'1\"", "a1"],
)
def test_a_sku_of_any_letters_is_counted_and_changed(store: Store, sku: str) -> None:
    product(store, sku)
    [unit] = store.units()
    client = client_of(store)
    assert (unit.stock, client.count(unit).units) == (3, 3)
    assert client.adjust(unit, client.count(unit), by=-1, reference="r").units == 2
    assert client.take_stock(store.units()).units == {unit.store_product_id: 2}


# -- families ------------------------------------------------------------------------------------------------------


def read_all_families_next_time(store: Store) -> None:
    """Let the hours pass after which all families are read again."""
    key = f"magento2:families2:{store.connection.address}"
    store_cache.remember(key, {**store_cache.recall(key), "requested": 0, "until": 0}, 3600)


@only
@case("drops", [["items.0"], ["items"]], ids=str)
def test_a_family_that_the_list_of_families_leaves_out_keeps_its_children_on_sale(
    store: Store, drops: list[str]
) -> None:
    made = family(store)
    edits = {} if drops == ["items.0"] else {"items": None}
    fault = {"path": "/products$", "text": "type_id", "times": OFTEN, "edits": edits}
    store.control.fault("edited", drops=drops if not edits else [], **fault)
    read_all_families_next_time(store)
    through(store)
    known = Product.objects.filter(gone_at=None)
    assert {(one.sku, one.store_parent_id, one.seen.for_sale) for one in known} == {
        (sku, str(made["id"]), True) for sku in ALL
    }


@only
@case("status", [2, 1])
def test_a_duplicate_of_a_family_takes_none_of_its_children(store: Store, status: int) -> None:
    """Its duplicate has the same children: switched off at first, on sale later."""
    made = family(store)
    row = {
        "id": 9_999_999,
        "sku": "CONF-copy",
        "status": status,
        "visibility": 4,
        "type_id": "configurable",
        "extension_attributes": {"configurable_product_links": [one["id"] for one in made["variants"]]},
    }
    original = {**row, "id": int(made["id"]), "sku": "CONF", "status": 1}
    fault = {"path": "/products$", "text": "type_id", "times": OFTEN, "status": 200}
    store.control.fault("status", body={"items": [original, row], "total_count": 2}, **fault)
    read_all_families_next_time(store)
    through(store)
    assert {one.store_parent_id for one in Product.objects.filter(gone_at=None)} == {str(made["id"])}
    assert all(one.seen.for_sale for one in Product.objects.all())
    assert skus(store) == ALL


@only
def test_children_whose_family_a_search_leaves_out_stay_on_sale(store: Store) -> None:
    made = family(store)
    store.control.fault("edited", path="/products$", drops=[f"items.[id={made['id']}]"], times=OFTEN)
    through(store)
    known = Product.objects.filter(gone_at=None)
    assert {(one.sku, one.store_parent_id, one.seen.for_sale) for one in known} == {
        (sku, str(made["id"]), True) for sku in ALL
    }


@only
def test_children_of_a_family_that_is_off_are_sold_by_another_that_is_on(store: Store) -> None:
    made = family(store)
    children = [one["id"] for one in made["variants"]]
    other = store.product("OTHER")
    links = {"configurable_product_links": children, "website_ids": [1]}
    edits = {
        f"items.[id={made['id']}].status": 2,
        f"items.[id={other['id']}].type_id": "configurable",
        f"items.[id={other['id']}].extension_attributes": links,
    }
    store.control.fault("edited", path="/products$", edits=edits, times=OFTEN)
    rows = [
        {"id": made["id"], "status": 2, "extension_attributes": links},
        {"id": other["id"], "status": 1, "extension_attributes": links},
    ]
    fault = {"path": "/products$", "text": "type_id", "times": OFTEN, "status": 200}
    store.control.fault("status", body={"items": rows, "total_count": 2}, **fault)
    cache.clear()
    client = store.client
    for parent in (made, other):
        found = client.products(str(parent["id"]))
        assert {one.store_parent_id for one in found} == {str(other["id"])}
        assert all(one.for_sale for one in found)


# -- lists ---------------------------------------------------------------------------------------------------------


class Pages(Rest):
    """Answers a search page by page."""

    def __init__(self, sizes: list[int], total: int | None) -> None:
        super().__init__("https://shop.example.com", SecretStr("a:b:c:d"))
        self.requested = 0
        self._pages = [[{"id": 100 * n + row} for row in range(many)] for n, many in enumerate(sizes)]
        self._total_count = total

    def rows(self, path: str, query: str) -> tuple[list[Any], int | None]:
        self.requested += 1
        found = self._pages[self.requested - 1] if self.requested <= len(self._pages) else []
        return found, self._total_count


@case(
    ("sizes", "total", "requested"),
    [
        ([100, 100, 7], 207, 3),
        ([100, 100, 7], 0, 4),
        ([100, 100, 7], 7, 4),
        ([100, 100, 7], None, 4),
        ([100, 100, 7], 10_000, 4),
        ([3], 3, 1),
        ([3], 1, 2),
        ([], 5, 1),
    ],
)
def test_a_total_that_lies_cuts_no_list_short(sizes: list[int], total: int | None, requested: int) -> None:
    rest = Pages(sizes, total)
    assert len(rest.every("/products")) == sum(sizes)
    assert rest.requested == requested


def test_a_page_that_comes_again_and_again_ends_a_list() -> None:
    rest = Pages([], None)
    rest.rows = lambda path, query: ([{"id": 1}], None)  # type: ignore[method-assign]
    assert rest.every("/products") == [{"id": 1}]
    assert search.PAGE == 100


# -- orders --------------------------------------------------------------------------------------------------------


@case(
    "row",
    [
        {"item_id": None},
        {"item_id": 5, "parent_item_id": 0},
        {"item_id": 5, "parent_item_id": "0"},
        {"item_id": 5, "qty_refunded": "?"},
        {"item_id": 5, "qty_shipped": []},
        {"item_id": 5, "name": {"x": 1}, "sku": None, "price": "1.299,00"},
    ],
)
def test_an_odd_row_hides_no_order_and_not_what_was_bought(row: dict[str, Any]) -> None:
    said = {"entity_id": 7, "state": "processing", "items": [{"product_id": 3, "qty_ordered": 2, **row}, "x", None]}
    order = forms.store_order(forms.read(said))
    assert [(line.store_product_id, line.quantity) for line in order.lines] == [("3", 2)]


@case("state", ["holded", "fraud", "", None, 7, "my_state", []])
def test_an_order_in_a_state_of_its_own_is_one_that_stands(state: Any) -> None:
    order = forms.store_order(forms.read({"entity_id": 7, "state": state, "items": None}))
    assert order.status.value == "open"


@only
@case("path", ["/stock-resolver/", "/cancel$", "/comments$", "/source-items$"])
def test_a_release_that_lacks_something_beside_the_order_is_not_called_done(store: Store, path: str) -> None:
    product(store)
    made = store.client.create_order(reverb_order(store, takes_stock=False))
    cache.clear()
    gone = {"message": "No such entity with id = 1"}
    store.control.fault("status", path=path, status=404, body=gone, times=OFTEN)
    said: dict[str, Any] = {"reverb_number": "R-1", "gives_back": False, "note": "It is off."}
    with pytest.raises(TransientStoreError):
        store.client.cancel_order(made.id, **said)
    store.control.ask("DELETE", "/faults")
    store.client.cancel_order(made.id, **said)
    found = store.client.order(made.id)
    assert found is not None
    assert found.status.value == "cancelled"
    assert store.stock() == 3


@only
def test_a_look_at_orders_without_rows_or_products_goes_on(store: Store) -> None:
    made = product(store)
    crawls.plan(store.shop)
    through(store)
    store.control.ask("POST", "/orders", {"variant_id": made["variants"][0]["id"]})
    store.control.ask("POST", "/orders", {"variant_id": made["variants"][0]["id"]})
    edits = {"items.0.items": None}
    store.control.fault("edited", path="/orders$", edits=edits, times=OFTEN)
    client = store.client
    assert isinstance(client, Magento2Client)
    crawls.begin(store.shop, "changes")
    crawl = the_crawl(store, "changes")
    crawl.since = datetime.now(UTC) - timedelta(hours=1)
    crawl.save()
    while crawl.state == crawl.State.RUNNING:
        crawl_slices.run_slice(crawl)
    assert Product.objects.get().seen.stock == 1
