"""Odd answers of Magento: what is readable is read, and what is no answer decides nothing."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import SecretStr

from reverbsync.http.outbound import Answer
from shops.models import StoreConnection
from shops.orders import OrderStatus
from shops.platforms.answers import CallOutcome, judge
from shops.platforms.errors import Malformed, StoreAuthError, TransientStoreError
from shops.platforms.magento2 import items, prices, sources
from shops.platforms.magento2.client import Magento2Client
from shops.platforms.magento2.prices import Tier
from shops.platforms.magento2.rest import Rest
from shops.platforms.magento2.sources import SourceItem
from tests.shops.platforms.conftest import Store

only = pytest.mark.parametrize("store", ["magento2"], indirect=True)
FAMILY = [
    {"sku": f"C-{name}", "price": "250.00", "inventory_quantity": 3, "options": {"Color": name}}
    for name in ("Red", "Blue")
]


# -- what an answer means ------------------------------------------------------------------------------------------

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


# -- where it is ---------------------------------------------------------------------------------------------------


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


# -- odd products --------------------------------------------------------------------------------------------------

SHAPES: dict[str, Any] = {
    "custom_attributes": {"description": "<p>Nice</p>", "manufacturer": {}, "special_price": "99"},
    "media_gallery_entries": None,
    "extension_attributes": [],
    "tier_prices": "",
    "name": None,
    "price": None,
}


@only
@pytest.mark.parametrize("field", sorted(SHAPES))
def test_an_odd_field_hides_neither_stock_nor_the_next_product(store: Store, field: str) -> None:
    store.product("A1")
    store.product("B1")
    store.control.fault("edited", path="/products$", times=9, edits={f"items.[sku=A1].{field}": SHAPES[field]})
    found = {unit.sku: unit for unit in store.client.crawl("").products}
    assert (found["A1"].stock, found["B1"].stock, found["B1"].price) == (3, 3, Decimal("849.90"))
    if field == "custom_attributes":
        assert (found["A1"].description, found["A1"].price) == ("<p>Nice</p>", Decimal("99.00"))
    if field == "price":
        assert found["A1"].price == 0


@only
@pytest.mark.parametrize(
    "edits",
    [
        {"items.[sku=A1].sku": None},
        {"items.[sku=A1].status": "on"},
        {"items.[sku=A1].visibility": {}},
        {"items.[sku=A1].type_id": 7},
        {"items.[sku=A1].extension_attributes": {"website_ids": "all"}},
        {"items.[sku=A1]": "A1"},
    ],
)
def test_a_product_that_cannot_be_read_is_left_out_and_the_others_are_taken(
    store: Store, edits: dict[str, Any]
) -> None:
    store.product("A1")
    store.product("B1")
    store.control.fault("edited", path="/products$", times=9, edits=edits)
    page = store.client.crawl("")
    assert [one.sku for one in page.products] == ["B1"]
    assert len(page.unread) == 1
    assert page.next is None


@only
@pytest.mark.parametrize("value", [[], None, {"website_ids": [1]}, {"configurable_product_links": "7"}])
def test_a_family_whose_children_cannot_be_read_keeps_them_on_sale(store: Store, value: Any) -> None:
    store.product("B1")
    family = store.product(variants=FAMILY)
    before = {unit.sku: unit for unit in store.units()}
    edits = {f"items.[id={family['id']}].extension_attributes": value}
    store.control.fault("edited", path="/products$", times=99, edits=edits)
    store.control.ask("POST", "/clock", {"advance_s": 7200})
    page = store.client.crawl("")
    assert str(family["id"]) not in page.whole_parents
    for unit in page.products:
        assert (unit.for_sale, unit.store_parent_id) == (True, before[unit.sku].store_parent_id)
    with pytest.raises(Malformed):
        store.client.products(str(family["id"]))


@only
@pytest.mark.parametrize("total", ["3", None, 0, "many"])
def test_a_total_that_is_odd_or_missing_ends_no_crawl_too_soon(store: Store, total: Any) -> None:
    for number in range(3):
        store.product(f"A{number}")
    store.control.fault("edited", path="/products$", times=99, edits={"total_count": total})
    client, cursor, seen = store.client, "", []
    assert isinstance(client, Magento2Client)
    for _ in range(9):
        page = client.crawl(cursor, size=1)
        seen += [unit.sku for unit in page.products]
        if page.next is None:
            break
        cursor = page.next
    assert seen == ["A0", "A1", "A2"]


@only
def test_a_page_that_leads_nowhere_does_not_crawl_for_ever(store: Store) -> None:
    store.product("A1")
    store.product("B1")
    client = store.client
    assert isinstance(client, Magento2Client)
    first = client.crawl("", size=1)
    assert first.next is not None
    store.control.fault("edited", path="/products$", edits={"items.0.id": 1, "total_count": 9})
    with pytest.raises(TransientStoreError, match="does not go on"):
        client.crawl(first.next, size=1)


@only
def test_a_product_that_is_too_large_is_left_out_by_its_id(store: Store) -> None:
    store.product("A1")
    store.product("B1")
    client = store.client
    assert isinstance(client, Magento2Client)
    [first, second] = [unit.store_product_id for unit in store.units()]
    page = client.skip("")
    assert ([one.store_parent_id for one in page.unread], page.next) == ([first], first)
    assert [one.store_parent_id for one in client.skip(first).unread] == [second]


@only
def test_labels_lose_their_entities_and_the_deepest_category_counts(store: Store) -> None:
    store.product(
        title="Peavey &amp; Co",
        vendor="G&amp;L",
        product_type="Solid Body &amp; more",
        collections=["Electric Guitars", "New &amp; used"],
    )
    unit = store.unit()
    assert (unit.title, unit.vendor, unit.product_type) == ("Peavey & Co", "G&L", "Solid Body & more")
    assert set(unit.collections) == {"Electric Guitars", "New & used", "Solid Body & more"}


@only
def test_one_odd_order_hides_no_other(store: Store) -> None:
    made = store.product()
    orders = [store.control.ask("POST", "/orders", {"variant_id": made["variants"][0]["id"]}) for _ in range(3)]
    edits = {
        "items.0.items": None,
        "items.1.items": {"0": {"item_id": 5, "qty_ordered": "2.5", "price": None, "product_id": None}},
        "items.2.entity_id": {},
    }
    store.control.fault("edited", path="/orders$", edits=edits)
    found, following = store.client.orders(datetime.now(UTC) - timedelta(hours=1), "")
    assert [one.id for one in found] == [str(orders[0]["id"]), str(orders[1]["id"])]
    assert [line.quantity for line in found[1].lines] == [2]
    assert following is None


def test_everything_that_a_real_answer_holds_is_read_as_it_was_meant() -> None:
    """Shapes of Magento 2.4.7, shortened."""
    item = items.read(
        {
            "id": 22,
            "sku": "TIER-1",
            "name": "Tier",
            "price": 312,
            "status": 1,
            "visibility": 4,
            "type_id": "simple",
            "extension_attributes": {"website_ids": [1], "category_links": [{"position": 0, "category_id": "3"}]},
            "options": [],
            "media_gallery_entries": [
                {"id": 4, "media_type": "image", "label": "x", "position": 2, "disabled": False, "file": "/p/_/b.png"},
                {"id": 5, "media_type": "image", "position": 1, "disabled": True, "file": "/p/_/c.png"},
                {"id": 6, "media_type": "external-video", "position": 1, "disabled": False, "file": "/p/_/d.png"},
                {"id": 7, "media_type": "image", "position": 1, "disabled": False, "file": "/p/_/a.png"},
            ],
            "tier_prices": [
                {"customer_group_id": 32000, "qty": 1, "value": 77, "extension_attributes": {"website_id": 0}}
            ],
            "custom_attributes": [
                {"attribute_code": "swatch_image", "value": "no_selection"},
                {"attribute_code": "category_ids", "value": ["2", "3"]},
            ],
        }
    )
    assert item.categories == ["2", "3"]
    assert item.photos == ["/p/_/a.png", "/p/_/b.png"]
    assert item.tier_prices[0].value == 77


# -- prices --------------------------------------------------------------------------------------------------------

CHICAGO = ZoneInfo("America/Chicago")


def paid(special: str = "", begins: str = "", ends: str = "", *tiers: dict[str, Any], at: datetime) -> Decimal:
    """Return what a visitor of website 1 pays for a product of 500."""
    rows = [Tier.model_validate(one) for one in tiers]
    return prices.price(Decimal("500.00"), special, begins, ends, rows, website=1, now=at)


@pytest.mark.parametrize(
    ("at", "price"),
    [
        (datetime(2026, 11, 27, 23, 59, tzinfo=CHICAGO), 500),
        (datetime(2026, 11, 28, 0, 0, tzinfo=CHICAGO), 400),
        (datetime(2026, 11, 30, 23, 59, 59, tzinfo=CHICAGO), 400),
        (datetime(2026, 12, 1, 0, 0, tzinfo=CHICAGO), 500),
    ],
)
def test_a_special_price_holds_for_the_days_of_the_stores_own_clock(at: datetime, price: int) -> None:
    assert paid("400.0000", "2026-11-28 00:00:00", "2026-11-30 00:00:00", at=at) == price


def test_the_next_date_of_a_special_price_is_named() -> None:
    dates = ("400", "2026-11-28 00:00:00", "2026-11-30 00:00:00")
    before, within = datetime(2026, 11, 1, tzinfo=CHICAGO), datetime(2026, 11, 29, tzinfo=CHICAGO)
    assert prices.changes_at(*dates, now=before) == datetime(2026, 11, 28, 6, tzinfo=UTC)
    assert prices.changes_at(*dates, now=within) == datetime(2026, 12, 1, 6, tzinfo=UTC)
    assert prices.changes_at(*dates, now=within + timedelta(days=9)) is None
    assert prices.changes_at("", *dates[1:], now=before) is None


@pytest.mark.parametrize(
    ("tier", "price"),
    [
        ({"customer_group_id": 32000, "qty": 1, "value": 77}, 77),
        ({"customer_group_id": 0, "qty": 1, "value": 77, "extension_attributes": {"website_id": 1}}, 77),
        ({"customer_group_id": 32000, "qty": 5, "value": 66}, 500),
        ({"customer_group_id": 3, "qty": 1, "value": 66}, 500),
        ({"customer_group_id": 32000, "qty": 1, "value": 66, "extension_attributes": {"website_id": 2}}, 500),
        ({"customer_group_id": 32000, "qty": 1, "value": 0}, 500),
    ],
)
def test_a_tier_price_for_everybody_counts_from_one_unit_on(tier: dict[str, Any], price: int) -> None:
    assert paid("", "", "", tier, at=datetime(2026, 11, 28, tzinfo=CHICAGO)) == price


@pytest.mark.parametrize("special", ["", "0", "0.0000", "-5", "NaN", "free", "600"])
def test_a_special_price_that_is_none_leaves_the_usual_one(special: str) -> None:
    assert paid(special, at=datetime(2026, 11, 28, tzinfo=CHICAGO)) == 500


@pytest.mark.parametrize("day", ["soon", "0000-00-00 00:00:00", "9999-12-31 00:00:00"])
def test_a_date_that_is_none_ends_no_special_price(day: str) -> None:
    assert paid("400", "", day, at=datetime(2026, 11, 28, tzinfo=CHICAGO)) == 400


@only
def test_a_special_price_follows_the_zone_that_the_store_names(store: Store) -> None:
    store.product()
    today = datetime.now(ZoneInfo("Pacific/Kiritimati")).date().isoformat()  # a day ahead of UTC for most of the day
    custom = {
        "special_price": "99.00",
        "special_from_date": f"{today} 00:00:00",
        "special_to_date": f"{today} 00:00:00",
    }
    store.control.ask("PUT", "/entities/A1", {"custom": custom})
    for zone, price in (("Pacific/Kiritimati", "99.00"), ("Pacific/Pago_Pago", "849.90")):
        store.control.ask("POST", "/shops", {"domain": store.stand_in.domain, "timezone": zone})
        client = store.client
        client.check()  # reads the settings again
        [unit] = client.crawl("").products
        assert (unit.price, unit.changes_at is None) == (Decimal(price), False)


# -- small rules ---------------------------------------------------------------------------------------------------


def test_fractions_of_a_source_are_left_where_they_are() -> None:
    items = [SourceItem("east", "A1", 2.5), SourceItem("west", "A1", 0.5)]
    assert sources.taken(items, 2) == [SourceItem("east", "A1", 0.5)]
    assert sources.taken(items, 3) == [SourceItem("east", "A1", 0.5)]
