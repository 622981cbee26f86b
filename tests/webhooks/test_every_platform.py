"""What each platform's deliveries are answered: right, wrong, missing and replayed signatures, and odd bodies."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from datetime import timedelta
from unittest.mock import Mock

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from listings.models import Crawl, Order, Product, StoreOrderState
from reverbsync import clock
from shops import lifecycle, store_connection
from shops.models import Shop, StoreConnection
from shops.platforms import PLATFORMS
from shops.platforms.bigcommerce.webhooks import OUR_HEADER, our_key
from shops.platforms.errors import StoreAuthError
from shops.platforms.values import Keys
from tests.people import NOON, olivia
from tests.responses import Response
from webhooks.models import Delivery
from webhooks.store_handover import hand_over

pytestmark = pytest.mark.django_db

KEY = b"k" * 32
SECRETS = {"custom": "whsec_" + base64.b64encode(KEY).decode()}
ADDRESSES = {"shopify": "guitars.myshopify.com", "bigcommerce": "leo8j9o1ip"}
TOKENS = {"woocommerce": "ck_a:cs_b", "magento2": "a:b:c:d"}
SIGNED = ("bigcommerce", "custom", "shopify", "woocommerce")


def digest(key: bytes, message: bytes) -> str:
    """Sign, apart from the app's own code."""
    return base64.b64encode(hmac.new(key, message, hashlib.sha256).digest()).decode()


def _shopify(body: bytes, topic: str, key: bytes, number: str) -> dict[str, str]:
    return {"X-Shopify-Hmac-Sha256": digest(key, body), "X-Shopify-Topic": topic, "X-Shopify-Webhook-Id": number}


def _woo(body: bytes, topic: str, key: bytes, number: str) -> dict[str, str]:
    more = {"X-WC-Webhook-Topic": topic, "X-WC-Webhook-Delivery-ID": number}
    return {"X-WC-Webhook-Signature": digest(key, body), **more}


def _standard(body: bytes, topic: str, key: bytes, number: str) -> dict[str, str]:
    stamp = str(int(time.time()))
    signature = f"v1,{digest(key, f'{number}.{stamp}.'.encode() + body)}"
    return {"webhook-signature": signature, "webhook-id": number, "webhook-timestamp": stamp}


def _custom(body: bytes, topic: str, key: bytes, number: str) -> dict[str, str]:
    return {**_standard(body, topic, KEY if key == b"secret" else key, number), "Authorization": "Bearer token"}


SIGN: dict[str, Callable[[bytes, str, bytes, str], dict[str, str]]] = {
    "shopify": _shopify,
    "bigcommerce": _standard,
    "woocommerce": _woo,
    "custom": _custom,
    "magento2": _standard,
}


def store_on(kind: str) -> StoreConnection:
    """Return a connected store of a platform."""
    shop = lifecycle.create_shop(olivia(), "Guitars")
    keys = Keys(TOKENS.get(kind, "token"), SECRETS.get(kind, "secret"))
    address = ADDRESSES.get(kind, "https://guitars.example.com")
    store_connection.connect_store(shop, platform=kind, address=address, keys=keys)
    return StoreConnection.objects.get(shop=shop)


def post(store: StoreConnection, body: bytes, headers: dict[str, str]) -> Response:
    """Post to the store's address."""
    client = Client(raise_request_exception=False)
    path = f"/webhooks/store/{store.hook_key}/"
    return client.post(path, body, content_type="application/json", headers=headers)


def signed(store: StoreConnection, body: bytes, topic: str, *, key: bytes = b"secret", number: str = "n-1") -> Response:
    """Post what the store signed."""
    return post(store, body, SIGN[store.platform](body, topic, key, number))


