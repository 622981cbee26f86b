"""What a WooCommerce store says beside the usual: odd shapes, what it would not sell, dated sales, pages that fail."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from listings.intake import crawl_slices, crawls, refresh
from listings.models import Crawl, Product, Recheck
from shops.models import Shop, StoreConnection
from shops.platforms.errors import Malformed, TransientStoreError
from shops.platforms.store_client import Resizable
from shops.platforms.woocommerce import products
from tests.shops.platforms.conftest import Store

pytestmark = [pytest.mark.live, pytest.mark.parametrize("store", ["woocommerce"], indirect=True)]
case = pytest.mark.parametrize
OFTEN = 10**6

#: What a plug-in makes of a product beside its price and stock.
SIDE_FIELDS: list[dict[str, Any]] = [
    {"images": [{"src": False}]},
    {"images": [{"id": "", "src": None}, False, "https://store.test/1.jpg"]},
    {"images": {"3": {"src": "https://store.test/1.jpg"}}},
    {"images": False},
    {"meta_data": {"_wc_x": {"key": "_wc_x", "value": []}}},
    {"meta_data": {"colour": "red", "_n": 5}},
    {"meta_data": [{"key": None, "value": None}, 7, {"value": "x"}]},
    {"meta_data": "a:0:{}"},
    {"attributes": {"pa_color": {"name": "Color", "options": {"1": "Red"}}}},
    {"attributes": [{"name": ["Color"], "options": "Red"}, None]},
    {"categories": None},
    {"categories": [{"name": None}, {"id": 3}, "Guitars"]},
    {"categories": {"0": {"name": 1959}}},
    {"tags": False},
    {"brands": ""},
    {"brands": [[]]},
    {"description": None, "short_description": ["x"]},
    {"description": "\x00<p>\ud83d</p>"},
    {"date_created_gmt": "", "date_on_sale_from_gmt": "0000-00-00 00:00:00", "date_on_sale_to_gmt": False},
    {"date_on_sale_to_gmt": "9999-12-31T23:59:59", "sale_price": "1.00"},
    {"date_on_sale_from_gmt": "0001-01-01T00:00:00+14:00", "sale_price": "1.00"},
    {"type": None},
    {"type": "gift-card", "parent_id": "0"},
    {"parent_id": None},
    {"global_unique_id": 885978110803},
    {"global_unique_id": {"x": 1}},
    {"catalog_visibility": None, "purchasable": None, "post_password": None},
    {"permalink": [], "_links": None, "grouped_products": "x", "dimensions": 3},
    {"image": "", "variations": ""},
    {"id": "text"},
]


def bent(store: Store, sku: str, says: dict[str, Any]) -> dict[str, Any]:
    """Make a product of which the API says something odd."""
    made = store.product(sku)
    if says.get("id") == "text":
        says = {"id": str(made["id"])}
    store.control.ask("PUT", f"/woo/products/{made['id']}", {"says": says})
    return made


def variant(made: dict[str, Any], number: int = 0) -> int:
    """Return the id of a product's variation."""
    return int(made["variants"][number]["id"])


# -- odd shapes ----------------------------------------------------------------------------------------------------


@case("says", SIDE_FIELDS, ids=str)
def test_odd_side_fields_hide_neither_price_nor_stock(store: Store, says: dict[str, Any]) -> None:
    made = bent(store, "A1", says)
    store.product("B1")
    page = store.client.crawl("")
    assert {unit.sku for unit in page.products} == {"A1", "B1"}
    [unit] = store.client.products(str(made["id"]))
    assert (unit.stock, unit.price, page.unread) == (3, Decimal("849.90"), ())
    json.dumps(unit.to_json()).encode()  # it can be saved


