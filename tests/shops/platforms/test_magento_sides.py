"""Lists beside Magento's products: names that fail hide neither price nor stock, and each shop gets each change."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache

from listings.intake import crawls
from listings.models import Product
from reverbsync import clock
from shops import lifecycle, store_connection
from shops.models import Shop
from shops.platforms.magento2 import config
from tests.people import nora
from tests.shops.platforms.conftest import Store
from tests.shops.platforms.test_crawls import through
from tests.shops.platforms.test_magento_families import look
from tests.shops.platforms.test_magento_stock import client_of, product

pytestmark = [pytest.mark.live, pytest.mark.parametrize("store", ["magento2"], indirect=True)]
case = pytest.mark.parametrize
OFTEN = 10**6
FAILURES: list[dict[str, Any]] = [
    {"status": 500, "body": {"message": "Internal Error. Details are available in Magento log file."}},
    {"status": 400, "body": {"message": 'Source model "Vendor\\Color" not found for attribute "tone"'}},
    {"status": 404, "body": {"message": "Request does not match any route."}},
    {"status": 502, "page": "nginx"},
]
broken_list = case("path", ["/products/attributes$", "/categories/list$"])


def later(**ahead: float) -> AbstractContextManager[None]:
    """Let our clock go ahead."""
    now = clock.now() + timedelta(**ahead)
    return clock.running_by(lambda: now)


# -- names ---------------------------------------------------------------------------------------------------------


@case("said", FAILURES, ids=str)
@broken_list
def test_a_list_of_names_that_fails_hides_neither_price_nor_stock(
    store: Store, path: str, said: dict[str, Any]
) -> None:
    product(store)
    unit = store.unit()
    cache.clear()
    store.control.fault("status", path=path, times=OFTEN, **said)
    client = client_of(store)
    for [read] in (client.crawl("").products, client.products(unit.store_parent_id)):
        assert (read.stock, str(read.price), read.for_sale) == (3, "500.00", True)


def test_calls_about_stock_ask_for_no_names(store: Store) -> None:
    product(store)
    unit = store.unit()
    cache.clear()
    store.control.ask("DELETE", "/requests")
    client = client_of(store)
    client.take_stock([unit])
    client.adjust(unit, client.count(unit), by=-1, reference="r")
    requested = {call["path"].rpartition("/")[2] for call in store.control.calls()}
    assert requested.isdisjoint({"attributes", "list"})


@broken_list
def test_names_that_the_store_does_not_say_just_now_are_the_last_ones(
    store: Store, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config, "CONFIG_TTL_S", 0)  # whatever happens next happens a quarter of an hour later
    product(store)
    before = store.unit()
    assert (before.vendor, before.product_type) == ("Fender", "Electric Guitars / Solid Body")
    store.control.fault("status", path=path, status=500, times=OFTEN)
    assert store.unit() == before


@broken_list
def test_names_are_asked_for_again_a_minute_after_they_failed(store: Store, path: str) -> None:
    product(store)
    store.control.fault("status", path=path, status=500, times=1)
    first = store.unit()
    with later(minutes=2):
        whole = store.unit()
    assert "" in (first.vendor, first.product_type)
    assert (whole.vendor, whole.product_type) == ("Fender", "Electric Guitars / Solid Body")


@case("path", ["/store/websites$", "/store/storeConfigs$"])
def test_settings_that_the_store_does_not_say_just_now_are_the_last_ones(
    store: Store, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config, "CONFIG_TTL_S", 0)
    product(store)
    unit = store.unit()
    store.control.fault("status", path=path, status=500, times=OFTEN)
    assert store.client.count(unit).units == 3


# -- changes -------------------------------------------------------------------------------------------------------


def two_shops(store: Store) -> tuple[Store, Store]:
    """Return the store of two shops, such as with two accounts on Reverb; both have read it."""
    other = lifecycle.create_shop(nora(), "Basses")
    stand_in = store.stand_in
    keys = store.platform.keys(stand_in.token("contract"), stand_in.secret("contract"))
    store_connection.connect_store(other, platform="magento2", address=stand_in.address(store.control.url), keys=keys)
    shop = Shop.objects.get(pk=other.pk)
    found = (store, Store(stand_in, store.platform, store.control, shop, store.hooks))
    for one in found:
        crawls.plan(one.shop)
        through(one)
    store.control.ask("POST", "/clock", {"advance_s": 7200})
    return found


def test_two_shops_of_one_store_both_receive_an_edit(store: Store) -> None:
    made = product(store)
    shops = two_shops(store)
    store.set(made, price="255.00")
    for one in shops:
        look(one)
    assert {str(one.seen.price) for one in Product.objects.all()} == {"255.00"}


def test_two_shops_of_one_store_both_receive_an_order(store: Store) -> None:
    made = product(store)
    shops = two_shops(store)
    store.control.ask("POST", "/orders", {"variant_id": made["variants"][0]["id"]})
    for one in shops:
        look(one)
    assert [one.seen.stock for one in Product.objects.all()] == [2, 2]


def dated(store: Store, sku: str, at: float, price: str) -> None:
    """Change the price of a product, with this as its date."""
    store.control.ask("PUT", f"/entities/{sku}", {"changed_at": at, "custom": {"special_price": price}, "dated": False})


def test_an_edit_in_the_same_second_as_the_one_that_was_read_is_seen(store: Store) -> None:
    product(store)
    crawls.plan(store.shop)
    through(store)
    store.control.ask("POST", "/clock", {"advance_s": 7200})
    second = clock.now().timestamp() + 7200
    for price in ("255.00", "200.00"):
        dated(store, "A1", second, price)
        look(store)
    assert str(Product.objects.get().seen.price) == "200.00"


def test_what_was_read_long_after_its_date_is_read_once(store: Store) -> None:
    product(store, "A1")
    product(store, "B1")
    crawls.plan(store.shop)
    through(store)
    store.control.ask("POST", "/clock", {"advance_s": 7200})
    second = clock.now().timestamp() + 7200
    dated(store, "A1", second - 60, "255.00")
    dated(store, "B1", second, "255.00")
    look(store)
    with later(minutes=1):
        page = client_of(store).crawl("", since=clock.now() + timedelta(hours=1))
    assert [one.sku for one in page.products] == ["B1"]
