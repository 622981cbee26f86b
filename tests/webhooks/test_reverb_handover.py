"""Reverb calls us: what a call means, what is looked at, and when it is put away."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from django.test import Client
from pytest_django.fixtures import Settings

from listings.models import Job, Listing, Order, Rank
from reverbsync import clock
from shops.events import ReverbAppRemoved, ReverbListingChanged, ReverbOrderChanged
from shops.models import ReverbConnection, Shop, StoreConnection
from shops.reverb import webhooks
from shops.reverb.client import ReverbClient
from shops.reverb.errors import NeedsSeller, NotFound, TransientError
from shops.snapshots import ReverbListing, ReverbOrder
from tests.listings.orders.test_ingest import listed, order
from tests.people import NOON, nora, olivia, product_of, shop_of
from webhooks import inbox, reverb_handover
from webhooks import tasks as webhook_tasks
from webhooks.models import Delivery

LISTING = {"id": 501, "state": {"slug": "live", "description": "Live"}, "inventory": 2, "sku": "A1"}
ORDER = {"order_number": "9001", "status": "paid", "buyer_name": "Bob Buyer", "id": 3, "state": "IL"}


def said(body: object, topic: str = "") -> object:
    """Return what a body means."""
    return webhooks.event(topic, json.dumps(body).encode())


# -- what a call means ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("topic", ["orders/create", "orders/paid", "", "listings/update", "app/uninstalled"])
def test_a_body_with_an_order_number_is_an_order_whatever_the_topic_says(topic: str) -> None:
    assert said(ORDER, topic) == ReverbOrderChanged("9001")
    assert said({"order": ORDER}, topic) == ReverbOrderChanged("9001")


@pytest.mark.parametrize("topic", ["listings/update", "", "orders/create"])
def test_a_body_with_an_id_and_a_state_is_a_listing_whatever_the_topic_says(topic: str) -> None:
    assert said(LISTING, topic) == ReverbListingChanged("501", "live", 2)
    assert said({**LISTING, "state": "sold"}, topic) == ReverbListingChanged("501", "sold", 2)


def test_the_end_of_our_app_is_known_by_the_topic_alone() -> None:
    assert said({}, "app/uninstalled") == ReverbAppRemoved()
    assert said({"user_id": 3}, "app/uninstalled") == ReverbAppRemoved()


@pytest.mark.parametrize(
    "body", [{}, {"id": 7}, {"order_number": None}, {"order_number": "x" * 65}, [], 3, "text", None]
)
def test_what_is_neither_means_nothing(body: object) -> None:
    assert said(body, "orders/create") is None


def test_a_number_may_come_as_a_number() -> None:
    assert said({"order_number": 9001}) == ReverbOrderChanged("9001")


# -- what comes of it ----------------------------------------------------------------------------------------------


class Reverb:
    """What Reverb would answer."""

    def __init__(self) -> None:
        self.orders: dict[str, ReverbOrder] = {"9001": order()}
        self.requested: list[str] = []
        self.down = False
        self.broken = False

    def order(self, number: str) -> ReverbOrder:
        self.requested.append(number)
        if self.down:
            raise TransientError("Reverb is down.", retry_after=7)
        if self.broken:
            raise ZeroDivisionError
        if number not in self.orders:
            raise NotFound("There is no such order.", status=404)
        return self.orders[number]


@pytest.fixture
def reverb(monkeypatch: pytest.MonkeyPatch) -> Iterator[Reverb]:
    """Answer in place of Reverb; it is noon."""
    made = Reverb()
    monkeypatch.setattr(ReverbClient, "of", lambda _: made)
    with clock.running_by(lambda: NOON):
        yield made


@pytest.fixture
def shop(db: None) -> Shop:
    """Return Olivia's shop."""
    return shop_of(olivia())


def call(shop: Shop, body: object, topic: str = "") -> int:
    """Let Reverb call the shop's address; returns the status of our answer."""
    path = shop.reverb.webhook_address.partition("//")[2].partition("/")[2]
    tail = f"{topic}/" if topic else ""
    answer = Client().post(f"/{path}{tail}", json.dumps(body), content_type="application/json")
    return int(answer.status_code)


