"""A delivery that breaks is contained: tried again, put aside in the end, shown, and replayed. All others go on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import redis
from django.core.management import CommandError, call_command
from django.db import DataError, IntegrityError, OperationalError
from django.test import Client
from django.urls import reverse

from listings.intake import crawls, refresh
from listings.models import Crawl, Order, Product
from reverbsync import clock
from shops.events import ProductChanged, Urgency
from shops.models import Shop
from shops.platforms import PLATFORMS
from shops.platforms.errors import TransientStoreError, Unreadable
from shops.reverb import webhooks as reverbs
from shops.reverb.client import ReverbClient
from shops.snapshots import StoreProduct
from tests.listings.orders.test_ingest import order
from tests.people import NOON, nora, olivia, shop_of, snapshot
from webhooks import inbox, reverb_handover, tasks
from webhooks.models import Delivery
from webhooks.store_handover import hand_over

pytestmark = pytest.mark.django_db


class Now:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.at = NOON

    def __call__(self) -> datetime:
        return self.at


class Store:
    """Answers with one product for each id; breaks as it is set to."""

    def __init__(self) -> None:
        self.breaks: dict[str, Exception] = {}
        self.requested: list[str] = []

    def products(self, store_parent_id: str) -> list[StoreProduct]:
        self.requested.append(store_parent_id)
        if store_parent_id in self.breaks:
            raise self.breaks[store_parent_id]
        return [
            snapshot(
                store_product_id=f"u{store_parent_id}", store_parent_id=store_parent_id, sku=f"S-{store_parent_id}"
            )
        ]

    def parent_of_stock(self, store_stock_id: str) -> str | None:
        return store_stock_id


@pytest.fixture
def now() -> Iterator[Now]:
    """Stand at noon."""
    moment = Now()
    with clock.running_by(moment):
        yield moment


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch, now: Now) -> Store:
    """Answer in place of a store."""
    made = Store()
    monkeypatch.setattr(refresh, "client_of", lambda _: made)
    return made


@pytest.fixture
def shop() -> Shop:
    """Return Olivia's shop."""
    return shop_of(olivia())


def keep(shop: Shop, body: Any, *, topic: str = "products/update", source: str = "store") -> Delivery:
    """Keep a delivery and return it."""
    platform = PLATFORMS["shopify"]
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    rank = platform.rank(topic) if source == "store" else reverbs.rank(topic)
    name = f"id-{Delivery.objects.count()}"
    inbox.keep(shop.pk, source=source, delivery_id=name, topic=topic, body=raw, state=Delivery.State.OPEN, rank=rank)
    return Delivery.objects.get(delivery_id=name)


def states() -> list[str]:
    """Return the states of all deliveries."""
    return list(Delivery.objects.order_by("id").values_list("state", flat=True))


def until_aside(shop: Shop, delivery: Delivery, now: Now) -> list[float]:
    """Hand over until a delivery is put aside; return the waits between the tries, in seconds."""
    waits: list[float] = []
    for _ in range(50):
        hand_over(shop)
        delivery.refresh_from_db()
        if delivery.state != "open":
            return waits
        waits.append((delivery.due_at - now.at).total_seconds())
        now.at = delivery.due_at
    raise AssertionError("it is never put aside")


KINDS = [
    IntegrityError("duplicate key"),
    DataError("value too long"),
    OverflowError("date value out of range"),
    RecursionError("maximum recursion depth exceeded"),
    UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates not allowed"),
    ValueError("A string literal cannot contain NUL (0x00) characters."),
    KeyError("variants"),
    AttributeError("'list' object has no attribute 'get'"),
    MemoryError(),
]


@pytest.mark.parametrize("error", KINDS, ids=lambda error: type(error).__name__)
def test_whatever_breaks_one_delivery_touches_no_other(shop: Shop, store: Store, error: Exception) -> None:
    store.breaks = {"2": error}
    for number in (1, 2, 3):
        keep(shop, {"id": number})
    hand_over(shop)
    assert states() == ["done", "open", "done"]
    broken = Delivery.objects.get(state="open")
    assert (broken.faults, broken.note) == (
        1,
        f"It couldn't be processed ({type(error).__name__}). We will retry.",
    )


