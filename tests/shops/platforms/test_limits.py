"""Each platform's own limits, as its stand-in enforces them: kept to, and nothing lost when they are met."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from listings.intake import crawl_slices, crawls
from listings.models import Crawl
from reverbsync.ratelimit import throttle
from shops.models import StoreConnection
from shops.platforms import StoreClient
from shops.platforms.bigcommerce import inventory
from shops.platforms.bigcommerce.rest import RESERVE
from shops.platforms.errors import Moved, TransientStoreError
from shops.platforms.magento2 import store_cache
from shops.platforms.magento2.client import Magento2Client
from shops.platforms.shopify import bulk, bulk_file
from shops.platforms.shopify import product_calls as shopify
from shops.platforms.woocommerce.client import WooCommerceClient
from tests.shops.platforms.conftest import Store
from tests.shops.platforms.test_crawls import skus, the_crawl, through

pytestmark = pytest.mark.live

MANY = 120
ALL = {f"MANY-{number}" for number in range(MANY)}
only = pytest.mark.parametrize


def seed(store: Store, many: int = MANY) -> None:
    """Fill the store."""
    store.control.ask("POST", "/seed", {"domain": store.stand_in.domain, "many": many})
    crawls.plan(store.shop)


# -- Shopify -------------------------------------------------------------------------------------------------------


@only("store", ["shopify"], indirect=True)
def test_beyond_what_pages_reach_shopify_lists_all_products_into_a_file_that_is_read_in_pieces(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shopify, "MOST_BY_PAGES", 100)
    monkeypatch.setattr(bulk_file, "PIECE_BYTES", 20_000)
    monkeypatch.setattr(bulk, "LOOK_AGAIN_S", 0.0)
    seed(store)
    crawls.begin(store.shop, "catalogue")
    for _ in range(60):
        crawl = the_crawl(store)
        if crawl.state != Crawl.State.RUNNING:
            break
        crawl_slices.run_slice(crawl)
    assert skus(store) == ALL
    assert the_crawl(store).pages > 3  # the list to begin with, and the pieces
    assert the_crawl(store).news == MANY
    monkeypatch.setattr(shopify, "MOST_BY_PAGES", 2_500)
    assert through(store).news == 0  # a file says the same of a product as a page does


@only("store", ["shopify"], indirect=True)
def test_a_list_that_shopify_has_forgotten_is_begun_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk, "LOOK_AGAIN_S", 0.0)
    seed(store)
    crawls.begin(store.shop, "catalogue")
    Crawl.objects.filter(kind="catalogue").update(cursor="bulk:gid://shopify/BulkOperation/9|0")
    crawl_slices.run_slice(the_crawl(store))
    assert (the_crawl(store).cursor, the_crawl(store).failures) == ("", 1)
    through(store)
    assert skus(store) == ALL


@contextmanager
def points(store: Store, size: int, restore: int) -> Iterator[None]:
    """Let the store have a bucket of this size, and so many points more a second."""
    store.control.ask("POST", "/limits", {"size": size, "restore": restore})
    try:
        yield
    finally:
        store.control.ask("POST", "/limits", {"size": 100_000, "restore": 100_000})


@only("store", ["shopify"], indirect=True)
def test_an_empty_bucket_of_shopify_stops_all_workers_until_it_is_refilled(store: Store) -> None:
    with points(store, 10, 1), pytest.raises(TransientStoreError) as transient:
        store.client.orders(datetime.now(UTC), "")
    assert transient.value.retry_after
    assert throttle.blocked_for(f"shopify:{store.connection.address}") > 0


@only("store", ["shopify"], indirect=True)
def test_a_crawl_leaves_half_of_shopifys_points_to_what_cannot_wait(store: Store) -> None:
    seed(store)
    with points(store, 1200, 1):
        crawls.begin(store.shop, "catalogue")
        crawl_slices.run_slice(the_crawl(store))
        crawl = the_crawl(store)
        assert (crawl.pages, crawl.failures) == (1, 1)  # a second one, which asks for 530, would not leave 600
        assert store.client.orders(datetime.now(UTC), "") == ([], None)  # asks for 600
    assert 429 not in [call["status"] for call in store.control.calls()]


# -- BigCommerce ---------------------------------------------------------------------------------------------------


def call_often(client: StoreClient) -> None:
    """Call more often than the quota allows."""
    for _ in range(20):
        client.order_products("1")


@only("store", ["bigcommerce"], indirect=True)
def test_bigcommerces_quota_is_never_used_up_since_others_share_it(store: Store) -> None:
    store.control.ask("POST", "/limits", {"calls": 12, "window_s": 30})
    try:
        client = store.client
        with pytest.raises(TransientStoreError) as transient:
            call_often(client)
    finally:
        store.control.ask("POST", "/limits", {"calls": 100_000, "window_s": 30})
    calls = [call["status"] for call in store.control.calls()]
    assert 429 not in calls
    assert len(calls) <= 12 - RESERVE
    assert transient.value.retry_after


@only("store", ["bigcommerce"], indirect=True)
def test_an_adjustment_of_bigcommerce_is_looked_for_until_it_shows(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(inventory, "pause", waits.append)
    store.product()
    unit, client = store.unit(), store.client
    store.control.ask("POST", "/settings", {"lag_s": 3600})
    try:
        after = client.adjust(unit, client.count(unit), by=-1, reference="r")
    finally:
        store.control.ask("POST", "/settings", {"lag_s": 0.1})
    assert (after.units, len(waits)) == (2, inventory.LOOKS)


# -- WooCommerce ---------------------------------------------------------------------------------------------------


@only("store", ["woocommerce"], indirect=True)
def test_a_redirect_passes_and_the_seller_reads_where_it_leads(store: Store) -> None:
    store.control.fault("status", status=301, headers={"Location": "https://www.guitars.test/wp-json/?secret=1"})
    with pytest.raises(TransientStoreError, match=r"leads to www\.guitars\.test\."):
        store.client.check()
    assert StoreConnection.objects.get().token.get_secret_value()


@only("store", ["woocommerce"], indirect=True)
def test_an_order_that_comes_while_woocommerces_stock_is_set_is_put_right(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = store.product()
    unit, client = store.unit(), store.client
    count = client.count(unit)
    variant = made["variants"][0]["id"]
    assert isinstance(client, WooCommerceClient)
    real = client.send
    ordered: list[Any] = []

    def racing(method: str, path: str, body: object) -> object:
        if method == "PUT" and not ordered:  # between our reading and our writing
            ordered.append(store.control.ask("POST", "/orders", {"variant_id": variant, "quantity": 1}))
        return real(method, path, body)

    monkeypatch.setattr(client, "send", racing)
    after = client.adjust(unit, count, by=-1, reference="r")
    assert after.units == store.stock() == 1  # three, less ours, less theirs


# -- Magento -------------------------------------------------------------------------------------------------------


@only("store", ["magento2"], indirect=True)
def test_magento_without_its_inventory_modules_is_read_and_written_the_old_way(store: Store) -> None:
    store.control.ask("POST", "/shops", {"domain": store.stand_in.domain, "msi": False})
    store.product("A/1 b")
    unit = store.unit("A/1 b")
    client = store.client
    assert isinstance(client, Magento2Client)
    assert unit.stock == 3
    assert client.adjust(unit, client.count(unit), by=-2, reference="r").units == 1
    assert client.take_stock([unit]).units == {unit.store_product_id: 1}


@only("store", ["magento2"], indirect=True)
def test_what_magento_reserves_for_orders_is_not_for_sale_and_survives_an_adjustment(store: Store) -> None:
    made = store.product()
    store.control.ask("POST", "/orders", {"variant_id": made["variants"][0]["id"], "quantity": 2})
    unit, client = store.unit(), store.client
    count = client.count(unit)
    assert (unit.stock, count.units, count.there) == (1, 1, 3)
    after = client.adjust(unit, count, by=-1, reference="r")
    assert (after.units, after.there) == (0, 2)
    with pytest.raises(Moved):
        client.adjust(unit, count, by=-1, reference="r")


@only("store", ["magento2"], indirect=True)
def test_magento_takes_a_lone_token_only_where_it_was_switched_on(store: Store) -> None:
    token = store.stand_in.token("contract").split(":")[2]
    StoreConnection.objects.update(token=token)
    with pytest.raises(Exception, match="reauthorize"):
        store.client.check()
    store.control.ask("POST", "/shops", {"domain": store.stand_in.domain, "bearer": True})
    assert store.client.check().currency == "USD"


@only("store", ["magento2"], indirect=True)
def test_a_product_of_an_order_is_found_although_its_date_did_not_change(store: Store) -> None:
    made = store.product()
    store.product("B1")
    crawls.plan(store.shop)
    through(store)
    store.control.ask("POST", "/clock", {"advance_s": 7200})
    store.control.ask("POST", "/orders", {"variant_id": made["variants"][0]["id"], "quantity": 2})
    since, cursor, seen = datetime.now(UTC) + timedelta(hours=1), "", set()
    while True:
        page = store.client.crawl(cursor, since=since)
        seen |= {unit.sku for unit in page.products}
        if page.next is None:
            break
        cursor = page.next
    assert seen == {"A1"}


@only("store", ["magento2"], indirect=True)
def test_a_new_colour_in_magento_is_named_although_its_options_were_read_before(store: Store) -> None:
    colours = [{"sku": "V-1", "price": "5.00", "inventory_quantity": 1, "options": {"Color": "Black"}}]
    store.product(variants=colours)
    assert store.unit("V-1").finish == "Black"
    store.product(variants=[{**colours[0], "sku": "V-2", "options": {"Color": "Burgundy"}}])
    store_cache.release(f"magento2:families2:{store.connection.address}")
    assert store.unit("V-2").finish == "Burgundy"
