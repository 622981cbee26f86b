"""ShipStation's webhook and the shipments that it hints at. Pure functions.

Facts: V1 signs nothing. `resource_url` is an address like https://ssapi6.shipstation.com/shipments?batchId=1. Anyone
who knows our address could send another one, so it is parsed and only its filter is used.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from pydantic import ValidationError

from shops.schemas import Part, Text

TYPES = ("SHIP_NOTIFY", "ITEM_SHIP_NOTIFY", "FULFILLMENT_SHIPPED")
PATHS = ("/shipments", "/fulfillments")
_HOST = re.compile(r"ssapi\d*\.shipstation\.com")
#: Allowed filters by their lower-case name (both spellings of storeId were seen).
_FILTERS = {"batchid": "batchId", "storeid": "storeId", "orderid": "orderId", "ordernumber": "orderNumber"}
_VALUE = re.compile(r"[\w.:#-]{1,64}")


class Refused(Exception):
    """The call is not from ShipStation."""


@dataclass(frozen=True)
class Label:
    """A parcel in V1's format."""

    order_number: str
    order_key: str
    tracking_number: str
    carrier: str
    skus: frozenset[str]


class _Item(Part):
    sku: Text = ""


class _Row(Part):
    orderNumber: Text = ""  # noqa: N815 -- ShipStation's names
    orderKey: Text = ""  # noqa: N815
    trackingNumber: Text = ""  # noqa: N815
    carrierCode: Text = ""  # noqa: N815
    voided: bool = False
    voidDate: Text = ""  # noqa: N815
    isReturnLabel: bool = False  # noqa: N815
    shipmentItems: list[_Item] = []  # noqa: N815


def hint(body: Any, *, base: str) -> dict[str, Any]:
    """Return what to request: {"path", "query"}. `base` is the API's configured address. Raises Refused."""
    if not isinstance(body, dict) or body.get("resource_type") not in TYPES:
        raise Refused("This type of notice means nothing here.")
    address = body.get("resource_url")
    if not isinstance(address, str) or len(address) > 500:
        raise Refused("There is no resource_url.")
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        raise Refused("The resource_url cannot be read.") from None
    ours = urlsplit(base)
    is_real = parts.scheme == "https" and port in (None, 443) and _HOST.fullmatch(parts.hostname or "")
    is_configured = (parts.scheme, parts.hostname, port) == (ours.scheme, ours.hostname, ours.port)
    if not (is_real or is_configured) or parts.username is not None or parts.path not in PATHS:
        raise Refused("The resource_url is none of ShipStation's.")
    query = {
        _FILTERS[name.lower()]: value
        for name, value in parse_qsl(parts.query)
        if name.lower() in _FILTERS and _VALUE.fullmatch(value)
    }
    if not query:
        raise Refused("The resource_url names no shipments.")
    return {"path": parts.path, "query": query}


def page(body: Any) -> tuple[list[Label], int]:
    """Return the shipped parcels of a page, and the number of pages. Unreadable rows are left out."""
    said: Mapping[str, Any] = body if isinstance(body, dict) else {}
    rows = said.get("shipments") or said.get("fulfillments") or []
    found = [label for row in rows if (label := _label(row)) is not None]
    pages = said.get("pages")
    return found, pages if isinstance(pages, int) else 1


def _label(row: Any) -> Label | None:
    """Return a parcel; None for a voided label, a return label or one without a number."""
    try:
        one = _Row.model_validate(row)
    except ValidationError:
        return None
    if one.voided or one.voidDate or one.isReturnLabel or not one.trackingNumber.strip():
        return None
    skus = frozenset(item.sku.strip() for item in one.shipmentItems if item.sku.strip())
    return Label(one.orderNumber.strip(), one.orderKey.strip(), one.trackingNumber.strip(), one.carrierCode, skus)
