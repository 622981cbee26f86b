"""Whatever Shopify or BigCommerce sends in any part of an answer: it is read or left out, and the next one is read.

No reader raises anything but StoreError, and what it returns can be kept as JSON.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shops.events import Event
from shops.platforms.bigcommerce import inventory, rest
from shops.platforms.bigcommerce import orders as bc_orders
from shops.platforms.bigcommerce import products as bc_products
from shops.platforms.bigcommerce import webhooks as bc_webhooks
from shops.platforms.bigcommerce.rest import Rows
from shops.platforms.errors import StoreError, Unreadable
from shops.platforms.shopify import bulk_rows, connections, graphql_errors, locations, product_pages
from shops.platforms.shopify import orders as shopify_orders
from shops.platforms.shopify import products as shopify_products
from shops.platforms.shopify import webhooks as shopify_webhooks
from shops.platforms.shopify.locations import LevelLocations
from shops.schemas import MOST_UNITS
from shops.snapshots import StoreProduct

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=20)
    | st.sampled_from(["", "0", "2.5", "1e400", "NaN", "null", "\0", "\ud800", "&amp;", "x" * 50_000, 10**400, -1])
)
ANYTHING = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
searching = settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)

SHOPIFY = {
    "legacyResourceId": "11",
    "title": "Strat",
    "descriptionHtml": "<p>Nice</p>",
    "vendor": "Fender",
    "productType": "Guitars",
    "tags": ["used"],
    "status": "ACTIVE",
    "collections": {"pageInfo": {"hasNextPage": False}, "nodes": [{"title": "All"}]},
    "metafields": {"pageInfo": {"hasNextPage": False}, "nodes": [{"namespace": "a", "key": "b", "value": "c"}]},
    "media": {"nodes": [{"image": {"url": "http://a/1.jpg"}}]},
    "variants": {
        "pageInfo": {"hasNextPage": False, "endCursor": None},
        "nodes": [
            {
                "legacyResourceId": "21",
                "title": "Red",
                "sku": "A1",
                "barcode": "1",
                "price": "5.00",
                "inventoryQuantity": 3,
                "selectedOptions": [{"name": "Color", "value": "Red"}],
                "media": {"nodes": [{"image": {"url": "http://a/2.jpg"}}]},
                "inventoryItem": {"legacyResourceId": "31", "tracked": True, "at0": {"quantities": [{"quantity": 1}]}},
            }
        ],
    },
}
SHOPIFY_ORDER = {
    "legacyResourceId": "41",
    "name": "#1",
    "updatedAt": "2026-05-01T10:00:00Z",
    "cancelledAt": None,
    "displayFinancialStatus": "PAID",
    "displayFulfillmentStatus": "UNFULFILLED",
    "sourceIdentifier": "R-1",
    "lineItems": {
        "nodes": [
            {
                "id": "gid://shopify/LineItem/1",
                "title": "Strat",
                "sku": "A1",
                "quantity": 1,
                "currentQuantity": 1,
                "originalUnitPriceSet": {"shopMoney": {"amount": "5.00"}},
                "variant": {"legacyResourceId": "21"},
                "product": {"legacyResourceId": "11"},
            }
        ]
    },
    "fulfillments": [
        {"legacyResourceId": "5", "status": "SUCCESS", "trackingInfo": [{"number": "1Z", "company": "UPS"}]}
    ],
}
LEVELS = {
    "tracked": True,
    "variants": {"nodes": [{"inventoryQuantity": 3}]},
    "inventoryLevels": {
        "nodes": [
            {
                "isActive": True,
                "location": {"id": "gid://shopify/Location/1", "isActive": True, "fulfillsOnlineOrders": True},
                "quantities": [{"quantity": 3}],
            }
        ]
    },
}
BIGCOMMERCE = {
    "id": 101,
    "name": "Strat",
    "description": "<p>Nice</p>",
    "price": 5,
    "sale_price": 0,
    "brand_id": 7,
    "categories": [8],
    "inventory_level": 3,
    "inventory_tracking": "variant",
    "is_visible": True,
    "availability": "available",
    "upc": "",
    "gtin": "",
    "search_keywords": "a,b",
    "condition": "New",
    "images": [{"url_zoom": "http://a/1.jpg", "is_thumbnail": True, "sort_order": 0}],
    "variants": [
        {
            "id": 201,
            "sku": "A1",
            "price": None,
            "sale_price": None,
            "upc": "",
            "gtin": "",
            "inventory_level": 3,
            "image_url": "",
            "purchasing_disabled": False,
            "option_values": [{"option_display_name": "Color", "label": "Red"}],
        }
    ],
    "custom_fields": [{"name": "Year", "value": "1979"}],
}
ITEM = {
    "identity": {"sku": "A1", "variant_id": 201, "product_id": 101},
    "locations": [
        {
            "location_id": 1,
            "location_enabled": True,
            "available_to_sell": 3,
            "total_inventory_onhand": 3,
            "settings": {"safety_stock": 0, "is_in_stock": True},
        }
    ],
}
BC_ORDER = {"id": 1, "status_id": 11, "date_modified": "Mon, 11 Mar 2019 17:22:08 +0000", "external_order_id": "R-1"}
BC_LINE = {
    "id": 1,
    "product_id": 101,
    "variant_id": 201,
    "sku": "A1",
    "name": "Strat",
    "quantity": 1,
    "price_ex_tax": "5.0",
}
PARCEL = {"id": 1, "order_id": 2, "tracking_number": "1Z", "shipping_provider": "ups", "tracking_link": "http://a"}


def paths(doc: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Return the path of every value in a document."""
    yield path
    rows = doc.items() if isinstance(doc, dict) else enumerate(doc) if isinstance(doc, list) else ()
    for key, value in rows:
        yield from paths(value, (*path, key))


