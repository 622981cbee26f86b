"""Whatever comes to a webhook address, nothing breaks: no 500, nothing half-written, and the next good call counts."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pytest_django.fixtures import Settings

from listings.intake import refresh
from listings.models import Order, Product
from reverbsync import clock
from shops import lifecycle, store_connection
from shops.models import ReverbConnection, ShipStation, Shop, StoreConnection
from shops.platforms import PLATFORMS
from shops.platforms.values import Keys
from shops.reverb import orders as reading
from shops.reverb.client import ReverbClient
from shops.snapshots import ReverbOrder, StoreProduct
from tests.listings.orders.test_ingest import order
from tests.people import NOON, olivia, shop_of, snapshot
from tests.webhooks import odd
from tests.webhooks.test_every_platform import ADDRESSES, SAMPLES, SECRETS, SIGN, SIGNED, TOKENS, _custom, store_on
from webhooks import inbox, reverb_handover
from webhooks.models import Delivery
from webhooks.store_handover import hand_over

pytestmark = pytest.mark.django_db

FEW = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
STAMP = "2026-11-02T12:00:00Z"
CUSTOM = {
    "id": "11",
    "updated_at": "2026-11-02T11:59:00Z",
    "title": "Fender Strat",
    "currency": "USD",
    "variants": [{"id": "21", "sku": "A1", "price": "849.90", "stock": 3, "options": {"Colour": "Red"}}],
    "photos": ["https://a.example/1.jpg"],
    "attributes": {"Year": "1999"},
}
#: Platform → topic → a right body, each topic at least once.
RIGHT: dict[str, dict[str, Any]] = {
    **SAMPLES,
    "custom": {
        "product.updated": {"data": CUSTOM},
        "products.updated": {"data": {"products": [CUSTOM, {**CUSTOM, "id": "12"}]}},
        "product.deleted": {"data": {"id": "11", "updated_at": "2026-11-02T12:00:00Z"}},
        "stock.updated": {
            "data": {
                "product_id": "11",
                "updated_at": "2026-11-02T12:00:00Z",
                "items": [{"variant_id": "21", "stock": 2}],
            }
        },
        "order.updated": {
            "data": {
                "id": "7",
                "updated_at": "2026-11-02T12:00:00Z",
                "status": "open",
                "lines": [{"id": "1", "variant_id": "21", "product_id": "11", "quantity": 1}],
                "shipments": [{"id": "5", "tracking_number": "1Z"}],
            }
        },
        "catalogue.complete": {"data": {"ids": ["11"], "updated_at": "2026-11-02T12:00:00Z"}},
    },
}
NAMED = {"bigcommerce": "scope", "custom": "type"}
GOOD = {
    "shopify": ("products/update", {"id": 1}),
    "bigcommerce": ("store/product/updated", {"scope": "store/product/updated", "data": {"id": 1}}),
    "woocommerce": ("product.updated", {"id": 1}),
    "custom": ("product.updated", {"type": "product.updated", "data": {**CUSTOM, "id": "1"}}),
}


def right(kind: str) -> list[tuple[str, Any]]:
    """Return topics with a right body, where the platform wants it with the topic's name in it."""
    name = NAMED.get(kind)
    return [(topic, {**body, name: topic} if name else body) for topic, body in RIGHT[kind].items()]


@st.composite
def messages(draw: st.DrawFn, kind: str) -> tuple[str, bytes]:
    """Return a topic and a body near to a right one of it, or nothing like it."""
    topic, body = draw(st.sampled_from(right(kind)))
    if draw(st.integers(0, 5)) == 0:
        return topic, draw(odd.BYTES)
    return topic, odd.as_bytes(draw(odd.near(body)))


class AnyStore:
    """Answers with a product for every id, odd or not, and sometimes breaks."""

    def products(self, store_parent_id: str) -> list[StoreProduct]:
        if len(store_parent_id) % 7 == 5:
            raise KeyError(store_parent_id)
        return [snapshot(store_product_id=store_parent_id, store_parent_id=store_parent_id, sku=f"S-{store_parent_id}")]

    def parent_of_stock(self, store_stock_id: str) -> str | None:
        return store_stock_id

    def order_products(self, order_id: str) -> list[str]:
        return [order_id]

    def check(self) -> None:
        """Answer."""