@case(
    ("says", "stock"),
    [
        ({"stock_quantity": "3"}, 3),
        ({"stock_quantity": 2.5}, 2),
        ({"stock_quantity": "2.5"}, 2),
        ({"stock_quantity": " 4 "}, 4),
        ({"stock_quantity": -1, "stock_status": "onbackorder"}, -1),
        ({"stock_quantity": "", "stock_status": "outofstock"}, 0),
        ({"stock_quantity": None, "stock_status": "outofstock"}, 0),
        ({"manage_stock": "yes", "stock_quantity": 3}, 3),
        ({"manage_stock": 1, "stock_quantity": 3}, 3),
        ({"manage_stock": None, "stock_quantity": 3}, 3),
        ({"manage_stock": "no", "stock_quantity": 3}, None),
        ({"manage_stock": "", "stock_quantity": None}, None),
        ({"manage_stock": False, "stock_quantity": None, "stock_status": "outofstock"}, 0),
        ({"manage_stock": False, "stock_quantity": None, "stock_status": "onbackorder"}, 0),
        ({"manage_stock": False, "stock_quantity": None, "status": "draft"}, 0),
        ({"stock_quantity": 10**30}, 2**31 - 1),
    ],
    ids=str,
)
def test_stock_is_read_in_every_form_that_means_a_number(store: Store, says: dict[str, Any], stock: int | None) -> None:
    bent(store, "A1", says)
    unit = store.unit()
    assert unit.stock == stock
    if unit.stock is not None and says.get("manage_stock", True) is not False:
        assert store.client.count(unit).units == stock  # were they two numbers, their difference would be a sale


@case(
    "says",
    [
        {"stock_quantity": "many"},
        {"stock_quantity": []},
        {"stock_quantity": True},
        {"stock_quantity": ""},
        {"stock_quantity": None},
        {"manage_stock": []},
        {"manage_stock": "perhaps"},
        {"id": 0},
        {"id": None},
        {"id": True},
        {"id": "12abc"},
        {"status": 5},
    ],
    ids=str,
)
def test_a_product_that_cannot_be_read_is_neither_gone_nor_zero_and_hides_no_other(
    store: Store, says: dict[str, Any]
) -> None:
    made = store.product("A1")
    store.product("B1")
    shop = Shop.objects.select_related("store", "sync_settings").get(pk=store.shop.pk)
    crawls.plan(shop)
    crawl_catalogue(shop)
    store.control.ask("PUT", f"/woo/products/{made['id']}", {"says": says})
    store.control.ask("PUT", f"/variants/{variant(store.product('C1'))}", {"inventory_quantity": 1})
    refresh.refresh(shop, str(made["id"]), store.client, trigger="test")
    crawl_catalogue(shop)
    known = {product.sku: product for product in Product.objects.all()}
    assert set(known) == {"A1", "B1", "C1"}
    assert all(product.gone_at is None for product in known.values())
    assert (known["A1"].seen.stock, known["C1"].seen.stock) == (3, 1)
    assert Recheck.objects.filter(store_parent_id=str(made["id"])).exists()


def crawl_catalogue(shop: Shop) -> Crawl:
    """Crawl the whole catalogue."""
    crawls.begin(shop, Crawl.Kind.CATALOGUE)
    for _ in range(200):
        crawl = Crawl.objects.select_related("shop__store", "shop__sync_settings").get(kind=Crawl.Kind.CATALOGUE)
        if crawl.state != Crawl.State.RUNNING:
            break
        crawl_slices.run_slice(crawl)
    return crawl


def test_one_odd_variation_hides_its_siblings_neither_on_a_page_nor_by_itself(store: Store) -> None:
    rows = [{"sku": f"V{n}", "price": "5.00", "inventory_quantity": n, "options": {"Color": str(n)}} for n in (1, 2, 3)]
    made = store.product(variants=rows)
    store.control.ask("PUT", f"/woo/products/{variant(made, 1)}", {"says": {"stock_quantity": "?"}})
    page = store.client.crawl("")
    assert [unit.sku for unit in page.products] == ["V1", "V3"]
    assert [one.store_parent_id for one in page.unread] == [str(made["id"])]
    assert page.whole_parents == []
    with pytest.raises(Malformed) as odd:
        store.client.products(str(made["id"]))
    assert [unit.sku for unit in odd.value.readable] == ["V1", "V3"]


