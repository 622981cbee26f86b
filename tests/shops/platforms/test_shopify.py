"""What a Shopify store answers beside the usual: errors beside data, pages, odd shapes, many locations, torn files."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.conf import settings as conf
from pydantic import SecretStr
from pytest_django.fixtures import Settings

from listings.intake import crawl_slices, crawls
from listings.models import Crawl
from reverbsync.http.outbound import Answer
from shops.models import StoreConnection
from shops.platforms import calls
from shops.platforms.errors import (
    CursorLost,
    Malformed,
    Moved,
    StoreAuthError,
    StoreError,
    TooLarge,
    TransientStoreError,
    Unsupported,
)
from shops.platforms.shopify import bulk, bulk_file, endpoint, product_calls, store_calls, tokens
from shops.platforms.store_client import Resizable
from shops.platforms.values import Count
from shops.snapshots import StoreProduct
from tests.shops.platforms.conftest import Store
from tests.shops.platforms.test_contract import an_hour_ago, reverb_order
from tests.shops.platforms.test_crawls import the_crawl

pytestmark = [pytest.mark.live, pytest.mark.parametrize("store", ["shopify"], indirect=True)]
case = pytest.mark.parametrize

BAD_TOKEN = {"errors": "[API] Invalid API key or access token (unrecognized login or wrong password)"}


@pytest.fixture(autouse=True)
def unknown_locations() -> None:
    """Know no store's locations yet."""
    store_calls._known.clear()


def errors(
    code: str, *, data: Any = ..., path: list[Any] | None = None, words: str = "Something went wrong"
) -> dict[str, Any]:
    """Return an answer with an error, beside data or instead of it."""
    error: dict[str, Any] = {"message": words, "extensions": {"code": code}}
    if path:
        error["path"] = path
    return {"errors": [error], **({} if data is ... else {"data": data})}


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


# -- answers -------------------------------------------------------------------------------------------------------


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


# -- where the units are -------------------------------------------------------------------------------------------


def several(store: Store, **second: Any) -> None:
    """Give the store a second location, one that sells in its shop only, and one that is deactivated."""
    first = {"id": 75_500_000_001}
    away, closed = {"id": 3, "fulfillsOnlineOrders": False}, {"id": 4, "isActive": False}
    store.control.ask(
        "POST", "/shops", {"domain": store.stand_in.domain, "locations": [first, {"id": 2, **second}, away, closed]}
    )


def lying(store: Store) -> tuple[int, dict[str, int]]:
    """Return the units at the first location, and at the others."""
    [doc] = store.control.ask("GET", "/products", sku="A1")
    return doc["variants"][0]["inventory_quantity"], doc["variants"][0]["elsewhere"]


def spread(store: Store, here: int, **elsewhere: int) -> StoreProduct:
    """Make a product with units at the first location and at others; return it as it is read."""
    row = {
        "sku": "A1",
        "price": "5.00",
        "inventory_quantity": here,
        "elsewhere": {n[1:]: u for n, u in elsewhere.items()},
    }
    store.product(variants=[row])
    return store.unit()