@pytest.fixture(autouse=True)
def noon() -> Iterator[None]:
    """It is noon."""
    with clock.running_by(lambda: NOON):
        yield


def shop_on(kind: str, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """Return a shop with a store of a platform; a custom store answers from what it pushed, as in earnest."""
    made = lifecycle.create_shop(olivia(), "Guitars")
    keys = Keys(TOKENS.get(kind, "token"), SECRETS.get(kind, "secret"))
    address = ADDRESSES.get(kind, "https://guitars.example.com")
    store_connection.connect_store(made, platform=kind, address=address, keys=keys)
    if kind != "custom":
        monkeypatch.setattr(refresh, "client_of", lambda _: AnyStore())
    return Shop.objects.select_related("store", "sync_settings").get(pk=made.pk)


# -- what is handed over -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", SIGNED)
def test_whatever_was_signed_is_handed_over_or_put_aside_and_the_next_good_one_counts(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, platform = shop_on(kind, monkeypatch), PLATFORMS[kind]

    def keep(topic: str, body: bytes, name: str) -> None:
        state, rank = Delivery.State.OPEN, platform.rank(topic)
        inbox.keep(shop.pk, source="store", delivery_id=name, topic=topic, body=body, state=state, rank=rank)

    @FEW
    @given(st.lists(messages(kind), min_size=1, max_size=4))
    def check(calls: list[tuple[str, bytes]]) -> None:
        with odd.undone():
            for number, (topic, body) in enumerate(calls):
                keep(topic, body, f"odd-{number}")
            topic, good = GOOD[kind]
            keep(topic, odd.as_bytes(good), "good")
            while hand_over(Shop.objects.select_related("store", "sync_settings").get(pk=shop.pk)):
                pass
            states = dict(Delivery.objects.values_list("delivery_id", "state"))
            if StoreConnection.objects.get(shop=shop).removed_at is None:
                assert states["good"] == "done"
                assert Product.objects.filter(store_parent_id="1").exists()
            for one in Delivery.objects.filter(state="open"):
                assert one.due_at > NOON
                assert one.attempts == 1
            assert not set(states.values()) - {"open", "done", "ignored", "unreadable"}

    check()


def test_whatever_reverb_posts_is_handed_over_or_put_aside_and_the_next_good_one_counts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shop = shop_of(olivia())
    bodies = [
        {"order_number": "9001", "status": "paid", "buyer_name": "Bob", "id": 3, "state": "IL"},
        {"order": {"order_number": 9001}},
        {
            "id": 501,
            "state": {"slug": "live"},
            "inventory": 2,
            "sku": "A1",
            "price": {"amount": "5", "currency": "USD"},
        },
    ]
    sale: dict[str, Any] = {"order_number": "X", "created_at": "2026-11-02T12:00:00Z", "quantity": 1}

    @FEW
    @given(st.lists(st.sampled_from(bodies).flatmap(odd.near), min_size=1, max_size=4), odd.near(sale))
    def check(calls: list[Any], read_back: Any) -> None:
        class Reverb:
            def order(self, number: str) -> ReverbOrder:
                if number == "good":
                    return order(number="good")
                return reading.order(
                    {**read_back, "order_number": number} if isinstance(read_back, dict) else read_back
                )

        monkeypatch.setattr(ReverbClient, "of", lambda _: Reverb())
        with odd.undone():
            for number, said in enumerate([*calls, {"order_number": "good"}]):
                body, state = odd.as_bytes(said), Delivery.State.OPEN
                inbox.keep(shop.pk, source="reverb", delivery_id=str(number), topic="", body=body, state=state)
            while reverb_handover.hand_over(shop, limit=100):
                pass
            assert Delivery.objects.get(delivery_id=str(len(calls))).state == "done"
            assert Order.objects.filter(number="good").exists()
            for one in Delivery.objects.exclude(state="open"):
                assert bytes(one.body) == b""

    check()


# -- what comes to the door ----------------------------------------------------------------------------------------

METHODS = st.sampled_from(["POST", "POST", "POST", "GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"])
NAMES = ["Content-Type", "Content-Length", "Authorization", "Content-Encoding", "Transfer-Encoding", "Host", "X-Any"]
VALUES = st.sampled_from(
    ["", "0", "-5", "1e9", "é", "application/json; charset=utf-7", "Basic =", "Bearer ", "gzip", "*"]
)


def knock(method: str, path: str, body: bytes, headers: dict[str, str]) -> int:
    """Call an address as a web server would hand it to us; what breaks is raised."""
    given_length = {"CONTENT_LENGTH": headers["Content-Length"]} if "Content-Length" in headers else {}
    rest = {name: value for name, value in headers.items() if name not in ("Content-Type", "Content-Length", "Host")}
    content_type = headers.get("Content-Type", "application/json")
    answer = Client().generic(method, path, body, content_type, headers=rest, **given_length)  # type: ignore[arg-type]
    return int(answer.status_code)


def extra() -> st.SearchStrategy[dict[str, str]]:
    """Return headers beside the right ones."""
    return st.dictionaries(st.sampled_from([one for one in NAMES if one != "Content-Length"]), VALUES, max_size=3)


@pytest.mark.parametrize("kind", SIGNED)
def test_whatever_comes_to_a_stores_address_is_answered(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = shop_on(kind, monkeypatch)
    path = f"/webhooks/store/{shop.store.hook_key}/"

    @FEW
    @given(METHODS, messages(kind), extra(), st.booleans())
    def check(method: str, message: tuple[str, bytes], more: dict[str, str], signed: bool) -> None:
        topic, body = message
        number = f"n-{Delivery.objects.count()}"
        with odd.undone(), clock.running_by(lambda: datetime.now(UTC)):
            good = SIGN[kind](body, topic, b"secret", number) if signed else {}
            status = knock(method, path, body, {**more, **good})
            assert status in (200, 400, 401, 405)
            assert Delivery.objects.count() <= 1

    check()


@FEW
@given(
    METHODS,
    st.sampled_from(["shopify", "bigcommerce", "woocommerce", "magento2", "custom", "nothing"]),
    odd.BYTES | odd.ANYTHING.map(odd.as_bytes),
    st.sampled_from(["shop/redact", "customers/redact", "customers/data_request", "", "é", "x" * 300]),
    extra(),
)
def test_whatever_comes_to_an_apps_address_is_answered(
    method: str, kind: str, body: bytes, topic: str, more: dict[str, str]
) -> None:
    with odd.undone():
        headers = {**more, "X-Shopify-Topic": topic, "X-Shopify-Shop-Domain": topic or "a.myshopify.com"}
        assert knock(method, f"/webhooks/app/{kind}/", body, headers) in (200, 400, 401, 404, 405)


@FEW
@given(odd.near({"shop_id": 954, "customer": {"id": 191}, "orders_to_redact": [299], "orders_requested": [1]}))
@example(None)
def test_whatever_a_signed_request_about_a_customers_data_holds_it_is_followed_or_put_aside(said: Any) -> None:
    with odd.undone():
        shop = shop_of(olivia())
        StoreConnection.objects.update(secret="secret")
        for number, topic in enumerate(("customers/redact", "customers/data_request", "customers/redact")):
            body, state = odd.as_bytes(said if number < 2 else {"customer": {"id": 1}}), Delivery.State.OPEN
            inbox.keep(shop.pk, source="store", delivery_id=str(number), topic=topic, body=body, state=state)
        hand_over(Shop.objects.select_related("store", "sync_settings").get(pk=shop.pk))
        assert Delivery.objects.get(delivery_id="2").state == "done"
        assert not any(bytes(one.body) for one in Delivery.objects.exclude(state="open").filter(state="done"))


@FEW
@given(
    METHODS,
    st.sampled_from(["", "orders/create/", "é/", "%00/", "listings/update/", "x" * 300 + "/"]),
    odd.BYTES | odd.ANYTHING.map(odd.as_bytes),
    extra(),
)
def test_whatever_comes_to_reverbs_address_is_answered(
    method: str, topic: str, body: bytes, more: dict[str, str]
) -> None:
    with odd.undone():
        shop_of(olivia())
        key = ReverbConnection.objects.get().hook_key
        assert knock(method, f"/webhooks/reverb/{key}/{topic}", body, more) in (200, 400, 404, 405)


@FEW
@given(
    METHODS,
    st.sampled_from(["", "shipped/"]),
    odd.BYTES | odd.ANYTHING.map(odd.as_bytes),
    st.dictionaries(
        st.sampled_from(["action", "start_date", "end_date", "page", "order_number", "tracking_number", "carrier"]),
        st.sampled_from(
            ["", "export", "shipnotify", "12/31/9999 23:59", "01/01/0001 00:00", "0", "-1", "9" * 30, "\0", "é", "1"]
        ),
        max_size=7,
    ),
    extra(),
)
def test_whatever_comes_to_shipstations_addresses_is_answered(
    method: str, tail: str, body: bytes, query: dict[str, str], more: dict[str, str]
) -> None:
    with odd.undone():
        shop = shop_of(olivia())
        shop.sync_settings.take_orders = shop.sync_settings.send_tracking = True
        shop.sync_settings.save()
        ours = ShipStation.objects.create(shop=shop, user="u", password="p", api_key="k", api_secret="s")
        path = f"/webhooks/shipstation/{ours.hook_key}/{tail}?{urlencode(query)}"
        auth = {"Authorization": "Basic " + base64.b64encode(b"u:p").decode()}
        assert knock(method, path, body, {**more, **auth}) in (200, 400, 401, 404, 405, 409, 413)


@FEW
@given(
    st.sampled_from(["store", "app", "reverb", "shipstation"]),
    st.sampled_from(["%00", "a%00b", "%ff%fe", "é", "x" * 500, "..%2f", "a b", "%ED%A0%80"]),
    METHODS,
    odd.BYTES,
)
def test_whatever_stands_in_an_address_it_is_not_found(kind: str, key: str, method: str, body: bytes) -> None:
    assert knock(method, f"/webhooks/{kind}/{key}/", body, {}) in (400, 404, 405)


def test_a_body_that_is_too_large_is_kept_at_no_address(settings: Settings) -> None:
    settings.WEBHOOK_MAX_BYTES = 100
    shop = shop_of(olivia())
    ours = ShipStation.objects.create(shop=shop, user="u", password="p", api_key="k", api_secret="s")
    for path, status in (
        (f"store/{shop.store.hook_key}/", 200),
        (f"store/{store_on('custom').hook_key}/", 413),
        ("app/shopify/", 413),
        (f"reverb/{shop.reverb.hook_key}/", 200),
        (f"shipstation/{ours.hook_key}/", 413),
        (f"shipstation/{ours.hook_key}/shipped/", 413),
    ):
        assert knock("POST", f"/webhooks/{path}", b"x" * 101, {}) == status
    assert {bytes(one.body) for one in Delivery.objects.all()} == {b""}


def test_an_old_call_of_a_custom_store_is_refused_whatever_its_clock_says() -> None:
    """The timestamp is a number that others wrote."""
    shop = lifecycle.create_shop(olivia(), "Guitars")
    store_connection.connect_store(
        shop, platform="custom", address="https://a.example", keys=Keys("token", SECRETS["custom"])
    )
    path = f"/webhooks/store/{StoreConnection.objects.get().hook_key}/"
    for stamp in ("9" * 400, "²", "-1", "1e9", "", "NaN", str(NOON + timedelta(days=1))):
        headers = {**_custom(b"{}", "", b"secret", "n-1"), "webhook-timestamp": stamp}
        assert knock("POST", path, b"{}", headers) == 401
