"""What a BigCommerce store answers beside the usual: pages, missing routes, rights, odd shapes, several locations."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from reverbsync import clock
from shops.orders import NewOrder, OrderLine
from shops.platforms import calls
from shops.platforms.bigcommerce import inventory, names
from shops.platforms.errors import Malformed, Moved, StoreAuthError, StoreError, TransientStoreError, Unsupported
from shops.platforms.store_client import Resizable
from shops.platforms.values import Count
from shops.snapshots import StoreProduct
from tests.shops.platforms.conftest import Store, wait_for
from tests.shops.platforms.test_contract import an_hour_ago, reverb_order

pytestmark = [pytest.mark.live, pytest.mark.parametrize("store", ["bigcommerce"], indirect=True)]
case = pytest.mark.parametrize

#: An inventory that has nothing of what was asked for.
NO_ROWS = {"data": [], "meta.pagination.total": 0}
TYPE = "https://developer.bigcommerce.com/api-docs/getting-started/api-status-codes"


def v3(status: int, title: str) -> dict[str, Any]:
    """Return an error as v3 words it."""
    return {"status": status, "title": title, "type": TYPE, "errors": {}}


def v2(status: int, message: str) -> list[dict[str, Any]]:
    """Return an error as v2 words it."""
    return [{"status": status, "message": message}]


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


# -- answers -------------------------------------------------------------------------------------------------------


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


# -- where the units are -------------------------------------------------------------------------------------------


def several(store: Store, **second: Any) -> None:
    """Give the store a second location, and one that is switched off."""
    locations = [{"id": 1}, {"id": 2, **second}, {"id": 3, "enabled": False}]
    store.control.ask("POST", "/shops", {"domain": store.stand_in.domain, "locations": locations})


def spread(store: Store, here: int, **elsewhere: int) -> StoreProduct:
    """Make a product with units at the default location and at others; return it as it is read."""
    row = {
        "sku": "A1",
        "price": "500.00",
        "inventory_quantity": here,
        "elsewhere": {n[1:]: u for n, u in elsewhere.items()},
    }
    store.product(variants=[row])
    return store.unit()


def lying(store: Store) -> tuple[int, dict[str, int]]:
    """Return the units at the default location, and at the others."""
    [doc] = store.control.ask("GET", "/products", sku="A1")
    return doc["variants"][0]["inventory_quantity"], doc["variants"][0]["elsewhere"]


def test_units_at_all_locations_that_sell_count_and_those_at_a_disabled_one_do_not(store: Store) -> None:
    several(store)
    unit = spread(store, 1, _2=1, _3=5)
    assert unit.stock == store.client.count(unit).units == 2
    assert store.client.products(unit.store_parent_id) == [unit]


@case("hidden", [{"storefront_visibility": False}, {"enabled": False}, {"enabled": "false"}])
def test_a_location_that_is_hidden_or_disabled_sells_nothing(store: Store, hidden: dict[str, Any]) -> None:
    several(store, **hidden)
    unit = spread(store, 1, _2=4)
    assert unit.stock == store.client.count(unit).units == 1


def test_what_a_location_holds_back_is_not_sold_and_not_taken(store: Store) -> None:
    several(store)
    row = {
        "sku": "A1",
        "price": "5.00",
        "inventory_quantity": 3,
        "elsewhere": {"2": 4},
        "safety_stock": {"1": 2, "2": "off"},
    }
    store.product(variants=[row])
    unit, client = store.unit(), store.client
    assert unit.stock == client.count(unit).units == 1
    assert client.adjust(unit, client.count(unit), by=-1, reference="r").units == 0
    wait_for(lambda: lying(store) == (2, {"2": 4}))


def test_two_units_that_lie_at_two_locations_are_both_taken(store: Store) -> None:
    several(store)
    unit, client = spread(store, 1, _2=1), store.client
    assert client.adjust(unit, client.count(unit), by=-2, reference="r").units == 0
    wait_for(lambda: lying(store) == (0, {"2": 0}))
    assert store.unit().stock == 0


def test_one_unit_is_taken_where_most_lie_and_a_raise_goes_to_one_location(store: Store) -> None:
    several(store)
    unit, client = spread(store, 1, _2=3, _3=9), store.client
    after = client.adjust(unit, client.count(unit), by=-1, reference="r")
    wait_for(lambda: lying(store) == (1, {"2": 2, "3": 9}))
    client.adjust(unit, client.count(unit), by=2, reference="r")
    wait_for(lambda: lying(store) == (1, {"2": 4, "3": 9}))
    assert after.units == 3


def test_a_location_whose_stock_another_system_keeps_is_the_last_to_be_changed(store: Store) -> None:
    several(store, managed_by_external_source=True)
    unit, client = spread(store, 1, _2=3), store.client
    client.adjust(unit, client.count(unit), by=-2, reference="r")
    wait_for(lambda: lying(store) == (0, {"2": 2}))
    client.adjust(unit, client.count(unit), by=1, reference="r")
    wait_for(lambda: lying(store) == (1, {"2": 2}))


def test_what_no_location_has_is_not_taken_and_said_to_be_left(store: Store) -> None:
    several(store)
    unit, client = spread(store, 1, _2=1), store.client
    after = client.adjust(unit, client.count(unit), by=-5, reference="r")
    assert (after.units, after.done) == (0, -2)
    assert client.adjust(unit, client.count(unit), by=-1, reference="s").done == 0


def test_without_the_right_to_read_locations_the_items_say_which_are_enabled(store: Store) -> None:
    several(store)
    unit = spread(store, 1, _2=1, _3=5)
    store.control.ask("POST", "/shops", {"domain": store.stand_in.domain, "may_not": ["/inventory/locations"]})
    assert store.client.count(unit).units == 2


def test_variants_are_adjusted_by_their_own_number_and_simple_products_by_the_products(store: Store) -> None:
    rows = [{"sku": f"V-{n}", "price": "5.00", "inventory_quantity": 2, "options": {"Color": str(n)}} for n in (1, 2)]
    store.product("V", variants=rows)
    store.product("A1")
    client = store.client
    for sku in ("V-2", "A1"):
        unit = store.unit(sku)
        before = client.count(unit)
        assert client.adjust(unit, before, by=-1, reference="r").units == (before.units or 0) - 1
    wait_for(lambda: (store.stock("V-1"), store.stock("V-2"), store.stock("A1")) == (2, 1, 2))


def test_a_refused_change_is_moved_when_the_units_have_gone_and_is_said_when_they_have_not(store: Store) -> None:
    made = store.product()
    unit, client = store.unit(), store.client
    before = client.count(unit)
    store.set(made, inventory_quantity=0)
    with pytest.raises(Moved):
        client.adjust(unit, before, by=-1, reference="r")
    store.set(made, inventory_quantity=3)
    store.control.fault("status", path="/adjustments/", status=422, body=v3(422, "Payload contains invalid fields"))
    with pytest.raises(Unsupported, match="invalid fields") as refused:
        client.adjust(unit, before, by=-1, reference="r")
    assert not refused.value.may_have_applied
    assert store.stock() == 3


def test_a_change_that_was_taken_is_not_in_doubt_when_it_cannot_be_looked_at(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inventory, "pause", lambda _: None)
    store.product()
    unit, client = store.unit(), store.client
    before = client.count(unit)
    store.control.fault("status", path="/inventory/items", status=404, page="oops", times=inventory.LOOKS)
    assert client.adjust(unit, before, by=-1, reference="r").units == 2
    wait_for(lambda: store.stock() == 2)


def test_a_count_from_before_an_upgrade_is_still_worked_off(store: Store) -> None:
    store.product()
    unit, client = store.unit(), store.client
    assert client.adjust(unit, Count(3, "1", 3), by=-1, reference="r").units == 2


def test_locations_that_could_not_all_be_read_are_asked_for_again_and_none_counts_as_open(store: Store) -> None:
    several(store, storefront_visibility=False)
    store.product("B1", variants=[{"sku": "B1", "price": "5.00", "inventory_quantity": 1, "elsewhere": {"2": 4}}])
    spread(store, 1, _2=4)
    for edits in ({"data.1": None}, {"data.1.id": None}, {"data": None}):
        store.control.fault("edited", path="/inventory/locations", edits=edits)
        with contextlib.suppress(TransientStoreError):
            assert {unit.stock for unit in store.client.crawl("").products} <= {1}
    assert {unit.stock for unit in store.units()} == {1}


@case("edits", [{"data.0.locations": []}, {"data.0.locations": None}, {"data.0.locations": {}}, {"data": []}], ids=str)
def test_an_inventory_without_a_location_is_not_no_units(store: Store, edits: dict[str, Any]) -> None:
    made = store.product()
    unit = store.unit()
    store.control.fault("edited", path="/inventory/items", edits=edits, times=2)
    with pytest.raises(Malformed):
        store.client.products(str(made["id"]))
    with pytest.raises(Malformed):
        store.client.count(unit)
    assert store.client.products(str(made["id"])) == [unit]


def test_variants_that_share_their_products_stock_show_all_of_it_until_it_is_gone(store: Store) -> None:
    rows = [{"sku": f"V-{n}", "price": "5.00", "inventory_quantity": 0, "options": {"Color": str(n)}} for n in (1, 2)]
    made = store.product("V", variants=rows)
    shared = {"data.inventory_tracking": "product", "data.inventory_level": 3}
    store.control.fault("edited", path="/catalog/products/", edits=shared, times=99)
    assert [unit.stock for unit in store.client.products(str(made["id"]))] == [0, 0]
    row = {"identity": {"product_id": made["id"], "variant_id": None}, "locations": []}
    at = {"location_id": 1, "location_enabled": True, "available_to_sell": 3}
    store.control.fault("edited", path="/inventory/items", edits={"data": [{**row, "locations": [at]}]})
    units = store.client.products(str(made["id"]))
    assert [(unit.stock, unit.store_stock_id) for unit in units] == [(3, f"product-{made['id']}")] * 2
    store.control.fault("edited", path="/inventory/items", edits=NO_ROWS)
    assert [unit.stock for unit in store.client.products(str(made["id"]))] == [None, None]
    gone = {"data.inventory_level": 0}
    store.control.fault("edited", path="/catalog/products/", edits=gone)
    store.control.fault("edited", path="/inventory/items", edits=NO_ROWS)
    assert [unit.stock for unit in store.client.products(str(made["id"]))] == [0, 0]


# -- limits --------------------------------------------------------------------------------------------------------


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


# -- odd shapes ----------------------------------------------------------------------------------------------------


@case("total", [0, -3, 1, "two", "\u00b2", None, {"a": 1}, True], ids=str)
def test_a_total_that_cannot_be_true_ends_no_crawl(store: Store, total: Any) -> None:
    for n in range(4):
        store.product(f"A{n}")
    store.control.fault("edited", path="/catalog/products$", edits={"meta.pagination.total": total}, times=99)
    client = store.client
    assert isinstance(client, Resizable)
    found: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = client.crawl(cursor, size=2)
        found += [unit.sku for unit in page.products]
        cursor = page.next
    assert found == ["A0", "A1", "A2", "A3"]


def odd(
    store: Store,
    edits: dict[str, Any] | None = None,
    *,
    drops: list[str] | None = None,
    path: str = "/catalog/products",
) -> None:
    """Let every answer of an address have an odd shape."""
    store.control.fault("edited", path=path, edits=edits or {}, drops=drops or [], times=1000)


@case(
    "edits",
    [
        {"data.[sku=ODD].variants": []},
        {"data.[sku=ODD].variants": None},
        {"data.[sku=ODD].inventory_tracking": "by moon"},
        {"data.[sku=ODD].variants.0": None},
        {"data.[sku=ODD].variants.0.id": "x"},
        {"data.[sku=ODD].is_visible": "perhaps"},
        {"data.[sku=ODD].id": [1]},
        {"data.[sku=ODD]": None},
        {"data.[sku=ODD]": "ODD"},
    ],
    ids=str,
)
def test_a_product_that_cannot_be_read_hides_no_other(store: Store, edits: dict[str, Any]) -> None:
    store.product("A1")
    store.product("ODD")
    store.product("B1")
    odd(store, edits)
    page = store.client.crawl("")
    assert {unit.sku for unit in page.products} == {"A1", "B1"}
    assert len(page.unread) == 1
    assert page.unread[0].words


@case(
    "edits",
    [
        {"images": None, "custom_fields": {"0": {"id": 1, "name": "Year", "value": 1979}}, "brand_id": None},
        {"images": {"3": {"url_zoom": "http://store.test/1.jpg"}}, "custom_fields": "", "categories": {"1": "x"}},
        {"brand_id": 987654, "categories": [None, "abc"], "search_keywords": None, "description": None, "name": 12},
        {"variants.0.upc": None, "variants.0.sku": None, "variants.0.option_values": {}, "upc": 885978110803},
        {"id": "101", "variants.0.id": "201", "inventory_level": "", "variants.0.inventory_level": 2.5},
        {"price": None, "variants.0.price": None, "sale_price": "", "variants.0.sale_price": "none"},
    ],
    ids=str,
)
def test_odd_side_fields_hide_neither_stock_nor_the_product(store: Store, edits: dict[str, Any]) -> None:
    store.product()
    odd(store, {f"data.*.{name}": value for name, value in edits.items()})
    [unit] = store.client.crawl("").products
    assert (unit.stock, unit.for_sale) == (3, True)


def test_a_price_that_is_none_reads_as_none_and_a_variant_inherits(store: Store) -> None:
    store.product()
    assert store.unit().price == Decimal("849.90")
    odd(store, {"data.*.price": None})
    assert store.unit().price == 0
    store.control.ask("DELETE", "/faults")
    odd(store, {"data.*.variants.*.price": "12.5", "data.*.sale_price": 3})
    assert store.unit().price == Decimal("12.50")


def test_names_are_read_as_people_read_them(store: Store) -> None:
    store.product(title="Peavey &amp; Co <b>Amp</b>", vendor="G&amp;L", product_type="Drums &amp; Percussion")
    unit = store.unit()
    assert (unit.title, unit.vendor, unit.product_type) == ("Peavey & Co Amp", "G&L", "Drums & Percussion")


def test_one_variant_that_cannot_be_read_hides_its_siblings_neither_here_nor_there(store: Store) -> None:
    rows = [
        {"sku": f"V-{n}", "price": "5.00", "inventory_quantity": n, "options": {"Color": str(n)}} for n in (1, 2, 3)
    ]
    made = store.product("V", variants=rows)
    odd(store, {"data.*.variants.[sku=V-2].id": None, "data.variants.[sku=V-2].id": None})
    page = store.client.crawl("")
    assert ([unit.sku for unit in page.products], page.whole_parents) == (["V-1", "V-3"], [])
    with pytest.raises(Malformed) as malformed:
        store.client.products(str(made["id"]))
    assert [unit.sku for unit in malformed.value.readable] == ["V-1", "V-3"]


@case(
    "edits",
    [{"data.*.locations.*.available_to_sell": "many"}, {"data.*.locations": None}, {"data": []}],
    ids=str,
)
def test_stock_that_cannot_be_read_is_neither_none_nor_zero(store: Store, edits: dict[str, Any]) -> None:
    store.product()
    unit = store.unit()
    odd(store, edits, path="/inventory/items")
    page = store.client.crawl("")
    assert (page.products, len(page.unread)) == ((), 1)
    with pytest.raises(Malformed):
        store.client.products(unit.store_parent_id)
    with pytest.raises(Malformed):
        store.client.count(unit)


def test_a_product_that_is_sold_out_and_not_in_the_inventory_has_none(store: Store) -> None:
    store.product(variants=[{"sku": "A1", "price": "5.00", "inventory_quantity": 0}])
    odd(store, NO_ROWS, path="/inventory/items")
    assert store.unit().stock == 0


def test_a_product_that_the_catalogue_counts_as_sold_out_is_unread_where_the_inventory_lacks_rows(store: Store) -> None:
    store.product(variants=[{"sku": "A1", "price": "5.00", "inventory_quantity": 0}])
    odd(store, {"data": []}, path="/inventory/items")
    page = store.client.crawl("")
    assert (page.products, len(page.unread)) == ((), 1)


def test_all_pages_of_the_inventory_are_read_where_they_hold_fewer_rows_than_asked(store: Store) -> None:
    for number in range(3):
        store.product(variants=[{"sku": f"A{number}", "price": "5.00", "inventory_quantity": 2}])
    store.control.ask("POST", "/shops", {"domain": store.stand_in.domain, "most_rows": 1})
    assert [unit.stock for unit in store.client.crawl("").products] == [2, 2, 2]


@case(
    ("edits", "stock"),
    [
        ({"data.*.locations.*.available_to_sell": "2"}, 2),
        ({"data.*.locations.*.available_to_sell": 2.5}, 2),
        ({"data.*.locations.*.available_to_sell": None}, 3),
        ({"data.*.identity.variant_id": None}, 3),
        ({"data.*.identity.variant_id": 0, "data.*.locations.*.settings": None}, 3),
        ({"data.*.locations.*.location_enabled": "boolean"}, 3),
    ],
    ids=str,
)
def test_an_odd_inventory_is_read_as_it_is_meant(store: Store, edits: dict[str, Any], stock: int) -> None:
    store.product()
    odd(store, edits, path="/inventory/items")
    unit = store.unit()
    assert unit.stock == store.client.count(unit).units == stock


@case(
    "meta", [None, {}, "", {"pagination": None}, {"pagination": {"total": "3"}}, {"pagination": {"total": -1}}], ids=str
)
def test_a_crawl_ends_whatever_the_store_says_of_its_pages(store: Store, meta: Any) -> None:
    for sku in ("A1", "B1", "C1"):
        store.product(sku)
    odd(store, {"meta": meta})
    assert [unit.sku for unit in store.units()] == ["A1", "B1", "C1"]


def test_a_store_that_shows_the_same_page_for_ever_ends_the_crawl_with_words(store: Store) -> None:
    store.product()
    odd(store, {"meta": {"pagination": {"total": 900}}})
    first = store.client.crawl("")
    assert first.next
    odd(store, {"data": [{"id": 1}]})
    with pytest.raises(TransientStoreError, match="do not lead on"):
        store.client.crawl(first.next)


@case("said", ["", [], "no", {"message": "x"}, None], ids=str)
def test_a_catalogue_that_is_no_list_is_asked_for_again(store: Store, said: Any) -> None:
    store.product()
    odd(store, {"": {"data": said}} if said != [] else {"": said})
    with pytest.raises(TransientStoreError):
        store.client.crawl("")


def test_pages_may_be_small_and_one_product_may_be_left_out(store: Store) -> None:
    made = [store.product(sku) for sku in ("A1", "B1", "C1")]
    client = store.client
    assert isinstance(client, Resizable)
    first = client.crawl("", size=1)
    assert ([unit.sku for unit in first.products], first.total) == (["A1"], 3)
    without = client.skip(first.next or "")
    assert ([one.store_parent_id for one in without.unread], without.products) == ([str(made[1]["id"])], ())
    last = client.crawl(without.next or "", size=1)
    assert ([unit.sku for unit in last.products], last.next) == (["C1"], None)


@case(
    ("said", "shown", "known"),
    [("Used", False, "Used"), ("New", False, None), ("New", True, "New"), ("Refurbished", False, "Refurbished")],
)
def test_a_condition_counts_unless_it_is_the_one_that_bigcommerce_sets_by_itself(
    store: Store, said: str, *, shown: bool, known: str | None
) -> None:
    store.product()
    odd(store, {"data.*.condition": said, "data.*.is_condition_shown": shown})
    assert store.unit().attributes.get("condition") == known


@case(
    "edits",
    [
        {"availability": "disabled"},
        {"availability": "preorder"},
        {"is_visible": False},
        {"variants.*.purchasing_disabled": True},
    ],
    ids=str,
)
def test_what_the_store_does_not_sell_is_not_for_sale(store: Store, edits: dict[str, Any]) -> None:
    store.product()
    odd(store, {f"data.*.{name}": value for name, value in edits.items()})
    assert not store.unit().for_sale


# -- names ---------------------------------------------------------------------------------------------------------


def test_names_that_cannot_be_had_for_a_while_hide_no_stock(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    names._lists.clear()
    now = [1000.0]
    monkeypatch.setattr(clock, "monotonic", lambda: now[0])
    store.product()
    assert store.unit().vendor == "Fender"
    store.control.fault("status", path="/catalog/brands", status=500, page="oops", times=1000)
    assert store.unit().vendor == "Fender"  # known for a while
    now[0] += names.FRESH_S + 1
    with pytest.raises(TransientStoreError):
        store.units()
    now[0] += names.PATIENCE_S
    assert (store.unit().vendor, store.unit().stock) == ("Fender", 3)


# -- orders --------------------------------------------------------------------------------------------------------


@case(
    "edits",
    [
        {"*.quantity": 2.5, "*.price_ex_tax": None, "*.name": "A &amp; B"},
        {"*.quantity": "2.5", "*.sku": None, "*.variant_id": ""},
    ],
    ids=str,
)
def test_an_order_with_odd_lines_is_read(store: Store, edits: dict[str, Any]) -> None:
    made = store.product()
    store.control.ask("POST", "/orders", {"variant_id": made["variants"][0]["id"]})
    odd(store, edits, path=r"/orders/\d+/products")
    [order], _ = store.client.orders(an_hour_ago(), "")
    assert [line.quantity for line in order.lines] == [2]


@case("edits", [{"0.status_id": "new"}, {"0": None}, {"0.id": {}}], ids=str)
def test_an_order_that_cannot_be_read_hides_no_other(store: Store, edits: dict[str, Any]) -> None:
    made = store.product()
    for _ in range(2):
        store.control.ask("POST", "/orders", {"variant_id": made["variants"][0]["id"]})
    odd(store, edits, path="/v2/orders$")
    found, following = store.client.orders(an_hour_ago(), "")
    assert (len(found), following) == (1, None)


@case("date", ["", None, "yesterday", "Mon, 11 Mar 2019 17:22:08 -0000", "2019-03-11T17:22:08Z", {}], ids=str)
def test_an_order_without_a_date_is_read(store: Store, date: Any) -> None:
    made = store.product()
    store.control.ask("POST", "/orders", {"variant_id": made["variants"][0]["id"]})
    odd(store, {"*.date_modified": date}, path="/v2/orders$")
    [order], _ = store.client.orders(an_hour_ago(), "")
    assert order.updated_at.tzinfo is not None


def test_another_order_that_cannot_be_read_does_not_keep_one_from_being_made(store: Store) -> None:
    made = store.product()
    store.control.ask("POST", "/orders", {"variant_id": made["variants"][0]["id"]})
    line = OrderLine("1", store.unit().store_product_id, "A1", "Strat", 1, Decimal("5.00"))
    order = NewOrder("R-9", (line,), "USD", "Bob", None, Decimal(0), Decimal(0))
    store.control.fault("edited", path="/v2/orders$", method="GET", edits={"": [{"id": 1, "external_order_id": None}]})
    assert store.client.create_order(order).reverb_number == "R-9"
    store.control.fault("edited", path="/v2/orders$", method="GET", edits={"": {"error": "slow down"}})
    with pytest.raises(TransientStoreError):
        store.client.create_order(order)
    assert len(store.control.ask("GET", "/orders")) == 2
