"""WooCommerce's stock is set, not changed by a difference: what comes between is put right."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

import pytest
from django.db import connection

from listings.intake import refresh
from listings.models import Job, Ledger, Listing, Product, Rank
from listings.stock import adjust
from reverbsync import clock
from reverbsync.dispatch.locks import try_lock
from reverbsync.http import outbound
from shops.models import Shop
from shops.platforms.errors import Malformed, Moved, TransientStoreError, Unsupported
from shops.platforms.values import Count
from shops.platforms.woocommerce.client import WooCommerceClient
from shops.snapshots import StoreProduct
from tests.shops.platforms.conftest import Store
from tests.shops.platforms.test_contract import an_hour_ago, reverb_order
from tests.shops.platforms.test_woocommerce import OFTEN, variant

pytestmark = [pytest.mark.live, pytest.mark.parametrize("store", ["woocommerce"], indirect=True)]
case = pytest.mark.parametrize


def client_of(store: Store) -> WooCommerceClient:
    """Return a new client."""
    client = store.client
    assert isinstance(client, WooCommerceClient)
    return client


def meanwhile(client: WooCommerceClient, how: str, where: str, happens: Callable[[], object]) -> None:
    """Let something happen once, right before the first call of this kind goes out."""
    real = client.send
    done: list[object] = []

    def send(method: str, path: str, body: object) -> outbound.Answer:
        if method == how and where in path and not done:
            done.append(happens())
        return real(method, path, body)

    client.send = send  # type: ignore[method-assign]


def sell(store: Store, made: dict[str, Any], units: int = 1, **more: Any) -> dict[str, Any]:
    """Let the store sell some units."""
    order: dict[str, Any] = store.control.ask(
        "POST", "/orders", {"variant_id": variant(made), "quantity": units, **more}
    )
    return order


def take_one(store: Store, client: WooCommerceClient, *, by: int = -1) -> Count:
    """Take off a unit that sold on Reverb."""
    unit = store.unit()
    return client.adjust(unit, client.count(unit), by=by, reference="r")


# -- what comes between --------------------------------------------------------------------------------------------


def after_the_first(client: WooCommerceClient, happens: Callable[[], object]) -> None:
    """Let something happen once, right after the stock was set for the first time."""
    real = client._set
    done: list[object] = []

    def then(path: str, units: int) -> None:
        real(path, units)
        if not done:
            done.append(happens())

    client._set = then  # type: ignore[method-assign]


def test_an_order_before_the_number_is_set_is_taken_off_what_overwrote_it(store: Store) -> None:
    made, client = store.product(), client_of(store)
    meanwhile(client, "PUT", "/products/", lambda: sell(store, made, 2))
    assert take_one(store, client).units == store.stock() == 0


def test_an_order_after_the_number_was_set_counts_once(store: Store) -> None:
    made, client = store.product(), client_of(store)
    after_the_first(client, lambda: sell(store, made, 2))
    assert take_one(store, client).units == store.stock() == 0


def test_orders_before_and_after_are_both_counted(store: Store) -> None:
    made = store.product(variants=[{"sku": "A1", "price": "5.00", "inventory_quantity": 9}])
    client = client_of(store)
    meanwhile(client, "PUT", "/products/", lambda: sell(store, made, 2))
    after_the_first(client, lambda: sell(store, made, 3))
    assert take_one(store, client).units == store.stock() == 9 - 1 - 2 - 3


def test_a_pending_order_that_is_paid_meanwhile_is_put_right(store: Store) -> None:
    made = store.product()
    order = sell(store, made, takes_stock=False)
    store.control.ask("PUT", f"/woo/orders/{order['id']}", {"status": "pending"})
    client = client_of(store)
    paid = {"status": "processing", "takes_stock": True}
    meanwhile(client, "PUT", "/products/", lambda: store.control.ask("PUT", f"/woo/orders/{order['id']}", paid))
    assert take_one(store, client).units == store.stock() == 1


def test_units_that_come_back_while_the_number_is_lowered_are_reported_as_taken_for_they_may_be_oversold(
    store: Store,
) -> None:
    made = store.product()
    order = sell(store, made)
    client = client_of(store)
    meanwhile(client, "PUT", "/products/", lambda: store.control.ask("POST", f"/orders/{order['id']}/cancel"))
    after = take_one(store, client)
    assert (after.units, after.done, store.stock()) == (
        1,
        -2,
        1,
    )  # three, less one on Reverb, less the one that came back


def test_units_that_come_back_while_the_number_is_raised_are_put_back(store: Store) -> None:
    made = store.product()
    order = sell(store, made)
    client = client_of(store)
    meanwhile(client, "PUT", "/products/", lambda: store.control.ask("POST", f"/orders/{order['id']}/cancel"))
    assert take_one(store, client, by=1).units == store.stock() == 4


def test_an_older_order_that_moves_up_because_a_newer_one_was_deleted_is_no_sale(store: Store) -> None:
    made = store.product(variants=[{"sku": "A1", "price": "5.00", "inventory_quantity": 50}])
    orders = [sell(store, made) for _ in range(25)]
    client = client_of(store)
    last = orders[-1]["id"]
    meanwhile(client, "PUT", "/products/", lambda: store.control.ask("DELETE", f"/woo/orders/{last}"))
    assert take_one(store, client).units == store.stock() == 24


def test_an_edit_by_hand_right_after_is_left_as_it_is(store: Store) -> None:
    made, client = store.product(), client_of(store)
    after_the_first(client, lambda: store.set(made, inventory_quantity=20))
    assert take_one(store, client).units == store.stock() == 20


def test_a_number_that_moved_before_is_not_overwritten(store: Store) -> None:
    made = store.product()
    client, unit = client_of(store), store.unit()
    count = client.count(unit)
    sell(store, made)
    with pytest.raises(Moved):
        client.adjust(unit, count, by=-1, reference="r")
    assert store.stock() == 2


@case(
    "says",
    [
        {"line_items": [{"id": 1, "product_id": "?", "quantity": 2.5}]},
        {"line_items": {"0": {"quantity": "2.5"}}},
        {"line_items": None},
        {"meta_data": {"_x": []}, "date_modified_gmt": ""},
        {"status": None, "number": [], "date_modified_gmt": "yesterday", "refunds": False},
        {"id": "none"},
        {"id": None},
    ],
    ids=str,
)
def test_an_odd_order_among_the_newest_stops_nothing(store: Store, says: dict[str, Any]) -> None:
    made = store.product()
    other = store.product("B1")
    order = sell(store, other)
    store.control.ask("PUT", f"/woo/orders/{order['id']}", {"says": says})
    assert take_one(store, client_of(store)).units == 2
    wish = reverb_order(store, takes_stock=False)
    first = store.client.create_order(wish)
    assert store.client.create_order(wish).id == first.id
    assert store.client.orders(an_hour_ago(), "")[0]
    assert made


def test_2_5_metres_of_cable_take_three_units_of_what_is_counted(store: Store) -> None:
    made = store.product(variants=[{"sku": "A1", "price": "5.00", "inventory_quantity": 10}])
    client = client_of(store)
    line = {"id": 7, "product_id": made["id"], "variation_id": 0, "quantity": 2.5}
    took = [{"key": "_reduced_stock", "value": "2.5"}]

    def sold() -> None:
        order = sell(store, store.product("B1"))
        says = {"line_items": [{**line, "meta_data": took}]}
        store.control.ask("PUT", f"/woo/orders/{order['id']}", {"says": says})

    meanwhile(client, "PUT", "/products/", sold)
    assert take_one(store, client).units == 10 - 1 - 3


def test_a_store_that_fails_to_list_its_orders_gets_its_stock_set_all_the_same(store: Store) -> None:
    store.product()
    store.control.fault("status", path="/orders$", status=500, page="php", times=OFTEN)
    assert take_one(store, client_of(store)).units == store.stock() == 2


def test_one_broken_order_behind_the_newest_five_is_not_asked_for(store: Store) -> None:
    made = store.product()
    store.control.fault("status", path="/orders$", text="per_page=20", status=500, page="php", times=OFTEN)
    client = client_of(store)
    meanwhile(client, "PUT", "/products/", lambda: sell(store, made))
    assert take_one(store, client).units == store.stock() == 1


@case("after", range(4))
def test_a_sequence_that_breaks_off_says_whether_it_may_have_written(store: Store, after: int) -> None:
    """The calls: newest orders, stock, set, stock, newest orders."""
    store.product()
    unit, client = store.unit(), client_of(store)
    count = client.count(unit)
    store.control.fault("status", path="/products/|/orders", status=502, page="nginx", after=1 + after, times=OFTEN)
    with pytest.raises(TransientStoreError) as broken:
        client.adjust(unit, count, by=-1, reference="r")
    assert broken.value.may_have_applied == (after >= 1)
    assert store.stock() == (2 if after >= 2 else 3)


def test_a_busy_stores_many_new_orders_are_all_looked_through(store: Store) -> None:
    """The one of our product is the oldest of forty that come between reading and setting."""
    made, other = store.product(), store.product("B1", variants=[{"sku": "B1", "price": "5", "inventory_quantity": 99}])
    client = client_of(store)
    for _ in range(25):
        sell(store, other)

    def rush() -> None:
        sell(store, made)
        for _ in range(39):
            sell(store, other)

    meanwhile(client, "PUT", "/products/", rush)
    assert take_one(store, client).units == store.stock() == 1


def test_orders_that_do_not_end_keep_no_worker(store: Store) -> None:
    made, other = store.product(), store.product("B1")
    client = client_of(store)
    order = sell(store, other)

    def cached() -> None:
        rows = [{"id": order["id"] + n + 1, "status": "completed"} for n in range(20)]
        store.control.fault("status", path="/orders$", status=200, body=rows, times=OFTEN)

    after_the_first(client, cached)
    assert take_one(store, client).units == store.stock() == 2
    assert made


def test_a_translation_of_a_product_takes_from_its_stock(store: Store) -> None:
    """Multilingual plug-ins sell the translation, a product of its own, and lower the stock of both."""
    made, client = store.product(), client_of(store)

    def sold() -> None:
        order = sell(store, store.product("B1"))
        line = {"id": 7, "product_id": 99_001, "variation_id": 0, "sku": "A1", "quantity": 1}
        says = {"line_items": [{**line, "meta_data": [{"key": "_reduced_stock", "value": "1"}]}]}
        store.control.ask("PUT", f"/woo/orders/{order['id']}", {"says": says})
        store.set(made, inventory_quantity=2)

    meanwhile(client, "PUT", "/products/", sold)
    assert take_one(store, client).units == store.stock() == 1


@case("kind", ["not taken", "orders fail"])
def test_a_change_that_the_store_does_not_show_is_not_called_done(store: Store, kind: str) -> None:
    """A plug-in has set the number back, or a cache answers. Else the unit that sold would go back on sale."""
    made, client = store.product(), client_of(store)
    if kind == "orders fail":
        store.control.fault("status", path="/orders$", status=500, page="php", times=OFTEN)
    after_the_first(client, lambda: store.set(made, inventory_quantity=3))
    with pytest.raises(TransientStoreError) as open_:
        take_one(store, client)
    assert open_.value.may_have_applied


def test_a_unit_that_came_back_and_sold_at_once_is_not_put_back_again(store: Store) -> None:
    """The store fails to list its orders, so nothing shows the sale but the number."""
    made, client = store.product(), client_of(store)
    store.control.fault("status", path="/orders$", status=500, page="php", times=OFTEN)
    after_the_first(client, lambda: sell(store, made))
    assert take_one(store, client, by=1).units == store.stock() == 3


def test_what_the_store_never_takes_stays_due_and_does_not_go_back_on_sale(store: Store) -> None:
    made = store.product()
    store.control.ask("PUT", f"/woo/products/{made['id']}", {"says": {"stock_quantity": 3}})
    shop = Shop.objects.select_related("store", "sync_settings").get(pk=store.shop.pk)
    refresh.refresh(shop, str(made["id"]), store.client, trigger="test")
    product = Product.objects.select_related("shop__store", "shop__sync_settings").get()
    listing = Listing.objects.create(product=product, shop=shop, sku=product.sku, reverb_id="7", state="live")
    ledger = Ledger.objects.create(listing=listing, units=2, store=3, reverb=2, linked_at=clock.now())
    for _ in range(3):
        assert isinstance(
            adjust.bring(ledger, product, shop.sync_settings, before=lambda: None).error, TransientStoreError
        )
        ledger.refresh_from_db()
        assert (ledger.units, ledger.store) == (2, 3)
    store.control.ask("PUT", f"/woo/products/{made['id']}", {"says": {}})
    store.set(made, inventory_quantity=3)
    assert adjust.bring(ledger, product, shop.sync_settings, before=lambda: None).error is None
    assert (ledger.units, ledger.store, store.stock()) == (2, 2, 2)


def test_a_cache_that_looks_at_addresses_alone_never_answers_twice(store: Store) -> None:
    made, client = store.product(), client_of(store)
    for _ in range(2):
        client.products(str(made["id"]))
        client.count(store.unit())
    calls = [call["path"] + call["query"] for call in store.control.calls("GET", f"/products/{made['id']}")]
    assert len(calls) == len(set(calls)) >= 4


# -- one stock for several variations ------------------------------------------------------------------------------


def pool(store: Store) -> tuple[dict[str, Any], list[StoreProduct]]:
    """Make a product whose two variations share three units; return it with its units."""
    rows = [{"sku": f"V{n}", "price": "5.00", "inventory_quantity": 3, "options": {"C": str(n)}} for n in (1, 2)]
    made = store.product(variants=rows)
    store.control.ask("PUT", f"/woo/products/{made['id']}", {"pool": True})
    return made, store.units()


def test_a_pool_is_one_number_and_is_written_to_at_the_parent(store: Store) -> None:
    made, units = pool(store)
    assert [(one.stock, one.store_stock_id) for one in units] == [(3, str(made["id"]))] * 2
    client = client_of(store)
    for unit in units:
        client.adjust(unit, client.count(unit), by=-1, reference="r")
    assert [one.stock for one in store.units()] == [1, 1]
    sell(store, made)
    assert client.count(units[1]).units == 0


def test_a_sale_of_one_variation_is_news_of_all_that_share_its_stock(store: Store) -> None:
    made, _ = pool(store)
    shop = Shop.objects.select_related("store", "sync_settings").get(pk=store.shop.pk)
    refresh.refresh(shop, str(made["id"]), store.client, trigger="test")
    Job.objects.all().delete()
    first, second = Product.objects.select_related("shop__store", "shop__sync_settings").order_by("sku")
    listing = Listing.objects.create(product=first, shop=shop, sku=first.sku, reverb_id="7", state="live")
    ledger = Ledger.objects.create(listing=listing, units=0, store=3, reverb=0, linked_at=clock.now())
    assert adjust.bring(ledger, first, shop.sync_settings, before=lambda: None).error is None
    second.refresh_from_db()
    assert second.seen.stock == store.unit("V2").stock == 0
    assert Job.objects.get().product == second
    assert Job.objects.get().rank == Rank.STOCK_TO_ZERO


def test_a_sibling_with_a_number_of_its_own_takes_nothing_from_the_pool(store: Store) -> None:
    made, units = pool(store)
    client = client_of(store)
    own = variant(made, 1)
    store.control.ask("PUT", f"/woo/products/{own}", {"says": {"manage_stock": True, "stock_quantity": 5}})

    def sold() -> None:
        order = sell(store, store.product("B1"))
        line = {"id": 7, "product_id": made["id"], "variation_id": own, "sku": "V2", "quantity": 1}
        says = {"line_items": [{**line, "meta_data": [{"key": "_reduced_stock", "value": "1"}]}]}
        store.control.ask("PUT", f"/woo/orders/{order['id']}", {"says": says})

    meanwhile(client, "PUT", "/products/", sold)
    assert client.adjust(units[0], client.count(units[0]), by=-1, reference="r").units == 2


def test_a_sale_of_a_sibling_is_not_overwritten_though_the_pool_is_new_to_us(store: Store) -> None:
    """The snapshot is from before the variations were counted at their parent."""
    rows = [{"sku": f"V{n}", "price": "5.00", "inventory_quantity": 3, "options": {"C": str(n)}} for n in (1, 2)]
    made = store.product(variants=rows)
    unit, client = store.unit("V1"), client_of(store)
    store.control.ask("PUT", f"/woo/products/{made['id']}", {"pool": True})
    sibling = {"variant_id": variant(made, 1), "quantity": 1}
    meanwhile(client, "PUT", "/products/", lambda: store.control.ask("POST", "/orders", sibling))
    assert client.adjust(unit, client.count(unit), by=-1, reference="r").units == 1


@case("quantity", [4, "4", None])
def test_a_pool_that_its_parent_does_not_count_is_unreadable_for_a_page_and_a_count(
    store: Store, quantity: object
) -> None:
    """Such as a parent out of a cache: were one of them 0, or a number, a listing would end or sell what is gone."""
    made, units = pool(store)
    client = client_of(store)
    store.control.ask("PUT", f"/woo/products/{made['id']}", {"says": {"manage_stock": False, "stock_quantity": None}})
    for n in (0, 1):
        says = {"says": {"manage_stock": "parent", "stock_quantity": quantity}}
        store.control.ask("PUT", f"/woo/products/{variant(made, n)}", says)
    page = client.crawl("")
    assert ([], str(made["id"])) == (list(page.products), page.unread[0].store_parent_id)
    for read in (lambda: client.products(str(made["id"])), lambda: client.count(units[0])):
        with pytest.raises(Malformed):
            read()


def test_two_workers_never_write_to_a_pool_at_a_time(store: Store) -> None:
    _, units = pool(store)
    client = client_of(store)
    count = client.count(units[0])
    with locked_elsewhere(f"woocommerce:{count.location}", store.shop.pk), pytest.raises(TransientStoreError) as busy:
        client.adjust(units[0], count, by=-1, reference="r")
    assert (busy.value.may_have_applied, busy.value.retry_after) == (False, 1.0)
    assert client.adjust(units[0], count, by=-1, reference="r").units == 2


@contextmanager
def locked_elsewhere(work: str, number: int) -> Iterator[None]:
    """Take a lock as another worker does."""
    has, over = Event(), Event()

    def lock() -> None:
        with try_lock(work, number):
            has.set()
            over.wait(10)
        connection.close()

    thread = Thread(target=lock)
    thread.start()
    has.wait(10)
    yield
    over.set()
    thread.join()


def test_a_variation_whose_stock_moved_to_the_parent_is_written_to_there(store: Store) -> None:
    rows = [{"sku": "V1", "price": "5.00", "inventory_quantity": 3, "options": {"C": "1"}}]
    made = store.product(variants=rows)
    unit, client = store.unit("V1"), client_of(store)
    store.control.ask("PUT", f"/woo/products/{made['id']}", {"pool": True})
    count = client.count(unit)
    assert count.location == f"/products/{made['id']}"
    assert client.adjust(unit, count, by=-1, reference="r").units == 2


def test_stock_that_is_not_managed_any_more_is_not_switched_on_by_us(store: Store) -> None:
    made = store.product()
    unit, client = store.unit(), client_of(store)
    count = client.count(unit)
    store.control.ask("PUT", f"/variants/{variant(made)}", {"tracked": False})
    assert client.count(unit).units is None
    with pytest.raises(Unsupported):
        client.adjust(unit, count, by=-1, reference="r")
    assert store.unit().stock is None
