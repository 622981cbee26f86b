"""What Shopify's answers mean: its own words are final, all others are asked again."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings as conf
from pydantic import SecretStr
from pytest_django.fixtures import Settings

from reverbsync.http.outbound import Answer
from shops.models import StoreConnection
from shops.platforms import calls
from shops.platforms.errors import (
    Moved,
    StoreAuthError,
    StoreError,
    TooLarge,
    TransientStoreError,
    Unsupported,
)
from shops.platforms.shopify import endpoint, store_calls, tokens
from shops.platforms.store_client import Resizable
from tests.shops.platforms.conftest import Store
from tests.shops.platforms.shopify import errors
from tests.shops.platforms.test_contract import an_hour_ago, reverb_order

pytestmark = [pytest.mark.live, pytest.mark.parametrize("store", ["shopify"], indirect=True)]
case = pytest.mark.parametrize


@pytest.fixture(autouse=True)
def unknown_locations() -> None:
    """Know no store's locations yet."""
    store_calls._known.clear()


BAD_TOKEN = {"errors": "[API] Invalid API key or access token (unrecognized login or wrong password)"}


#: Answers that say nothing about the object that was asked for, nor about our token.
SAYS_NOTHING: list[dict[str, Any]] = [
    *({"status": status, "page": "cloudflare"} for status in (200, 302, 400, 401, 402, 403, 404, 405, 409, 423, 503)),
    {"status": 200, "raw": ""},
    {"status": 200, "body": []},
    {"status": 200, "body": {}},
    {"status": 200, "body": {"data": None}},
    {"status": 200, "body": {"data": {}}},
    {"status": 200, "body": {"data": {"shop": {"currencyCode": "USD"}}}},
    {"status": 200, "body": {"errors": "Something went wrong"}},
    {"status": 200, "body": {"errors": {"query": "missing"}}},
    {"status": 200, "body": errors("INTERNAL_SERVER_ERROR")},
    {"status": 200, "body": errors("INTERNAL_SERVER_ERROR", data={"product": None, "order": None}, path=["product"])},
    {"status": 200, "body": errors("TIMEOUT", data=None)},
    {"status": 200, "body": errors("SHOP_INACTIVE")},
    {"status": 200, "body": errors("", words="Timeout", data={"product": None, "order": None})},
    {"status": 401, "body": {"errors": "Unauthorized"}},
    {"status": 402, "body": {"errors": "Unavailable Shop"}},
    {"status": 402, "body": {"errors": "This shop's plan does not have access to this feature"}},
    {"status": 403, "body": {"errors": "User does not have access"}},
    {"status": 404, "body": {"errors": "Not Found"}},
    {"status": 406, "body": BAD_TOKEN},
    {"status": 423, "body": {"errors": "Locked"}},
    {"status": 430, "page": "oops"},
    {"status": 500, "body": {"errors": "An unexpected error occurred"}},
]


@case("answer", SAYS_NOTHING, ids=str)
def test_neither_product_nor_order_is_gone_for_an_answer_that_does_not_say_so(
    store: Store, answer: dict[str, Any]
) -> None:
    store.product()
    unit, ordered = store.unit(), store.client.create_order(reverb_order(store))
    for read, what in ((store.client.products, unit.store_parent_id), (store.client.order, ordered.id)):
        store.control.fault("status", path="graphql", text="legacyResourceId", **answer)
        with pytest.raises(TransientStoreError):
            read(what)
        assert read(what)


@case("answer", SAYS_NOTHING, ids=str)
def test_a_change_of_stock_that_got_such_an_answer_is_sent_again_and_counts_once(
    store: Store, answer: dict[str, Any]
) -> None:
    store.product(variants=[{"sku": "A1", "price": "5.00", "inventory_quantity": 9}])
    unit, asks = store.unit(), store.client
    count = asks.count(unit)
    store.control.fault("instead", text="inventoryAdjust", **answer)
    with pytest.raises(TransientStoreError) as transient:
        asks.adjust(unit, count, by=-1, reference="r")
    assert transient.value.may_have_applied
    assert asks.adjust(unit, count, by=-1, reference="r").units == 8
    assert store.stock() == 8


@case("answer", SAYS_NOTHING, ids=str)
def test_an_order_that_got_such_an_answer_may_have_been_made_and_is_found(store: Store, answer: dict[str, Any]) -> None:
    store.product()
    order = reverb_order(store)
    store.control.fault("instead", text="mutation OrderCreate", **answer)
    with pytest.raises(TransientStoreError) as transient:
        store.client.create_order(order)
    assert transient.value.may_have_applied
    assert store.client.create_order(order).reverb_number == "R-1"
    assert len(store.control.ask("GET", "/orders")) == 1


@case("answer", SAYS_NOTHING, ids=str)
def test_cancelling_that_got_such_an_answer_may_be_repeated(store: Store, answer: dict[str, Any]) -> None:
    store.product()
    made = store.client.create_order(reverb_order(store))
    store.control.fault("instead", text="mutation OrderCancel", **answer)
    with pytest.raises(TransientStoreError) as transient:
        store.client.cancel_order(made.id, reverb_number="R-1", gives_back=True, note="")
    assert transient.value.may_have_applied
    store.client.cancel_order(made.id, reverb_number="R-1", gives_back=True, note="")
    assert store.stock() == 3