@pytest.mark.parametrize("error", KINDS, ids=lambda error: type(error).__name__)
def test_whatever_breaks_the_reading_of_one_delivery_touches_no_other(
    shop: Shop, store: Store, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    platform = PLATFORMS["shopify"]
    real = platform.events

    def events(topic: str, body: bytes, connection: Any, arrived: int) -> Any:
        if b"poison" in body:
            raise error
        return real(topic, body, connection, arrived)

    monkeypatch.setattr(type(platform), "events", lambda self, *args: events(*args))
    keep(shop, {"poison": 1})
    keep(shop, {"id": 1})
    hand_over(shop)
    assert states() == ["open", "done"]


def test_a_delivery_that_keeps_breaking_is_tried_ever_more_rarely_and_put_aside(
    shop: Shop, store: Store, now: Now
) -> None:
    store.breaks = {"2": ZeroDivisionError()}
    delivery = keep(shop, {"id": 2})
    waits = until_aside(shop, delivery, now)
    assert waits == [2, 4, 8, 16, 32, 64, 128, 256, 512]
    assert delivery.state == "dead"
    assert delivery.note == "We couldn't process this webhook after 10 tries (ZeroDivisionError), so we put it aside."
    keep(shop, {"id": 1})
    hand_over(shop)
    assert states() == ["dead", "done"]


def test_a_store_that_does_not_answer_is_no_fault_of_the_delivery(shop: Shop, store: Store, now: Now) -> None:
    store.breaks = {"2": TransientStoreError("it is down")}
    delivery = keep(shop, {"id": 2})
    for _ in range(40):
        hand_over(shop)
        delivery.refresh_from_db()
        now.at = delivery.due_at
    assert (delivery.state, delivery.faults, delivery.attempts) == ("open", 0, 40)
    store.breaks = {}
    hand_over(shop)
    assert states() == ["done"]


def test_a_database_that_is_away_is_counted_against_no_delivery(shop: Shop, store: Store) -> None:
    store.breaks = {"2": OperationalError("server closed the connection unexpectedly")}
    delivery = keep(shop, {"id": 2})
    with pytest.raises(OperationalError):
        hand_over(shop)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.faults, delivery.attempts) == ("open", 0, 0)


class _Deadlock(Exception):
    pgcode = "40P01"


@pytest.mark.parametrize("kind", ["deadlock", "redis"])
def test_a_deadlock_or_redis_that_is_away_is_no_fault_of_a_delivery_and_stops_no_other(
    shop: Shop, store: Store, kind: str
) -> None:
    deadlock = OperationalError("deadlock detected")
    deadlock.__cause__ = _Deadlock()
    store.breaks = {"1": deadlock if kind == "deadlock" else redis.ConnectionError("Connection refused.")}
    for number in (1, 2):
        keep(shop, {"id": number})
    hand_over(shop)
    assert states() == ["open", "done"]
    waiting = Delivery.objects.get(state="open")
    assert (waiting.faults, waiting.attempts, waiting.note) == (0, 1, "Our own database was busy. We will retry.")


def test_large_bodies_are_taken_into_memory_a_few_at_a_time(shop: Shop, store: Store) -> None:
    for number in range(1, 6):
        keep(shop, {"id": number, "body_html": "x" * 3_000_000})
    assert [len(inbox.open_ones(shop, now=NOON, limit=limit)) for limit in (100, 1)] == [2, 1]
    hand_over(shop)
    assert states() == ["done", "done", "open", "open", "open"]


def test_one_broken_event_of_a_delivery_keeps_none_of_its_others_from_being_followed(shop: Shop, store: Store) -> None:
    store.breaks = {"2": KeyError("x")}
    lines = [{"product_id": number} for number in (1, 2, 3)]
    keep(shop, {"id": 9, "line_items": lines}, topic="orders/create")
    hand_over(shop)
    assert states() == ["open"]
    assert set(Product.objects.values_list("sku", flat=True)) == {"S-1", "S-3"}


