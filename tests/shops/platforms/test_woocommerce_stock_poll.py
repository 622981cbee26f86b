"""The regular look at the stock of a WooCommerce store: what no webhook and no date reports."""

from __future__ import annotations

from typing import Any

import pytest

from listings.intake import crawl_slices, crawls, same_sku
from listings.models import Crawl, Product, Recheck
from shops.models import Shop
from shops.platforms.errors import TransientStoreError
from shops.platforms.woocommerce.client import WooCommerceClient
from shops.snapshots import StoreProduct
from tests.shops.platforms.conftest import Store
from tests.shops.platforms.test_woocommerce import OFTEN, variant
from tests.shops.platforms.test_woocommerce_lists import allow, family, learn, there

pytestmark = [pytest.mark.live, pytest.mark.parametrize("store", ["woocommerce"], indirect=True)]


def many(store: Store, count: int) -> list[dict[str, Any]]:
    """Make so many products."""
    return [
        store.product(
            title=f"Guitar {n}", variants=[{"sku": f"G{n}", "price": "5.00", "inventory_quantity": 1, "barcode": ""}]
        )
        for n in range(count)
    ]


def write(store: Store, made: dict[str, Any], **says: Any) -> None:
    """Write into the store's database, past WooCommerce: no date changes, and no webhook is sent."""
    number = variant(made) if len(made["variants"]) > 1 else made["id"]
    store.control.ask("PUT", f"/woo/products/{number}", {"says": says, "dated": False})


def poll(shop: Shop, kind: str = "stock") -> Crawl:
    """Poll the stock of all products, or crawl the store in another way."""
    crawl = crawls.begin(shop, kind)
    for _ in range(20):
        crawl = Crawl.objects.select_related("shop__store", "shop__sync_settings").get(pk=crawl.pk)
        if crawl.state != Crawl.State.RUNNING:
            break
        crawl_slices.run_slice(crawl)
    return crawl


def known(sku: str) -> StoreProduct:
    """Return what is known of a product."""
    return Product.objects.get(sku=sku).seen


def test_stock_that_a_plug_in_writes_into_the_database_is_seen(store: Store) -> None:
    [first, _, _] = many(store, 3)
    shop = learn(store)
    write(store, first, stock_quantity=0, stock_status="outofstock")
    poll(shop)
    assert (known("G0").sellable, known("G1").sellable) == (0, 1)


def test_a_product_that_is_deleted_for_good_is_gone(store: Store) -> None:
    [_, second, _] = many(store, 3)
    shop = learn(store)
    store.control.ask("DELETE", f"/products/{second['id']}")
    crawl = poll(shop)
    assert there() == {"G0", "G2"}
    assert (crawl.state, crawl.note) == (Crawl.State.DONE, "")


def test_a_product_whose_sku_or_visibility_changed_is_read_again(store: Store) -> None:
    [first, second, _] = many(store, 3)
    shop = learn(store)
    write(store, first, sku="NEW")
    write(store, second, catalog_visibility="hidden")
    poll(shop)
    assert there() == {"NEW", "G1", "G2"}
    assert not known("G1").for_sale


def test_a_hundred_products_are_one_call_where_nothing_changed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    many(store, 12)
    shop = learn(store)
    made, real = list[str](), WooCommerceClient.list_at

    def counted(client: WooCommerceClient, path: str) -> Any:
        made.append(path)
        return real(client, path)

    monkeypatch.setattr(WooCommerceClient, "list_at", counted)
    poll(shop)
    assert len(made) == 1


def test_a_host_that_gives_small_pages_is_asked_for_the_rest(store: Store) -> None:
    made = many(store, 12)
    shop = learn(store)
    allow(store, 5)
    write(store, made[11], stock_quantity=7)
    poll(shop)
    assert len(there()) == 12
    assert known("G11").stock == 7


def test_a_variation_that_its_product_names_no_more_is_gone(store: Store) -> None:
    made = family(store)
    shop = learn(store)
    numbers = [variant(made, n) for n in (0, 1)]
    store.control.fault("edited", path="/products$", edits={"0.variations": numbers}, times=OFTEN)
    store.control.fault("edited", path=f"/products/{made['id']}$", edits={"variations": numbers}, times=OFTEN)
    gone = {"code": "woocommerce_rest_product_variation_invalid_id", "message": "Invalid.", "data": {"status": 404}}
    store.control.fault("status", path=f"/variations/{variant(made, 2)}$", status=404, body=gone, times=OFTEN)
    listed = store.client.json("GET", f"/products/{made['id']}/variations")  # type: ignore[attr-defined]
    rows = [row for row in listed if row["id"] in numbers]
    store.control.fault("status", path="/variations$", status=200, body=rows, times=OFTEN)
    poll(shop)
    assert there() == {"V0", "V1"}


