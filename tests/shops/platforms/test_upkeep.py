"""Webhooks of a connected store: registered, checked daily, repaired, removed; and what the law asks for."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from pydantic import SecretStr
from pytest_django.fixtures import Settings

from listings.models import Product
from reverbsync import clock
from shops import store_connection
from shops.connect import upkeep
from shops.models import FormerStore, Shop, StoreConnection
from shops.platforms.values import Keys
from synclog.models import Entry
from tests.pages.test_pages import log_entry
from tests.people import product_of
from tests.responses import Response
from tests.shops.platforms.conftest import Store
from webhooks import inbox, tasks
from webhooks.models import Delivery
from webhooks.store_handover import hand_over


def hooks_of(store: Store) -> list[dict[str, object]]:
    """Return the webhooks as the store has them."""
    found: list[dict[str, object]] = store.control.ask("GET", "/shops")[0]["webhooks"]
    return found


def check(store: Store) -> StoreConnection:
    """Make the check that is due."""
    upkeep.check(store.connection)
    return store.connection


# -- upkeep --------------------------------------------------------------------------------------------------------


@pytest.mark.live
def test_connecting_registers_every_topic_and_returns_name_and_currency(store: Store) -> None:
    made = check(store)
    assert made.currency == "USD"
    assert made.problem == ""
    assert len(hooks_of(store)) == (0 if store.platform.push_only else len(store.platform.topics))
    assert upkeep.due() == []  # the next check is tomorrow's


@pytest.mark.live
def test_a_webhook_that_the_platform_dropped_is_put_back_by_the_daily_check(store: Store) -> None:
    if store.platform.push_only or not store.platform.topics:
        pytest.skip("this platform registers none")
    check(store)
    left = hooks_of(store)[1:]
    store.control.ask("POST", "/shops", {"domain": store.stand_in.domain, "webhooks": left})
    StoreConnection.objects.update(hooks_due_at=clock.now())
    made = check(store)
    assert len(hooks_of(store)) == len(store.platform.topics)
    assert len(made.hooks["repaired"]) == 1


@pytest.mark.live
def test_the_webhooks_follow_when_our_own_address_changes(store: Store, settings: Settings) -> None:
    if store.platform.push_only or not store.platform.topics:
        pytest.skip("this platform registers none")
    check(store)
    upkeep.check_what_moved()
    assert upkeep.due() == []
    settings.SITE_URL = "http://127.0.0.1:8001"
    upkeep.check_what_moved()
    assert upkeep.due() == [store.shop.pk]
    check(store)
    registered = json.dumps(hooks_of(store))
    assert registered.count("http://127.0.0.1:8001/webhooks/") == len(store.platform.topics)
    assert registered.count("/webhooks/store/") == len(store.platform.topics)  # none is left at the former address


@pytest.mark.live
def test_a_store_that_does_not_answer_after_our_move_is_asked_again_in_minutes(
    store: Store, settings: Settings
) -> None:
    check(store)
    if store.connection.address.startswith("http"):
        StoreConnection.objects.update(address="http://127.0.0.1:1")
    settings.SITE_URL = "http://127.0.0.1:8001"
    settings.SHOPIFY_ADMIN_URL = settings.BIGCOMMERCE_API_URL = "http://127.0.0.1:1"
    upkeep.check_what_moved()
    check(store)
    upkeep.check_what_moved()
    assert upkeep.due() == []


@pytest.mark.live
def test_disconnecting_removes_the_webhooks_and_then_the_keys(store: Store) -> None:
    check(store)
    store_connection.disconnect_store(store.shop)
    gone = check(store)
    assert gone.token.get_secret_value() == gone.secret.get_secret_value() == ""
    if not store.platform.push_only:
        assert hooks_of(store) == []


@pytest.mark.live
def test_a_store_that_cannot_be_reached_is_asked_again_and_its_keys_go_after_a_day(store: Store) -> None:
    if store.platform.push_only or not store.platform.topics:
        pytest.skip("nothing is to be removed there")
    check(store)
    store_connection.disconnect_store(store.shop)
    store.control.fault("status", status=503, times=50)
    kept = check(store)
    assert kept.token.get_secret_value()
    due_at = kept.hooks_due_at
    assert due_at is not None
    with clock.running_by(lambda: due_at + timedelta(hours=25)):
        gone = check(store)
    assert gone.token.get_secret_value() == ""


# -- another store -------------------------------------------------------------------------------------------------


def replace(store: Store) -> FormerStore:
    """Connect another store, which nobody calls yet; return the former one."""
    other = {"platform": "custom", "address": "https://other.example", "keys": Keys("token", "whsec_aaaa")}
    store_connection.connect_store(store.shop, **other)  # type: ignore[arg-type]
    return FormerStore.objects.get()


@pytest.mark.live
def test_connecting_another_store_removes_the_webhooks_at_the_former_one(store: Store) -> None:
    if store.platform.push_only or not store.platform.topics:
        pytest.skip("nothing is to be removed there")
    check(store)
    path = f"/webhooks/store/{store.connection.hook_key}/"
    replace(store)
    assert hooks_of(store)  # not in the seller's request
    tasks.leave_store(store.shop.pk)
    assert hooks_of(store) == []
    kept = FormerStore.objects.get()
    assert kept.token.get_secret_value() == kept.secret.get_secret_value() == ""
    assert Client().post(path, b"{}", content_type="application/json").json() == {"status": "ignored"}
    with clock.running_by(lambda: kept.left_at + timedelta(days=31)):
        assert upkeep.stores_to_leave() == [store.shop.pk]
        tasks.leave_store(store.shop.pk)
    assert not FormerStore.objects.exists()
    assert Client().post(path, b"{}", content_type="application/json").status_code == 404


@pytest.mark.live
def test_a_former_store_that_is_away_is_asked_again_and_its_keys_go_after_a_day(store: Store) -> None:
    if store.platform.push_only or not store.platform.topics:
        pytest.skip("nothing is to be removed there")
    check(store)
    former = replace(store)
    store.control.fault("status", status=503, times=50)
    upkeep.leave(store.shop.pk)
    assert FormerStore.objects.get().token.get_secret_value()
    assert upkeep.stores_to_leave() == []
    with clock.running_by(lambda: former.left_at + timedelta(hours=25)):
        assert upkeep.stores_to_leave() == [store.shop.pk]
        upkeep.leave(store.shop.pk)
    assert FormerStore.objects.get().token.get_secret_value() == ""


# -- the topics of an app ------------------------------------------------------------------------------------------

PRIVACY: dict[str, dict[str, Any]] = {
    "customers/data_request": {"customer": {"id": 191167}, "orders_requested": [299938], "shop_domain": ""},
    "customers/redact": {"customer": {"id": 191167}, "orders_to_redact": [299938], "shop_domain": ""},
    "shop/redact": {"shop_id": 954889, "shop_domain": ""},
}


@pytest.fixture
def shop(settings: Settings, db: None) -> Shop:
    """Return a shop on Shopify whose app the operator runs."""
    from tests.people import olivia, shop_of

    settings.SHOPIFY_CLIENT_ID, settings.SHOPIFY_CLIENT_SECRETS = "our-app", [SecretStr("hush")]
    return shop_of(olivia())


def post(topic: str, *, secret: str = "hush", domain: str = "guitars.myshopify.com") -> Response:
    """Post what Shopify posts to the app's own address."""
    body = json.dumps({**PRIVACY[topic], "shop_domain": domain}).encode()
    signature = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()
    headers = {
        "X-Shopify-Topic": topic,
        "X-Shopify-Hmac-Sha256": signature,
        "X-Shopify-Shop-Domain": domain,
        "X-Shopify-Webhook-Id": f"id-{topic}",
    }
    return Client().post("/webhooks/app/shopify/", body, content_type="application/json", headers=headers)


