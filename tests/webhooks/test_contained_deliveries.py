"""Whatever breaks one delivery touches no other."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import redis
from django.db import DataError, IntegrityError, OperationalError

from listings.models import Order, Product
from shops.events import ProductChanged
from shops.models import Shop
from shops.platforms import PLATFORMS
from shops.platforms.errors import TransientStoreError, Unreadable
from shops.reverb.client import ReverbClient
from tests.listings.orders.test_ingest import order
from tests.people import NOON
from tests.webhooks.deliveries import Now, Store, keep, states, until_aside
from webhooks import inbox, reverb_handover
from webhooks.models import Delivery
from webhooks.store_handover import hand_over

pytestmark = pytest.mark.django_db


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
