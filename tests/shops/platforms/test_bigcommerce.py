"""What BigCommerce's answers mean: its own words are final, all others are asked again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shops.platforms import calls
from shops.platforms.errors import StoreAuthError, StoreError, TransientStoreError, Unsupported
from tests.shops.platforms.bigcommerce import v2, v3
from tests.shops.platforms.conftest import Store, wait_for
from tests.shops.platforms.test_contract import reverb_order

pytestmark = [pytest.mark.live, pytest.mark.parametrize("store", ["bigcommerce"], indirect=True)]
case = pytest.mark.parametrize


#: Answers that say nothing about the object that was asked for.
SAYS_NOTHING: list[dict[str, Any]] = [
    *({"status": status, "page": "cloudflare"} for status in (200, 302, 400, 401, 402, 403, 404, 405, 409, 422, 503)),
    {"status": 200, "body": {"message": "Please wait"}},
    {"status": 200, "raw": ""},
    {"status": 401, "body": {"message": "Unauthorized"}},
    {"status": 403, "body": {"message": "Forbidden"}},
    {"status": 403, "body": {**v3(403, "Forbidden"), "type": "about:blank"}},
    {"status": 404, "body": {"message": "no Route matched with those values"}},
    {"status": 404, "body": v3(404, "The route is not found, check the URL")},
    {"status": 404, "body": v3(404, "The store was not found")},
    {"status": 404, "body": {"status": 404, "error": "Not Found", "path": "/v3/catalog/products/1"}},
    {"status": 404, "body": v3(502, "A product was not found with an id of 1")},
    {"status": 405, "body": v3(405, "Method Not Allowed")},
    {"status": 409, "body": v3(409, "Another change is under way")},
    {"status": 418, "body": v3(418, "I am a teapot")},
    {"status": 423, "body": v3(423, "Locked")},
    {"status": 503, "body": v2(503, "The store is down for maintenance.")},
    {"status": 509, "page": "maintenance"},
]


@case("answer", SAYS_NOTHING, ids=str)
def test_a_product_is_not_gone_for_an_answer_that_says_nothing_about_it(store: Store, answer: dict[str, Any]) -> None:
    store.product()
    unit, client = store.unit(), store.client
    store.control.fault("status", path="/catalog/products/", **answer)
    with pytest.raises(TransientStoreError):
        client.products(unit.store_parent_id)
    assert client.products(unit.store_parent_id) == [unit]


@case("answer", SAYS_NOTHING, ids=str)
def test_an_order_is_not_gone_for_an_answer_that_says_nothing_about_it(store: Store, answer: dict[str, Any]) -> None:
    store.product()
    made = store.client.create_order(reverb_order(store))
    store.control.fault("status", path=f"/v2/orders/{made.id}$", **answer)
    with pytest.raises(TransientStoreError):
        store.client.order(made.id)


@case("said", ["", '""', "{}", "null", '{"": []}', '{"status": 200}'])
def test_an_order_that_a_store_answers_nothing_about_is_looked_for_again_and_not_made_twice(
    store: Store, said: str
) -> None:
    store.product()
    made = store.client.create_order(reverb_order(store))
    store.control.fault("status", method="GET", path="/v2/orders$", status=200, raw=said)
    with pytest.raises(TransientStoreError):
        store.client.create_order(reverb_order(store))
    assert store.client.create_order(reverb_order(store)).id == made.id


@case("answer", SAYS_NOTHING, ids=str)
def test_a_change_of_stock_that_got_such_an_answer_may_have_been_made(store: Store, answer: dict[str, Any]) -> None:
    store.product()
    unit, client = store.unit(), store.client
    count = client.count(unit)
    store.control.fault("instead", path="/adjustments/", **answer)
    with pytest.raises(TransientStoreError) as transient:
        client.adjust(unit, count, by=-1, reference="r")
    assert transient.value.may_have_applied
    wait_for(lambda: store.stock() == 2)


@case(
    "answer",
    [
        v3(404, "A product was not found with an id of 1"),
        v3(404, "Product 1 does not exist"),
        v2(404, "No such order. The order could not be found"),
    ],
)
def test_what_bigcommerce_itself_calls_missing_is_gone(store: Store, answer: Any) -> None:
    store.product()
    unit = store.unit()
    store.control.fault("status", status=404, body=answer, path="/catalog/products/")
    assert store.client.products(unit.store_parent_id) == []


def test_words_that_fit_any_address_need_the_list_to_confirm_that_an_object_is_gone(store: Store) -> None:
    store.product()
    unit, made = store.unit(), store.client.create_order(reverb_order(store))
    for body in (v3(404, "The requested resource was not found."), v2(404, "The requested resource was not found.")):
        store.control.fault("status", status=404, body=body, path=r"/products/\d+|/orders/\d+$", times=2)
        with pytest.raises(TransientStoreError, match="still lists it"):
            store.client.products(unit.store_parent_id)
        with pytest.raises(TransientStoreError, match="still lists it"):
            store.client.order(made.id)
    store.control.ask("DELETE", "/faults")
    assert store.client.order("999999999") is None
    assert store.client.order_products("999999999") == []
    assert store.client.shipments("999999999") == []


def test_keys_are_refused_only_when_the_stores_own_name_is_refused_too(store: Store) -> None:
    store.product()
    unit = store.unit()
    store.control.fault("status", status=401, body=v3(401, "Unauthorized"), path="/catalog/")
    with pytest.raises(TransientStoreError, match="Unauthorized"):
        store.client.products(unit.store_parent_id)
    store.control.fault("status", status=401, body=v3(401, "Unauthorized"), path="/catalog/")
    store.control.fault("status", status=403, page="cloudflare", path="/v2/store")
    with pytest.raises(TransientStoreError):
        store.client.products(unit.store_parent_id)
    store.control.fault("status", status=401, body=v3(401, "Unauthorized"), times=2)
    with pytest.raises(StoreAuthError):
        store.client.products(unit.store_parent_id)


def test_a_right_that_is_missing_is_named_and_does_not_spoil_the_connection(store: Store) -> None:
    store.product()
    store.control.ask("POST", "/shops", {"domain": store.stand_in.domain, "may_not": ["/inventory/"]})
    with pytest.raises(Unsupported, match="required scope"):
        store.units()
    assert store.client.check().currency == "USD"
    store.control.ask("POST", "/shops", {"domain": store.stand_in.domain, "may_not": ["/v2/"]})
    with pytest.raises(StoreAuthError, match="required scope"):
        store.client.check()


def test_a_product_that_is_counted_in_another_way_than_when_it_was_read_is_changed(store: Store) -> None:
    store.product()
    unit, client = replace(store.unit(), store_stock_id="200"), store.client
    assert client.adjust(unit, client.count(unit), by=-1, reference="r").units == 2


def test_a_part_of_a_change_leaves_open_what_was_done(store: Store) -> None:
    store.product()
    unit, client = store.unit(), store.client
    count = client.count(unit)
    store.control.fault("instead", path="/adjustments/", status=207, body={"data": [], "errors": [{"status": 422}]})
    with pytest.raises(TransientStoreError) as transient:
        client.adjust(unit, count, by=-1, reference="r")
    assert transient.value.may_have_applied


@case(
    "answer", [{"status": 502, "page": "oops"}, {"status": 200, "page": "cloudflare"}, {"status": 404, "page": "oops"}]
)
def test_an_order_whose_answer_was_lost_is_found_and_not_made_twice(store: Store, answer: dict[str, Any]) -> None:
    store.product()
    order = reverb_order(store)
    store.control.fault("instead", method="POST", path="/v2/orders$", **answer)
    with pytest.raises(TransientStoreError) as transient:
        store.client.create_order(order)
    assert transient.value.may_have_applied
    assert store.client.create_order(order).reverb_number == "R-1"
    assert len(store.control.ask("GET", "/orders")) == 1


def test_an_order_that_was_made_but_cannot_be_read_back_may_have_been_made(store: Store) -> None:
    store.product()
    order = reverb_order(store)
    for path, answer in (
        (r"/orders/\d+/products$", {"status": 403, "page": "cloudflare"}),
        (r"/orders/\d+/products$", {"status": 403, "body": v3(403, "You don't have a required scope")}),
    ):
        store.control.fault("status", path=path, **answer)
        with pytest.raises(StoreError) as lost:
            store.client.create_order(order)
        assert lost.value.may_have_applied
        store.client.cancel_order(store.client.create_order(order).id, reverb_number="R-1", gives_back=True, note="")
        order = reverb_order(store, "R-2")
    assert len(store.control.ask("GET", "/orders")) == 2


@case(
    "headers",
    [
        {"X-Rate-Limit-Time-Reset-Ms": "99999999999999", "X-Rate-Limit-Requests-Left": "0"},
        {"X-Rate-Limit-Time-Reset-Ms": "\u00b2", "X-Rate-Limit-Requests-Left": "\u00b9"},
        {"X-Rate-Limit-Time-Reset-Ms": "-5", "X-Rate-Limit-Requests-Left": "-1"},
        {"X-Rate-Limit-Time-Reset-Ms": "1e9", "X-Rate-Limit-Requests-Left": "none"},
        {"Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT"},
        {"Retry-After": "99999999999999999999"},
    ],
    ids=str,
)
@case("status", [200, 429])
def test_no_header_stops_a_store_for_long(
    store: Store, status: int, headers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(calls, "hold", lambda _, seconds: waits.append(seconds))
    body = {"name": "Demo", "currency": "USD"} if status == 200 else v3(429, "Too many requests")
    store.control.fault("status", path="/v2/store", status=status, body=body, headers=headers)
    if status == 429:
        with pytest.raises(TransientStoreError) as transient:
            store.client.check()
        assert 0 < (transient.value.retry_after or 0) <= 900
    else:
        assert store.client.check().name == "Demo"
    assert all(0 < seconds <= 900 for seconds in waits)


@case("said", [{"message": "Please wait"}, {}, {"name": "Demo", "currency": None}, {"currency": 840}, []], ids=str)
def test_a_store_that_does_not_say_who_it_is_keeps_its_name_and_currency(store: Store, said: Any) -> None:
    store.control.fault("status", path="/v2/store", status=200, body=said)
    with pytest.raises(TransientStoreError):
        store.client.check()
