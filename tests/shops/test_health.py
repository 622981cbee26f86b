"""A store that does not answer is noticed and found again; webhooks that are registered and do not arrive, too."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from listings.intake import crawl_slices, crawls, refresh
from listings.models import Crawl, Job, Product
from listings.orders import ingest as taking
from reverbsync import clock
from shops import health
from shops.connect import upkeep
from shops.events import ReverbOrderChanged
from shops.hooks import Hooks
from shops.models import ReverbConnection, Shop, StoreConnection, StoreHealth
from shops.platforms import PLATFORMS
from shops.platforms.errors import Away, Malformed, StoreAuthError, TransientStoreError
from shops.platforms.values import StoreInfo
from shops.reverb import arrivals
from shops.reverb import upkeep as reverbs
from tests.listings.catalogue import Catalogue
from tests.listings.orders.test_ingest import order
from tests.people import NOON, olivia, product_of, shop_of, snapshot
from webhooks import inbox
from webhooks.models import Delivery
from webhooks.store_handover import hand_over

pytestmark = pytest.mark.django_db


class Now:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.at = NOON

    def __call__(self) -> datetime:
        return self.at

    def on(self, **span: float) -> datetime:
        """Move on."""
        self.at += timedelta(**span)
        return self.at


class Store(Catalogue):
    """A store that can be away or refuse our keys, and knows its webhooks."""

    def __init__(self) -> None:
        super().__init__()
        self.error: Exception | None = None
        self.dropped = self.kept = 0

    def check(self) -> StoreInfo:
        """Say who it is."""
        if self.error:
            raise self.error
        return StoreInfo("Guitars", "USD")

    def crawl(self, cursor: str, **query: Any) -> Any:
        """Return a page."""
        if self.error:
            raise self.error
        return super().crawl(cursor, **query)

    def products(self, store_parent_id: str) -> Any:
        """Return a product."""
        if self.error:
            raise self.error
        return super().products(store_parent_id)

    def ensure_webhooks(self, address: str) -> Hooks:
        """Find all in place."""
        self.kept += 1
        return Hooks(PLATFORMS["woocommerce"].topics)

    def remove_webhooks(self, address: str) -> None:
        """Remove them."""
        self.dropped += 1


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
    for module in (refresh, crawl_slices, health, upkeep):
        monkeypatch.setattr(module, "client_of", lambda _: made)
    return made


@pytest.fixture
def shop(store: Store, now: Now) -> Shop:
    """Return Olivia's shop, on WooCommerce."""
    made = shop_of(olivia())
    StoreConnection.objects.update(platform="woocommerce", hooks_checked_at=NOON, hooks_due_at=NOON + timedelta(days=1))
    return Shop.objects.select_related("store", "sync_settings").get(pk=made.pk)


def state(shop: Shop) -> StoreHealth:
    """Return what is known of the store's health."""
    return StoreHealth.objects.get(shop=shop)


def call(shop: Shop, now: Now, topic: str = "product.updated", product: int = 1) -> None:
    """Let the store call us."""
    PLATFORMS["woocommerce"].rank(topic)
    body = json.dumps({"id": product}).encode()
    name = f"id-{Delivery.objects.count()}"
    inbox.keep(shop.pk, source="store", delivery_id=name, topic=topic, body=body, state=Delivery.State.OPEN)


def look(shop: Shop, kind: str = "changes") -> Crawl:
    """Look for changes now."""
    crawls.begin(shop, kind)
    found = Crawl.objects.select_related("shop__store", "shop__sync_settings").get(shop=shop, kind=kind)
    crawl_slices.run_slice(found)
    return found


# -- a store that does not answer ----------------------------------------------------------------------------------


def test_a_store_that_was_away_for_hours_is_gone_on_with_within_a_minute(shop: Shop, store: Store, now: Now) -> None:
    store.add(1)
    store.error = Away("WooCommerce answered 503.")
    call(shop, now)
    crawls.plan(shop)
    crawl = look(shop)
    for _ in range(14):
        hand_over(shop)
        delivery = Delivery.objects.get()
        now.at = delivery.due_at
    crawl.refresh_from_db()
    now.at = delivery.due_at - timedelta(seconds=500)
    StoreHealth.objects.update(probe_due_at=now.at + health.EVERY)
    store.error = None
    now.on(seconds=29)
    assert health.due() == []
    now.on(seconds=1)
    assert health.due() == [shop.pk]
    health.probe(shop.pk)
    delivery.refresh_from_db()
    crawl.refresh_from_db()
    assert delivery.due_at == now.at
    assert crawl.due_at is not None
    assert crawl.due_at <= now.at
    hand_over(shop)
    assert Product.objects.get().sku == "SKU-1"
    assert state(shop).away_since is None


