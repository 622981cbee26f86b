"""Tokens of Shopify: an app's client id and secret get one for a day, and each refusal is said in words."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.cache import cache
from pydantic import SecretStr

from reverbsync import clock
from reverbsync.dispatch.locks import blocking_lock
from shops import store_connection
from shops.platforms.errors import BadSignature, StoreAuthError, TransientStoreError
from shops.platforms.shopify import token_keeper, token_refusals, tokens, ways
from shops.platforms.shopify.scopes import SCOPES, missing
from shops.platforms.shopify.tokens import Tokens
from tests.shops.platforms.conftest import Store

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)
APP = {"client_id": "own-app", "client_secret": "shpss_one", "scope": ",".join(SCOPES)}
shopify = pytest.mark.parametrize("store", ["shopify"], indirect=True)


@pytest.mark.parametrize(
    ("given", "minutes", "renews", "valid"),
    [
        # a pasted token never ends
        (Tokens("a"), 0, False, True),
        # an hour: five minutes early
        (Tokens("a", "r", NOON), -6, False, True),
        (Tokens("a", "r", NOON), -4, True, True),
        (Tokens("a", "r", NOON), 1, True, False),
        # a day: an hour early
        (Tokens("a", "", NOON, "app"), -61, False, True),
        (Tokens("a", "", NOON, "app"), -59, True, True),
        (Tokens("a", "", NOON, "app"), 1, True, False),
        # yet to be had
        (Tokens(client_id="app"), 0, True, False),
    ],
)
def test_a_token_is_renewed_before_it_ends(given: Tokens, minutes: int, renews: bool, valid: bool) -> None:
    now = NOON + timedelta(minutes=minutes)
    assert (given.must_renew(now), given.is_valid(now)) == (renews, valid)


@pytest.mark.parametrize(
    "given",
    [
        Tokens("shpat_1"),
        Tokens("a", "r", NOON, scope="read_products"),
        Tokens("a", "", NOON, "app"),
        Tokens(client_id="app", former_secret="old", former_until=NOON),
        Tokens("shpat_1", former_secret="old", former_until=NOON),
    ],
)
def test_tokens_are_read_as_they_were_saved(given: Tokens) -> None:
    assert tokens.from_json(given.to_json()) == given


def test_a_pasted_token_is_saved_as_it_is_and_no_token_is_shown() -> None:
    assert Tokens("shpat_1").to_json() == "shpat_1"
    assert "shpat_1" not in repr(Tokens("shpat_1", "shprt_2", former_secret="shpss_3"))
    assert "shprt_2" not in repr(Tokens("shpat_1", "shprt_2", former_secret="shpss_3"))


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (
            {"access_token": "a", "scope": "x", "expires_in": 60},
            Tokens("a", "", NOON + timedelta(minutes=1), scope="x"),
        ),
        ({"access_token": "a", "expires_in": "60"}, Tokens("a", "", NOON + timedelta(minutes=1))),
        ({"access_token": "a", "expires_in": 60, "refresh_token": "r"}, Tokens("a", "r", NOON + timedelta(minutes=1))),
        ({"access_token": "a"}, Tokens("a")),
        ({"access_token": "a", "refresh_token": "r"}, Tokens("a", "r")),
        ({"access_token": "a", "scope": None, "expires_in": None}, Tokens("a")),
        ({"access_token": "a", "scope": ["x"], "expires_in": "soon"}, Tokens("a")),
        ({"access_token": "a", "expires_in": 10**30}, Tokens("a")),
        ({"access_token": "a", "expires_in": -1}, Tokens("a")),
    ],
)
def test_an_answer_with_a_token_is_read_however_odd_the_rest_of_it_is(said: dict[str, Any], expected: Tokens) -> None:
    assert tokens.read(said, NOON) == expected


@pytest.mark.parametrize("said", [{}, [], None, "a", {"access_token": ""}, {"access_token": 5}, {"error": "no"}])
def test_an_answer_without_a_token_is_asked_for_again(said: Any) -> None:
    with pytest.raises(TransientStoreError):
        tokens.read(said, NOON)


@pytest.mark.parametrize(
    ("status", "text", "word"),
    [
        (400, "<html><title>Oauth error app_not_installed: x</title></html>", "isn't installed"),
        (400, "Oauth error shop_not_permitted: Client credentials cannot be performed on this shop.", "organization"),
        (404, "<p>Oauth error application_cannot_be_found: x</p>", "no app with this client ID"),
        (400, json.dumps({"error": "application_cannot_be_found"}), "no app with this client ID"),
        (401, json.dumps({"error": "invalid_client", "error_description": "x"}), "client secret"),
        (400, json.dumps({"error": "invalid_grant"}), "any more"),
        (400, json.dumps({"error": "invalid_request"}), "(invalid_request)"),
    ],
)
def test_each_refusal_of_a_token_is_said_in_words(status: int, text: str, word: str) -> None:
    assert word in token_refusals.refusal_of(status, text)


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (200, "Oauth error app_not_installed: x"),
        (429, json.dumps({"error": "invalid_client"})),
        (500, "Oauth error app_not_installed: x"),
        (403, "<html>Attention required</html>"),
        (400, json.dumps({"error": ["invalid_client"]})),
        (400, json.dumps(["invalid_client"])),
        (400, "null"),
        (404, "Not Found"),
        (400, json.dumps({"error": "something new"})),
    ],
)
def test_any_other_answer_refuses_nothing(status: int, text: str) -> None:
    assert token_refusals.refusal_of(status, text) == ""


@pytest.mark.parametrize(
    ("granted", "lacking"),
    [
        (",".join(SCOPES), []),
        ("read_products, write_inventory,read_locations,write_orders,read_fulfillments", []),
        ("read_products,write_inventory,read_locations,read_orders,read_fulfillments", ["write_orders"]),
        ("", list(SCOPES)),
    ],
)
def test_missing_scopes_are_named_and_writing_includes_reading(granted: str, lacking: list[str]) -> None:
    assert missing(granted) == lacking


@pytest.mark.parametrize(
    "values",
    [
        {"client_id": "shpss_x", "client_secret": "y"},
        {"client_id": "x", "client_secret": "shpat_y"},
        {"token": "shpss_x", "secret": "y"},
    ],
)
def test_keys_in_the_wrong_field_are_noticed(values: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="That is"):
        ways.pasted(values)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (Tokens(""), ""),
        (Tokens("shpat_1"), "a custom app in Shopify"),
        (Tokens("a", "r", NOON), "Connected with our app. Its access token ends on 1 December, 12:00 UTC"),
        (Tokens("a", "", NOON, "app-7"), "Connected with your app app-7. Its access token ends on 1 December"),
        (Tokens(client_id="app-7"), "Connected with your app app-7."),
    ],
)
def test_the_page_says_whose_app_a_token_belongs_to_and_when_it_ends(given: Tokens, words: str) -> None:
    said = ways.about(given)
    assert words in said
    assert bool(said) is bool(words)
    assert "shpat_1" not in said


# -- against a store -----------------------------------------------------------------------------------------------


class Now:
    """A clock of ours that a test moves."""

    def __init__(self) -> None:
        self.at = clock.now()

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture
def now() -> Iterator[Now]:
    """Stand still until the test moves on."""
    cache.clear()
    moment = Now()
    with clock.running_by(moment):
        yield moment


def own_app(store: Store, **changes: Any) -> None:
    """Create or change the seller's app."""
    store.control.ask("POST", "/app", {**APP, **changes})


