"""Bodies that hold people's data are kept only as long as they are needed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from listings.intake import crawls
from listings.models import Crawl
from shops.models import Shop
from tests.people import NOON
from tests.webhooks.deliveries import Now, Store, keep, until_aside
from webhooks import inbox, tasks
from webhooks.models import Delivery
from webhooks.store_handover import hand_over

pytestmark = pytest.mark.django_db


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