def test_what_could_be_read_of_a_delivery_is_followed_before_it_is_put_aside(
    shop: Shop, store: Store, now: Now, monkeypatch: pytest.MonkeyPatch
) -> None:
    def events(*_: Any) -> Any:
        raise Unreadable("Product 2 cannot be read.", events=[ProductChanged("1")])

    monkeypatch.setattr(type(PLATFORMS["shopify"]), "events", events)
    store.breaks = {"1": TransientStoreError("it is down")}
    delivery = keep(shop, {"id": 2})
    hand_over(shop)
    assert states() == ["open"]
    store.breaks = {}
    now.at += timedelta(seconds=10)
    hand_over(shop)
    delivery.refresh_from_db()
    assert (delivery.state, delivery.note) == ("unreadable", "Product 2 cannot be read.")
    assert Product.objects.get().sku == "S-1"


def test_reverbs_deliveries_are_contained_like_a_stores(shop: Shop, now: Now, monkeypatch: pytest.MonkeyPatch) -> None:
    class Reverb:
        def order(self, number: str) -> Any:
            if number == "2":
                raise DataError("out of range")
            return order(number=number)

    monkeypatch.setattr(ReverbClient, "of", lambda _: Reverb())
    for number in ("1", "2", "3"):
        keep(shop, {"order_number": number, "buyer_name": "Bob"}, topic="orders/create", source="reverb")
    reverb_handover.hand_over(shop, limit=100)
    assert states() == ["done", "open", "done"]
    assert set(Order.objects.values_list("number", flat=True)) == {"1", "3"}
    broken = Delivery.objects.get(state="open")
    for _ in range(9):
        broken.refresh_from_db()
        now.at = broken.due_at
        reverb_handover.hand_over(shop, limit=100)
    broken.refresh_from_db()
    assert (broken.state, bytes(broken.body)) == ("dead", b"")
    shop.reverb.refresh_from_db()
    assert shop.reverb.orders_due_at == now.at  # all changed orders are read instead


# -- what may be a sale is first -----------------------------------------------------------------------------------

RANKS = {
    "shopify": (["inventory_levels/update", "orders/create", "refunds/create"], ["products/update"], ["shop/redact"]),
    "bigcommerce": (
        ["store/product/inventory/updated", "store/sku/inventory/updated", "store/order/created"],
        ["store/product/updated"],
        ["store/information/updated"],
    ),
    "woocommerce": (["order.created", "order.updated"], ["product.updated", "product.created"], ["coupon.created"]),
    "custom": (["stock.updated", "order.updated"], ["product.updated", "products.updated"], ["ping"]),
}


@pytest.mark.parametrize("kind", RANKS)
def test_a_topic_alone_shows_how_urgent_a_delivery_is(kind: str) -> None:
    platform, (sales, products, others) = PLATFORMS[kind], RANKS[kind]
    assert {platform.rank(topic) for topic in sales} == {Urgency.SALE}
    assert {platform.rank(topic) for topic in products} == {Urgency.PRODUCT}
    assert {platform.rank(topic) for topic in others} == {Urgency.OTHER}


def test_a_call_of_reverbs_without_a_topic_may_be_a_sale() -> None:
    assert [reverbs.rank(topic) for topic in ("", "orders/paid", "order/created")] == [Urgency.SALE] * 3
    assert reverbs.rank("listings/update/") == Urgency.PRODUCT
    assert reverbs.rank("app/uninstalled") == Urgency.OTHER


def test_what_may_be_a_sale_is_handed_over_before_edits_that_came_earlier(shop: Shop, store: Store) -> None:
    for number in range(1, 151):
        keep(shop, {"id": number})
    keep(shop, {"inventory_item_id": 500}, topic="inventory_levels/update")
    hand_over(shop)
    assert store.requested[0] == "500"


def test_a_sale_has_a_task_of_its_own_that_takes_no_edit(shop: Shop, store: Store) -> None:
    keep(shop, {"id": 1})
    keep(shop, {"inventory_item_id": 500}, topic="inventory_levels/update")
    assert inbox.shops_with_open_ones(now=NOON) == {("store", True): [shop.pk], ("store", False): [shop.pk]}
    tasks.hand_over_sales(shop.pk)
    assert store.requested == ["500"]
    tasks.hand_over_shop(shop.pk)
    assert store.requested == ["500", "1"]
    assert states() == ["done", "done"]