def hand_over(shop: Shop) -> None:
    """Let a worker hand over what is open."""
    reverb_handover.hand_over(Shop.objects.get(pk=shop.pk), limit=100)


def states() -> list[str]:
    """Return the states of all deliveries."""
    return list(Delivery.objects.order_by("id").values_list("state", flat=True))


def bodies() -> list[bytes]:
    """Return the bodies of all deliveries."""
    return [bytes(one.body) for one in Delivery.objects.order_by("id")]


def test_an_order_is_read_back_before_it_counts(shop: Shop, reverb: Reverb) -> None:
    listed(shop)
    assert call(shop, {**ORDER, "status": "cancelled", "quantity": 99}, "orders/create") == 200
    hand_over(shop)
    row = Order.objects.get()
    assert (row.status, row.quantity) == ("paid", 1)
    assert Job.objects.get().trigger == "Reverb orders/create"
    assert states() == ["done"]


def test_a_burst_about_one_order_is_one_question_and_one_job(shop: Shop, reverb: Reverb) -> None:
    listed(shop)
    for topic in ("orders/create", "orders/paid", "orders/update", ""):
        call(shop, ORDER, topic)
    hand_over(shop)
    assert reverb.requested == ["9001"]
    assert Job.objects.get().generation == 1
    assert set(states()) == {"done"}


def test_bodies_are_emptied_once_they_are_worked_off(shop: Shop, reverb: Reverb) -> None:
    call(shop, ORDER)
    call(shop, {"buyer_name": "Bob Buyer"})
    assert all(b"Bob Buyer" in body for body in bodies())
    hand_over(shop)
    assert bodies() == [b"", b""]
    assert states() == ["done", "ignored"]


def test_when_reverb_does_not_answer_the_call_stays_open_for_later_with_its_body(shop: Shop, reverb: Reverb) -> None:
    listed(shop)
    Listing.objects.update(snapshot=None)
    reverb.down = True
    call(shop, ORDER)
    call(shop, LISTING)
    hand_over(shop)
    assert states() == ["open", "done"]
    kept = Delivery.objects.order_by("id")[0]
    assert (kept.due_at, kept.note, kept.attempts) == (NOON + timedelta(seconds=7), "Reverb is down.", 1)
    assert b"9001" in bytes(kept.body)
    reverb.down = False
    Delivery.objects.update(due_at=F("due_at") - timedelta(minutes=1))
    hand_over(shop)
    assert set(states()) == {"done"}
    assert Order.objects.count() == 1


def test_a_mistake_of_ours_keeps_its_call_open_and_no_other(shop: Shop, reverb: Reverb) -> None:
    listed(shop)
    reverb.broken = True
    call(shop, ORDER)
    call(shop, LISTING)
    hand_over(shop)
    assert states() == ["open", "done"]


def test_an_order_of_somebody_else_means_nothing(shop: Shop, reverb: Reverb) -> None:
    call(shop, {"order_number": "7"})
    hand_over(shop)
    assert states() == ["open"]  # it may be so new that Reverb's answer does not know it yet
    with clock.running_by(lambda: NOON + timedelta(minutes=3)):
        hand_over(shop)
    assert states() == ["done"]
    assert not Order.objects.exists()


def test_a_changed_listing_lets_its_product_be_looked_at(shop: Shop, reverb: Reverb) -> None:
    product = listed(shop)
    call(shop, LISTING, "listings/update")
    hand_over(shop)
    job = Job.objects.get()
    assert (job.product, job.rank, job.trigger) == (product, Rank.STOCK, "Reverb listings/update")


def test_our_own_write_that_comes_back_is_not_acted_on(shop: Shop, reverb: Reverb) -> None:
    listed(shop)
    Listing.objects.update(snapshot=ReverbListing("501", "A1", "live", "", "", inventory=2).to_json())
    call(shop, LISTING)
    hand_over(shop)
    assert not Job.objects.exists()


def test_a_sale_between_two_echoes_is_seen_in_whatever_order_they_come(shop: Shop, reverb: Reverb) -> None:
    listed(shop)
    Listing.objects.update(snapshot=ReverbListing("501", "A1", "live", "", "", inventory=2).to_json())
    call(shop, {**LISTING, "inventory": 1})
    call(shop, LISTING)
    hand_over(shop)
    assert Job.objects.count() == 1


