"""How WooCommerce's keys travel, what becomes of webhooks that it switched off, and odd orders and statuses."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from pydantic import SecretStr

from reverbsync.http import outbound
from sandbox.woocommerce import app
from shops import store_connection
from shops.connect import upkeep
from shops.events import ProductChanged
from shops.models import StoreConnection
from shops.orders import OrderStatus
from shops.platforms.errors import StoreAuthError, TransientStoreError
from shops.platforms.values import Keys
from shops.platforms.woocommerce.client import WooCommerceClient
from shops.snapshots import StoreProduct
from tests.shops.platforms.conftest import Store
from tests.shops.platforms.test_contract import an_hour_ago, reverb_order
from tests.shops.platforms.test_woocommerce import OFTEN
from tests.shops.platforms.test_woocommerce_stock import client_of, sell
from tests.simulation import lines

pytestmark = [pytest.mark.live, pytest.mark.parametrize("store", ["woocommerce"], indirect=True)]
case = pytest.mark.parametrize


# -- how the keys travel -------------------------------------------------------------------------------------------


@pytest.fixture
def https(store: Store) -> Iterator[Callable[..., WooCommerceClient]]:
    """Return what makes clients of a store over https, with something in front of it."""
    application = app.build(None, "https://guitars.test")
    pair = "ck_1:cs_1"

    def ask(method: str, path: str, body: Any) -> Any:
        request = requests.Request(method, f"https://guitars.test/_control{path}", json=body).prepare()
        return lines.ask(application, request)

    def made(front: dict[str, Any], keys: str = pair) -> WooCommerceClient:
        shop = {"domain": "guitars.test", "token": pair, "secret": "s", "front": front}
        ask("POST", "/shops", shop)
        ask("POST", "/products", {"domain": "guitars.test", "title": "Strat", "variants": [{"sku": "A1"}]})
        return WooCommerceClient(over_https(store, keys))

    with outbound.carried_by(lines.Adapter(lambda request, _: lines.ask(application, request))):
        yield made


def over_https(store: Store, keys: str) -> StoreConnection:
    """Return the store's connection as one over https, unsaved."""
    found = store.connection
    found.address, found.token = "https://guitars.test", SecretStr(keys)
    return found


def the_unit(client: WooCommerceClient) -> StoreProduct:
    """Return its only product."""
    [unit] = client.crawl("").products
    return unit


@case("front", [{}, {"strip_authorization": True}, {"block_query_keys": 403}], ids=str)
def test_keys_arrive_in_the_header_else_in_the_address_for_reading_and_writing(
    https: Callable[..., WooCommerceClient], front: dict[str, Any]
) -> None:
    client = https(front)
    assert client.check().currency == "USD"
    unit = the_unit(client)
    assert client.adjust(unit, client.count(unit), by=5, reference="r").units == 5
    fresh = https(front)  # its first call is one that writes
    fresh.json("POST", "/webhooks", {"topic": "product.updated", "delivery_url": "https://us.test/x"})
    assert len(fresh._hooks("https://us.test/x")) >= 1


def test_a_store_that_lets_no_keys_through_is_later_and_says_what_to_allow(
    https: Callable[..., WooCommerceClient],
) -> None:
    client = https({"strip_authorization": True, "block_query_keys": 403})
    for call in (client.check, lambda: client.products("1"), lambda: client.order("1")):
        with pytest.raises(TransientStoreError, match=r"\(403\).*Allow .*/wp-json/wc/v3/ and the Authorization header"):
            call()
    with pytest.raises(TransientStoreError):
        client.json("POST", "/webhooks", {"topic": "product.updated"})


@case("keys", ["ck_1:wrong", "ck_2:cs_1"])
@case("front", [{}, {"strip_authorization": True}], ids=str)
def test_keys_that_woocommerce_itself_refuses_are_refused(
    https: Callable[..., WooCommerceClient], front: dict[str, Any], keys: str
) -> None:
    with pytest.raises(StoreAuthError):
        https(front, keys).check()


