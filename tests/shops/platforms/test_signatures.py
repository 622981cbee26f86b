"""Known answers: signatures as the platforms' documents compute them, and every way in which one can be wrong."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from pydantic import SecretStr

from shops.models import StoreConnection
from shops.platforms import PLATFORMS
from shops.platforms.errors import BadSignature
from shops.platforms.magento2 import signing
from shops.platforms.shopify import connect
from shops.platforms.values import Envelope

#: Platform → secret, body, headers. Worked out apart from our code.
KNOWN = {
    "shopify": (
        "hush",
        b'{"id":788032119674292922,"title":"Example T-Shirt"}',
        {"X-Shopify-Hmac-Sha256": "PChQV/s9qVvLuYZx4s3CvtPkNn5M2k1OrvTkc0qHHSM="},
    ),
    "bigcommerce": (
        "bc_client_secret_example",
        (
            b'{"scope":"store/product/updated","store_id":"1025646","data":{"type":"product","id":167},'
            b'"hash":"cba9eef399fbd6d384489bca6cacad24794b1086","created_at":1561478843,"producer":"stores/abc123"}'
        ),
        {
            "webhook-id": "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W",
            "webhook-timestamp": "1561478843",
            "webhook-signature": "v1,jW0XBIybXbzQnaVPuuwefKI6k5ZHKcuXRjn/mooc348=",
        },
    ),
    "woocommerce": (
        "wc_secret",
        b'{"id":31,"name":"Ship Your Idea"}',
        {"X-WC-Webhook-Signature": "qjtKLalDR4MnMeF3bQRLHjZeVHR1GDZ0lwXeS6I46FU="},
    ),
}


def verify(
    kind: str, headers: Mapping[str, str | None] | None = None, *, secret: str | None = None, body: bytes | None = None
) -> None:
    """Check a known delivery with something changed; a header that is None is left out."""
    known_secret, known_body, known_headers = KNOWN[kind]
    said = {**known_headers, **(headers or {})}
    key = SecretStr(known_secret if secret is None else secret)
    connection = StoreConnection(platform=kind, token=SecretStr("t"), secret=key)
    sent = {name: value for name, value in said.items() if value is not None}
    PLATFORMS[kind].verify(known_body if body is None else body, sent, connection)


@pytest.mark.parametrize("kind", KNOWN)
def test_the_documented_signature_is_right(kind: str) -> None:
    verify(kind)


@pytest.mark.parametrize("kind", KNOWN)
@pytest.mark.parametrize("value", ["", "v1,", "AAAA", "v1,AAAA", "ÄÖÜ", None])
def test_any_other_signature_is_wrong(kind: str, value: str | None) -> None:
    name = list(KNOWN[kind][2])[-1]
    with pytest.raises(BadSignature):
        verify(kind, {name: value})


@pytest.mark.parametrize("kind", KNOWN)
def test_another_secret_an_empty_one_or_a_changed_body_is_refused(kind: str) -> None:
    for change in ({"secret": "another"}, {"secret": ""}, {"body": KNOWN[kind][1] + b" "}, {"body": b""}):
        with pytest.raises(BadSignature):
            verify(kind, **change)


def test_one_of_several_signatures_of_bigcommerce_is_enough() -> None:
    right = KNOWN["bigcommerce"][2]["webhook-signature"]
    verify("bigcommerce", {"webhook-signature": f"v1,AAAA {right}"})


def test_a_bigcommerce_delivery_names_itself_by_its_id_alone_since_equal_events_have_one_hash() -> None:
    _, body, headers = KNOWN["bigcommerce"]
    room = PLATFORMS["bigcommerce"]
    assert room.envelope(body, headers).topic == "store/product/updated"
    assert "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W" in room.envelope(body, headers).delivery_id
    assert room.envelope(body, {}).delivery_id == ""


def test_two_woocommerce_deliveries_of_the_same_second_are_distinguished() -> None:
    headers = {"X-WC-Webhook-Topic": "product.updated", "X-WC-Webhook-Delivery-ID": "9f"}
    room = PLATFORMS["woocommerce"]
    assert room.envelope(b"{}", headers) == room.envelope(b"{}", headers)
    assert room.envelope(b"{}", headers).delivery_id != room.envelope(b"{ }", headers).delivery_id
    assert room.envelope(b"{}", headers) == Envelope(room.envelope(b"{}", headers).delivery_id, "product.updated")


def test_a_signed_magento_call_is_the_documented_one() -> None:
    url = (
        "https://magento.example.com/rest/default/V1/products"
        "?searchCriteria%5BpageSize%5D=2&searchCriteria%5BcurrentPage%5D=1"
    )
    made = signing.headers("ck123:cs456:tok789:ts000", "GET", url, nonce="abcdef0123456789", timestamp=1_700_000_000)
    assert 'oauth_signature="LMt%2BUS2Y9V22vHld5He5ZHoJgjqO0p4npgMZAl3eNPg%3D"' in made["Authorization"]


def test_a_slash_in_a_magento_sku_is_signed_as_it_is() -> None:
    def signed(path: str) -> str:
        url = f"https://m.example.com/rest/default/V1/stockItems/{path}"
        return signing.headers("a:b:c:d", "GET", url, nonce="n", timestamp=1)["Authorization"]

    assert signed("A%2FB") == signed("A/B")
    assert signed("A%20B") != signed("A+B")


def test_a_lone_magento_token_goes_as_bearer() -> None:
    assert signing.headers("abc", "GET", "https://m.example.com/") == {"Authorization": "Bearer abc"}


def test_shopifys_documented_query_is_signed_right() -> None:
    query = {
        "shop": "some-shop.myshopify.com",
        "code": "a94a110d86d2452eb3e2af4cfb8a3828",
        "timestamp": "1337178173",
        "hmac": "2cb1a277650a659f1b11e92a4a64275b128e037f2c3390e3c8fd2d8721dac9e2",
    }
    connect._check_signature(query, ["hush"])