def test_a_mutation_that_was_applied_and_could_not_be_read_back_may_have_been_made(store: Store) -> None:
    store.product()
    partial = errors("ACCESS_DENIED", data={"orderCreate": {"order": None}}, path=["orderCreate", "order", "lineItems"])
    store.control.fault("instead", text="mutation OrderCreate", status=200, body=partial)
    with pytest.raises(TransientStoreError) as transient:
        store.client.create_order(reverb_order(store))
    assert transient.value.may_have_applied


def test_a_mutation_that_was_turned_away_at_the_door_was_not_made(store: Store) -> None:
    store.product()
    unit, asks = store.unit(), store.client
    count = asks.count(unit)
    denied = errors("ACCESS_DENIED", data={"inventoryAdjustQuantities": None}, path=["inventoryAdjustQuantities"])
    for body, kind in ((errors("THROTTLED"), TransientStoreError), (denied, Unsupported)):
        store.control.fault("status", text="inventoryAdjust", status=200, body=body)
        with pytest.raises(kind) as refused:
            asks.adjust(unit, count, by=-1, reference="r")
        assert not refused.value.may_have_applied
        calls.hold(endpoint.budget_of(store.connection.address), 0.0)


def test_what_costs_too_much_is_asked_for_in_smaller_pages(store: Store) -> None:
    store.control.ask("POST", "/seed", {"domain": store.stand_in.domain, "many": 20})
    store.control.fault("status", text="query Products", status=200, body=errors("MAX_COST_EXCEEDED"))
    asks = store.client
    assert isinstance(asks, Resizable)
    with pytest.raises(TooLarge):
        asks.crawl("")
    first = asks.crawl("", size=3)
    assert (len(first.products), first.total) == (3, 20)
    assert len(asks.crawl(first.next or "", size=2).products) == 2


@case("status", [401, 403])
def test_a_token_is_refused_only_in_shopifys_own_words_and_twice(store: Store, status: int) -> None:
    words = {401: BAD_TOKEN, 403: {"errors": "Non-expiring access tokens are no longer accepted for the Admin API."}}
    store.product()
    unit = store.unit()
    store.control.fault("status", text="query Product(", status=status, body=words[status])
    with pytest.raises(TransientStoreError):
        store.client.products(unit.store_parent_id)
    store.control.fault("status", path="graphql", status=status, body=words[status], times=2)
    with pytest.raises(StoreAuthError):
        store.client.check()


def test_a_right_that_is_missing_is_named(store: Store) -> None:
    words = "Access denied for orders field. Required access: `read_orders` access scope."
    store.control.fault(
        "status", status=200, body=errors("ACCESS_DENIED", data={"orders": None}, path=["orders"], words=words)
    )
    with pytest.raises(Unsupported, match="read_orders"):
        store.client.orders(an_hour_ago(), "")
    denied = {"errors": "[API] This action requires merchant approval for read_products scope."}
    store.control.fault("status", path="graphql", status=403, body=denied)
    with pytest.raises(Unsupported, match="merchant approval"):
        store.client.check()


@case(
    "answer",
    [
        {"status": 400, "page": "cloudflare"},
        {"status": 403, "page": "oops"},
        {"status": 401, "body": {"message": "no"}},
    ],
    ids=str,
)
def test_a_page_does_not_end_a_permission_that_is_being_renewed(
    store: Store, settings: Settings, answer: dict[str, Any]
) -> None:
    settings.SHOPIFY_CLIENT_ID, settings.SHOPIFY_CLIENT_SECRETS = "id", [SecretStr("secret")]
    kept = tokens.Tokens("old", "refresh", an_hour_ago()).to_json()
    StoreConnection.objects.update(token=SecretStr(kept))
    assert conf.SHOPIFY_CLIENT_ID
    # The stand-in's token address knows no faults, so the answer is made here.
    made = Answer(answer["status"], {}, str(answer.get("body") or "<html>"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(calls, "call", lambda *_, **__: made)
        with pytest.raises(TransientStoreError):
            store.client.check()


@case(
    ("code", "kind"),
    [
        ("CHANGE_FROM_QUANTITY_STALE", Moved),
        ("IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED", Moved),
        ("INVALID_LOCATION", Moved),
        ("IDEMPOTENCY_CONCURRENT_REQUEST", TransientStoreError),
        ("SERVICE_UNAVAILABLE", TransientStoreError),
        ("NON_MUTABLE_INVENTORY_ITEM", Unsupported),
        ("", Unsupported),
    ],
)
def test_each_refusal_of_a_change_of_stock_has_its_meaning(store: Store, code: str, kind: type[StoreError]) -> None:
    store.product()
    unit, asks = store.unit(), store.client
    count = asks.count(unit)
    said = {"inventoryAdjustQuantities": {"userErrors": [{"code": code or None, "message": "No."}]}}
    store.control.fault("status", text="inventoryAdjust", status=200, body={"data": said})
    with pytest.raises(kind) as refused:
        asks.adjust(unit, count, by=-1, reference="r")
    assert refused.value.may_have_applied is (kind is TransientStoreError)


def test_an_order_that_shopify_would_take_later_is_tried_again(store: Store) -> None:
    store.product()
    order = reverb_order(store)
    for words, kind in (
        ("Too many attempts. Please try again later.", TransientStoreError),
        ("Variant is bad", Unsupported),
    ):
        said = {"orderCreate": {"order": None, "userErrors": [{"code": None, "message": words}]}}
        store.control.fault("status", text="mutation OrderCreate", status=200, body={"data": said})
        with pytest.raises(kind) as refused:
            store.client.create_order(order)
        assert not refused.value.may_have_applied