@st.composite
def spoilt(draw: st.DrawFn, doc: Any) -> Any:
    """Return a document in which some values are others, or are missing."""
    made = copy.deepcopy(doc)
    for path in draw(st.lists(st.sampled_from(list(paths(doc))), min_size=1, max_size=3)):
        value = draw(ANYTHING)
        if not path:
            return value
        parent = made
        for key in path[:-1]:
            try:
                parent = parent[key]
            except (KeyError, IndexError, TypeError):
                break
        if isinstance(parent, dict):
            if draw(st.booleans()):
                parent[path[-1]] = value
            else:
                parent.pop(path[-1], None)
        elif isinstance(parent, list) and isinstance(path[-1], int) and path[-1] < len(parent):
            parent[path[-1]] = value
    return made


def can_be_kept(units: list[StoreProduct]) -> None:
    """Assert that what was read can be kept."""
    for one in units:
        json.dumps(one.to_json()).encode()
        assert one.stock is None or abs(one.stock) <= 2 * MOST_UNITS
        assert one.store_product_id
        assert one.store_parent_id


# -- Shopify -------------------------------------------------------------------------------------------------------


@searching
@given(spoilt(SHOPIFY))
def test_whatever_a_product_of_shopify_holds_the_next_one_is_read(row: Any) -> None:
    data = {"shop": {"currencyCode": "USD"}, "products": {"nodes": [row, {**SHOPIFY, "legacyResourceId": "12"}]}}
    wanted = LevelLocations(("gid://shopify/Location/2",))
    found = product_pages.read_page(data, {}, admin="https://s/admin", wanted=wanted)
    can_be_kept(found.units)
    assert found.units[-1].store_parent_id == "12"
    assert len(found.units) + len(found.unread) + len(found.cut_short) >= 2


@searching
@given(spoilt({"shop": {"currencyCode": "USD"}, "product": SHOPIFY}))
def test_whatever_is_answered_about_a_product_of_shopify_is_read_or_an_error(data: Any) -> None:
    if not isinstance(data, dict):
        return
    try:
        part = product_pages.part(data)
        if part is None:
            assert data["product"] is None
            return
        whole, _ = product_pages.joined(None, part)
        units, _ = shopify_products.reader(data, admin="", wanted=locations.TOTAL_ALONE).units(whole)
    except StoreError:
        return
    can_be_kept(units)


@searching
@given(spoilt(LEVELS))
def test_whatever_an_inventory_of_shopify_holds_is_counted_or_an_error(item: Any) -> None:
    try:
        levels = connections.nodes(item.get("inventoryLevels")) if isinstance(item, dict) else []
        count = locations.count(item, levels, LevelLocations(("gid://shopify/Location/2",)))
    except StoreError:
        return
    assert count.units is None or abs(count.units) <= 4 * MOST_UNITS


@searching
@given(spoilt(SHOPIFY_ORDER))
def test_whatever_an_order_of_shopify_holds_is_read_or_an_error(row: Any) -> None:
    for read in (
        lambda: shopify_orders.read(row, admin=""),
        lambda: shopify_orders.is_for(row, "R-1"),
        lambda: shopify_orders.product_ids({"order": row}),
        lambda: shopify_orders.shipments("41", {"order": row}),
    ):
        try:
            read()
        except StoreError:
            continue


@searching
@given(
    st.lists(
        spoilt({**SHOPIFY, "id": "gid://shopify/Product/11", "variantsCount": {"count": 0}}) | ANYTHING, max_size=4
    )
)
def test_whatever_a_file_of_shopifys_holds_is_read_or_left_out(rows: list[Any]) -> None:
    lines = [json.dumps(row).encode() for row in rows]
    reader = shopify_products.reader({"shop": {"currencyCode": "USD"}}, admin="", wanted=locations.TOTAL_ALONE)
    deep = b'{"a":' * 100_000
    can_be_kept(bulk_rows.products_in([*lines, b"{cut", deep, b""], reader).units)