@pytest.mark.parametrize("topic", PRIVACY)
def test_a_privacy_topic_is_answered_and_refused_when_it_is_not_signed(shop: Shop, topic: str) -> None:
    assert post(topic).status_code == 200
    assert post(topic, secret="another").status_code == 401
    assert post(topic, domain="nobody.myshopify.com").status_code == 200


def test_a_customers_question_goes_to_the_shops_owner_by_mail(shop: Shop) -> None:
    post("customers/data_request")
    hand_over(shop)
    [sent] = mail.outbox
    assert sent.to == ["olivia@example.com"]
    assert "191167" in sent.body
    assert "299938" in sent.body


def test_a_customers_question_stays_open_while_no_mail_can_be_sent(shop: Shop, settings: Settings) -> None:
    post("customers/data_request")
    works, settings.EMAIL_BACKEND = settings.EMAIL_BACKEND, "django.core.mail.backends.smtp.EmailBackend"
    with socket.socket() as nobody:  # a port at which nobody listens
        nobody.bind(("127.0.0.1", 0))
        settings.EMAIL_HOST, settings.EMAIL_PORT = nobody.getsockname()
        hand_over(shop)
    settings.EMAIL_BACKEND = works
    with clock.running_by(lambda: datetime.now(UTC) + timedelta(hours=1)):
        hand_over(shop)
    assert "191167" in mail.outbox[0].body
    hand_over(shop)
    assert len(mail.outbox) == 1


def test_what_is_left_of_a_customer_is_emptied(shop: Shop) -> None:
    inbox.keep(
        shop.pk,
        source="store",
        delivery_id="o",
        topic="orders/create",
        body=b'{"id": 1, "email": "bob@example.com"}',
        state=Delivery.State.IGNORED,
    )
    post("customers/redact")
    hand_over(shop)
    assert not any(b"bob@example.com" in bytes(one.body) for one in Delivery.objects.all())


def test_a_store_is_forgotten_when_its_seller_has_left_for_good(shop: Shop) -> None:
    product_of(shop)
    log_entry(shop)
    store_connection.store_removed(shop)
    post("shop/redact")
    hand_over(Shop.objects.get(pk=shop.pk))
    tasks.clear_store(shop.pk)
    assert not Product.objects.exists()
    assert not Entry.objects.exists()
    assert not StoreConnection.objects.exists()


def test_a_store_that_was_connected_again_meanwhile_is_not_forgotten(shop: Shop) -> None:
    product_of(shop)
    post("shop/redact")
    hand_over(Shop.objects.get(pk=shop.pk))
    tasks.clear_store(shop.pk)
    assert Product.objects.count() == StoreConnection.objects.count() == 1
