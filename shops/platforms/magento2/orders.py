"""Magento's orders and shipments ↔ our values. Pure functions.

An order for Reverb bears its number in the buyer's mail address, a made-up one at example.com: it is the one field
that the checkout saves together with the order and that can be searched for, and Magento's mails to it reach nobody.

Facts: an order that is placed by a checkout reserves its units; PUT orders/create saves an order and moves no stock
(seen on 2.4.7). For configurable products parent and child rows have the same SKU; only rows without a parent count.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from shops.orders import NewOrder, OrderLine, OrderStatus, Shipment, StoreOrder
from shops.platforms.reading import M, valid
from shops.wire import Part, Text

STATES = {
    "new": OrderStatus.WAITING,
    "pending_payment": OrderStatus.WAITING,
    "payment_review": OrderStatus.WAITING,
    "complete": OrderStatus.DONE,
    "closed": OrderStatus.REFUNDED,
    "canceled": OrderStatus.CANCELLED,
}
_MAIL = re.compile(r"reverb-(.+)@example\.com", re.IGNORECASE)


class Row(Part):
    """A row of an order."""

    item_id: Text
    parent_item_id: Text = ""
    product_id: Text = ""
    product_type: str = "simple"
    sku: str = ""
    name: str = ""
    price: Decimal = Decimal(0)
    qty_ordered: float = 0
    qty_refunded: float = 0


class Order(Part):
    """An order with its rows."""

    entity_id: Text
    increment_id: Text = ""
    state: str = ""
    updated_at: str = ""
    customer_email: str = ""
    items: list[Row] = []

    @property
    def modified(self) -> datetime:
        """When it last changed."""
        try:
            return datetime.fromisoformat(self.updated_at).replace(tzinfo=UTC)
        except ValueError:
            return datetime.fromtimestamp(0, UTC)


class _Track(Part):
    entity_id: Text = ""
    track_number: str = ""
    title: str = ""
    carrier_code: str = ""


class _Shipment(Part):
    entity_id: Text
    order_id: Text
    tracks: list[_Track] = []


def mail_of(reverb_number: str) -> str:
    """Return the made-up address that marks an order."""
    return f"reverb-{reverb_number}@example.com"


def read(row: Any) -> Order:
    """Return an order. Raises StorePassing when it is not of this shape."""
    return _valid(Order, row)


def store_order(order: Order) -> StoreOrder:
    """Return an order in our form. The address of its page is each store's secret, so there is no link."""
    children = {row.parent_item_id: row for row in order.items if row.parent_item_id}
    lines = tuple(
        OrderLine(
            row.item_id,
            children.get(row.item_id, row).product_id,
            row.sku,
            row.name,
            int(row.qty_ordered),
            row.price,
            int(row.qty_refunded),
        )
        for row in order.items
        if not row.parent_item_id
    )
    marked = _MAIL.fullmatch(order.customer_email)
    status = STATES.get(order.state, OrderStatus.OPEN)
    number = order.increment_id or order.entity_id
    return StoreOrder(order.entity_id, number, status, order.modified, lines, "", marked[1] if marked else "")


def shipments(rows: list[Any]) -> list[Shipment]:
    """Return each tracking number of an order's parcels."""
    found = [_valid(_Shipment, row) for row in rows]
    return [
        Shipment(track.entity_id or one.entity_id, one.order_id, track.title or track.carrier_code, track.track_number)
        for one in found
        for track in one.tracks
        if track.track_number
    ]


def address(order: NewOrder) -> dict[str, Any]:
    """Return the buyer's address as Magento wants it: all its required fields filled."""
    where = order.address
    first, _, last = (where.name if where else order.buyer).strip().rpartition(" ")
    made: dict[str, Any] = {
        "email": mail_of(order.reverb_number),
        "firstname": first or last or "Reverb",
        "lastname": last if first else "Buyer",
        "street": ["Local pickup"],
        "city": "Local pickup",
        "postcode": "00000",
        "country_id": "US",
        "telephone": "0",
    }
    if where is not None:
        made |= {
            "street": [line for line in (where.street, where.extra) if line],
            "city": where.city,
            "postcode": where.postal_code,
            "country_id": where.country,
            "telephone": where.phone or "0",
        }
        made |= {"region": where.region} if where.region else {}
    return made


def body(order: NewOrder) -> dict[str, Any]:
    """Return an order that is only written down: it reserves nothing, since its units were taken already."""
    total = sum((line.price * line.quantity for line in order.lines), Decimal(0))
    whole = f"{total + order.shipping + order.tax:.2f}"
    where = address(order)
    return {
        "entity": {
            "state": "processing",
            "status": "processing",
            "ext_order_id": order.reverb_number,
            "customer_email": where["email"],
            "customer_firstname": where["firstname"],
            "customer_lastname": where["lastname"],
            "customer_is_guest": 1,
            "order_currency_code": order.currency,
            "base_currency_code": order.currency,
            "subtotal": f"{total:.2f}",
            "base_subtotal": f"{total:.2f}",
            "shipping_amount": f"{order.shipping:.2f}",
            "base_shipping_amount": f"{order.shipping:.2f}",
            "tax_amount": f"{order.tax:.2f}",
            "base_tax_amount": f"{order.tax:.2f}",
            "grand_total": whole,
            "base_grand_total": whole,
            "items": [_row(line) for line in order.lines],
            "billing_address": {**where, "address_type": "billing"},
            "payment": {"method": "checkmo"},
            "status_histories": [comment(order)],
        }
    }


def comment(order: NewOrder) -> dict[str, Any]:
    """Return the note in an order's history; nobody is mailed about it."""
    return remark(order.note or f"Reverb order {order.reverb_number}")


def cancelled(order_id: str) -> dict[str, Any]:
    """Return what marks an order as cancelled without Magento's own cancelling (POST orders saves what is named)."""
    return {"entity": {"entity_id": int(order_id), "state": "canceled", "status": "canceled"}}


def remark(words: str) -> dict[str, Any]:
    """Return a line for an order's history."""
    return {"comment": words, "is_customer_notified": 0, "is_visible_on_front": 0, "parent_id": 0}


def _row(line: OrderLine) -> dict[str, Any]:
    price = f"{line.price:.2f}"
    made: dict[str, Any] = {
        "sku": line.sku,
        "name": line.title,
        "qty_ordered": line.quantity,
        "price": price,
        "base_price": price,
        "product_type": "simple",
    }
    if line.store_product_id:
        made["product_id"] = int(line.store_product_id)
    return made


def _valid(model: type[M], row: Any) -> M:
    return valid(model, row, "Magento's order", maybe_done=True)
