"""Interpret Shopify's deliveries: signature, headers, and the events of each topic. Pure functions.

Facts: shopify.dev "Verify webhook deliveries" (HMAC, the webhook id as idempotency key) and "Delivery structure".
Bodies are REST-shaped and assembled when sent, so they only say which products to read.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

from pydantic import BeforeValidator, ValidationError

from shops.events import (
    AppRemoved,
    CustomerDataRequested,
    CustomerForgotten,
    Event,
    OrderChanged,
    ProductChanged,
    ProductDeleted,
    ShopForgotten,
    StockChanged,
)
from shops.platforms.errors import BadSignature, Unreadable
from shops.platforms.values import Envelope
from shops.schemas import Number, Part, Side, SideRows


class _Product(Part):
    id: Number
    admin_graphql_api_id: Side[str] = ""

    @property
    def exact_id(self) -> str:
        """Return the id from the gid if there is one: some senders round large integers."""
        found = re.fullmatch(r"gid://shopify/Product/([0-9]{1,20})", self.admin_graphql_api_id)
        return found[1] if found else self.id


class _Level(Part):
    inventory_item_id: Number


def _objects(rows: Any) -> Any:
    """Leave out rows that are not objects; a value that is not a list makes the delivery unreadable."""
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else rows


class _Line(Part):
    product_id: Side[Number | None] = None


class _Order(Part):
    line_items: Annotated[list[_Line], BeforeValidator(_objects)] = []


class _RefundLine(Part):
    line_item: Side[_Line] = _Line()


class _Refund(Part):
    refund_line_items: Annotated[list[_RefundLine], BeforeValidator(_objects)] = []


def _changed(body: bytes) -> list[Event]:
    return [ProductChanged(_Product.model_validate_json(body).exact_id)]


def _deleted(body: bytes) -> list[Event]:
    return [ProductDeleted(_Product.model_validate_json(body).exact_id)]


def _counted(body: bytes) -> list[Event]:
    return [StockChanged(_Level.model_validate_json(body).inventory_item_id)]


def _ordered(body: bytes) -> list[Event]:
    return _look_at(_Order.model_validate_json(body).line_items)


def _refunded(body: bytes) -> list[Event]:
    return _look_at([line.line_item for line in _Refund.model_validate_json(body).refund_line_items])


def _shipped(body: bytes) -> list[Event]:
    number = _Fulfillment.model_validate_json(body).order_id
    return [OrderChanged(number, products_reported=True)] if number else []


def _look_at(lines: list[_Line]) -> list[Event]:
    ids = dict.fromkeys(line.product_id for line in lines if line.product_id)
    return [ProductChanged(product_id) for product_id in ids if product_id]


class _Fulfillment(Part):
    order_id: Side[Number | None] = None


class _Customer(Part):
    id: Side[Number | None] = None


class _Privacy(Part):
    customer: Side[_Customer] = _Customer()
    orders_requested: SideRows[Number] = []
    orders_to_redact: SideRows[Number] = []


def _data_request(body: bytes) -> list[Event]:
    payload = _Privacy.model_validate_json(body)
    return [CustomerDataRequested(payload.customer.id or "", tuple(payload.orders_requested))]


def _customer_forgotten(body: bytes) -> list[Event]:
    payload = _Privacy.model_validate_json(body)
    return [CustomerForgotten(payload.customer.id or "", tuple(payload.orders_to_redact))]


def _shop_forgotten(body: bytes) -> list[Event]:
    return [ShopForgotten()]


def _removed(body: bytes) -> list[Event]:
    return [AppRemoved()]


#: Topic → function that returns its body's events.
TOPICS: dict[str, Callable[[bytes], list[Event]]] = {
    "products/create": _changed,
    "products/update": _changed,
    "products/delete": _deleted,
    "inventory_levels/update": _counted,
    "orders/create": _ordered,
    "orders/cancelled": _ordered,
    "refunds/create": _refunded,
    "fulfillments/create": _shipped,
    "fulfillments/update": _shipped,
    "app/uninstalled": _removed,
}


#: Sent to the app's own address, not to one shop's (shopify.dev "Privacy law compliance").
APP_TOPICS: dict[str, Callable[[bytes], list[Event]]] = {
    "customers/data_request": _data_request,
    "customers/redact": _customer_forgotten,
    "shop/redact": _shop_forgotten,
}
#: Topics that may report a sale.
SALES = ("inventory_levels/update", "orders/create", "orders/cancelled", "refunds/create")
#: Topics whose bodies contain names and addresses.
PERSONAL = (
    *("orders/create", "orders/cancelled", "refunds/create", "fulfillments/create", "fulfillments/update"),
    *("customers/data_request", "customers/redact"),
)


def verify(body: bytes, headers: Mapping[str, str], secrets: Sequence[str]) -> None:
    """Raise BadSignature unless X-Shopify-Hmac-Sha256 is the base64 HMAC-SHA256 of the raw body by one of the secrets.

    There may be two: after a change of the client secret, the former one still signs for an hour.
    """
    given = headers.get("X-Shopify-Hmac-Sha256", "").encode("ascii", errors="replace")
    digests = [base64.b64encode(hmac.new(key.encode(), body, hashlib.sha256).digest()) for key in secrets if key]
    if not any([hmac.compare_digest(digest, given) for digest in digests]):  # noqa: C419 -- all are compared
        raise BadSignature


def envelope(headers: Mapping[str, str]) -> Envelope:
    """Return the delivery id, which a redelivery repeats, and the topic."""
    return Envelope(headers.get("X-Shopify-Webhook-Id", "")[:200], headers.get("X-Shopify-Topic", "")[:100])


def events(topic: str, body: bytes) -> list[Event] | None:
    """Return the events of a delivery, None for an unknown topic. Raise Unreadable."""
    read = TOPICS.get(topic) or APP_TOPICS.get(topic)
    if read is None:
        return None
    try:
        return read(body)
    except ValidationError as error:
        where = ", ".join(".".join(map(str, problem["loc"])) or "body" for problem in error.errors())
        raise Unreadable(f"The body of {topic} cannot be read: {where}") from None