@case("layout", [{}, {"fulfillsOnlineOrders": False}], ids=["one location sells in its shop only", "two do"])
def test_only_what_the_store_sells_online_counts_and_every_way_of_reading_says_the_same(
    store: Store, layout: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    several(store, **layout)
    unit = spread(store, 1, _2=2, _3=4, _4=8)
    assert unit.stock == store.client.count(unit).units == (1 if layout else 3)
    assert store.client.products(unit.store_parent_id) == [unit]
    monkeypatch.setattr(product_calls, "MOST_BY_PAGES", 0)
    monkeypatch.setattr(bulk, "LOOK_AGAIN_S", 0.0)
    assert file(store) == [unit]


def test_two_units_that_lie_at_two_locations_are_both_taken_and_none_where_only_the_shop_sells(store: Store) -> None:
    several(store)
    unit, asks = spread(store, 1, _2=1, _3=5), store.client
    after = asks.adjust(unit, asks.count(unit), by=-2, reference="r")
    assert after.units == asks.count(unit).units == 0
    assert lying(store) == (0, {"2": 0, "3": 5})


def test_a_change_at_several_locations_counts_once_and_all_or_none(store: Store) -> None:
    several(store)
    unit, asks = spread(store, 1, _2=1), store.client
    count = asks.count(unit)
    store.control.ask("PUT", f"/variants/{unit.store_product_id}", {"inventory_quantity": 0})
    with pytest.raises(Moved):
        asks.adjust(unit, count, by=-2, reference="r")
    assert lying(store) == (0, {"2": 1})
    count = asks.count(unit)
    for _ in range(2):
        assert asks.adjust(unit, count, by=-1, reference="s").units == 0
    assert lying(store) == (0, {"2": 0})


def test_a_unit_is_taken_where_most_lie_and_one_that_comes_back_goes_to_one_location(store: Store) -> None:
    several(store)
    unit, asks = spread(store, 1, _2=3), store.client
    asks.adjust(unit, asks.count(unit), by=-1, reference="r")
    assert lying(store) == (1, {"2": 2})
    asks.adjust(unit, asks.count(unit), by=2, reference="s")
    assert lying(store) == (1, {"2": 4})


def test_a_warehouse_of_another_company_is_the_last_to_be_changed(store: Store) -> None:
    several(store, isFulfillmentService=True)
    unit, asks = spread(store, 1, _2=3), store.client
    asks.adjust(unit, asks.count(unit), by=-2, reference="r")
    assert lying(store) == (0, {"2": 2})


def test_what_lies_where_the_app_cannot_see_is_left_and_said_to_be_left(store: Store) -> None:
    several(store)
    unit, asks = spread(store, 1, _2=2), store.client
    store.control.fault(
        "edited", text="query Count", edits={"data.inventoryItem.inventoryLevels.nodes.1.location": None}
    )
    count = asks.count(unit)
    assert count.units == 3
    after = asks.adjust(unit, count, by=-2, reference="r")
    assert (after.units, after.done) == (2, -1)
    assert lying(store) == (0, {"2": 2})
    nowhere = Count(2, "75500000001=0", 0)
    assert asks.adjust(unit, nowhere, by=-1, reference="s").done == 0


def test_a_count_from_before_an_upgrade_is_still_worked_off(store: Store) -> None:
    store.product()
    unit, asks = store.unit(), store.client
    old = Count(3, "gid://shopify/Location/75500000001", 3)
    for _ in range(2):
        assert asks.adjust(unit, old, by=-1, reference="r").units == 2
    assert store.stock() == 2


def test_a_token_that_may_not_read_locations_sees_the_total(store: Store) -> None:
    several(store)
    denied = errors("ACCESS_DENIED", data={"locations": None}, path=["locations"])
    store.control.fault("status", text="query Locations", status=200, body=denied)
    assert spread(store, 1, _2=2, _3=4).stock == 7


@case(
    "edits",
    [
        {"data.inventoryItem": None},
        {"data.inventoryItem.inventoryLevels.nodes.0.quantities": []},
        {"data.inventoryItem.inventoryLevels.nodes.0.quantities.0.quantity": "x"},
    ],
    ids=str,
)
def test_an_inventory_that_cannot_be_read_is_neither_none_nor_zero(store: Store, edits: dict[str, Any]) -> None:
    store.product()
    unit = store.unit()
    store.control.fault("edited", text="query Count", edits=edits)
    with pytest.raises(Malformed):
        store.client.count(unit)


@case(
    "edits",
    [
        {"data.inventoryItem.inventoryLevels": None},
        {"data.inventoryItem.inventoryLevels.nodes": None},
        {"data.inventoryItem.inventoryLevels.nodes.0": None},
        {"data.inventoryItem.inventoryLevels.nodes.0.quantities.0.quantity": ""},
        {"data.inventoryItem.inventoryLevels.nodes.0.quantities": [{"quantity": 3}, {"quantity": 3}]},
        {"data.inventoryItem.inventoryLevels.nodes.0.location.fulfillsOnlineOrders": None},
        {"data.inventoryItem.inventoryLevels.pageInfo": {"hasNextPage": True, "endCursor": None}},
        {"data.inventoryItem.tracked": None},
        {"data.inventoryItem.variants.nodes.0.inventoryQuantity": "many"},
    ],
    ids=str,
)
@case("layout", [{}, {"fulfillsOnlineOrders": False}], ids=["one location sells in its shop only", "two do"])
def test_null_instead_of_a_part_of_an_inventory_is_not_no_units(
    store: Store, edits: dict[str, Any], layout: dict[str, Any]
) -> None:
    several(store, **layout)
    unit = spread(store, 3, _3=4)
    store.control.fault("edited", text="query Count", edits=edits)
    with pytest.raises(Malformed):
        store.client.count(unit)


@case(
    "edits",
    [
        {"data.locations": None},
        {"data.locations.nodes": None},
        {"data.locations.nodes.2": None},
        {"data.locations.nodes.2.fulfillsOnlineOrders": None},
        {"data.locations.nodes.2.isActive": None},
        {"data.locations.nodes.2.id": None},
        {"data": None},
    ],
    ids=str,
)
def test_locations_that_cannot_be_read_do_not_all_sell(store: Store, edits: dict[str, Any]) -> None:
    several(store)
    store.control.fault("edited", text="query Locations", edits=edits)
    with pytest.raises(TransientStoreError):
        spread(store, 1, _2=2, _3=4)
    assert store.unit().stock == 3
    for address, (known, _) in store_calls._known.items():
        store_calls._known[address] = known, 0.0
    store.control.fault("edited", text="query Locations", edits=edits, times=9)
    if edits != {"data": None}:
        assert store.unit().stock == 3  # what was read before counts on


# -- odd shapes ----------------------------------------------------------------------------------------------------


@case(
    "edits",
    [
        {"data.shop": None, "data.product": None},
        {"data.product.variants.pageInfo": None},
        {"data.product.variants.pageInfo.hasNextPage": None, "data.product.variants.pageInfo.endCursor": 7},
        {"data.product.variants.nodes": None},
        {"data.product.variants.nodes.0.inventoryItem.tracked": None},
        {"data.product.variants.nodes.0.inventoryQuantity": ""},
        {"data.product.status": None},
        {"data": None},
        {"data": {}},
    ],
    ids=str,
)
def test_an_answer_that_is_null_in_parts_ends_no_product_and_none_of_its_variants(
    store: Store, edits: dict[str, Any]
) -> None:
    store.product()
    unit, asks = store.unit(), store.client
    store.control.fault("edited", text="query Product(", edits=edits)
    with pytest.raises(TransientStoreError):
        asks.products(unit.store_parent_id)
    assert asks.products(unit.store_parent_id) == [unit]


def test_a_page_that_does_not_say_whether_there_are_more_variants_is_not_all_of_them(store: Store) -> None:
    made = store.product()
    store.control.fault("edited", text="query Products(", edits={"data.products.nodes.0.variants.pageInfo": None})
    page = store.client.crawl("")
    assert ([unit.sku for unit in page.products], page.unread) == (["A1"], ())
    assert [
        one["body"]["variables"]["id"] for one in store.control.calls() if "query Product(" in str(one["body"])
    ] == [f"gid://shopify/Product/{made['id']}"]


@case("path", [["media", "nodes", 0, "image"], ["media"], ["variants", "nodes", 0, "media"]], ids=str)
def test_an_error_about_a_photo_hides_neither_price_nor_stock(store: Store, path: list[Any]) -> None:
    made = store.product()
    error = {"message": "Timeout", "extensions": {"code": "INTERNAL_SERVER_ERROR"}}
    for name, where in (("query Product(", ["product"]), ("query Products(", ["products", "nodes", 0])):
        whole_path = [*where, *path]
        edits = {"errors": [{**error, "path": whole_path}], ".".join(map(str, ["data", *whole_path])): None}
        store.control.fault("edited", text=name, edits=edits, times=99)
    [unit] = store.client.products(str(made["id"]))
    assert (unit.stock, unit.sku) == (3, "A1")
    assert [one.stock for one in store.client.crawl("").products] == [3]


def test_an_error_about_a_photo_that_has_taken_the_product_along_is_no_word_that_it_is_gone(store: Store) -> None:
    made = store.product()
    error = {"message": "Timeout", "path": ["product", "media", "nodes", 0]}
    store.control.fault("edited", text="query Product(", edits={"errors": [error], "data.product": None})
    with pytest.raises(TransientStoreError):
        store.client.products(str(made["id"]))


@case("said", [None, [], {}, {"name": None, "currencyCode": None}], ids=str)
def test_a_store_that_does_not_say_who_it_is_keeps_its_name_and_currency(store: Store, said: Any) -> None:
    store.control.fault("edited", text="query Shop", edits={"data.shop": said})
    with pytest.raises(TransientStoreError):
        store.client.check()


@case("rows", [[None], ["no"], [{}], [{"code": None, "message": None}], {"message": "no"}, None], ids=str)
@case("name", ["inventoryAdjustQuantities", "orderCreate"])
def test_a_refusal_without_code_and_words_leaves_open_whether_it_was_done(store: Store, name: str, rows: Any) -> None:
    store.product()
    unit, asks, order = store.unit(), store.client, reverb_order(store)
    count = asks.count(unit)
    store.control.fault("edited", text="mutation", edits={f"data.{name}.userErrors": rows})
    does = {"orderCreate": lambda: asks.create_order(order)}.get(
        name, lambda: asks.adjust(unit, count, by=-1, reference="r")
    )
    with pytest.raises(TransientStoreError) as lost:
        does()
    assert lost.value.may_have_applied


@case(
    "edits",
    [
        {"data.products.nodes.1": None},
        {"data.products.nodes.1.variants": None},
        {"data.products.nodes.1.variants.nodes": []},
        {"data.products.nodes.1.variants.nodes.0.inventoryItem": None},
        {"data.products.nodes.1.variants.nodes.0.inventoryQuantity": None},
        {"data.products.nodes.1.variants.nodes.0": None},
        {"data.products.nodes.1.status": None},
        {"data.products.nodes.1.legacyResourceId": None},
        {"data.products.nodes.1": "ODD"},
    ],
    ids=str,
)
def test_a_product_that_cannot_be_read_hides_no_other(store: Store, edits: dict[str, Any]) -> None:
    for sku in ("A1", "ODD", "B1"):
        store.product(sku)
    store.control.fault("edited", text="query Products", edits=edits)
    page = store.client.crawl("")
    assert {unit.sku for unit in page.products} == {"A1", "B1"}
    assert len(page.unread) == 1


def test_an_error_about_one_product_of_a_page_hides_no_other(store: Store) -> None:
    made = [store.product(sku) for sku in ("A1", "ODD", "B1")]
    error = {"message": "Timeout", "path": ["products", "nodes", 1, "metafields"]}
    edits = {"errors": [error], "data.products.nodes.1.metafields": None}
    store.control.fault("edited", text="query Products", edits=edits)
    page = store.client.crawl("")
    assert {unit.sku for unit in page.products} == {"A1", "B1"}
    assert [one.store_parent_id for one in page.unread] == [str(made[1]["id"])]


def test_one_variant_that_cannot_be_read_hides_its_siblings_neither_here_nor_there(store: Store) -> None:
    rows = [
        {"sku": f"V-{n}", "price": "5.00", "inventory_quantity": n, "options": {"Color": str(n)}} for n in (1, 2, 3)
    ]
    made = store.product("V", variants=rows)
    for part in ("products.nodes.0", "product"):
        store.control.fault(
            "edited",
            path="graphql",
            text="shop { currencyCode }",
            edits={f"data.{part}.variants.nodes.1.inventoryItem": None},
            times=2,
        )
    page = store.client.crawl("")
    assert ([unit.sku for unit in page.products], page.whole_parents) == (["V-1", "V-3"], [])
    with pytest.raises(Malformed) as malformed:
        store.client.products(str(made["id"]))
    assert [unit.sku for unit in malformed.value.readable] == ["V-1", "V-3"]


@case(
    "info",
    [{"hasNextPage": True, "endCursor": None}, {"hasNextPage": True}, {"hasNextPage": True, "endCursor": 7}],
    ids=str,
)
def test_a_page_that_goes_on_to_nowhere_ends_with_words(store: Store, info: dict[str, Any]) -> None:
    store.product()
    store.control.fault("edited", text="query Products", edits={"data.products.pageInfo": info})
    with pytest.raises(Malformed):
        store.client.crawl("")


def test_a_page_without_a_word_about_the_next_one_is_the_last(store: Store) -> None:
    store.product()
    store.control.fault(
        "edited", text="query Products", edits={"data.products.pageInfo": None, "data.productsCount": None}
    )
    page = store.client.crawl("")
    assert (len(page.products), page.next, page.total) == (1, None, None)


def test_one_product_may_be_left_out(store: Store) -> None:
    made = [store.product(sku) for sku in ("A1", "B1", "C1")]
    asks = store.client
    assert isinstance(asks, Resizable)
    first = asks.crawl("", size=1)
    without = asks.skip(first.next or "")
    assert ([one.store_parent_id for one in without.unread], without.products) == ([str(made[1]["id"])], ())
    last = asks.crawl(without.next or "", size=1)
    assert ([unit.sku for unit in last.products], last.next) == (["C1"], None)


def test_a_cursor_from_before_an_upgrade_goes_on(store: Store) -> None:
    made = [store.product(sku) for sku in ("A1", "B1")]
    assert [unit.sku for unit in store.client.crawl(f"15:{made[0]['id']}").products] == ["B1"]


# -- collections, metafields, photos -------------------------------------------------------------------------------


def test_all_collections_and_metafields_and_as_many_photos_as_a_listing_has_are_read(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.product(
        collections=[f"Collection {n}" for n in range(120)],
        attributes={f"field{n}": str(n) for n in range(130)},
        images=[f"http://store.test/{n}.jpg" for n in range(24)],
    )
    unit = store.unit()
    assert (len(unit.collections), len(unit.attributes), len(unit.photos)) == (120, 130, 24)
    assert store.client.products(unit.store_parent_id) == [unit]
    monkeypatch.setattr(product_calls, "MOST_BY_PAGES", 0)
    assert file(store) == [unit]


def test_what_a_page_shows_whole_costs_no_further_call(store: Store) -> None:
    for n in range(15):
        store.product(f"A{n}", collections=list("abcdefgh"), attributes={f"f{m}": "x" for m in range(14)})
    store.client.crawl("")
    store.control.ask("DELETE", "/requests")
    store.client.crawl("")
    assert len(store.control.calls()) == 1


# -- the file ------------------------------------------------------------------------------------------------------


def file(store: Store) -> list[StoreProduct]:
    """Read the whole catalogue from the file that Shopify writes."""
    found: list[StoreProduct] = []
    cursor, asks = store.client.crawl("").next, store.client
    with pytest.raises(TransientStoreError, match="still listing"):
        asks.crawl(cursor or "")
    for _ in range(300):
        if cursor is None:
            return found
        page = asks.crawl(cursor)
        found += page.products
        assert page.unread == ()
        cursor = page.next
    raise AssertionError("the file has no end")


@pytest.fixture
def by_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every catalogue come from a file, in small pieces."""
    monkeypatch.setattr(product_calls, "MOST_BY_PAGES", 0)
    monkeypatch.setattr(bulk_file, "PIECE_BYTES", 3000)
    monkeypatch.setattr(bulk, "LOOK_AGAIN_S", 0.0)


def colours(many: int) -> list[dict[str, Any]]:
    """Return many variants."""
    return [
        {"sku": f"V-{n}", "price": "5.00", "inventory_quantity": 1, "options": {"Color": f"Blüe {n}"}}
        for n in range(many)
    ]


def test_a_product_larger_than_a_piece_does_not_stop_the_import(store: Store, by_file: None) -> None:
    store.product("A1")
    store.product("V", variants=colours(60), title="Größer – 大きい")
    store.product("B1", description_html="<p>__parentId</p>" + "ä" * 4000)
    store.product("C1")
    assert sorted(unit.sku for unit in file(store)) == sorted(["A1", "B1", "C1", *(f"V-{n}" for n in range(60))])


def test_a_piece_that_begins_within_a_description_is_not_taken_for_a_page(store: Store, by_file: None) -> None:
    store.product("A1", description_html="<" * 20_000)
    store.product("B1")
    assert sorted(unit.sku for unit in file(store)) == ["A1", "B1"]


def test_1500_variants_come_whole_in_pieces_of_the_usual_size(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(product_calls, "MOST_BY_PAGES", 0)
    monkeypatch.setattr(bulk_file, "PIECE_BYTES", 300_000)
    store.product("A1")
    store.product("V", variants=colours(1500))
    store.product("B1")
    units = file(store)
    assert len(units) == len({unit.store_product_id for unit in units}) == 1502


def test_a_file_whose_children_do_not_follow_their_parents_says_the_same(store: Store, by_file: None) -> None:
    for n in range(9):
        store.product(f"A{n}", collections=["x", "y"])
    together = file(store)
    store.control.ask("POST", "/shops", {"domain": store.stand_in.domain, "bulk_ungrouped": True})
    assert sorted(file(store), key=lambda unit: unit.sku) == sorted(together, key=lambda unit: unit.sku)


def test_a_file_that_is_torn_apart_is_given_up_for_pages(
    store: Store, by_file: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(product_calls, "MOST_ALONE", 3)
    for n in range(20):
        store.product(f"A{n:02}")
    store.control.ask("POST", "/shops", {"domain": store.stand_in.domain, "bulk_ungrouped": True})
    assert {unit.sku for unit in file(store)} >= {f"A{n:02}" for n in range(20)}


@case("status", ["FAILED", "CANCELED"])
def test_a_list_that_shopify_cannot_write_is_read_by_pages(store: Store, by_file: None, status: str) -> None:
    for sku in ("A1", "B1"):
        store.product(sku)
    store.control.fault("edited", text="query BulkState", edits={"data.bulkOperation.status": status}, after=1)
    assert [unit.sku for unit in file(store)] == ["A1", "B1"]


@case("edits", [{"data.bulkOperation": None}, {"data.bulkOperation.status": "EXPIRED"}], ids=str)
def test_a_list_that_is_no_more_is_begun_again(store: Store, by_file: None, edits: dict[str, Any]) -> None:
    store.product()
    cursor = store.client.crawl("").next
    store.control.fault("edited", text="query BulkState", edits=edits)
    with pytest.raises(CursorLost):
        store.client.crawl(cursor or "")


def ready(store: Store) -> str:
    """Return the cursor of a list that Shopify has written."""
    cursor = store.client.crawl("").next or ""
    with pytest.raises(TransientStoreError, match="still listing"):
        store.client.crawl(cursor)
    return cursor


XML = "<?xml version='1.0'?><Error><Code>ExpiredToken</Code><Message>Invalid argument.</Message></Error>"


@case(
    ("answer", "kind"),
    [
        ({"status": 400, "raw": XML}, CursorLost),
        ({"status": 403, "raw": XML.replace("ExpiredToken", "AccessDenied")}, CursorLost),
        ({"status": 404, "raw": XML.replace("ExpiredToken", "NoSuchKey")}, CursorLost),
        ({"status": 403, "page": "cloudflare"}, TransientStoreError),
        ({"status": 404, "page": "oops"}, TransientStoreError),
        ({"status": 200, "page": "cloudflare"}, TransientStoreError),
        ({"status": 200, "raw": XML}, TransientStoreError),
        ({"status": 302, "page": "oops"}, TransientStoreError),
        ({"status": 503, "page": "oops"}, TransientStoreError),
        ({"status": 416, "page": "empty"}, TransientStoreError),
        ({"status": 200, "raw": "{}\n"}, TransientStoreError),
    ],
    ids=str,
)
def test_an_address_of_a_list_that_answers_something_else_loses_nothing(
    store: Store, by_file: None, answer: dict[str, Any], kind: type[Exception]
) -> None:
    store.product()
    cursor = ready(store)
    store.control.fault("status", path="/_bulk/", **answer)
    with pytest.raises(kind):
        store.client.crawl(cursor)
    assert [unit.sku for unit in store.client.crawl(cursor).products] == ["A1"]


def test_a_list_of_nothing_has_no_address(store: Store, by_file: None) -> None:
    made = store.product()
    store.client.crawl("")
    store.control.ask("DELETE", f"/products/{made['id']}")
    store.control.fault("edited", text="query Products", edits={"data.productsCount.count": 9})
    cursor = ready(store)
    page = store.client.crawl(cursor)
    assert (page.products, page.next) == ((), None)


def test_a_list_with_products_and_no_address_is_waited_for(store: Store, by_file: None) -> None:
    store.product()
    cursor = ready(store)
    store.control.fault("edited", text="query BulkState", edits={"data.bulkOperation.url": None})
    with pytest.raises(TransientStoreError):
        store.client.crawl(cursor)


@case("code", ["OPERATION_IN_PROGRESS", "LIMIT_REACHED", None])
def test_a_list_that_shopify_does_not_begin_now_is_asked_for_again(
    store: Store, by_file: None, code: str | None
) -> None:
    store.product()
    refusal = {"code": code, "message": "A bulk query operation for this app and shop is already in progress."}
    said = {"bulkOperationRunQuery": {"bulkOperation": None, "userErrors": [refusal]}}
    store.control.fault("status", text="mutation BulkStart", status=200, body={"data": said})
    with pytest.raises(TransientStoreError, match="already in progress"):
        store.client.crawl("")


def test_a_list_without_some_of_a_products_variants_is_not_taken_for_the_product(store: Store, by_file: None) -> None:
    store.product("V", variants=colours(3))
    cursor = ready(store)
    number = store.control.ask("GET", "/products")[0]["id"]
    row = {"id": f"gid://shopify/Product/{number}", "legacyResourceId": str(number), "variantsCount": {"count": 3}}
    piece = f"{json.dumps(row)}\n".ljust(100_000)
    ranged = {"Content-Range": "bytes 0-99999/100000"}
    store.control.fault("status", path="/_bulk/", status=206, raw=piece, headers=ranged)
    assert {unit.sku for unit in store.client.crawl(cursor).products} == {"V-0", "V-1", "V-2"}


def test_a_crawl_of_a_file_learns_in_the_end_what_it_is(store: Store, by_file: None) -> None:
    store.product("A1")
    store.product("V", variants=colours(40))
    crawls.plan(store.shop)
    crawls.begin(store.shop, "catalogue")
    for _ in range(60):
        crawl = the_crawl(store)
        if crawl.state != Crawl.State.RUNNING:
            break
        crawl_slices.run_slice(crawl)
    assert (the_crawl(store).state, the_crawl(store).news) == (Crawl.State.DONE, 41)


# -- orders --------------------------------------------------------------------------------------------------------


@case(
    "edits",
    [
        {"data.orders.nodes.0": None},
        {"data.orders.nodes.0.updatedAt": "yesterday"},
        {"data.orders.nodes.0.legacyResourceId": None},
    ],
    ids=str,
)
def test_an_order_that_cannot_be_read_hides_no_other(store: Store, edits: dict[str, Any]) -> None:
    made = store.product()
    for _ in range(2):
        store.control.ask("POST", "/orders", {"variant_id": made["variants"][0]["id"]})
    store.control.fault("edited", text="query Orders", edits=edits)
    found, _ = store.client.orders(an_hour_ago(), "")
    assert len(found) == 1


@case(
    "edits",
    [
        {"lineItems": None},
        {"lineItems.nodes.0.variant": None, "lineItems.nodes.0.product": None, "lineItems.nodes.0.sku": None},
        {"lineItems.nodes.0.quantity": "1", "lineItems.nodes.0.originalUnitPriceSet": None, "name": None},
        {"displayFinancialStatus": None, "displayFulfillmentStatus": None, "sourceIdentifier": None},
    ],
    ids=str,
)
def test_an_order_with_odd_parts_is_read(store: Store, edits: dict[str, Any]) -> None:
    made = store.product()
    store.control.ask("POST", "/orders", {"variant_id": made["variants"][0]["id"]})
    store.control.fault(
        "edited", text="query Orders", edits={f"data.orders.nodes.0.{name}": value for name, value in edits.items()}
    )
    [order], _ = store.client.orders(an_hour_ago(), "")
    assert order.id


def test_our_own_order_that_cannot_be_read_is_not_made_again(store: Store) -> None:
    store.product()
    order = reverb_order(store)
    store.client.create_order(order)
    store.control.fault("edited", text="query Orders", edits={"data.orders.nodes.0.updatedAt": None})
    with pytest.raises(Malformed):
        store.client.create_order(order)
    assert len(store.control.ask("GET", "/orders")) == 1


@case(
    "node",
    [None, {"trackingInfo": None}, {"legacyResourceId": "7", "trackingInfo": [None, {"number": 12, "company": None}]}],
    ids=str,
)
def test_odd_parcels_are_left_out(store: Store, node: Any) -> None:
    made = store.product()
    order = store.control.ask("POST", "/orders", {"variant_id": made["variants"][0]["id"]})
    store.control.fault("edited", text="query Shipments", edits={"data.order.fulfillments": [node]})
    found = [parcel.tracking_number for parcel in store.client.shipments(str(order["id"]))]
    assert found == (["12"] if node and node.get("legacyResourceId") else [])