@case("drops", [[], ["sku", "price"]], ids=str)
def test_a_product_that_a_plug_in_has_cut_says_nothing_of_its_stock(store: Store, drops: list[str]) -> None:
    made = store.product()
    gone = ["manage_stock", "stock_quantity", "stock_status", *drops]
    store.control.fault("edited", path=f"/products/{made['id']}$", drops=gone, times=OFTEN)
    with pytest.raises(Malformed):
        store.client.products(str(made["id"]))


@case("said", [{"code": "usd"}, {"code": "US Dollar"}, {"code": None, "value": "USD"}, {}, {"code": ["USD"]}], ids=str)
def test_a_currency_is_three_letters_or_the_known_one(store: Store, said: dict[str, Any]) -> None:
    store.product()
    StoreConnection.objects.update(currency="USD")
    store.control.fault("edited", path="/currencies/current$", edits={"": said}, times=OFTEN)
    assert store.unit().currency == "USD"


@case("price", ["", None, "0", "0.00", "free", -5, "NaN", [], {"amount": "5"}, 10**40])
def test_no_price_is_none_and_the_stock_goes_on(store: Store, price: Any) -> None:
    bent(store, "A1", {"price": price, "purchasable": False})
    unit = store.unit()
    assert (unit.price, unit.stock, unit.for_sale) == (Decimal(0), 3, True)


@case(("price", "read"), [(849.9, "849.90"), ("849,90", "0"), ("7.989999999999999", "7.99"), (5, "5.00")])
def test_a_price_is_money_with_two_decimals(store: Store, price: Any, read: str) -> None:
    bent(store, "A1", {"price": price})
    assert store.unit().price == Decimal(read)


def test_names_and_terms_are_unescaped_once(store: Store) -> None:
    says = {
        "name": "Peavey &amp; Co &#8220;Raptor&#8221; &amp;amp; AT&T Rock&amplifier",
        "brands": [{"name": "G&amp;L"}],
        "categories": [{"name": "Amps &amp; Cabs"}],
        "tags": [{"name": "rock &#38; roll"}],
        "attributes": [{"name": "Top &amp; Back", "options": ["Maple &amp; Ash"], "variation": False}],
        "description": "<p>5 &lt; 6 &amp; more</p>",
    }
    bent(store, "A1", says)
    unit = store.unit()
    assert unit.title == "Peavey & Co “Raptor” &amp; AT&T Rock&amplifier"
    assert (unit.vendor, unit.product_type, unit.tags) == ("G&L", "Amps & Cabs", ("rock & roll",))
    assert unit.attributes["Top & Back"] == "Maple & Ash"
    assert unit.description == says["description"]


def test_options_of_a_variation_are_unescaped_and_name_it(store: Store) -> None:
    rows = [{"sku": "V1", "price": "5.00", "inventory_quantity": 1, "options": {"Color": "Black &amp; White"}}]
    store.product(variants=rows)
    assert store.unit("V1").title == "Fender Strat – Black & White"
    assert store.unit("V1").finish == "Black & White"


def test_a_name_of_forty_thousand_characters_is_kept_and_hides_no_other(store: Store) -> None:
    bent(store, "A1", {"name": "x" * 40_000})
    store.product("B1")
    shop = Shop.objects.select_related("store", "sync_settings").get(pk=store.shop.pk)
    crawls.plan(shop)
    crawl_catalogue(shop)
    assert set(Product.objects.values_list("sku", flat=True)) == {"A1", "B1"}


@case("list_as", ["object", "nested"])
def test_a_list_that_php_sends_as_an_object_is_a_list(store: Store, list_as: str) -> None:
    store.product("A1")
    rows = store.client.crawl("").products
    raw = products_of(store)
    body = {str(3 * n): row for n, row in enumerate(raw)} if list_as == "object" else {"products": raw}
    store.control.fault("status", status=200, body=body, path="/products$")
    if list_as == "object":
        assert store.client.crawl("").products == rows
    else:
        with pytest.raises(TransientStoreError):
            store.client.crawl("")