def connect(store: Store, secret: str = "shpss_one") -> None:
    """Connect with the app's client id and secret."""
    keys = ways.app_keys("own-app", secret)
    wanted: dict[str, Any] = {"platform": "shopify", "address": store.connection.address, "keys": keys}
    store_connection.try_store(store.shop, **wanted)
    store_connection.connect_store(store.shop, **wanted)


def later(store: Store, now: Now, **time: float) -> None:
    """Let time pass here and at Shopify."""
    now.at += timedelta(**time)
    store.control.ask("POST", "/clock", {"advance_s": timedelta(**time).total_seconds()})


def access(store: Store) -> str:
    """Return the saved access token."""
    return tokens.from_json(store.connection.token.get_secret_value()).access


@pytest.mark.live
@shopify
def test_an_app_of_the_sellers_own_gets_a_token_for_a_day_and_asks_again_before_it_ends(store: Store, now: Now) -> None:
    own_app(store)
    connect(store)
    store.client.check()
    first = access(store)
    assert first
    later(store, now, hours=22)
    store.client.check()
    assert access(store) == first
    later(store, now, hours=1, minutes=30)
    store.client.check()
    assert access(store) not in ("", first)


@pytest.mark.live
@shopify
def test_a_token_that_ended_while_the_shop_slept_is_renewed_at_the_next_call(store: Store, now: Now) -> None:
    own_app(store)
    connect(store)
    store.client.check()
    later(store, now, days=90)
    store.client.check()
    assert access(store)


