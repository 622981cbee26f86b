"""Lists of a WooCommerce store that leave out, repeat or cut: nothing is gone by them, made twice, or read for ever."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from listings.intake import crawls, refresh
from listings.models import Crawl, Product, Recheck
from shops.models import Shop
from shops.platforms.errors import Malformed, TransientStoreError
from tests.shops.platforms.conftest import Store
from tests.shops.platforms.test_contract import an_hour_ago, reverb_order
from tests.shops.platforms.test_woocommerce import OFTEN, crawl_catalogue, products_of, variant

pytestmark = [pytest.mark.live, pytest.mark.parametrize("store", ["woocommerce"], indirect=True)]
case = pytest.mark.parametrize


def family(store: Store, many: int = 3) -> dict[str, Any]:
    """Make a product with so many variations."""
    rows = [{"sku": f"V{n}", "price": "5.00", "inventory_quantity": 1, "options": {"C": str(n)}} for n in range(many)]
    return store.product(variants=rows)


def learn(store: Store) -> Shop:
    """Import the catalogue, and return the shop."""
    shop = Shop.objects.select_related("store", "sync_settings").get(pk=store.shop.pk)
    crawls.plan(shop)
    crawl_catalogue(shop)
    return shop


def there() -> set[str]:
    """Return the SKUs that are not gone."""
    return set(Product.objects.filter(gone_at=None).values_list("sku", flat=True))


def allow(store: Store, most: int) -> None:
    """Let the store's host allow so many rows a page, without a word."""
    store.control.ask("POST", "/shops", {"domain": store.stand_in.domain, "most_per_page": most})


# -- variations ----------------------------------------------------------------------------------------------------


@case("edits", [{"": []}, {"": {}}, {"0": {}}], ids=str)
def test_a_variation_that_its_list_leaves_out_is_asked_for_and_stays(store: Store, edits: dict[str, Any]) -> None:
    made = family(store)
    shop = learn(store)
    store.control.fault("edited", path="/variations$", edits=edits, times=OFTEN)
    refresh.refresh(shop, str(made["id"]), store.client, trigger="test")
    crawl_catalogue(shop)
    assert there() == {"V0", "V1", "V2"}


def test_many_variations_that_their_list_leaves_out_are_neither_gone_nor_asked_for_one_by_one(store: Store) -> None:
    made = family(store, 30)
    shop = learn(store)
    store.control.fault("edited", path="/variations$", edits={"": []}, times=OFTEN)
    refresh.refresh(shop, str(made["id"]), store.client, trigger="test")
    assert len(there()) == 30
    assert Recheck.objects.get().store_parent_id == str(made["id"])


def test_a_variation_that_was_deleted_is_gone_though_its_parent_names_it_still(store: Store) -> None:
    """WooCommerce keeps the ids of a product's variations in a cache of its own."""
    made = family(store)
    shop = learn(store)
    rows = store.client.json("GET", f"/products/{made['id']}/variations")[:2]  # type: ignore[attr-defined]
    store.control.fault("status", path="/variations$", status=200, body=rows, times=OFTEN)
    missing = {"code": "woocommerce_rest_product_variation_invalid_id", "message": "Invalid.", "data": {"status": 404}}
    gone = f"/variations/({'|'.join(str(variant(made, n)) for n in (0, 1, 2))})$"
    store.control.fault("status", path=gone, status=404, body=missing, times=OFTEN)
    refresh.refresh(shop, str(made["id"]), store.client, trigger="test")
    assert len(there()) == 2


@case("most", [1, 7, 20, 50])
def test_a_host_that_allows_small_pages_alone_hides_no_variation_and_no_product(store: Store, most: int) -> None:
    family(store, 23)
    for n in range(24):
        store.product(f"P{n}")
    allow(store, most)
    learn(store)
    assert there() == {f"V{n}" for n in range(23)} | {f"P{n}" for n in range(24)}


@case("says", [[{"id": 7}], {"0": 7}, ["x", None], "7", None])
def test_ids_of_variations_come_in_any_shape(store: Store, says: Any) -> None:
    made = family(store)
    store.control.ask("PUT", f"/woo/products/{made['id']}", {"says": {"variations": says}})
    assert {unit.sku for unit in store.client.products(str(made["id"]))} == {"V0", "V1", "V2"}


def test_a_missing_list_of_variations_is_no_word_about_its_product(store: Store) -> None:
    made = family(store)
    shop = learn(store)
    missing = {"code": "woocommerce_rest_product_invalid_id", "message": "Invalid ID.", "data": {"status": 404}}
    store.control.fault("status", path="/variations$", status=404, body=missing, times=OFTEN)
    with pytest.raises(Malformed):
        store.client.products(str(made["id"]))
    store.product("B1")
    crawl_catalogue(shop)
    assert there() == {"V0", "V1", "V2", "B1"}


def test_a_variation_among_the_products_is_read_with_its_family(store: Store) -> None:
    made = family(store)
    rows = [*products_of(store), store.client.json("GET", f"/products/{variant(made)}")]  # type: ignore[attr-defined]
    store.control.fault("status", status=200, body=rows, path="/products$", times=OFTEN)
    shop = learn(store)
    refresh.refresh(shop, str(variant(made)), store.client, trigger="test")
    parents = set(Product.objects.values_list("store_parent_id", flat=True))
    assert (there(), parents) == ({"V0", "V1", "V2"}, {str(made["id"])})


