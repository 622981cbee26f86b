"""Interpret BigCommerce's deliveries: signature, headers, and the events of each scope. Pure functions.

Facts: developer docs, "Webhooks overview" and "Webhook events". Bodies contain only ids. Signatures follow the open
specification "Standard Webhooks", with the client secret's bytes as the key. It is unknown whether all old hooks are
signed, so each of our hooks also has a secret header.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from typing import Annotated

from pydantic import Field, ValidationError

from shops.events import AppRemoved, Event, OrderChanged, ProductChanged, ProductDeleted, StockChanged
from shops.platforms.errors import BadSignature, Unreadable
from shops.platforms.values import Envelope
from shops.schema_text import object_of
from shops.schemas import Part, Side

OUR_HEADER = "X-ReverbSync-Key"
_STANDARD = ("webhook-id", "webhook-timestamp", "webhook-signature")


_Id = Annotated[int, Field(ge=1, lt=2**63)]


class _Owner(Part):
    product_id: Side[_Id | None] = None


class _Data(Part):
    id: _Id | None = None
    inventory: Side[_Owner] = _Owner()
    sku: Side[_Owner] = _Owner()
    order_id: Side[_Id | None] = None
    order_key: Side[_Id | None] = Field(None, alias="orderId")

    @property
    def number(self) -> int:
        if self.id is None:
            raise ValueError("no id")
        return self.id


class _Body(Part):
    data: _Data


def _changed(data: _Data) -> list[Event]:
    return [ProductChanged(str(data.inventory.product_id or data.number))]


def _deleted(data: _Data) -> list[Event]:
    return [ProductDeleted(str(data.number))]


def _variant(data: _Data) -> list[Event]:
    """Return the event of a variant ("sku"). Most bodies name its product; otherwise the store is queried."""
    product = data.inventory.product_id or data.sku.product_id
    return [ProductChanged(str(product)) if product else StockChanged(str(data.number))]


def _ordered(data: _Data) -> list[Event]:
    return [OrderChanged(str(data.number))]


def _shipped(data: _Data) -> list[Event]:
    return [OrderChanged(str(data.order_key or data.order_id))] if data.order_key or data.order_id else []


def _removed(data: _Data) -> list[Event]:
    return [AppRemoved()]


TOPICS: dict[str, Callable[[_Data], list[Event]]] = {
    "store/product/created": _changed,
    "store/product/updated": _changed,
    "store/product/deleted": _deleted,
    "store/product/inventory/updated": _changed,
    "store/sku/created": _variant,
    "store/sku/updated": _variant,
    "store/sku/deleted": _variant,
    "store/sku/inventory/updated": _variant,
    "store/order/created": _ordered,
    "store/order/statusUpdated": _ordered,
    "store/order/refund/created": _ordered,
    "store/shipment/created": _shipped,
    "store/app/uninstalled": _removed,
}

#: Scopes that may report a sale.
SALES = (
    "store/product/inventory/updated",
    "store/sku/inventory/updated",
    "store/order/created",
    "store/order/statusUpdated",
    "store/order/refund/created",
)
#: Scopes of which one arrives with each change of a known product.
CHANGES = (
    "store/product/updated",
    "store/product/inventory/updated",
    "store/sku/updated",
    "store/sku/inventory/updated",
)


def our_key(secret: str) -> str:
    """Return the value of our own header, derived from the secret so that it need not be saved."""
    return hmac.new(secret.encode(), b"ReverbSync hook header", hashlib.sha256).hexdigest()


def verify(body: bytes, headers: Mapping[str, str], secret: str) -> None:
    """Raise BadSignature unless the signature is valid or, on an unsigned delivery, our own header is.

    A timestamp of any age is accepted: BigCommerce retries for two days, and a repeated delivery changes nothing, since
    its id is known and its body is only a hint.
    """
    if not secret:
        raise BadSignature
    message_id, stamp, given = (headers.get(name, "") for name in _STANDARD)
    if not (message_id or stamp or given):
        own = headers.get(OUR_HEADER, "").encode("ascii", errors="replace")
        if not hmac.compare_digest(our_key(secret).encode(), own):
            raise BadSignature
        return
    digest = hmac.new(secret.encode(), f"{message_id}.{stamp}.".encode() + body, hashlib.sha256).digest()
    good = base64.b64encode(digest)
    digests = [text.encode("ascii", errors="replace") for text in _of_version_one(given)]
    if not any([hmac.compare_digest(good, one) for one in digests]):  # noqa: C419 -- all are compared
        raise BadSignature


def _of_version_one(signatures: str) -> list[str]:
    pairs = (one.partition(",") for one in signatures.split(" "))
    return [digest for version, _, digest in pairs if version == "v1"]


def envelope(body: bytes, headers: Mapping[str, str]) -> Envelope:
    """Return the id of a signed delivery, and the scope.

    An unsigned one has no id of its own: its hash is the same for two equal events of one second.
    """
    said = object_of(body)
    return Envelope(headers.get("webhook-id", ""), "" if said is None else str(said.get("scope", "")))


def events(topic: str, body: bytes) -> list[Event] | None:
    """Return the events of a delivery, None for an unknown scope. Raise Unreadable."""
    read = TOPICS.get(topic)
    if read is None:
        return None
    try:
        return read(_Body.model_validate_json(body).data)
    except ValidationError as error:
        where = ", ".join(".".join(map(str, problem["loc"])) or "body" for problem in error.errors())
        raise Unreadable(f"The body of {topic} cannot be read: {where}") from None
    except ValueError:
        raise Unreadable(f"The body of {topic} names no id.") from None
