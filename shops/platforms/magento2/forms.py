"""Convert Magento's orders and shipments from and to our values. Pure functions.

An order for Reverb has its number in the buyer's e-mail address, a made-up one at example.com. It is the only
searchable field that the checkout saves together with the order, and Magento's mails to it reach nobody.

Facts: Magento 2.4.7 as seen. For configurable products, parent and child rows have the same SKU; only rows without a
parent count. A row with a custom option has the option's SKU, so products are identified by id. An order created
directly (PUT orders/create) has only the fields it is given: without `store_id` and a shipping address the admin cannot
open it, and nothing can be shipped.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from shops.orders import OrderLine, OrderStatus, Shipment, StoreOrder
from shops.platforms.reading import M, each, valid
from shops.schemas import Money, Part, Side, SideRows, Text, Units

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

    item_id: Side[Text] = ""
    parent_item_id: Side[Text] = ""
    product_id: Side[Text] = ""
    sku: Side[Text] = ""
    name: Side[str] = ""
    price: Money = Decimal(0)
    qty_ordered: Side[Units] = 0
    qty_refunded: Side[Units] = 0
    qty_shipped: Side[Units] = 0


class _Remark(Part):
    comment: Side[str] = ""


class Order(Part):
    """An order with its rows."""

    entity_id: Text
    increment_id: Side[Text] = ""
    state: Side[str] = ""
    created_at: Side[str] = ""
    updated_at: Side[str] = ""
    customer_email: Side[str] = ""
    #: The cart that it was placed from, which reserved its units; a directly created order has none.
    quote_id: Side[Text] = ""
    items: SideRows[Row] = []
    status_histories: SideRows[_Remark] = []

    @property
    def rows(self) -> list[Row]:
        """Return the rows that were bought; a family's parent row represents its child."""
        return [row for row in self.items if row.parent_item_id in ("", "0")]

    @property
    def remarks(self) -> list[str]:
        """Return the comments of its history."""
        return [one.comment for one in self.status_histories]

    @property
    def is_shipped(self) -> bool:
        """Return whether any of it was shipped."""
        return any(row.qty_shipped for row in self.items)

    @property
    def product_ids(self) -> list[str]:
        """Return the ids of the bought products, without duplicates; of a family, the child."""
        children = {row.parent_item_id: row.product_id for row in self.items if row.parent_item_id}
        found = (children.get(row.item_id) or row.product_id for row in self.rows)
        return list(dict.fromkeys(one for one in found if one))

    @property
    def modified(self) -> datetime:
        """Return when it last changed, 1970 if unknown."""
        return _moment(self.updated_at) or datetime.fromtimestamp(0, UTC)

    @property
    def placed(self) -> datetime | None:
        """Return when it was placed, None if unknown."""
        return _moment(self.created_at)


def _moment(text: str) -> datetime | None:
    """Return a moment in Magento's format, in UTC."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError:
        return None


class _Track(Part):
    entity_id: Side[Text] = ""
    track_number: Text = ""
    title: Side[str] = ""
    carrier_code: Side[str] = ""


class _Shipment(Part):
    entity_id: Text
    order_id: Text
    tracks: SideRows[_Track] = []


def read(row: Any) -> Order:
    """Return an order. Raise TransientStoreError if it is invalid."""
    return valid_order(Order, row)


def store_order(order: Order) -> StoreOrder:
    """Return an order as StoreOrder. Its page's URL contains a secret of the store, so there is no link."""
    children = {row.parent_item_id: row for row in order.items if row.parent_item_id}
    lines = tuple(
        OrderLine(
            row.item_id,
            children.get(row.item_id, row).product_id,
            row.sku,
            row.name,
            row.qty_ordered or 0,
            row.price,
            row.qty_refunded or 0,
        )
        for row in order.rows
    )
    marked = _MAIL.fullmatch(order.customer_email)
    status = STATES.get(order.state, OrderStatus.OPEN)
    if marked and status == OrderStatus.WAITING:
        status = OrderStatus.OPEN  # it was paid on Reverb
    if status == OrderStatus.OPEN and order.is_shipped and all(_is_out(row) for row in order.rows):
        status = OrderStatus.DONE  # an order without an invoice stays in processing
    number = order.increment_id or order.entity_id
    return StoreOrder(
        order.entity_id, number, status, order.modified, lines, "", marked[1] if marked else "", order.placed
    )


def shipments(rows: list[Any]) -> list[Shipment]:
    """Return each tracking number of an order's parcels."""
    found, _ = each(rows, lambda row: valid_order(_Shipment, row), key="entity_id")
    return [
        Shipment(
            track.entity_id or one.entity_id,
            one.order_id,
            track.title or track.carrier_code,
            track.track_number.strip(),
        )
        for one in found
        for track in one.tracks
        if track.track_number.strip()
    ]


def _is_out(row: Row) -> bool:
    return (row.qty_shipped or 0) >= (row.qty_ordered or 0)


def valid_order(model: type[M], row: Any) -> M:
    """Return the row as the model. Raises Malformed; the call may have been applied."""
    return valid(model, row, "Magento's order", may_have_applied=True)