#: Platform → topic → body, in the form of the platform's own documents.
SAMPLES: dict[str, dict[str, object]] = {
    "shopify": {
        "products/create": {
            "admin_graphql_api_id": "gid://shopify/Product/788",
            "id": 788,
            "title": "Tee",
            "tags": "a, b",
        },
        "products/update": {"id": 788, "variants": [{"id": 1, "price": "29.99", "sku": "T-1"}], "image": None},
        "products/delete": {"id": 788},
        "inventory_levels/update": {"inventory_item_id": 2718, "location_id": 248, "available": None},
        "orders/create": {"id": 8209, "line_items": [{"product_id": 632}, {"product_id": None}], "customer": {"id": 1}},
        "orders/cancelled": {"id": 8209, "line_items": []},
        "refunds/create": {"id": 8902, "refund_line_items": [{"line_item": {"product_id": 632}}]},
        "fulfillments/create": {"id": 123, "order_id": 8209, "status": "success", "tracking_numbers": ["1Z9"]},
        "app/uninstalled": {"id": 5483, "name": "Super Toys", "domain": None},
        "customers/redact": {"shop_id": 954, "customer": {"id": 191}, "orders_to_redact": [299]},
    },
    "bigcommerce": {
        "store/product/created": {"data": {"type": "product", "id": 114}},
        "store/product/deleted": {"data": {"type": "product", "id": 93}},
        "store/product/inventory/updated": {
            "data": {"id": 114, "inventory": {"product_id": 114, "method": "absolute"}}
        },
        "store/sku/inventory/updated": {
            "data": {"type": "sku", "id": 461, "inventory": {"product_id": 206, "value": 5}}
        },
        "store/sku/updated": {"data": {"type": "sku", "id": 461, "sku": {"product_id": 206, "variant_id": 509}}},
        "store/order/statusUpdated": {"data": {"type": "order", "id": 250, "status": {"new_status_id": 10}}},
        "store/order/refund/created": {"data": {"type": "order", "id": 250, "refund": {"refund_id": 1}}},
        "store/shipment/created": {"data": {"type": "shipment", "id": 12, "orderId": 251}},
        "store/app/uninstalled": {"data": {"type": "app", "id": 1}},
    },
    "woocommerce": {
        "product.created": {"id": 794, "name": "Premium", "sku": "", "parent_id": 0, "stock_quantity": None},
        "product.updated": {"id": 733, "type": "variation", "parent_id": 22, "image": None},
        "product.deleted": {"id": 31},
        "product.restored": {"id": 31, "status": "draft"},
        "order.created": {"id": 727, "line_items": [{"product_id": 93, "variation_id": 0}], "billing": {}},
        "order.deleted": {"id": 727},
    },
    "custom": {
        "product.deleted": {"data": {"id": "11", "updated_at": "2026-11-02T12:00:00Z"}},
        "catalogue.complete": {"data": {"ids": [], "updated_at": "2026-11-02T12:00:00Z"}},
    },
}


def bodies(kind: str) -> list[tuple[str, bytes]]:
    """Return topics and bodies; the scope or type stands in the body where the platform puts it there."""
    named = {"bigcommerce": "scope", "custom": "type"}.get(kind)
    rows = SAMPLES[kind].items()
    return [(topic, json.dumps({**body, named: topic} if named else body).encode()) for topic, body in rows]  # type: ignore[dict-item]


ALL = [pytest.param(kind, topic, body, id=f"{kind} {topic}") for kind in SIGNED for topic, body in bodies(kind)]


@pytest.mark.parametrize(("kind", "topic", "body"), ALL)
def test_a_signed_delivery_is_kept_once_however_often_it_comes(kind: str, topic: str, body: bytes) -> None:
    store = store_on(kind)
    assert [signed(store, body, topic).status_code for _ in range(2)] == [200, 200]
    kept = Delivery.objects.get()
    assert (bytes(kept.body), kept.topic, kept.state) == (body, topic, "open")
    assert PLATFORMS[kind].events(topic, body, store) is not None


ORDERS: dict[str, tuple[str, dict[str, object]]] = {
    "shopify": ("fulfillments/create", {"id": 9, "order_id": 727}),
    "bigcommerce": ("store/shipment/created", {"data": {"type": "shipment", "id": 12, "orderId": 727}}),
    "woocommerce": ("order.updated", {"id": 727, "status": "completed", "line_items": []}),
    "custom": (
        "order.updated",
        {"data": {"id": "727", "updated_at": "2026-11-02T12:00:00Z", "status": "done", "lines": []}},
    ),
}