def test_a_key_that_may_only_read_says_so(store: Store) -> None:
    store.product()
    unit, client = store.unit(), client_of(store)
    count = client.count(unit)
    store.control.ask("POST", "/shops", {"domain": store.stand_in.domain, "permissions": "read"})
    with pytest.raises(TransientStoreError, match="write permissions") as refused:
        client.adjust(unit, count, by=-1, reference="r")
    assert not refused.value.may_have_applied


@case(
    ("location", "words"),
    [
        ("{root}/wp-json/wc/v3/products/?per_page=1", "choose anything but “Plain”"),
        ("/wp-login.php", "a plug-in closes the REST API"),
        ("https://www.guitars.test/", r"leads to www\.guitars\.test"),
        ("//www.guitars.test/", r"leads to www\.guitars\.test"),
    ],
)
def test_a_redirect_to_the_same_site_names_the_permalinks_and_one_to_another_its_address(
    store: Store, location: str, words: str
) -> None:
    to = location.format(root=store.connection.address)
    store.control.fault("status", status=301, page="empty", headers={"Location": to}, times=OFTEN)
    with pytest.raises(TransientStoreError, match=words):
        store.client.check()


# -- webhooks ------------------------------------------------------------------------------------------------------


def test_a_store_that_was_connected_again_signs_with_the_new_secret(store: Store) -> None:
    upkeep.check(store.connection)
    was = store.connection
    keys = Keys(was.token.get_secret_value(), "another")
    store_connection.connect_store(store.shop, platform=was.platform, address=was.address, keys=keys)
    upkeep.check(store.connection)
    kept = store.connection.hooks
    assert (len(kept["there"]), kept["repaired"]) == (7, [])
    [shop] = store.control.ask("GET", "/shops")
    assert {hook["secret"] for hook in shop["webhooks"]} == {"another"}
    assert len(shop["webhooks"]) == 7


def test_a_webhook_that_is_switched_off_is_woken_and_one_that_stays_off_is_not_called_there(store: Store) -> None:
    client_of(store).ensure_webhooks(store.hooks.url)
    [shop] = store.control.ask("GET", "/shops")
    for hook in shop["webhooks"]:
        hook["active"] = hook["topic"] != "product.updated"
    store.control.ask("POST", "/shops", shop)
    off = next(hook["id"] for hook in shop["webhooks"] if not hook["active"])
    store.control.fault("edited", method="PUT", path=f"/webhooks/{off}$", edits={"status": "disabled"}, times=OFTEN)
    kept = client_of(store).ensure_webhooks(store.hooks.url)
    assert "disabled" in kept.refused["product.updated"]
    assert "product.updated" not in kept.there


def test_odd_rows_among_the_webhooks_are_left_alone(store: Store) -> None:
    client_of(store).ensure_webhooks(store.hooks.url)
    store.control.fault("edited", path="/webhooks$", method="GET", edits={"0": False, "1.topic": None, "2.id": ""})
    kept = client_of(store).ensure_webhooks(store.hooks.url)
    assert len(kept.there) == 7


# -- orders --------------------------------------------------------------------------------------------------------


@case(
    ("status", "means"),
    [
        ("pending", OrderStatus.WAITING),
        ("on-hold", OrderStatus.WAITING),
        ("wc-partially-paid", OrderStatus.WAITING),
        ("processing", OrderStatus.OPEN),
        ("wc-processing", OrderStatus.OPEN),
        ("wc-awaiting-shipment", OrderStatus.OPEN),
        ("being-strung", OrderStatus.OPEN),
        ("", OrderStatus.OPEN),
        ("completed", OrderStatus.DONE),
        ("wc-shipped", OrderStatus.DONE),
        ("partial-shipped", OrderStatus.DONE),
        ("delivered", OrderStatus.DONE),
        ("cancelled", OrderStatus.CANCELLED),
        ("failed", OrderStatus.CANCELLED),
        ("trash", OrderStatus.CANCELLED),
        ("refunded", OrderStatus.REFUNDED),
    ],
)
def test_what_an_orders_status_means(store: Store, status: str, means: OrderStatus) -> None:
    order = sell(store, store.product())
    store.control.ask("PUT", f"/woo/orders/{order['id']}", {"says": {"status": status}})
    found = store.client.order(str(order["id"]))
    assert found is not None
    assert found.status == means