@pytest.mark.live
@shopify
def test_the_former_token_serves_while_shopify_issues_no_new_one(store: Store, now: Now) -> None:
    own_app(store)
    connect(store)
    store.client.check()
    first = access(store)
    later(store, now, hours=23, minutes=30)
    store.control.fault("status", path="/admin/oauth/access_token", status=503, times=5)
    store.client.check()
    assert access(store) == first


@pytest.mark.live
@shopify
def test_the_former_token_serves_while_another_worker_renews_it(store: Store, now: Now) -> None:
    own_app(store)
    connect(store)
    store.client.check()
    first = access(store)
    later(store, now, hours=23, minutes=30)
    cache.add(f"shopify:renew:{store.connection.pk}", True, token_keeper.AGAIN_S)
    store.client.check()
    assert access(store) == first


@pytest.mark.live
@shopify
@pytest.mark.parametrize("errors", ["page", "json"])
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"client_id": "another"}, "no app with this client ID"),
        ({"client_secret": "shpss_two"}, "client secret"),
        ({"organization": "other"}, "organization"),
        ({"installed": False}, "isn't installed"),
        ({"scope": "read_products,write_inventory,read_locations"}, "lacks read_orders, write_orders"),
    ],
)
def test_an_app_that_gets_no_token_is_not_connected_and_the_seller_reads_why(
    store: Store, changes: dict[str, Any], words: str, errors: str
) -> None:
    own_app(store, **changes, errors=errors)
    before = store.connection.token
    with pytest.raises(StoreAuthError, match=words):
        connect(store)
    assert store.connection.token == before


@pytest.mark.live
@shopify
def test_a_page_of_a_proxy_is_no_refusal(store: Store) -> None:
    own_app(store)
    store.control.fault("status", path="/admin/oauth/access_token", status=403, times=5)
    keys = ways.app_keys("own-app", "shpss_one")
    words = store_connection.try_store(store.shop, platform="shopify", address=store.connection.address, keys=keys)
    assert "403" in words


@pytest.mark.live
@shopify
def test_an_app_that_is_uninstalled_is_refused_in_words(store: Store, now: Now) -> None:
    own_app(store)
    connect(store)
    store.client.check()
    store.control.ask("POST", "/uninstall", {"client_id": "own-app"})
    with pytest.raises(StoreAuthError, match="isn't installed"):
        store.client.check()


@pytest.mark.live
@shopify
def test_webhooks_that_the_former_secret_signed_count_for_a_day_after_a_rotation(store: Store, now: Now) -> None:
    own_app(store)
    connect(store)
    own_app(store, client_secret="shpss_two")
    connect(store, "shpss_two")
    body = b'{"id": 1}'

    def signed(secret: str) -> None:
        digest = hmac.new(secret.encode(), body, hashlib.sha256).digest()
        headers = {"X-Shopify-Hmac-Sha256": base64.b64encode(digest).decode()}
        store.platform.verify(body, headers, store.connection)

    connect(store, "shpss_two")  # pasted once more
    signed("shpss_one")
    signed("shpss_two")
    later(store, now, hours=25)
    signed("shpss_two")
    with pytest.raises(BadSignature):
        signed("shpss_one")


@pytest.mark.live
@shopify
def test_keys_that_the_seller_saved_meanwhile_are_not_overwritten_by_a_renewal(
    store: Store, now: Now, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_app(store)
    connect(store)
    client, request = store.client, token_keeper.TokenKeeper._request

    def slow(keeper: token_keeper.TokenKeeper, current: Tokens) -> Tokens:
        fresh = request(keeper, current)
        type(store.connection).objects.filter(shop=store.shop).update(token=SecretStr("shpat_new"))
        return fresh

    monkeypatch.setattr(token_keeper.TokenKeeper, "_request", slow)
    client.check()
    assert access(store) == "shpat_new"


@pytest.mark.live
@shopify
def test_one_worker_at_a_time_requests_a_token(store: Store, now: Now) -> None:
    own_app(store)
    connect(store)
    with blocking_lock(token_keeper.LOCK, store.connection.pk):
        store.client.check()  # the same worker may take its lock twice
    assert access(store)


@pytest.mark.live
@shopify
def test_a_token_endpoint_that_is_away_is_no_refusal(store: Store, now: Now) -> None:
    own_app(store)
    connect(store)
    store.control.fault("status", path="/admin/oauth/access_token", status=502, times=9)
    with pytest.raises(TransientStoreError):
        store.client.check()
