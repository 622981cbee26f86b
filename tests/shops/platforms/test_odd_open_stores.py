"""Whatever WooCommerce, Magento or a store of one's own sends in any part of an answer: it is read or a StoreError."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from reverbsync.http.outbound import Answer
from shops.models import StoreConnection
from shops.orders import NewOrder, OrderLine
from shops.platforms.custom import messages, product_messages
from shops.platforms.errors import StoreError, Unreadable
from shops.platforms.magento2 import store_cache
from shops.platforms.magento2.client import Magento2Client
from shops.platforms.woocommerce import webhooks as woo_webhooks
from shops.platforms.woocommerce.client import WooCommerceClient
from shops.snapshots import StoreProduct
from tests.people import snapshot
from tests.shops.platforms.test_odd_stores import ANYTHING, can_be_kept, numbers_alone, searching, spoilt

NOW = datetime(2026, 5, 1, 10, tzinfo=UTC)

# -- WooCommerce ---------------------------------------------------------------------------------------------------

WOO_ITEM = {
    "id": 11,
    "parent_id": 0,
    "name": "Strat",
    "type": "simple",
    "status": "publish",
    "sku": "A1",
    "description": "<p>Nice</p>",
    "short_description": "",
    "price": "5.00",
    "regular_price": "6.00",
    "sale_price": "5.00",
    "date_on_sale_from_gmt": "2026-05-01T10:00:00",
    "date_on_sale_to_gmt": None,
    "date_created_gmt": "2026-05-01T10:00:00",
    "purchasable": True,
    "post_password": "",
    "catalog_visibility": "visible",
    "manage_stock": True,
    "stock_quantity": 3,
    "stock_status": "instock",
    "global_unique_id": "",
    "images": [{"id": 1, "src": "http://a/1.jpg"}],
    "brands": [{"id": 1, "name": "Fender"}],
    "categories": [{"id": 1, "name": "Guitars"}],
    "tags": [{"id": 1, "name": "used"}],
    "attributes": [{"id": 0, "name": "Neck", "options": ["Maple"], "variation": False}],
    "variations": [],
    "meta_data": [{"id": 1, "key": "a", "value": "b"}],
}
WOO_FAMILY = {**WOO_ITEM, "id": 12, "type": "variable", "variations": [21, 22]}
WOO_VARIATION = {**WOO_ITEM, "id": 21, "parent_id": 12, "type": "variation", "manage_stock": "parent", "image": None}
WOO_ORDER = {
    "id": 41,
    "number": "41",
    "status": "processing",
    "date_modified_gmt": "2026-05-01T10:00:00",
    "payment_method": "reverb",
    "transaction_id": "R-9",
    "refunds": [{"id": 5}],
    "line_items": [
        {
            "id": 7,
            "product_id": 11,
            "variation_id": 0,
            "sku": "A1",
            "name": "Strat",
            "quantity": 1,
            "price": 5,
            "meta_data": [{"id": 1, "key": "_reduced_stock", "value": "1"}],
        }
    ],
    "meta_data": [
        {"id": 1, "key": "_reverb_order_number", "value": "R-9"},
        {"id": 2, "key": "_wc_shipment_tracking_items", "value": [{"tracking_id": "1", "tracking_number": "1Z"}]},
    ],
}
REFUND = {"id": 5, "line_items": [{"id": 8, "quantity": -1, "meta_data": [{"key": "_refunded_item_id", "value": "7"}]}]}
PARCEL = {"id": 6, "is_fulfilled": True, "meta_data": [{"key": "_tracking_number", "value": "1Z"}]}
HOOK = {"id": 3, "topic": "product.updated", "status": "active", "delivery_url": "https://us/hook"}
#: Path → what it is answered with when all is well.
WOO: dict[str, Any] = {
    r"/products/\d+/variations\?": [WOO_VARIATION, {**WOO_VARIATION, "id": 22}],
    r"/products/\d+/variations/": WOO_VARIATION,
    r"/products/12": WOO_FAMILY,
    r"/products/": WOO_ITEM,
    r"/products\?": [WOO_ITEM, WOO_FAMILY],
    r"/orders/\d+/refunds": [REFUND],
    r"/orders/\d+/fulfillments": [PARCEL],
    r"/orders/": WOO_ORDER,
    r"/orders": [WOO_ORDER],
    r"/webhooks": [HOOK],
    r"/data/": {"code": "USD"},
}
HEADERS = st.dictionaries(
    st.sampled_from(["X-WP-Total", "X-WP-TotalPages"]), st.sampled_from(["", "0", "1", "2", "99", "x", "-1", "1, 1"])
)


class Oddly:
    """Answers each call as `answers` says, one of them as hypothesis does."""

    def __init__(self, answers: dict[str, Any], odd: tuple[str, Any], headers: dict[str, str]) -> None:
        self._answers, self._odd, self._headers, self._calls = answers, odd, headers, 0

    def __call__(self, method: str, path: str, body: object) -> Answer:
        self._calls += 1
        assert self._calls < 400, "it never ends"
        kind = next(one for one in self._answers if re.match(one, path))
        said = self._odd[1] if kind == self._odd[0] else self._answers[kind]
        if isinstance(said, list) and kind == self._odd[0] and "page=" in path and not re.search(r"\bpage=1\b", path):
            said = said[:1]  # a list that does not end
        return Answer(200, self._headers, json.dumps(said))


def odd_answer(answers: dict[str, Any]) -> st.SearchStrategy[tuple[str, Any]]:
    """Return a path, and an answer near to the right one."""
    return st.sampled_from(sorted(answers)).flatmap(lambda kind: st.tuples(st.just(kind), spoilt(answers[kind])))


def each_is_read_or_an_error(*reads: Callable[[], object]) -> None:
    """Assert that reading raises nothing but a StoreError, and that what is read can be kept."""
    for read in reads:
        try:
            found = read()
        except StoreError:
            continue
        units = getattr(found, "products", found)
        if isinstance(units, list | tuple) and all(isinstance(one, StoreProduct) for one in units):
            can_be_kept(list(units))


def new_order(**changes: Any) -> NewOrder:
    """Return an order to be made."""
    line = OrderLine("1", "11", "A1", "Strat", 1, Decimal("5.00"))
    said = {"buyer": "Bob", "address": None, "shipping": Decimal(0), "tax": Decimal(0), "takes_stock": True, **changes}
    return NewOrder(reverb_number="R-1", currency="USD", lines=(line,), **said)


@searching
@given(odd_answer(WOO), HEADERS)
def test_whatever_woocommerce_answers_to_any_call_is_read_or_an_error(odd: tuple[str, Any], headers: Any) -> None:
    store = StoreConnection(address="https://shop.example.com", token=SecretStr("ck_1:cs_1"), secret=SecretStr("s"))
    unit = snapshot(store_product_id="21", store_parent_id="12", store_stock_id="12", sku="A1")

    def client() -> WooCommerceClient:
        made = WooCommerceClient(store)
        made.send = Oddly(WOO, odd, headers)  # type: ignore[method-assign]
        return made

    each_is_read_or_an_error(
        lambda: client().check(),
        lambda: client().crawl(""),
        lambda: client().crawl("100:11", since=NOW),
        lambda: client().crawl("1", size=2),
        lambda: client().skip("3:11"),
        lambda: client().products("11"),
        lambda: client().products("12"),
        lambda: client().count(unit),
        lambda: client().parent_of_stock("11"),
        lambda: client().orders(NOW, ""),
        lambda: client().order("41"),
        lambda: client().order_products("41"),
        lambda: client().shipments("41"),
        lambda: client().create_order(new_order()),
        lambda: client().cancel_order("41", reverb_number="R-9", gives_back=True, note=""),
        lambda: client().ensure_webhooks("https://us/hook"),
        lambda: client().remove_webhooks("https://us/hook"),
        lambda: client()._sold_since(client().newest(2), unit, pooled=True),
    )


WOO_BODIES: dict[str, Any] = {
    "product.updated": {"id": 21, "parent_id": 12},
    "product.deleted": {"id": 11},
    "order.created": {"id": 41, "line_items": [{"product_id": 11, "variation_id": 0}]},
}


@searching
@given(st.data())
@pytest.mark.parametrize("topic", sorted(WOO_BODIES))
def test_whatever_a_delivery_of_woocommerce_holds_names_numbers_or_is_unreadable(
    topic: str, data: st.DataObject
) -> None:
    try:
        numbers_alone(woo_webhooks.events(topic, json.dumps(data.draw(spoilt(WOO_BODIES[topic]))).encode()))
    except Unreadable:
        return


# -- Magento -------------------------------------------------------------------------------------------------------


def listed(*rows: Any) -> dict[str, Any]:
    """Return a page of a search."""
    return {"items": list(rows), "search_criteria": {}, "total_count": len(rows)}


ITEM = {
    "id": 21,
    "sku": "A1-Red",
    "name": "Strat",
    "price": 5,
    "status": 1,
    "visibility": 1,
    "type_id": "simple",
    "updated_at": "2026-05-01 10:00:00",
    "extension_attributes": {"website_ids": [1], "configurable_product_links": []},
    "media_gallery_entries": [{"id": 1, "media_type": "image", "file": "/a.jpg", "position": 1, "disabled": False}],
    "tier_prices": [{"customer_group_id": 32000, "qty": 1, "value": 4, "extension_attributes": {"website_id": 0}}],
    "custom_attributes": [
        {"attribute_code": "color", "value": "5"},
        {"attribute_code": "category_ids", "value": ["3"]},
        {"attribute_code": "special_price", "value": "3.00"},
        {"attribute_code": "special_to_date", "value": "2026-05-02 00:00:00"},
    ],
}
FAMILY = {
    **ITEM,
    "id": 11,
    "sku": "A1",
    "visibility": 4,
    "type_id": "configurable",
    "extension_attributes": {
        "website_ids": [1],
        "configurable_product_links": [21],
        "configurable_product_options": [{"attribute_id": "93", "label": "Color", "position": 0}],
    },
}
MAGENTO_ORDER = {
    "entity_id": 41,
    "increment_id": "000000041",
    "state": "processing",
    "updated_at": "2026-05-01 10:00:00",
    "customer_email": "reverb-R-9@example.com",
    "quote_id": 9,
    "items": [
        {"item_id": 1, "product_id": 11, "sku": "A1-Red", "qty_ordered": 1, "qty_shipped": 0, "price": 5},
        {"item_id": 2, "parent_item_id": 1, "product_id": 21, "sku": "A1-Red", "qty_ordered": 1},
    ],
    "status_histories": [{"comment": "R-9"}],
}
CONFIG = {"id": 1, "code": "default", "website_id": 1, "base_currency_code": "USD", "timezone": "Europe/Berlin"}
COLOR = {"attribute_id": 93, "attribute_code": "color", "options": [{"label": "Red", "value": "5"}]}
ROW = {"sku": "A1-Red", "source_code": "default", "quantity": 3, "status": 1}
SHIPMENT = {"entity_id": 5, "order_id": 41, "tracks": [{"entity_id": 6, "track_number": "1Z", "title": "UPS"}]}
MAGENTO: dict[str, Any] = {
    r"/products/attributes": listed(COLOR),
    r"/products\?": listed(FAMILY, ITEM),
    r"/categories/list": listed({"id": 3, "name": "Guitars", "level": 2}),
    r"/store/storeConfigs": [CONFIG],
    r"/store/websites": [{"id": 1, "code": "base"}],
    r"/inventory/stock-resolver": {"stock_id": 1},
    r"/inventory/stock-source-links": listed({"stock_id": 1, "source_code": "default", "priority": 1}),
    r"/inventory/sources": listed({"source_code": "default", "enabled": True}),
    r"/inventory/stocks": listed({"stock_id": 1}),
    r"/inventory/export": listed({"sku": "A1-Red", "qty": 3, "is_salable": True}),
    r"/inventory/source-items$": [],
    r"/inventory/source-items": listed(ROW),
    r"/stockItems": {"item_id": 7, "qty": 3, "manage_stock": True, "is_in_stock": True},
    r"/modules": ["Magento_Inventory"],
    r"/orders/\d+/cancel": True,
    r"/orders/\d+/comments": True,
    r"/orders/": MAGENTO_ORDER,
    r"/orders": listed(MAGENTO_ORDER),
    r"/shipments": listed(SHIPMENT),
    r"/guest-carts/\w+/items": {"item_id": 1},
    r"/guest-carts/\w+/estimate": [{"carrier_code": "flatrate", "method_code": "flatrate", "amount": 5}],
    r"/guest-carts/\w+/shipping": {"payment_methods": [{"code": "checkmo"}]},
    r"/guest-carts/\w+/order": 41,
    r"/guest-carts": "cart",
}


@contextmanager
def remembered(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """Let what is remembered of a store be a dict."""
    kept: dict[str, Any] = {}
    with monkeypatch.context() as patch:
        patch.setattr(store_cache, "recall", kept.get)
        patch.setattr(store_cache, "remember", lambda key, value, seconds: kept.update({key: value}))
        patch.setattr(
            store_cache, "recall_all", lambda prefix, names: {n: kept[prefix + n] for n in names if prefix + n in kept}
        )
        patch.setattr(
            store_cache,
            "remember_all",
            lambda prefix, values, seconds: kept.update({prefix + n: v for n, v in values.items()}),
        )
        patch.setattr(store_cache, "claim", lambda key, seconds: True)
        patch.setattr(store_cache, "release", lambda key: kept.pop(key, None))
        yield kept


@searching
@given(odd=odd_answer(MAGENTO))
def test_whatever_magento_answers_to_any_call_is_read_or_an_error(odd: tuple[str, Any]) -> None:
    store = StoreConnection(address="https://shop.example.com", token=SecretStr("a:b:c:d"), currency="USD")
    unit = snapshot(store_product_id="21", store_parent_id="11", store_stock_id="21", sku="A1-Red")
    with pytest.MonkeyPatch.context() as patch, remembered(patch) as kept:

        def client() -> Magento2Client:
            kept.clear()
            made = Magento2Client(store)
            made._rest.send = Oddly(MAGENTO, odd, {})  # type: ignore[method-assign]
            made._rest._send = lambda root, *call: made._rest.send(*call)  # type: ignore[method-assign]
            return made

        each_is_read_or_an_error(
            lambda: client().check(),
            lambda: client().crawl(""),
            lambda: client().crawl("20", since=NOW),
            lambda: client().crawl("orders:3", since=NOW),
            lambda: client().skip("3"),
            lambda: client().products("11"),
            lambda: client().products("21"),
            lambda: client().take_stock([unit]),
            lambda: client().count(unit),
            lambda: client().adjust(unit, client().count(unit), by=-1, reference="r"),
            lambda: client().parent_of_stock("21"),
            lambda: client().orders(NOW, ""),
            lambda: client().order("41"),
            lambda: client().order_products("41"),
            lambda: client().shipments("41"),
            lambda: client().create_order(new_order()),
            lambda: client().create_order(new_order(takes_stock=False)),
            lambda: client().cancel_order("41", reverb_number="R-9", gives_back=True, note=""),
            lambda: client().cancel_order("41", reverb_number="R-9", gives_back=False, note=""),
        )


# -- a store of one's own ------------------------------------------------------------------------------------------

STAMP = "2026-05-01T10:00:00Z"
PUSHED: dict[str, Any] = {
    "product.updated": {
        "id": "1",
        "updated_at": STAMP,
        "title": "Strat",
        "currency": "USD",
        "tags": ["used"],
        "attributes": {"Neck": "Maple"},
        "photos": ["https://a/1.jpg"],
        "variants": [{"id": "10", "sku": "A1", "price": "5.00", "stock": 3, "options": {"Color": "Red"}}],
    },
    "product.deleted": {"id": "1", "updated_at": STAMP},
    "stock.updated": {"product_id": "1", "updated_at": STAMP, "items": [{"variant_id": "10", "stock": 3}]},
    "catalogue.complete": {"updated_at": STAMP, "ids": ["1"]},
    "order.updated": {
        "id": "5",
        "updated_at": STAMP,
        "status": "open",
        "lines": [{"id": "1", "product_id": "1", "variant_id": "10", "quantity": 1, "price": "5.00"}],
        "shipments": [{"id": "1", "tracking_number": "1Z"}],
    },
}


@searching
@given(st.data())
@pytest.mark.parametrize("kind", sorted(PUSHED))
def test_whatever_a_message_of_a_store_of_ones_own_holds_is_read_or_unreadable(kind: str, data: st.DataObject) -> None:
    body = json.dumps({"type": kind, "data": data.draw(spoilt(PUSHED[kind]))}).encode()
    try:
        pushed = messages.read(body)
    except Unreadable:
        return
    match pushed:
        case product_messages.Product():
            can_be_kept(product_messages.units(pushed))
            json.dumps(pushed.model_dump(mode="json")).encode()
        case messages.Order():
            json.dumps(pushed.model_dump(mode="json")).encode()
            messages.order(pushed)
            messages.shipments(pushed)


@searching
@given(spoilt({"stock": 3, "updated_at": STAMP}) | ANYTHING)
def test_whatever_it_answers_to_a_change_of_stock_is_a_stock_or_none(said: Any) -> None:
    found = product_messages.adjusted(said)
    assert found is None or isinstance(found.stock, int)