def test_variations_are_left_as_they_are_known_while_their_product_is_on_sale(store: Store) -> None:
    family(store)
    shop = learn(store)
    read_at = Product.objects.earliest("read_at").read_at
    poll(shop)
    assert there() == {"V0", "V1", "V2"}
    assert Product.objects.earliest("read_at").read_at == read_at


def test_an_answer_with_other_products_ends_none(store: Store) -> None:
    many(store, 3)
    shop = learn(store)
    rows = [{"id": 99999, "sku": "X", "stock_quantity": 1, "manage_stock": True}]
    store.control.fault("status", path="/products$", status=200, body=rows, times=OFTEN)
    assert isinstance(store.client, WooCommerceClient)
    with pytest.raises(TransientStoreError, match="other products"):
        store.client.take_stock([known("G0")])
    crawl = poll(shop)
    assert len(there()) == 3
    assert "other products" in crawl.note


def test_a_row_that_cannot_be_read_is_read_by_itself_later(store: Store) -> None:
    made = many(store, 3)
    shop = learn(store)
    store.control.fault("edited", path="/products$", edits={"0.stock_quantity": "many"}, times=OFTEN)
    write(store, made[1], stock_quantity=0, stock_status="outofstock")
    poll(shop)
    assert known("G1").sellable == 0
    assert Recheck.objects.get().store_parent_id == str(made[0]["id"])


def test_a_parent_that_is_out_of_stock_takes_the_variations_that_share_its_stock_off_sale(store: Store) -> None:
    """A unit is left, but the store's threshold is higher: it sells none."""
    made = family(store, 2)
    store.control.ask("PUT", f"/woo/products/{made['id']}", {"pool": True})
    shop = learn(store)
    assert (known("V0").for_sale, known("V0").sellable) == (True, 1)
    says = {"stock_status": "outofstock"}
    store.control.ask("PUT", f"/woo/products/{made['id']}", {"says": says, "dated": False})
    poll(shop)
    assert (known("V0").for_sale, known("V1").sellable) == (False, 0)


# -- a store that fails at some of them ----------------------------------------------------------------------------

BROKEN = {"status": 500, "body": {"code": "internal_server_error", "message": "There has been a critical error."}}


def test_a_product_at_which_the_store_fails_is_left_out_and_all_others_are_seen(store: Store) -> None:
    made = many(store, 5)
    shop = learn(store)
    store.control.fault("status", path="/products$", text=str(made[2]["id"]), times=OFTEN, **BROKEN)
    for one in made:
        write(store, one, stock_quantity=7)
    crawl = poll(shop)
    assert (crawl.state, crawl.note) == (Crawl.State.DONE, "")
    assert [known(f"G{n}").stock for n in range(5)] == [7, 7, 1, 7, 7]
    assert Recheck.objects.get().store_parent_id == str(made[2]["id"])


def test_a_product_that_was_left_out_before_is_asked_for_alone(store: Store) -> None:
    made = many(store, 5)
    shop = learn(store)
    store.control.fault("status", path="/products$", text=str(made[2]["id"]), times=OFTEN, **BROKEN)
    poll(shop)
    for one in made:
        write(store, one, stock_quantity=7)
    begun = crawls.begin(shop, "stock")
    crawl_slices.run_slice(Crawl.objects.select_related("shop__store", "shop__sync_settings").get(pk=begun.pk))
    assert Crawl.objects.get(pk=begun.pk).state == Crawl.State.DONE
    assert [known(f"G{n}").stock for n in range(5)] == [7, 7, 1, 7, 7]
    store.control.ask("DELETE", "/faults")
    poll(shop)
    assert known("G2").stock == 7


def test_a_store_that_fails_at_every_product_has_none_left_out(store: Store) -> None:
    many(store, 5)
    shop = learn(store)
    store.control.fault("status", path="/products$", times=OFTEN, **BROKEN)
    assert poll(shop).state == Crawl.State.RUNNING
    assert not Recheck.objects.exists()


def test_a_product_that_is_to_be_read_again_and_cannot_be_stops_no_poll(store: Store) -> None:
    made = many(store, 5)
    shop = learn(store)
    write(store, made[0], sku="NEW")
    write(store, made[4], stock_quantity=7)
    store.control.fault("status", path=f"/products/{made[0]['id']}$", times=OFTEN, **BROKEN)
    crawl = poll(shop)
    assert (crawl.state, known("G4").stock) == (Crawl.State.DONE, 7)
    assert Recheck.objects.get().store_parent_id == str(made[0]["id"])


def test_a_namesake_that_cannot_be_read_stops_no_look_for_changes(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = many(store, 2)
    shop = learn(store)
    number = str(made[0]["id"])
    monkeypatch.setattr(same_sku, "listed", lambda *_, **__: [number])
    store.control.fault("status", path=f"/products/{number}$", times=OFTEN, **BROKEN)
    store.set(made[1], price="6.00")
    crawl = poll(shop, "changes")
    assert (crawl.state, str(known("G1").price)) == (Crawl.State.DONE, "6.00")
    assert Recheck.objects.get().store_parent_id == number
