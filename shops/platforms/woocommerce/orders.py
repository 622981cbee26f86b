"""Convert WooCommerce's orders and tracking numbers from and to our values. Pure functions.

Facts: wc/v3 orders as seen on WooCommerce 11. `processing`, `on-hold` and `completed` take stock, `pending` does not. A
line's price may be 7.989999999999999. A line without product and SKU is refused. A line's `_reduced_stock` says what it
took. An order marked `_order_stock_reduced` takes nothing, and gives nothing back when it is cancelled. An order marked
`is_vat_exempt` gets no tax on top of its lines.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from shops.orders import NewOrder, OrderLine, OrderStatus, Shipment, StoreOrder
from shops.platforms.reading import valid
from shops.platforms.woocommerce.fields import Id, Moment, Pairs, Reference
from shops.schemas import MOST_UNITS, Money, Part, Side, SideRows, Text, Words
from shops.snapshots import StoreProduct

#: Meta key of Reverb's number.
NUMBER = "_reverb_order_number"
PAID_BY = "reverb"
TRACKING = "_wc_shipment_tracking_items"
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


class _Line(Part):
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
    line_items: SideRows[_Line] = []
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


@dataclass(frozen=True)
class Newest:
    """The newest orders of a store at one moment, at most `many`; `whole`: there are no others."""

    orders: tuple[Order, ...]
    many: int
    whole: bool

    @property
    def oldest(self) -> int:
        """Return the lowest id, 0 if there are no orders."""
        return min((int(one.id) for one in self.orders), default=0)

    def sold_until(self, later: Newest, stock: Stock) -> int:
        """Return the units that orders took from a stock since this moment; negative if they gave units back.

        A line's `_reduced_stock` is what it holds, regardless of the order's status; it disappears when the units
        return. Only if no order shows one, because a plug-in hides it, are status and quantity used.
        """
        marked = any(line.took is not None for one in self.orders + later.orders for line in one.line_items)
        before = {one.id: taken(one, stock, by_mark=marked) for one in self.orders}
        # An order that moved up because others were deleted is not new.
        oldest = 0 if self.whole else self.oldest
        now = {one.id: taken(one, stock, by_mark=marked) for one in later.orders}
        return sum(
            units - before.get(number, 0) for number, units in now.items() if number in before or int(number) > oldest
        )


@dataclass(frozen=True)
class Stock:
    """A stock from which order lines take units: a product's own, or its parent's.

    `pooled`: variations share their parent's stock, except those in `apart`, which have their own.
    """

    product: StoreProduct
    pooled: bool = False
    apart: frozenset[str] = frozenset()

    def gives(self, line: _Line) -> bool:
        """Return whether a line takes its units from this stock.

        A product's translations are separate products with its SKU, whose stock the plug-in synchronizes.
        """
        product = self.product
        if line.variation_id == product.store_product_id:
            return True
        if line.product_id == product.store_parent_id:
            is_pool = self.pooled and line.variation_id not in self.apart
            return is_pool or product.store_product_id == product.store_parent_id
        return bool(line.sku) and line.sku.strip() == product.sku


def taken(order: Order, stock: Stock, *, by_mark: bool) -> int:
    """Return the units that an order holds from a stock."""
    lines = [line for line in order.line_items if stock.gives(line)]
    if by_mark or order.reverb_number:  # an order of ours may have been created to take nothing
        return sum(line.took or 0 for line in lines)
    return sum(line.units for line in lines) if order.holds_units else 0


def _in_hand(order: Order, line: _Line) -> int | None:
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
            _in_hand(order, line),
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


def body(order: NewOrder, parents: dict[str, str]) -> dict[str, Any]:
    """Return the order to POST. `parents` maps each sold item to its product, a product to itself.

    WooCommerce takes the units from the stock when an order is created as `processing`, unless the order is marked as
    having done so. Items without a product become fees, since WooCommerce refuses such lines. So do items that the
    store no longer has, which would become lines without a name.
    """
    known = [line for line in order.lines if line.store_product_id in parents]
    marks = {NUMBER: order.reverb_number, "is_vat_exempt": "yes"}
    if not order.takes_stock:
        marks["_order_stock_reduced"] = "yes"
    made: dict[str, Any] = {
        "status": "processing",
        "set_paid": True,
        "currency": order.currency,
        "payment_method": PAID_BY,
        "payment_method_title": "Reverb",
        "transaction_id": order.reverb_number,
        "customer_note": order.note,
        "line_items": [_line(line, parents[line.store_product_id]) for line in known],
        "fee_lines": [_fee(f"{x.title} ({x.sku}) × {x.quantity}", _sum(x)) for x in order.lines if x not in known],
        "shipping_lines": [{"method_id": "flat_rate", "method_title": "Reverb", "total": f"{order.shipping:.2f}"}],
        "meta_data": [{"key": key, "value": value} for key, value in marks.items()],
    }
    if order.tax:
        made["fee_lines"].append(_fee("Tax collected by Reverb", f"{order.tax:.2f}"))
    if order.address is not None:
        made["shipping"] = made["billing"] = _address(order)
    return made


def _line(line: OrderLine, parent: str) -> dict[str, Any]:
    made: dict[str, Any] = {"quantity": line.quantity, "subtotal": _sum(line), "total": _sum(line)}
    made["product_id"] = int(parent)
    if parent != line.store_product_id:
        made["variation_id"] = int(line.store_product_id)
    return made


def _sum(line: OrderLine) -> str:
    return f"{line.price * line.quantity:.2f}"


def _fee(name: str, total: str) -> dict[str, str]:
    return {"name": name, "total": total, "tax_status": "none"}


def _address(order: NewOrder) -> dict[str, str]:
    assert order.address is not None  # noqa: S101 -- the caller has looked
    where = order.address
    first, _, last = where.name.rpartition(" ")
    return {
        "first_name": first,
        "last_name": last,
        "address_1": where.street,
        "address_2": where.extra,
        "city": where.city,
        "state": where.region,
        "postcode": where.postal_code,
        "country": where.country,
        "phone": where.phone,
    }


def shipments(order: Order) -> list[Shipment]:
    """Return the parcels that the Shipment Tracking extension saved in the order."""
    rows = order.meta(TRACKING)
    return [
        Shipment(
            str(row.get("tracking_id") or n),
            order.id,
            _text(row.get("tracking_provider")) or _text(row.get("custom_tracking_provider")),
            _text(row["tracking_number"]),
            _text(row.get("custom_tracking_link")),
        )
        for n, row in enumerate(_dicts(rows))
        if _text(row.get("tracking_number"))
    ]


def fulfillments(order_id: str, rows: Any) -> list[Shipment]:
    """Return the parcels of WooCommerce's own order fulfilments (beta since 2025-09; seen on WooCommerce 11).

    `is_fulfilled` is "1" or true once the parcel has shipped; before that it is a draft.
    """
    found = []
    for row in _dicts(rows):
        if row.get("is_fulfilled", "1") in (False, "", "0", 0):
            continue
        meta = dict(_Meta.model_validate(row).meta_data)
        if _text(meta.get("_tracking_number")):
            values = (_text(meta.get(key)) for key in ("_shipment_provider", "_tracking_number", "_tracking_url"))
            found.append(Shipment(str(row.get("id")), order_id, *values))
    return found


def refunded(rows: Any) -> dict[str, int]:
    """Return line id → refunded units from an order's refunds, whose quantities are negative."""
    found: dict[str, int] = {}
    for refund in _dicts(rows):
        for line in _dicts(refund.get("line_items")):
            key = _text(dict(_Meta.model_validate(line).meta_data).get("_refunded_item_id")) or _text(line.get("id"))
            found[key] = found.get(key, 0) + whole(str(line.get("quantity") or 0).lstrip("-"))
    return found


class _Meta(Part):
    meta_data: Pairs = []


def _dicts(rows: Any) -> list[dict[str, Any]]:
    """Return the objects of a list, which PHP may also send as an object."""
    listed = list(rows.values()) if isinstance(rows, dict) else rows
    return [row for row in listed if isinstance(row, dict)] if isinstance(listed, list) else []


def _text(value: Any) -> str:
    return str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""