def products_of(store: Store) -> list[dict[str, Any]]:
    """Return the rows of the products as the API shows them."""
    found: list[dict[str, Any]] = store.client.json("GET", "/products?per_page=100")  # type: ignore[attr-defined]
    return found


def test_a_byte_order_mark_is_read_over_and_other_output_before_the_json_passes(store: Store) -> None:
    made = store.product()
    store.control.fault("wrapped", before="\ufeff\ufeff\r\n", behind="\n", times=OFTEN)
    assert store.client.check().currency == "USD"
    assert store.unit().sku == "A1"
    store.control.ask("DELETE", "/faults")
    for before, behind in (("<b>Notice</b>: x\n", ""), ("", "<!-- cached -->"), ('string(3) "abc"\n', "")):
        store.control.fault("wrapped", before=before, behind=behind, times=1)
        with pytest.raises(TransientStoreError):
            store.client.products(str(made["id"]))


def test_an_object_with_another_number_is_not_the_one_that_was_asked_for(store: Store) -> None:
    """A page cache may answer with the page of before."""
    made, other = store.product("A1"), store.product("B1")
    store.control.fault("edited", edits={"id": other["id"]}, path=f"/products/{made['id']}$", times=OFTEN)
    with pytest.raises(Malformed):
        store.client.products(str(made["id"]))


# -- what the store would not sell ---------------------------------------------------------------------------------


@case(
    "says",
    [
        {"status": "draft"},
        {"status": "pending"},
        {"status": "private"},
        {"status": "future"},
        {"status": "wc-discontinued"},
        {"catalog_visibility": "hidden"},
        {"post_password": "secret"},
        {"purchasable": False},
        {"stock_status": "outofstock"},
    ],
    ids=str,
)
def test_what_the_store_would_not_sell_is_not_for_sale_and_its_number_stays(store: Store, says: dict[str, Any]) -> None:
    bent(store, "A1", says)
    unit = store.unit()
    assert (unit.sellable, unit.stock, store.client.count(unit).units) == (0, 3, 3)


@case("says", [{}, {"catalog_visibility": "search"}, {"backorders": "yes"}, {"stock_status": "preorder"}], ids=str)
def test_what_it_would_sell_is(store: Store, says: dict[str, Any]) -> None:
    bent(store, "A1", says)
    assert store.unit().sellable == 3


def test_at_the_out_of_stock_threshold_nothing_is_sold(store: Store) -> None:
    store.control.ask("POST", "/shops", {"domain": store.stand_in.domain, "no_stock_amount": 2})
    store.product("A1", variants=[{"sku": "A1", "price": "5.00", "inventory_quantity": 2}])
    store.product("B1")
    assert (store.unit("A1").sellable, store.unit("B1").sellable) == (0, 3)
    unit = store.unit("B1")
    after = store.client.adjust(unit, store.client.count(unit), by=-1, reference="r")
    assert (after.units, store.unit("B1").stock, store.unit("B1").sellable) == (2, 2, 0)


@case("kind", sorted(products.NOT_SOLD_ALONE))
def test_what_is_put_together_of_other_products_is_no_product_of_ours(store: Store, kind: str) -> None:
    bent(store, "A1", {"type": kind})
    assert store.units() == []


# -- sales by date -------------------------------------------------------------------------------------------------


def test_the_stores_own_sale_begins_and_ends(store: Store) -> None:
    made, now = store.product(), datetime.now(UTC).timestamp()
    sale = {"price": "700.00", "from": now + 3600, "to": now + 7200}
    store.control.ask("PUT", f"/woo/products/{made['id']}", {"sale": sale})
    prices = [store.unit().price]
    for _ in range(2):
        store.control.ask("POST", "/clock", {"advance_s": 3700})
        prices.append(store.unit().price)
    assert prices == [Decimal("849.90"), Decimal("700.00"), Decimal("849.90")]