@searching
@given(ANYTHING, ANYTHING)
def test_whatever_shopify_calls_an_error_has_words_and_no_cost_breaks_the_rate_limiter(errors: Any, cost: Any) -> None:
    assert isinstance(graphql_errors.words_of(graphql_errors.error_rows(errors)), str)
    graphql_errors.odd_rows({"products": {}}, errors)
    assert graphql_errors.refilled_s({"extensions": {"cost": cost}}, leaves=0.5) >= 0
    status = {"requestedQueryCost": cost, "throttleStatus": {"maximumAvailable": cost, "currentlyAvailable": 1}}
    assert graphql_errors.refilled_s({"extensions": {"cost": status}}, leaves=0.5) >= 0


# -- BigCommerce ---------------------------------------------------------------------------------------------------


@searching
@given(spoilt(BIGCOMMERCE), spoilt(ITEM))
def test_whatever_a_product_of_bigcommerce_holds_it_is_read_or_an_error(row: Any, item: Any) -> None:
    stock = inventory.Stock(inventory.Inventory.__new__(inventory.Inventory), Rows([item], whole=True))
    stock._inventory._locations, stock._inventory._has_read = None, True
    try:
        product = bc_products.read(row)
        units, _ = bc_products.Reader("USD", brands={}, categories={}, admin="", stock=stock.units).units(product)
    except StoreError:
        return
    can_be_kept(units)


@searching
@given(spoilt(BC_ORDER), spoilt(BC_LINE), spoilt(PARCEL))
def test_whatever_an_order_of_bigcommerce_holds_is_read_or_an_error(order: Any, line: Any, parcel: Any) -> None:
    for read in (
        lambda: bc_orders.store_order(bc_orders.read_order(order), [bc_orders.read_line(line)], admin=""),
        lambda: bc_orders.is_for(order, "R-1"),
        lambda: bc_orders.shipments([parcel, PARCEL]),
    ):
        try:
            read()
        except StoreError:
            continue


@searching
@given(ANYTHING, st.integers(100, 599))
def test_whatever_bigcommerce_answers_has_an_outcome(said: Any, status: int) -> None:
    caller = rest.Rest.__new__(rest.Rest)
    caller.own_words(status, said)
    assert isinstance(caller.words(said), str)
    for path in ("/v3/x", "/v2/x"):
        try:
            rest._rows(said, path)
        except StoreError:
            continue
    rest._total(said)


# -- deliveries ----------------------------------------------------------------------------------------------------

BODIES = {
    "store/sku/inventory/updated": {"type": "sku", "id": 1, "inventory": {"product_id": 2, "variant_id": 1}},
    "store/shipment/created": {"type": "shipment", "id": 1, "orderId": 2},
    "store/order/created": {"type": "order", "id": 1},
    "store/product/deleted": {"type": "product", "id": 1},
}
SHOPIFY_BODIES = {
    "products/update": {"id": 1, "admin_graphql_api_id": "gid://shopify/Product/1"},
    "products/delete": {"id": 1},
    "inventory_levels/update": {"inventory_item_id": 1},
    "orders/create": {"line_items": [{"product_id": 1}]},
    "refunds/create": {"refund_line_items": [{"line_item": {"product_id": 1}}]},
    "customers/redact": {"customer": {"id": 1}, "orders_to_redact": [1]},
}


def numbers_alone(events: list[Event] | None) -> None:
    """Assert that whatever an event names is a number, as all ids of these platforms are."""
    for event in events or []:
        for value in vars(event).values():
            for one in value if isinstance(value, tuple) else () if isinstance(value, bool) else (value,):
                assert one == "" or (one.isascii() and one.isdigit() and len(one) <= 20), event


@searching
@given(st.data())
@pytest.mark.parametrize("topic", sorted(BODIES))
def test_whatever_a_delivery_of_bigcommerce_holds_names_numbers_or_is_unreadable(
    topic: str, data: st.DataObject
) -> None:
    body = json.dumps(data.draw(spoilt({"data": BODIES[topic]}))).encode()
    try:
        numbers_alone(bc_webhooks.events(topic, body))
    except Unreadable:
        return


@searching
@given(st.data())
@pytest.mark.parametrize("topic", sorted(SHOPIFY_BODIES))
def test_whatever_a_delivery_of_shopify_holds_names_numbers_or_is_unreadable(topic: str, data: st.DataObject) -> None:
    body = json.dumps(data.draw(spoilt(SHOPIFY_BODIES[topic]))).encode()
    try:
        numbers_alone(shopify_webhooks.events(topic, body))
    except Unreadable:
        return
