"""Convert WooCommerce's orders and tracking numbers from and to our values. Pure functions.

Facts: wc/v3 orders as seen on WooCommerce 11. `processing`, `on-hold` and `completed` take stock, `pending` does not. A
line's price may be 7.989999999999999. A line without product and SKU is refused. A line's `_reduced_stock` says what it
took. An order marked `_order_stock_reduced` takes nothing, and gives nothing back when it is cancelled. An order marked
`is_vat_exempt` gets no tax on top of its lines.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from shops.orders import OrderLine, OrderStatus, StoreOrder
from shops.platforms.reading import valid
from shops.platforms.woocommerce.fields import Id, Moment, Pairs, Reference
from shops.schemas import MOST_UNITS, Money, Part, Side, SideRows, Text, Words

#: Meta key of Reverb's number.
NUMBER = "_reverb_order_number"
PAID_BY = "reverb"
#: Meta key of a line: the units that it took from the stock.
TOOK = "_reduced_stock"
#: Statuses of WooCommerce and of common plug-ins (Deposits, Shipment Tracking, Order Status Manager).
STATUSES = {
    "pending": OrderStatus.WAITING,
    "on-hold": OrderStatus.WAITING,
    "checkout-draft": OrderStatus.WAITING,
    "auto-draft": OrderStatus.WAITING,
    "pending-deposit": OrderStatus.WAITING,
    "partial-payment": OrderStatus.WAITING,
    "partially-paid": OrderStatus.WAITING,
    "processing": OrderStatus.OPEN,
    "completed": OrderStatus.DONE,
    "shipped": OrderStatus.DONE,
    "partial-shipped": OrderStatus.DONE,
    "dispatched": OrderStatus.DONE,
    "delivered": OrderStatus.DONE,
    "cancelled": OrderStatus.CANCELLED,
    "failed": OrderStatus.CANCELLED,
    "trash": OrderStatus.CANCELLED,
    "refunded": OrderStatus.REFUNDED,
}


class Line(Part):
    """A line of an order."""

    id: Reference = ""
    product_id: Reference = ""
    variation_id: Reference = ""
    sku: Side[Text] = ""
    name: Side[Words] = ""
    quantity: Side[Decimal] = Decimal(0)  # 2.5 m of cable
    price: Money = Decimal(0)
    meta_data: Pairs = []

    @property
    def units(self) -> int:
        """Return the quantity as whole units, rounded up."""
        return whole(self.quantity)

    @property
    def took(self) -> int | None:
        """Return the units that this line took from the stock, None if unknown."""
        said = dict(self.meta_data).get(TOOK)
        return None if said in (None, "") else whole(said)


class Order(Part):
    """An order as wc/v3 shows it. Only the id is required."""

    id: Id
    number: Side[Text] = ""
    status: Side[str] = ""
    date_created_gmt: Moment = None
    date_paid_gmt: Moment = None
    date_modified_gmt: Moment = None
    payment_method: Side[str] = ""
    transaction_id: Side[Text] = ""
    refunds: SideRows[Any] = []
    line_items: SideRows[Line] = []
    meta_data: Pairs = []

    @property
    def state(self) -> OrderStatus:
        """Return the meaning of its status. An unknown one, such as a plug-in's own, counts as open."""
        return STATUSES.get(self.status.removeprefix("wc-"), OrderStatus.OPEN)

    @property
    def holds_units(self) -> bool:
        """Return whether an order of this status has taken its units, unless its lines say otherwise."""
        return self.state in (OrderStatus.OPEN, OrderStatus.DONE) or self.status == "on-hold"

    @property
    def reverb_number(self) -> str:
        """Return the Reverb order's number, from meta data or, since plug-ins may hide those, the transaction id."""
        marked = dict(self.meta_data).get(NUMBER)
        return str(marked or (self.transaction_id if self.payment_method == PAID_BY else "") or "")

    def meta(self, key: str) -> Any:
        """Return a meta data value, None if there is none."""
        return next((value for name, value in self.meta_data if name == key), None)


def whole(value: Any) -> int:
    """Return a quantity as whole units, rounded up; 0 if it is not a number."""
    try:
        return max(0, math.ceil(min(Decimal(str(value)), Decimal(MOST_UNITS))))
    except (ArithmeticError, ValueError):
        return 0


def read(row: Any, *, may_have_applied: bool = False) -> Order:
    """Return an order. Raise Malformed if it is invalid; `may_have_applied`: it is the answer to a write."""
    return valid(Order, row, "WooCommerce's order", may_have_applied=may_have_applied)


def in_hand(order: Order, line: Line) -> int | None:
    """Return the units that a line holds, None if unknown: an unpaid order holds none."""
    return line.took if order.holds_units or line.took is not None else 0


def store_order(order: Order, *, admin: str, refunded: dict[str, int] | None = None) -> StoreOrder:
    """Return an order as StoreOrder. `refunded` maps line ids to units, if the refunds were read."""
    lines = tuple(
        OrderLine(
            line.id,
            line.variation_id or line.product_id,
            line.sku,
            line.name,
            line.units,
            line.price,
            (refunded or {}).get(line.id, 0),
            in_hand(order, line),
        )
        for line in order.line_items
    )
    return StoreOrder(
        order.id,
        order.number or order.id,
        order.state,
        order.date_modified_gmt or datetime.fromtimestamp(0, UTC),
        lines,
        f"{admin}/admin.php?page=wc-orders&action=edit&id={order.id}",
        order.reverb_number,
        order.date_created_gmt,
        order.date_paid_gmt,
    )