def test_while_a_store_is_away_it_is_asked_every_30_seconds_and_nothing_is_made_due(
    shop: Shop, store: Store, now: Now
) -> None:
    store.error = Away("WooCommerce: it did not answer in time.")
    health.did_not_answer(shop.pk, store.error)
    since = now.at
    for _ in range(5):
        now.on(seconds=30)
        assert health.due() == [shop.pk]
        health.probe(shop.pk)
        assert health.due() == []
    assert (state(shop).away_since, state(shop).away_words) == (since, "WooCommerce: it did not answer in time.")


def test_refused_keys_are_tried_again_and_what_waited_for_them_is_due(shop: Shop, store: Store, now: Now) -> None:
    product = product_of(shop)
    Product.objects.update(waits_for="store_refused")
    Job.objects.create(product=product, shop=shop, rank=10, due_at=NOON, opened_at=NOON, blocked=True)
    health.did_not_answer(shop.pk, StoreAuthError("It does not take our keys."))
    now.on(minutes=5)
    health.probe(shop.pk)
    job = Job.objects.get()
    assert (job.blocked, job.due_at) == (False, now.at)


@pytest.mark.parametrize(
    "error", [Malformed("odd"), TransientStoreError("asks us to wait", retry_after=2.0), KeyError("x")]
)
def test_what_says_nothing_about_the_store_marks_none_as_away(shop: Shop, error: Exception) -> None:
    health.did_not_answer(shop.pk, error)
    assert not StoreHealth.objects.exists()


def test_a_delivery_that_goes_through_after_failures_wakes_all_others_at_once(
    shop: Shop, store: Store, now: Now
) -> None:
    for number in (1, 2):
        store.add(number)
        call(shop, now, product=number)
    store.error = Away("WooCommerce answered 502.")
    hand_over(shop)
    Delivery.objects.filter(delivery_id="id-1").update(due_at=NOON + timedelta(minutes=9))
    store.error = None
    now.on(seconds=3)
    hand_over(shop)
    assert Delivery.objects.get(state="open").due_at == now.at


def test_the_page_says_that_the_store_does_not_answer_and_since_when(shop: Shop, store: Store, now: Now) -> None:
    health.did_not_answer(shop.pk, Away("A firewall blocked our call to WooCommerce (403)."))
    client = Client()
    client.force_login(olivia())
    page = client.get(reverse("shops:store", args=[shop.pk])).content.decode()
    assert "since 2 November, 12:00 UTC: A firewall blocked our call to WooCommerce (403)." in page
    assert "not answering" in page
    assert "not answering" in client.get(reverse("shops:overview", args=[shop.pk])).content.decode()


# -- webhooks of a store that do not arrive ------------------------------------------------------------------------


def changed(store: Store, title: str) -> None:
    """Let somebody change product 1 in the store."""
    store.rows[1] = [snapshot(**{**store.rows[1][0].__dict__, "title": title})]


@pytest.fixture
def known(shop: Shop, store: Store, now: Now) -> Shop:
    """Return the shop with one product that is known, one hour ago."""
    store.add(1)
    crawls.plan(shop)
    look(shop, "catalogue")
    look(shop, "catalogue")
    now.on(hours=1)
    return shop


def test_a_change_that_no_call_reported_lets_the_registration_be_checked_within_minutes(
    known: Shop, store: Store, now: Now
) -> None:
    changed(store, "New")
    look(known)
    assert state(known).missed == 1
    health.check_what_is_missed()
    assert upkeep.due() == []  # its call may still be on the way
    now.on(minutes=2)
    health.check_what_is_missed()
    assert upkeep.due() == [known.pk]


def test_a_call_that_comes_late_is_no_missed_one(known: Shop, store: Store, now: Now) -> None:
    changed(store, "New")
    look(known)
    now.on(seconds=40)
    call(known, now)
    hand_over(known)
    now.on(minutes=2)
    health.check_what_is_missed()
    assert state(known).missed == 0
    assert upkeep.due() == []


