"""Convert Shopify's orders and fulfilments from and to our values. Pure functions.

Facts: the published schema 2026-10 (orderCreate, `inventoryBehaviour`, `sourceIdentifier`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from pydantic import AwareDatetime, Field

from shops.orders import OrderLine, OrderStatus, Shipment, StoreOrder
from shops.platforms.errors import Malformed
from shops.platforms.reading import valid
from shops.schemas import Money, Number, Part, Side, SideRows, Text, Units, Words

UNPAID = {"PENDING", "AUTHORIZED", "PARTIALLY_PAID", "EXPIRED"}


class _Id(Part):
    number: Number = Field(alias="legacyResourceId")


class _Money(Part):
    amount: Money = Decimal(0)


class _Price(Part):
    shop: _Money = Field(_Money(), alias="shopMoney")


class _Line(Part):
    id: Text
    title: Side[Words] = ""
    sku: Side[Text] = ""
    quantity: Units = 0
    left: Side[Units] = Field(None, alias="currentQuantity")
    price: Side[_Price] = Field(_Price(), alias="originalUnitPriceSet")
    variant: Side[_Id | None] = None
    product: Side[_Id | None] = None


class _Lines(Part):
    nodes: SideRows[_Line] = []


class _Order(Part):
    number: Number = Field(alias="legacyResourceId")
    name: Side[Text] = ""
    updated_at: AwareDatetime = Field(alias="updatedAt")
    cancelled_at: datetime | None = Field(None, alias="cancelledAt")
    money: Side[str] = Field("", alias="displayFinancialStatus")
    goods: Side[str] = Field("", alias="displayFulfillmentStatus")
    source: Side[Text] = Field("", alias="sourceIdentifier")
    lines: Side[_Lines] = Field(_Lines(), alias="lineItems")

    @property
    def status(self) -> OrderStatus:
        if self.cancelled_at is not None:
            return OrderStatus.CANCELLED
        if self.money == "REFUNDED":
            return OrderStatus.REFUNDED
        if self.goods == "FULFILLED":
            return OrderStatus.DONE
        return OrderStatus.WAITING if self.money in UNPAID else OrderStatus.OPEN


class _Marked(Part):
    source: Side[Text] = Field("", alias="sourceIdentifier")


class _Tracking(Part):
    company: Side[str] = ""
    number: Side[Text] = ""
    url: Side[str] = ""


class _Parcel(Part):
    number: Number = Field(alias="legacyResourceId")
    status: Side[str] = ""
    tracking: SideRows[_Tracking] = Field([], alias="trackingInfo")


def read(node: Any, *, admin: str) -> StoreOrder:
    """Return an order. Raise Malformed if it is invalid."""
    order = valid(_Order, node, "Shopify's order", may_have_applied=True)
    lines = tuple(_line_of(line) for line in order.lines.nodes)
    url = f"{admin}/orders/{order.number}"
    return StoreOrder(order.number, order.name, order.status, order.updated_at, lines, url, order.source)


def _line_of(line: _Line) -> OrderLine:
    quantity = line.quantity or 0
    return OrderLine(
        line.id,
        line.variant.number if line.variant else "",
        line.sku,
        line.title,
        quantity,
        line.price.shop.amount,
        quantity - (quantity if line.left is None else line.left),
    )


def is_for(node: Any, reverb_number: str) -> bool:
    """Return whether an order was made for this Reverb order, even if other fields are unreadable. Raise Malformed."""
    return valid(_Marked, node, "Shopify's order").source == reverb_number


def rows(data: dict[str, Any]) -> Sequence[Any]:
    """Return the orders of a page. Raise Malformed if it is invalid."""
    found = (data.get("orders") or {}).get("nodes") if isinstance(data.get("orders"), dict) else None
    if not isinstance(found, list):
        raise Malformed("Shopify's answer could not be read at orders.")
    return found


def node(data: dict[str, Any]) -> Any:
    """Return the order of an answer, None if the store says that there is none. Raise Malformed."""
    if "order" not in data:
        raise Malformed("Shopify's answer could not be read at order.")
    return data["order"]


def product_ids(data: dict[str, Any]) -> list[str]:
    """Return the ids of the products in an order's lines, without duplicates."""
    order = valid(_Products, node(data) or {}, "Shopify's order")
    return list(dict.fromkeys(line.product.number for line in order.lines.nodes if line.product))


class _Product(Part):
    product: _Id | None = None


class _ProductLines(Part):
    nodes: SideRows[_Product] = []


class _Products(Part):
    lines: _ProductLines = Field(_ProductLines(), alias="lineItems")


class _Parcels(Part):
    fulfillments: SideRows[_Parcel] = []


def shipments(order_id: str, data: dict[str, Any]) -> list[Shipment]:
    """Return the parcels that have a tracking number, without cancelled fulfilments."""
    return [
        Shipment(one.number, order_id, tracking.company, tracking.number, tracking.url)
        for one in valid(_Parcels, node(data) or {}, "Shopify's order").fulfillments
        if one.status not in ("CANCELLED", "ERROR", "FAILURE")
        for tracking in one.tracking
        if tracking.number
    ]