def test_an_order_that_was_deleted_is_gone_and_one_in_the_bin_is_cancelled(store: Store) -> None:
    store.product()
    made = store.client.create_order(reverb_order(store, takes_stock=False))
    store.control.ask("PUT", f"/woo/orders/{made.id}", {"status": "trash"})
    binned = store.client.order(made.id)
    assert binned is not None
    assert binned.status == OrderStatus.CANCELLED
    store.control.ask("DELETE", f"/woo/orders/{made.id}")
    assert store.client.order(made.id) is None
    store.client.cancel_order(made.id, reverb_number="R-1", gives_back=False, note="x")


@case("hidden", [{"meta_data": []}, {"meta_data": None}, {"meta_data": {"_reverb_order_number": "R-1"}}], ids=str)
def test_an_order_of_ours_is_found_where_a_plug_in_bends_its_meta_data(store: Store, hidden: dict[str, Any]) -> None:
    store.product()
    wish = reverb_order(store, takes_stock=False)
    made = store.client.create_order(wish)
    store.control.ask("PUT", f"/woo/orders/{made.id}", {"says": hidden})
    assert store.client.create_order(wish).id == made.id


@case(
    "answer",
    [
        {"status": 504, "page": "nginx"},
        {"status": 201, "raw": ""},
        {"status": 201, "body": []},
        {"status": 201, "body": {"id": None}},
        {"status": 200, "page": "login"},
        {"status": 404, "body": {"code": "rest_no_route", "message": "No route", "data": {"status": 404}}},
    ],
    ids=str,
)
def test_an_order_that_was_made_behind_an_odd_answer_is_found_and_not_made_twice(
    store: Store, answer: dict[str, Any]
) -> None:
    store.product()
    wish = reverb_order(store, takes_stock=False)
    store.control.fault("instead", method="POST", **answer)
    with pytest.raises(TransientStoreError) as odd:
        store.client.create_order(wish)
    assert odd.value.may_have_applied
    store.client.create_order(wish)
    assert len(store.control.ask("GET", "/orders")) == 1


def test_a_release_whose_note_is_refused_is_done(store: Store) -> None:
    store.product()
    made = store.client.create_order(reverb_order(store, takes_stock=False))
    store.control.fault("status", path="/notes$", status=403, page="wordfence")
    store.client.cancel_order(made.id, reverb_number="R-1", gives_back=False, note="x")
    assert store.control.ask("GET", "/orders")[0]["status"] == "cancelled"


def test_refunds_with_odd_lines_are_read(store: Store) -> None:
    order = sell(store, store.product(), 2)
    store.control.ask("POST", f"/orders/{order['id']}/refund")
    edits: dict[str, Any] = {"*.line_items": {"3": False, "5": {"id": 9, "quantity": "-1.5", "meta_data": {}}}}
    store.control.fault("edited", path="/refunds$", edits=edits)
    [found], _ = store.client.orders(an_hour_ago(), "")
    assert found.status == OrderStatus.REFUNDED


def test_an_order_list_that_is_too_large_is_read_in_smaller_pages(store: Store) -> None:
    made = store.product(variants=[{"sku": "A1", "price": "5.00", "inventory_quantity": 50}])
    for _ in range(12):
        sell(store, made)
    store.control.fault("instead", status=200, pad=21_000_000, path="/orders$", text="per_page=100", times=OFTEN)
    found, following = store.client.orders(an_hour_ago(), "")
    assert (len(found), following) == (12, None)


def test_a_webhook_with_odd_fields_names_its_product(store: Store) -> None:
    def parents(topic: str, body: bytes) -> list[str]:
        events = store.platform.events(topic, body, store.connection)
        return [one.store_parent_id for one in events or [] if isinstance(one, ProductChanged)]

    assert parents("product.updated", b'\xef\xbb\xbf{"id":"12","parent_id":"0","images":[false]}') == ["12"]
    assert parents("product.updated", b'{"id":12,"parent_id":7}') == ["7"]
    lines_of = b'{"id":5,"line_items":{"0":{"product_id":"3"},"2":{"product_id":null},"3":false}}'
    assert parents("order.updated", lines_of) == ["3"]