@pytest.mark.parametrize("kind", ORDERS)
def test_an_order_that_we_made_is_looked_at_as_soon_as_the_store_reports_it(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, now = store_on(kind), clock.now()
    made = {
        "store_state": StoreOrderState.CREATED,
        "store_order_id": "727",
        "parcels_due_at": now + timedelta(hours=1),
        "quantity": 1,
    }
    Order.objects.create(
        shop=store.shop, number="9001", status="paid", placed_at=now, updated_at=now, seen_at=now, **made
    )
    monkeypatch.setattr("listings.intake.refresh.client_of", lambda _: Mock(order_products=lambda _: []))
    topic, body = ORDERS[kind]
    named = {"bigcommerce": "scope", "custom": "type"}.get(kind)
    signed(store, json.dumps({**body, named: topic} if named else body).encode(), topic)
    hand_over(store.shop)
    due_at = Order.objects.get().parcels_due_at
    assert due_at is not None
    assert due_at <= clock.now()


@pytest.mark.parametrize(("kind", "topic", "body"), ALL)
def test_a_wrong_a_missing_and_a_borrowed_signature_get_401(kind: str, topic: str, body: bytes) -> None:
    store = store_on(kind)
    right = SIGN[kind](body, topic, b"secret", "n-1")
    name = next(iter(right))
    assert signed(store, body, topic, key=b"another").status_code == 401
    assert post(store, body, {}).status_code == 401
    assert post(store, body + b" ", right).status_code == 401
    for bad in ("", "v1,", "=", "v1,é", "A" * 5000):
        assert post(store, body, {**right, name: bad}).status_code == 401
    assert not Delivery.objects.exists()


def test_whatever_comes_for_a_magento_store_is_not_from_it() -> None:
    assert signed(store_on("magento2"), b"{}", "anything").status_code == 401


def test_the_key_of_a_custom_store_counts_beside_the_signature_and_an_old_call_is_refused() -> None:
    store, body = store_on("custom"), b'{"type":"product.deleted"}'
    right = _custom(body, "", KEY, "n-1")
    assert post(store, body, {**right, "Authorization": "Bearer other"}).status_code == 401
    old = str(int(time.time()) - 301)
    late = {**right, "webhook-timestamp": old, "webhook-signature": f"v1,{digest(KEY, f'n-1.{old}.'.encode() + body)}"}
    assert post(store, body, late).status_code == 401


def test_the_ping_of_woocommerce_is_answered_and_nothing_like_it_is() -> None:
    store = store_on("woocommerce")
    assert post(store, b"webhook_id=7", {}).status_code == 200
    for body in (b"webhook_id=7&x=1", b"webhook_id=", b"webhook_id=7\n", b" webhook_id=7"):
        assert post(store, body, {}).status_code == 401
    assert not Delivery.objects.exists()


@pytest.mark.parametrize("kind", SIGNED)
@pytest.mark.parametrize(
    ("body", "is_object"),
    [
        (b"", False),
        (b"null", False),
        (b"[1]", False),
        (b"\xff\xfe\x00", False),
        (b'{"a":' * 50_000 + b"1" + b"}" * 50_000, False),
        (b'{"id":' + b"9" * 5000 + b"}", False),
        (b'{"type":"\\u0000","scope":"\\u0000","hash":"\\u0000","id":"\\u0000"}', True),
        (b'{"type":"\\ud800","scope":"\\ud800","hash":"\\ud800"}', True),
        (b'{"type":{},"scope":[],"hash":{},"data":5,"line_items":5,"id":{}}', True),
    ],
    ids=range(9),
)
def test_no_signed_body_however_odd_makes_a_failure(
    kind: str, body: bytes, is_object: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def check(_: object) -> str:
        raise StoreAuthError("The store rejected our keys.")

    monkeypatch.setattr(
        "shops.platforms.shopify.client.ShopifyClient.check", check
    )  # asked for once the app is removed
    store = store_on(kind)
    for topic in PLATFORMS[kind].topics:
        answer = signed(store, body, topic, number=f"{topic}-1")
        assert answer.status_code == (200 if is_object or kind != "custom" else 400)
    hand_over(Shop.objects.get(pk=store.shop_id))
    assert not Delivery.objects.filter(state="open").exists()


@pytest.mark.parametrize("kind", [kind for kind in SIGNED if kind != "custom"])
@pytest.mark.parametrize(
    "body", [b"", b"[]", b"null", b"<br />Warning: x<br />{}", b'{"title": "\xe9"}', b"{" + b"x" * 200]
)
def test_what_a_platform_signed_and_nobody_can_read_is_answered_200_and_all_that_changed_is_looked_at(
    kind: str, body: bytes, settings: Settings
) -> None:
    settings.WEBHOOK_MAX_BYTES = 100
    store = store_on(kind)
    shop = Shop.objects.select_related("store", "sync_settings").get(pk=store.shop_id)
    looks = Crawl.objects.create(
        shop=shop, kind=Crawl.Kind.CHANGES, state=Crawl.State.DONE, due_at=NOON.replace(year=2099)
    )
    assert signed(store, body, PLATFORMS[kind].change_topics[0]).status_code == 200
    hand_over(shop)
    assert Delivery.objects.get().state == "unreadable"
    looks.refresh_from_db()
    assert looks.due_at is not None
    assert looks.due_at.year < 2099


def test_two_equal_calls_of_one_second_of_bigcommerce_without_an_id_are_both_looked_at() -> None:
    store = store_on("bigcommerce")
    said = {"scope": "store/product/updated", "hash": "h", "created_at": 5, "data": {"type": "product", "id": 114}}
    for _ in range(2):
        assert post(store, json.dumps(said).encode(), {OUR_HEADER: our_key("secret")}).status_code == 200
        assert Delivery.objects.filter(state="open").exists()
        Delivery.objects.update(state="done")


def test_a_character_that_the_database_cannot_hold_is_left_out() -> None:
    store = store_on("custom")
    variant = {"id": "1", "sku": "A\0", "price": "5.00", "stock": 3, "options": {"Co\0lour": "R\0ed"}}
    product = {
        "id": "1",
        "updated_at": "2026-11-02T12:00:00Z",
        "title": "T\0",
        "currency": "USD",
        "variants": [variant],
    }
    body = json.dumps({"type": "product.updated", "data": {**product, "attributes": {"a\0": "b\0"}}}).encode()
    assert signed(store, body, "").status_code == 200
    hand_over(Shop.objects.get(pk=store.shop_id))
    assert (Product.objects.get().sku, Product.objects.get().title) == ("A", "T")