# -- pages that fail -----------------------------------------------------------------------------------------------


def colours(store: Store, many: int) -> None:
    """Make so many products with two variations each."""
    for n in range(many):
        rows = [
            {"sku": f"{n}-{colour}", "price": "5.00", "inventory_quantity": 1, "options": {"Color": colour}}
            for colour in ("Red", "Blue")
        ]
        store.product(variants=rows)


def test_a_page_of_variable_products_keeps_what_was_read_before_a_call_failed(store: Store) -> None:
    colours(store, 8)
    seen: list[str] = []
    cursor: str | None = ""
    slices = 0
    while cursor is not None and slices < 20:
        slices += 1
        store.control.ask("DELETE", "/faults")
        store.control.fault("status", path="/variations$", status=502, page="nginx", after=3)
        page = store.client.crawl(cursor)
        seen += [unit.sku for unit in page.products]
        cursor = page.next
    assert sorted(seen) == sorted(f"{n}-{colour}" for n in range(8) for colour in ("Red", "Blue"))
    assert slices == 3


def test_an_import_gets_through_where_each_tenth_call_fails(store: Store) -> None:
    colours(store, 30)
    shop = Shop.objects.select_related("store", "sync_settings").get(pk=store.shop.pk)
    crawls.plan(shop)
    for n in range(1, 40):
        store.control.fault("status", status=500, page="php", after=9 * n)
    crawls.begin(shop, Crawl.Kind.CATALOGUE)
    slices = 0
    while slices < 60:
        crawl = Crawl.objects.select_related("shop__store", "shop__sync_settings").get(kind=Crawl.Kind.CATALOGUE)
        if crawl.state != Crawl.State.RUNNING:
            break
        crawl_slices.run_slice(crawl)
        slices += 1
    assert crawl.state == Crawl.State.DONE
    assert Product.objects.filter(gone_at=None).count() == 60


def test_pages_may_be_of_any_size_and_one_product_may_be_left_out(store: Store) -> None:
    for n in range(7):
        store.product(f"P{n}")
    client = store.client
    assert isinstance(client, Resizable)
    seen: list[str] = []
    cursor: str | None = ""
    for size in (3, 2, 100, 1, 4):
        if cursor is None:
            break
        page = client.crawl(cursor, size=size)
        seen += [unit.sku for unit in page.products]
        cursor = page.next
    assert cursor is None
    assert seen == [f"P{n}" for n in range(7)]
    page = client.skip("2")
    assert (page.products, page.next, len(page.unread)) == ((), "3", 1)
    assert page.unread[0].store_parent_id == store.unit("P2").store_parent_id
    assert client.skip("6").next is None


def test_a_product_at_which_the_store_fails_even_for_its_id_is_left_out(store: Store) -> None:
    store.product("P0")
    store.product("P1")
    store.control.fault("status", status=500, page="php", text="per_page=1&page=1", times=OFTEN)
    page = store.client.skip("0")  # type: ignore[attr-defined]
    assert (page.next, page.unread[0].store_parent_id) == ("1", "")


def test_variations_that_are_too_large_for_one_page_are_read_in_smaller_ones(store: Store) -> None:
    rows = [{"sku": f"V{n}", "price": "5.00", "inventory_quantity": 1, "options": {"C": str(n)}} for n in range(12)]
    store.product(variants=rows)
    store.control.fault("instead", status=200, pad=21_000_000, text="variations?per_page=100", times=OFTEN)
    assert [unit.sku for unit in store.units()] == [f"V{n}" for n in range(12)]


def test_a_currency_that_cannot_be_had_for_a_while_hides_no_stock(store: Store) -> None:
    store.product()
    connection = store.connection
    connection.currency = "EUR"
    connection.save()
    store.control.fault("status", path="/currencies/", status=403, page="wordfence", times=OFTEN)
    assert (store.unit().stock, store.unit().currency) == (3, "EUR")
