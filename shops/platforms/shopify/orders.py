"""Shopify's orders and fulfilments ↔ our values. Pure functions.

Facts: the published schema 2026-10 (orderCreate, `inventoryBehaviour`, `sourceIdentifier`).
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from pydantic import Field

from shops.orders import NewOrder, OrderLine, OrderStatus, Shipment, StoreOrder
from shops.platforms.reading import valid
from shops.wire import Part, Text

UNPAID = {"PENDING", "AUTHORIZED", "PARTIALLY_PAID", "EXPIRED"}


class _Id(Part):
    id: Text = Field(alias="legacyResourceId")


class _Money(Part):
    amount: Decimal = Decimal(0)


class _Price(Part):
    shop: _Money = Field(_Money(), alias="shopMoney")


class _Line(Part):
    id: str
    title: str = ""
    sku: str = ""
    quantity: int
    left: int | None = Field(None, alias="currentQuantity")
    price: _Price = Field(_Price(), alias="originalUnitPriceSet")
    variant: _Id | None = None
    product: _Id | None = None


class _Lines(Part):
    nodes: list[_Line] = []


class _Order(Part):
    id: Text = Field(alias="legacyResourceId")
    name: str = ""
    updated_at: datetime = Field(alias="updatedAt")
    cancelled_at: datetime | None = Field(None, alias="cancelledAt")
    money: str = Field("", alias="displayFinancialStatus")
    goods: str = Field("", alias="displayFulfillmentStatus")
    source: str = Field("", alias="sourceIdentifier")
    lines: _Lines = Field(_Lines(), alias="lineItems")

    @property
    def status(self) -> OrderStatus:
        if self.cancelled_at is not None:
            return OrderStatus.CANCELLED
        if self.money == "REFUNDED":
            return OrderStatus.REFUNDED
        if self.goods == "FULFILLED":
            return OrderStatus.DONE
        return OrderStatus.WAITING if self.money in UNPAID else OrderStatus.OPEN


def read(node: Any, *, admin: str) -> StoreOrder:
    """Return an order. Raises StorePassing when it is not of this shape."""
    order = valid(_Order, node, "Shopify's order", maybe_done=True)
    lines = tuple(
        OrderLine(
            line.id,
            line.variant.id if line.variant else "",
            line.sku,
            line.title,
            line.quantity,
            line.price.shop.amount,
            line.quantity - (line.quantity if line.left is None else line.left),
        )
        for line in order.lines.nodes
    )
    url = f"{admin}/orders/{order.id}"
    return StoreOrder(order.id, order.name, order.status, order.updated_at, lines, url, order.source)


def read_page(data: dict[str, Any], *, admin: str) -> tuple[list[StoreOrder], str | None]:
    """Return a page of orders and the cursor of the next one."""
    found = data.get("orders") or {}
    page = found.get("pageInfo") or {}
    orders = [read(node, admin=admin) for node in found.get("nodes") or []]
    return orders, page.get("endCursor") if page.get("hasNextPage") else None


def product_ids(data: dict[str, Any]) -> list[str]:
    """Return the ids of the products in an order's lines, each once."""
    nodes = (((data.get("order") or {}).get("lineItems")) or {}).get("nodes") or []
    found = ((node.get("product") or {}).get("legacyResourceId") for node in nodes)
    return list(dict.fromkeys(str(one) for one in found if one))


def shipments(order_id: str, data: dict[str, Any]) -> list[Shipment]:
    """Return the parcels that have a number; cancelled fulfilments are none."""
    rows = (data.get("order") or {}).get("fulfillments") or []
    return [
        Shipment(
            str(row["legacyResourceId"]), order_id, told.get("company") or "", told["number"], told.get("url") or ""
        )
        for row in rows
        if row.get("status") not in ("CANCELLED", "ERROR", "FAILURE")
        for told in row.get("trackingInfo") or []
        if told.get("number")
    ]


def body(order: NewOrder) -> dict[str, Any]:
    """Return an OrderCreateOrderInput: paid on Reverb, marked with its number."""
    total = sum((line.price * line.quantity for line in order.lines), order.shipping + order.tax)
    made: dict[str, Any] = {
        "currency": order.currency,
        "sourceName": "Reverb",
        "sourceIdentifier": order.reverb_number,
        "tags": ["Reverb"],
        "note": order.note or f"Reverb order {order.reverb_number}, {order.buyer}",
        "financialStatus": "PAID",
        "lineItems": [_line(line, order.currency) for line in order.lines],
        "shippingLines": [{"title": "Reverb", "priceSet": _money(order.shipping, order.currency)}],
        "transactions": [
            {"kind": "SALE", "status": "SUCCESS", "gateway": "Reverb", "amountSet": _money(total, order.currency)}
        ],
    }
    if order.tax:
        taxed = total - order.tax
        line = {
            "title": "Tax collected by Reverb",
            "rate": f"{order.tax / taxed if taxed else 0:.4f}",
            "priceSet": _money(order.tax, order.currency),
            "channelLiable": True,
        }
        made["taxLines"] = [line]
    if order.address is not None:
        made["shippingAddress"] = _address(order)
    return made


def options(order: NewOrder) -> dict[str, Any]:
    """Return how the order treats stock and mail: nobody is mailed."""
    takes = "DECREMENT_IGNORING_POLICY" if order.takes_stock else "BYPASS"
    return {"inventoryBehaviour": takes, "sendReceipt": False, "sendFulfillmentReceipt": False}


def _line(line: OrderLine, currency: str) -> dict[str, Any]:
    made: dict[str, Any] = {"quantity": line.quantity, "priceSet": _money(line.price, currency)}
    if line.store_product_id:
        made["variantId"] = f"gid://shopify/ProductVariant/{line.store_product_id}"
    else:
        made |= {"title": line.title, "sku": line.sku}
    return made


def _money(amount: Decimal, currency: str) -> dict[str, Any]:
    return {"shopMoney": {"amount": f"{amount:.2f}", "currencyCode": currency}}


def _address(order: NewOrder) -> dict[str, str]:
    assert order.address is not None  # noqa: S101 -- the caller has looked
    where = order.address
    first, _, last = where.name.rpartition(" ")
    made = {
        "firstName": first,
        "lastName": last,
        "address1": where.street,
        "address2": where.extra,
        "city": where.city,
        "zip": where.postal_code,
        "countryCode": where.country,
        "provinceCode": where.region,
        "phone": where.phone,
    }
    return {name: value for name, value in made.items() if value}
