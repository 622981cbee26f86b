"""Interpret WooCommerce's deliveries: signature, headers, and the events of each topic. Pure functions.

Facts: WooCommerce 11 as seen on a real store. The body escapes slashes, so the raw bytes are signed. A delivery is
tried once; the ping on creation is an unsigned form with only the webhook's number.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError

from shops.events import Event, OrderChanged, ProductChanged, ProductDeleted
from shops.platforms.errors import BadSignature, Unreadable
from shops.platforms.values import Envelope
from shops.platforms.woocommerce.fields import Id, Reference
from shops.schema_text import object_of
from shops.schemas import Part, SideRows

_PING = re.compile(rb"webhook_id=\d{1,20}")


class _Product(Part):
    id: Id
    parent_id: Reference = ""


class _Line(Part):
    product_id: Reference = ""


class _Order(Part):
    id: Reference = ""
    line_items: SideRows[_Line] = []


def _changed(said: Any) -> list[Event]:
    """Return the event of a product; a changed variation is delivered with its own body."""
    product = _Product.model_validate(said)
    return [ProductChanged(product.parent_id or product.id)]


def _deleted(said: Any) -> list[Event]:
    return [ProductDeleted(_Product.model_validate(said).id)]


def _ordered(said: Any) -> list[Event]:
    """Return the events of an order. WooCommerce also sends product.updated for its products, but later."""
    order = _Order.model_validate(said)
    found: list[Event] = [
        ProductChanged(one) for one in dict.fromkeys(line.product_id for line in order.line_items) if one
    ]
    return found + ([OrderChanged(order.id, products_reported=True)] if order.id else [])


TOPICS: dict[str, Callable[[Any], list[Event]]] = {
    "product.created": _changed,
    "product.updated": _changed,
    "product.deleted": _deleted,
    "product.restored": _changed,
    "order.created": _ordered,
    "order.updated": _ordered,
    "order.deleted": _ordered,
}
#: Topics that may report a sale, earlier than product.updated.
SALES = ("order.created", "order.updated", "order.deleted")
PERSONAL = ("order.created", "order.updated", "order.deleted")


def is_ping(body: bytes) -> bool:
    """Return whether the body is exactly that of the test call."""
    return _PING.fullmatch(body) is not None


def verify(body: bytes, headers: Mapping[str, str], secret: str) -> None:
    """Raise BadSignature unless X-WC-Webhook-Signature is the base64 HMAC-SHA256 of the raw body."""
    good = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest())
    given = headers.get("X-WC-Webhook-Signature", "").encode("ascii", errors="replace")
    if not secret or not hmac.compare_digest(good, given):
        raise BadSignature


def envelope(body: bytes, headers: Mapping[str, str]) -> Envelope:
    """Return topic and id. The delivery id alone is the same for all deliveries of a webhook in one second."""
    topic = headers.get("X-WC-Webhook-Topic", "")
    parts = [headers.get("X-WC-Webhook-Delivery-ID", "").encode(), topic.encode(), body]
    return Envelope(hashlib.sha256(b"\n".join(parts)).hexdigest(), topic)


def events(topic: str, body: bytes) -> list[Event] | None:
    """Return the events of a delivery, None for an unknown topic. Raise Unreadable."""
    read = TOPICS.get(topic)
    if read is None:
        return None
    try:
        return read(object_of(body))
    except ValidationError as error:
        where = ", ".join(".".join(map(str, problem["loc"])) or "body" for problem in error.errors())
        raise Unreadable(f"The body of {topic} cannot be read: {where}") from None
