"""Shopify's deliveries: signature, headers, topics."""

from __future__ import annotations

import json

import pytest

from shops.events import AppRemoved, Event, OrderChanged, ProductChanged, ProductDeleted, StockChanged
from shops.platforms.errors import BadSignature, Unreadable
from shops.platforms.shopify import webhooks
from shops.platforms.values import Envelope

#: Known answer, worked out by hand from the documented rule.
BODY = b'{"id":788032119674292922,"title":"Example T-Shirt"}'
SIGNATURE = "PChQV/s9qVvLuYZx4s3CvtPkNn5M2k1OrvTkc0qHHSM="
SECRET = "hush"


def test_a_right_signature_is_taken() -> None:
    webhooks.verify(BODY, {"X-Shopify-Hmac-Sha256": SIGNATURE}, [SECRET])


@pytest.mark.parametrize(
    ("body", "headers", "secret"),
    [
        (BODY, {}, "hush"),
        (BODY, {"X-Shopify-Hmac-Sha256": ""}, "hush"),
        (BODY, {"X-Shopify-Hmac-Sha256": "nonsense"}, "hush"),
        (BODY, {"X-Shopify-Hmac-Sha256": "ÄÖÜ"}, "hush"),
        (BODY + b" ", {"X-Shopify-Hmac-Sha256": SIGNATURE}, "hush"),
        (BODY, {"X-Shopify-Hmac-Sha256": SIGNATURE}, "other"),
        (b"", {"X-Shopify-Hmac-Sha256": "thNnmggU2ex3L5XXeMNfxf8Wl8STcVZTxscSFEKSxa0="}, ""),
    ],
)
def test_anything_else_is_refused(body: bytes, headers: dict[str, str], secret: str) -> None:
    with pytest.raises(BadSignature):
        webhooks.verify(body, headers, [secret])


def test_the_headers_hold_id_and_topic() -> None:
    headers = {"X-Shopify-Webhook-Id": "b1", "X-Shopify-Topic": "products/update"}
    assert webhooks.envelope(headers) == Envelope("b1", "products/update")


@pytest.mark.parametrize(
    ("topic", "body", "events"),
    [
        ("products/create", {"id": 788032119674292922}, [ProductChanged("788032119674292922")]),
        ("products/update", {"id": 1, "admin_graphql_api_id": "gid://shopify/Product/12"}, [ProductChanged("12")]),
        ("products/delete", {"id": 5}, [ProductDeleted("5")]),
        ("inventory_levels/update", {"inventory_item_id": 9, "available": None}, [StockChanged("9")]),
        (
            "orders/create",
            {"line_items": [{"product_id": 5}, {"product_id": 5}, {"product_id": None}, {"product_id": 6}]},
            [ProductChanged("5"), ProductChanged("6")],
        ),
        ("orders/cancelled", {"line_items": [{"product_id": 5}]}, [ProductChanged("5")]),
        ("refunds/create", {"refund_line_items": [{"line_item": {"product_id": 5}}]}, [ProductChanged("5")]),
        ("fulfillments/create", {"id": 9, "order_id": 5}, [OrderChanged("5", products_reported=True)]),
        ("fulfillments/update", {"id": 9, "order_id": None}, []),
        ("app/uninstalled", {"id": 1}, [AppRemoved()]),
    ],
)
def test_each_topic_means_something(topic: str, body: dict[str, object], events: list[Event]) -> None:
    assert webhooks.events(topic, json.dumps(body).encode()) == events


def test_an_unknown_topic_means_nothing() -> None:
    assert webhooks.events("carts/update", b"{}") is None


@pytest.mark.parametrize("body", [b"{}", b"[]", b"nonsense", b'{"id": {}}'])
def test_a_body_that_is_not_what_its_topic_promises_is_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable):
        webhooks.events("products/update", body)
