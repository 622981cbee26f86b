"""What Magento's answers mean, and where it is found."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import SecretStr

from reverbsync.http.outbound import Answer
from shops.models import StoreConnection
from shops.orders import OrderStatus
from shops.platforms.answers import CallOutcome, judge
from shops.platforms.errors import StoreAuthError, TransientStoreError
from shops.platforms.magento2.rest import Rest
from tests.shops.platforms.conftest import Store

only = pytest.mark.parametrize("store", ["magento2"], indirect=True)


NOT_AUTHORIZED = {
    "message": "The consumer isn't authorized to access %resources.",
    "parameters": {"resources": "Magento_Catalog::products"},
}


OUTCOMES: list[tuple[int, Any, CallOutcome]] = [
    (
        404,
        {"message": "The product that was requested doesn't exist. Verify the product and try again."},
        CallOutcome.MISSING,
    ),
    (
        404,
        {"message": "The entity that was requested doesn't exist. Verify the entity and try again."},
        CallOutcome.MISSING,
    ),
    (
        404,
        {"message": "No such entity with %fieldName = %fieldValue", "parameters": {"fieldName": "id", "fieldValue": 7}},
        CallOutcome.MISSING,
    ),
    (404, {"message": "Request does not match any route."}, CallOutcome.LATER),
    (404, {"message": "Wniosek nie odpowiada żadnej ścieżce."}, CallOutcome.LATER),
    (404, {"message": "Not Found"}, CallOutcome.LATER),
    (404, {"error": "no such entity"}, CallOutcome.LATER),
    (400, {"message": "Specified request cannot be processed."}, CallOutcome.LATER),
    (400, {"message": "The requested qty is not available"}, CallOutcome.REFUSED),
    (400, {"message": "The requested sku is not assigned to given stock"}, CallOutcome.LATER),
    (
        400,
        {"message": '"%fieldName" is required. Enter and try again.', "parameters": {"fieldName": "x"}},
        CallOutcome.REFUSED,
    ),
    (400, {"message": "Bad Request"}, CallOutcome.LATER),
    (400, ["no"], CallOutcome.LATER),
    (401, NOT_AUTHORIZED, CallOutcome.KEYS),
    (
        401,
        {"message": "Der Verbraucher darf nicht", "parameters": {"resources": "Magento_Sales::sales"}},
        CallOutcome.KEYS,
    ),
    (401, {"message": "The signature is invalid. Verify and try again."}, CallOutcome.KEYS),
    (401, {"message": "Specified token does not exist"}, CallOutcome.KEYS),
    (401, {"message": "Access token has been revoked"}, CallOutcome.KEYS),
    (401, {"message": "Token is not associated with the specified consumer"}, CallOutcome.KEYS),
    (401, {"message": "Consumer key is not the correct length"}, CallOutcome.KEYS),
    (400, {"message": "The token length is invalid. Check the length and try again."}, CallOutcome.KEYS),
    (401, {"message": "The nonce is already being used by the consumer with ID 3."}, CallOutcome.LATER),
    (401, {"message": "The timestamp value in the oauth_timestamp parameter is invalid."}, CallOutcome.LATER),
    (401, {"message": "Unauthorized"}, CallOutcome.LATER),
    (403, {"message": "Forbidden"}, CallOutcome.LATER),
    (403, {"message": "Something else", "ray": "8f1c"}, CallOutcome.LATER),
    (429, {"message": "Too Many Requests", "trace": None}, CallOutcome.LATER),
    (
        500,
        {"message": "Internal Error. Details are available in Magento log file. Report ID: webapi-6"},
        CallOutcome.LATER,
    ),
    (503, {"message": "Service Temporarily Unavailable"}, CallOutcome.LATER),
    (405, {"message": "Method Not Allowed"}, CallOutcome.LATER),
    (200, {"items": []}, CallOutcome.DONE),
]


@pytest.mark.parametrize(("status", "said", "outcome"), OUTCOMES)
def test_only_magentos_own_words_are_final(status: int, said: Any, outcome: CallOutcome) -> None:
    caller = Rest("https://shop.example.com", SecretStr("a:b:c:d"))
    assert judge(Answer(status, {}, json.dumps(said)), caller)[0] == outcome


def test_the_parameters_of_an_error_are_filled_in_and_rights_come_with_what_to_do() -> None:
    words = Rest("https://shop.example.com", SecretStr("a:b:c:d")).words(NOT_AUTHORIZED)
    assert words.startswith("The consumer isn't authorized to access Magento_Catalog::products.")
    assert "reauthorize" in words


@only
def test_keys_that_may_not_read_orders_are_distinguished_from_dead_ones(store: Store) -> None:
    store.control.fault("status", status=401, path="/orders$", body=NOT_AUTHORIZED, times=1)
    with pytest.raises(TransientStoreError, match="reauthorize"):
        store.client.check()
    store.control.fault("status", status=401, body=NOT_AUTHORIZED, times=9)
    with pytest.raises(StoreAuthError):
        store.client.check()


@only
def test_keys_of_an_integration_that_was_reauthorized_since_are_refused_with_what_to_do(store: Store) -> None:
    [shop] = store.control.ask("GET", "/shops")
    consumer = ":".join(shop["token"].split(":")[:2])
    store.control.ask("POST", "/shops", {"domain": shop["domain"], "token": f"{consumer}:new:new"})
    with pytest.raises(StoreAuthError, match="reauthorize"):
        store.client.check()


@only
def test_an_order_is_gone_only_by_magentos_own_word(store: Store) -> None:
    made = store.product()
    order = store.control.ask("POST", "/orders", {"variant_id": made["variants"][0]["id"]})
    for fault in ({"page": "theme"}, {"body": {"message": "Request does not match any route."}}):
        store.control.fault("status", status=404, path="/orders", times=9, **fault)
        with pytest.raises(TransientStoreError):
            store.client.order(str(order["id"]))
        store.control.ask("DELETE", "/faults")
    assert store.client.order("999999") is None
    german = {"message": "Die angeforderte Entität existiert nicht."}
    store.control.fault("status", status=404, path="/orders/999999$", body=german, times=1)
    assert store.client.order("999999") is None  # the search says it in no language
    found = store.client.order(str(order["id"]))
    assert found is not None
    assert found.status == OrderStatus.WAITING


@only
@pytest.mark.parametrize(
    ("switches", "address"),
    [
        ({"view": "main_en"}, "{url}"),
        ({"rewrites": False}, "{url}"),
        ({"rewrites": False}, "{url}/index.php"),
        ({}, "{url}/index.php"),
        ({}, "{url}/main_en"),
        ({"rewrites": False, "view": "main_en"}, "{url}/main_en"),
    ],
)
def test_a_store_is_found_whatever_its_view_and_its_addresses_are_called(
    store: Store, switches: dict[str, Any], address: str
) -> None:
    store.control.ask("POST", "/shops", {"domain": store.stand_in.domain, **switches})
    StoreConnection.objects.update(address=address.format(url=store.control.url))
    store.product()
    assert store.client.check().currency == "USD"
    assert store.unit().stock == 3
    unit = store.unit()
    assert store.client.adjust(unit, store.client.count(unit), by=-1, reference="r").units == 2


@only
def test_an_address_that_is_no_magento_is_explained(store: Store) -> None:
    store.control.fault("status", status=404, path="/rest/", page="theme", times=9)
    with pytest.raises(TransientStoreError, match=r"did not answer at .*/rest/V1 \(404\)\. Check the address"):
        store.client.check()