def test_a_listing_that_is_not_ours_means_nothing(shop: Shop, reverb: Reverb) -> None:
    listed(shop_of(nora()))
    call(shop, LISTING)
    hand_over(shop)
    assert not Job.objects.exists()
    assert states() == ["done"]


def test_while_auto_sync_is_off_sales_are_kept_and_nothing_is_looked_at(shop: Shop, reverb: Reverb) -> None:
    listed(shop)
    shop.sync_settings.auto_sync = False
    shop.sync_settings.save()
    call(shop, ORDER)
    call(shop, LISTING)
    hand_over(shop)
    assert Order.objects.count() == 1
    assert not Job.objects.exists()


@pytest.mark.parametrize("store", ["none", "removed"])
def test_sales_are_handled_without_a_store(shop: Shop, reverb: Reverb, store: str) -> None:
    product_of(shop)
    if store == "none":
        StoreConnection.objects.all().delete()
    else:
        StoreConnection.objects.update(removed_at=NOON)
    call(shop, ORDER)
    webhook_tasks.hand_over_reverb_sales(shop.pk)
    assert states() == ["done"]
    assert Order.objects.count() == 1


def test_what_still_comes_after_disconnecting_is_put_aside_without_its_body(shop: Shop, reverb: Reverb) -> None:
    call(shop, ORDER)
    ReverbConnection.objects.all().delete()
    hand_over(shop)
    assert states() == ["ignored"]
    assert bytes(Delivery.objects.get().body) == b""


def test_a_store_that_does_not_answer_keeps_no_sale_waiting(shop: Shop, reverb: Reverb) -> None:
    """Each source is handed over by a task of its own."""
    inbox.keep(
        shop.pk,
        source="store",
        delivery_id="1",
        topic="products/update",
        body=b'{"id": 11}',
        state=Delivery.State.OPEN,
    )
    call(shop, ORDER)
    assert inbox.shops_with_open_ones(now=NOON) == {("reverb", True): [shop.pk], ("store", False): [shop.pk]}
    hand_over(shop)
    assert states() == ["open", "done"]


@pytest.mark.parametrize(("dead", "problem"), [(True, "token_refused"), (False, "")])
def test_the_end_of_our_app_is_believed_only_when_the_token_is_dead(
    shop: Shop, reverb: Reverb, monkeypatch: pytest.MonkeyPatch, dead: bool, problem: str
) -> None:
    class Account:
        def get(self, path: str) -> Any:
            assert path == "/my/account"
            if dead:
                raise NeedsSeller("Please log in.", status=401)
            return {}

    monkeypatch.setattr(ReverbClient, "of", lambda _: Account())
    call(shop, {}, "app/uninstalled")
    hand_over(shop)
    assert ReverbConnection.objects.get().problem == problem
    assert states() == ["done"]


# -- at the door ---------------------------------------------------------------------------------------------------


def test_an_address_that_nobody_has_gets_404(shop: Shop) -> None:
    for tail in ("", "orders/create/"):
        answer = Client().post(f"/webhooks/reverb/guessed/{tail}", b"{}", content_type="application/json")
        assert answer.status_code == 404
    assert not Delivery.objects.exists()


@pytest.mark.parametrize("body", [b"nonsense", b"", b"[]", b"{" + b" " * 200 + b"}", b'{"hello": 1}'])
def test_where_a_body_says_nothing_of_an_order_or_a_listing_all_orders_are_read(
    shop: Shop, settings: Settings, body: bytes
) -> None:
    settings.WEBHOOK_MAX_BYTES = 100
    path = shop.reverb.webhook_address.partition("//")[2].partition("/")[2]
    ReverbConnection.objects.update(orders_due_at=NOON.replace(year=2099))
    assert Client().post(f"/{path}", body, content_type="application/json").status_code == 200
    hand_over(shop)
    assert states() == ["ignored" if b"hello" in body else "unreadable"]
    due_at = ReverbConnection.objects.get().orders_due_at
    assert due_at is not None
    assert due_at.year < 2099


def test_each_call_counts_since_none_has_an_id(shop: Shop) -> None:
    call(shop, ORDER)
    call(shop, ORDER)
    assert Delivery.objects.count() == 2