def test_messages_of_a_store_that_pushes_are_read_in_the_order_in_which_they_arrived(shop: Shop, now: Now) -> None:
    """A stock is the stock of a product that the message before it introduced."""
    for number, topic in enumerate(("product.updated", "stock.updated", "product.updated")):
        rank = PLATFORMS["custom"].rank(topic)
        state = Delivery.State.OPEN
        inbox.keep(shop.pk, source="store", delivery_id=str(number), topic=topic, body=b"{}", state=state, rank=rank)
    found = inbox.open_ones(shop, now=now.at, limit=9, sales=True, in_order=True)
    assert [one.delivery_id for one in found] == ["0", "1"]


def test_a_slow_store_holds_a_worker_for_one_slice_only(
    shop: Shop, store: Store, now: Now, monkeypatch: pytest.MonkeyPatch
) -> None:
    passed = [0.0]
    real = store.products

    def slow(parent_id: str) -> list[StoreProduct]:
        passed[0] += 2.0
        return real(parent_id)

    monkeypatch.setattr(store, "products", slow)
    monkeypatch.setattr(clock, "monotonic", lambda: passed[0])
    for number in range(1, 9):
        keep(shop, {"id": number})
    assert hand_over(shop)
    assert states() == ["done", "done"] + ["open"] * 6
    assert not Delivery.objects.filter(state="open", attempts__gt=0).exists()


# -- bodies that hold people's data --------------------------------------------------------------------------------

BOB = {"id": 7, "customer": {"name": "Bob Buyer"}, "line_items": [{"product_id": 2}]}


def test_an_order_that_was_worked_off_leaves_no_body(shop: Shop, store: Store) -> None:
    delivery = keep(shop, BOB, topic="orders/create")
    hand_over(shop)
    delivery.refresh_from_db()
    assert (delivery.state, bytes(delivery.body)) == ("done", b"")


@pytest.mark.parametrize(
    ("topic", "body"),
    [
        ("orders/create", {"line_items": "Bob Buyer"}),
        ("refunds/create", {"refund_line_items": {"name": "Bob Buyer"}}),
        ("carts/update", {"name": "Bob Buyer"}),
    ],
)
def test_an_order_that_cannot_be_read_and_an_unknown_topic_leave_no_body(
    shop: Shop, store: Store, topic: str, body: dict[str, Any]
) -> None:
    delivery = keep(shop, body, topic=topic)
    hand_over(shop)
    delivery.refresh_from_db()
    assert delivery.state in ("unreadable", "ignored")
    assert bytes(delivery.body) == b""


def test_what_comes_after_the_app_was_removed_leaves_no_body(shop: Shop, store: Store) -> None:
    shop.store.removed_at = NOON
    shop.store.save()
    delivery = keep(shop, BOB, topic="orders/create")
    hand_over(shop)
    delivery.refresh_from_db()
    assert (delivery.state, bytes(delivery.body)) == ("ignored", b"")


def test_an_order_that_is_put_aside_leaves_no_body_and_all_changes_are_looked_for(
    shop: Shop, store: Store, now: Now
) -> None:
    Crawl.objects.create(shop=shop, kind="changes", due_at=NOON + timedelta(hours=2))
    store.breaks = {"2": KeyError("x")}
    delivery = keep(shop, BOB, topic="orders/create")
    until_aside(shop, delivery, now)
    assert (delivery.state, bytes(delivery.body)) == ("dead", b"")
    assert crawls.due(shop.pk) is not None


def test_a_signed_body_of_a_topic_that_means_nothing_is_not_even_stored(shop: Shop) -> None:
    state = Delivery.State.IGNORED
    inbox.keep(shop.pk, source="store", delivery_id="1", topic="carts/update", body=b'{"name": "Bob"}', state=state)
    assert bytes(Delivery.objects.get().body) == b""