def test_calls_of_other_topics_do_not_show_that_changes_are_reported(known: Shop, store: Store, now: Now) -> None:
    changed(store, "New")
    look(known)
    call(known, now, topic="product.created")
    hand_over(known)
    assert state(known).missed == 1


def test_a_change_that_a_call_reported_is_not_found_by_looking(known: Shop, store: Store, now: Now) -> None:
    changed(store, "New")
    call(known, now)
    hand_over(known)
    look(known)
    assert state(known).missed == 0


def test_webhooks_that_are_in_place_and_do_not_arrive_are_registered_again_and_the_page_says_so(
    known: Shop, store: Store, now: Now
) -> None:
    for title in ("One", "Two"):
        changed(store, title)
        look(known)
        now.on(minutes=3)
        health.check_what_is_missed()
        for shop_id in upkeep.due():
            upkeep.check(StoreConnection.objects.get(shop=shop_id))
    assert store.dropped == 0
    client = Client()
    client.force_login(olivia())
    page = client.get(reverse("shops:store", args=[known.pk])).content.decode()
    assert "7 of 7 webhooks active; no call has arrived yet" in page
    assert "their calls don&#x27;t reach us" in page or "their calls don't reach us" in page
    now.on(minutes=61)
    health.check_what_is_missed()
    for shop_id in upkeep.due():
        upkeep.check(StoreConnection.objects.get(shop=shop_id))
    assert store.dropped == 1


def test_while_calls_are_missed_changes_are_looked_for_more_often(known: Shop, store: Store, now: Now) -> None:
    assert crawls.every(known, "changes") == timedelta(minutes=5)
    changed(store, "New")
    look(known)
    assert crawls.every(known, "changes") == timedelta(minutes=2)


def test_the_page_shows_when_the_last_call_arrived(known: Shop, store: Store, now: Now) -> None:
    call(known, now)
    hand_over(known)
    client = Client()
    client.force_login(olivia())
    StoreConnection.objects.update(hooks={"there": ["product.updated"] * 7})
    page = client.get(reverse("shops:store", args=[known.pk])).content.decode()
    assert "7 of 7 webhooks active; last call " in page


# -- webhooks of Reverb that do not arrive -------------------------------------------------------------------------


@pytest.fixture
def account(shop: Shop, now: Now) -> ReverbConnection:
    """Return an account that has registered all webhooks, and whose orders were read before."""
    there = {"there": ["orders/create", "orders/update", "listings/update"]}
    ReverbConnection.objects.filter(shop=shop).update(
        hooks=there, hooks_checked_at=NOON, hooks_due_at=NOON + timedelta(days=1), orders_read_at=NOON
    )
    return ReverbConnection.objects.get(shop=shop)


def again(account: ReverbConnection) -> ReverbConnection:
    """Return it as it is saved now."""
    return ReverbConnection.objects.get(pk=account.pk)


def test_orders_are_read_every_minute_until_a_call_has_really_arrived(account: ReverbConnection, now: Now) -> None:
    assert arrivals.orders_every(account, now.at) == timedelta(minutes=1)
    arrivals.called(account, {ReverbOrderChanged("1")}, now.at)
    assert arrivals.orders_every(again(account), now.at) == timedelta(minutes=5)
    assert arrivals.orders_every(again(account), now.on(days=4)) == timedelta(minutes=1)


def test_an_order_that_no_call_reported_is_noticed_and_the_registration_checked(
    account: ReverbConnection, now: Now
) -> None:
    arrivals.called(account, {ReverbOrderChanged("1")}, now.at)
    now.on(minutes=5)
    arrivals.missed(account, now.at)
    assert arrivals.orders_every(again(account), now.at) == timedelta(minutes=1)
    reverbs.check_what_is_missed()
    assert reverbs.due() == []
    now.on(minutes=2)
    reverbs.check_what_is_missed()
    assert reverbs.due() == [account.shop_id]
    arrivals.called(again(account), {ReverbOrderChanged("1")}, now.at)
    assert arrivals.orders_every(again(account), now.at) == timedelta(minutes=5)


def test_reading_what_a_call_reported_is_no_missed_call(shop: Shop) -> None:
    assert taking.take(shop, [order()], trigger="webhook") == 1
    assert taking.take(shop, [order()], trigger="reading") == 0
    assert taking.take(shop, [order(status="shipped")], trigger="reading") == 1