# -- pages of products ---------------------------------------------------------------------------------------------


@case(
    "headers",
    [
        {},
        {"X-WP-Total": ""},
        {"X-WP-Total": "0", "X-WP-TotalPages": "0"},
        {"X-WP-Total": "2, 2"},
        {"X-WP-Total": "many", "X-WP-TotalPages": "x"},
        {"X-WP-Total": "5", "X-WP-TotalPages": "99"},
    ],
    ids=str,
)
def test_a_number_of_products_that_is_missing_or_wrong_hides_none(
    store: Store, headers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(5):
        store.product(f"P{n}")
    rows = sorted(products_of(store), key=lambda row: int(row["id"]))
    for page in (1, 2, 3):
        part = rows[2 * page - 2 : 2 * page]
        wish = {"path": "/products$", "text": f"&page={page}&", "status": 200, "body": part, "headers": headers}
        store.control.fault("status", times=OFTEN, **wish)
    monkeypatch.setattr("shops.platforms.woocommerce.product_calls.PAGE", 2)
    learn(store)
    assert there() == {f"P{n}" for n in range(5)}


@case("headers", [{}, {"X-WP-Total": "500", "X-WP-TotalPages": "5"}, {"X-WP-Total": "3"}], ids=str)
def test_a_page_that_a_cache_repeats_ends_the_crawl_and_is_said(store: Store, headers: dict[str, str]) -> None:
    for n in range(3):
        store.product(f"P{n}")
    shop = learn(store)
    rows = (products_of(store) * 34)[:100]
    store.control.fault("status", path="/products$", status=200, body=rows, headers=headers, times=OFTEN)
    crawl = crawl_catalogue(shop)
    assert (crawl.state, there()) == (Crawl.State.DONE, {"P0", "P1", "P2"})
    assert "on an earlier page" in Recheck.objects.get().words or headers.get("X-WP-Total") == "3"


# -- gone or not ---------------------------------------------------------------------------------------------------


def test_what_a_list_still_has_is_not_gone_by_one_answer(store: Store) -> None:
    """A plug-in for languages or rights, or an object cache, hides an object from its own address."""
    made = store.product()
    order = store.client.create_order(reverb_order(store))
    for path, read in (
        (f"/products/{made['id']}$", lambda: store.client.products(str(made["id"]))),
        (f"/orders/{order.id}$", lambda: store.client.order(order.id)),
    ):
        said = {"code": "woocommerce_rest_shop_order_invalid_id", "message": "Invalid ID.", "data": {"status": 404}}
        store.control.fault("status", path=path, status=404, body=said, times=OFTEN)
        with pytest.raises(Malformed):
            read()
    store.control.ask("DELETE", "/faults")
    store.control.ask("DELETE", f"/products/{made['id']}")
    store.control.ask("DELETE", f"/woo/orders/{order.id}")
    assert store.client.products(str(made["id"])) == []
    assert store.client.order(order.id) is None


# -- orders --------------------------------------------------------------------------------------------------------


def test_an_order_is_made_once_where_a_host_allows_small_pages_alone(store: Store) -> None:
    made = store.product(variants=[{"sku": "A1", "price": "5.00", "inventory_quantity": 99}])
    for _ in range(7):
        store.control.ask("POST", "/orders", {"variant_id": variant(made)})
    allow(store, 2)
    wish = reverb_order(store)
    first = store.client.create_order(wish)
    assert store.client.create_order(wish).id == first.id


@case("days", [0, 45])
def test_an_order_is_looked_for_since_its_sale_however_long_ago_that_is(store: Store, days: int) -> None:
    store.product()
    sold_at = datetime.now(UTC) - timedelta(days=days)
    wish = reverb_order(store, sold_at=sold_at)
    first = store.client.create_order(wish)
    assert store.client.create_order(wish).id == first.id
    query = store.control.calls("GET", "/orders")[-1]["query"]
    assert f"modified_after={sold_at - timedelta(days=1):%Y-%m-%d}" in query


def test_orders_that_a_cache_repeats_make_no_order_and_keep_no_worker(store: Store) -> None:
    made = store.product()
    store.control.ask("POST", "/orders", {"variant_id": variant(made)})
    rows = store.client.json("GET", "/orders") * 100  # type: ignore[attr-defined]
    store.control.fault("status", method="GET", path="/orders$", status=200, body=rows, times=OFTEN)
    with pytest.raises(TransientStoreError, match="same orders"):
        store.client.create_order(reverb_order(store))
    assert store.control.calls("POST", "/orders") == []


def test_refunds_that_cannot_be_read_hide_no_order(store: Store) -> None:
    made = store.product()
    order = store.control.ask("POST", "/orders", {"variant_id": variant(made)})
    store.control.ask("POST", f"/orders/{order['id']}/refund")
    store.control.fault("status", path="/refunds$", status=500, page="php", times=OFTEN)
    assert [one.id for one in store.client.orders(an_hour_ago(), "")[0]] == [str(order["id"])]