def test_a_product_that_is_put_aside_keeps_its_body_for_a_week(shop: Shop, store: Store, now: Now) -> None:
    store.breaks = {"2": KeyError("x")}
    delivery = keep(shop, {"id": 2})
    until_aside(shop, delivery, now)
    tasks.prune()
    delivery.refresh_from_db()
    assert bytes(delivery.body) == b'{"id": 2}'
    now.at += timedelta(days=7, minutes=1)
    tasks.prune()
    delivery.refresh_from_db()
    assert (delivery.state, bytes(delivery.body)) == ("dead", b"")


# -- shown and replayed --------------------------------------------------------------------------------------------


def put_aside(shop: Shop, store: Store, now: Now, body: Any = None) -> Delivery:
    """Return a delivery that was put aside; what broke it is gone since."""
    store.breaks = {"2": KeyError("x")}
    delivery = keep(shop, body or {"id": 2})
    until_aside(shop, delivery, now)
    store.breaks = {}
    return delivery


def signed_in() -> Client:
    """Return a browser in which Olivia is signed in."""
    client = Client()
    client.force_login(olivia())
    return client


def test_the_seller_reads_what_was_put_aside_and_why_and_retries_it(shop: Shop, store: Store, now: Now) -> None:
    put_aside(shop, store, now)
    client = signed_in()
    address = reverse("aside:show", args=[shop.pk])
    shown = client.get(address, headers={"HX-Request": "true"}).content.decode()
    assert "1 webhook couldn&#x27;t be processed" in shown or "1 webhook couldn't be processed" in shown
    assert "We couldn&#x27;t process this webhook after 10 tries (KeyError)" in shown
    for page in ("shops:store", "shops:overview"):
        assert address in client.get(reverse(page, args=[shop.pk])).content.decode()
    client.post(reverse("aside:retry", args=[shop.pk]))
    hand_over(shop)
    assert states() == ["done"]
    assert "couldn" not in client.get(address, headers={"HX-Request": "true"}).content.decode()


def test_the_seller_dismisses_what_needs_no_retry(shop: Shop, store: Store, now: Now) -> None:
    put_aside(shop, store, now)
    signed_in().post(reverse("aside:dismiss", args=[shop.pk]))
    assert [(one.state, bytes(one.body)) for one in Delivery.objects.all()] == [("ignored", b"")]


def test_another_shops_deliveries_are_neither_shown_nor_replayed(shop: Shop, store: Store, now: Now) -> None:
    put_aside(shop, store, now)
    client = Client()
    client.force_login(nora())
    assert client.get(reverse("aside:show", args=[shop.pk])).status_code == 404
    assert client.post(reverse("aside:retry", args=[shop.pk])).status_code == 404
    call_command("queue", "replay", "--shop", str(shop_of(nora()).pk))
    assert states() == ["dead"]


def test_the_operator_lists_and_replays_what_was_put_aside(
    shop: Shop, store: Store, now: Now, capsys: pytest.CaptureFixture[str]
) -> None:
    delivery = put_aside(shop, store, now)
    call_command("queue", "dead", "--json")
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["id"], row["shop"], row["topic"], row["tries"]) == (delivery.pk, shop.pk, "products/update", 10)
    assert row["note"].startswith("We couldn't process this webhook")
    call_command("queue", "status", "--json")
    assert json.loads(capsys.readouterr().out)["dead_deliveries"] == 1
    call_command("queue", "replay", "--delivery", str(delivery.pk))
    assert json.loads(capsys.readouterr().out) == {"replayed": 1}
    hand_over(shop)
    assert states() == ["done"]
    with pytest.raises(CommandError):
        call_command("queue", "replay", "--delivery", str(delivery.pk))


def test_a_replay_of_what_has_no_body_looks_for_all_that_changed(shop: Shop, store: Store, now: Now) -> None:
    put_aside(shop, store, now)
    Delivery.objects.update(body=b"")
    Crawl.objects.create(shop=shop, kind="changes", due_at=NOON + timedelta(days=2))
    call_command("queue", "replay", "--shop", str(shop.pk))
    assert states() == ["done"]
    assert crawls.due(shop.pk) is not None
