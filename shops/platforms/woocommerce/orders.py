"""WooCommerce's orders and tracking numbers ↔ our values. Pure functions.

Facts: wc/v3 orders as seen on WooCommerce 11: `processing`, `on-hold` and `completed` take stock, `pending` does not;
a line's price may read 7.989999999999999; a line without product and SKU is refused; a line says in `_reduced_stock`
what it took; an order that is marked `_order_stock_reduced` takes nothing, and gives nothing back when it is cancelled;
one that is marked `is_vat_exempt` gets no tax on top of what its lines say.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from shops.orders import NewOrder, OrderLine, OrderStatus, Shipment, StoreOrder
from shops.pictures import StoreProduct
from shops.platforms.reading import valid
from shops.platforms.woocommerce.products import Price
from shops.wire import Part, Text

#: Where Reverb's number stands in an order.
NUMBER = "_reverb_order_number"
TRACKING = "_wc_shipment_tracking_items"
#: What a line took from the stock; it comes with the line's meta data.
TOOK = "_reduced_stock"
STATUSES = {
    "pending": OrderStatus.WAITING,
    "on-hold": OrderStatus.WAITING,
    "checkout-draft": OrderStatus.WAITING,
    "processing": OrderStatus.OPEN,
    "completed": OrderStatus.DONE,
    "cancelled": OrderStatus.CANCELLED,
    "failed": OrderStatus.CANCELLED,
    "trash": OrderStatus.CANCELLED,
    "refunded": OrderStatus.REFUNDED,
}


class _Meta(Part):
    key: str = ""
    value: Any = ""


class _Line(Part):
    id: Text
    product_id: int = 0
    variation_id: int = 0
    sku: Text = ""
    name: str = ""
    quantity: int = 0
    price: Price = Decimal(0)
    meta_data: list[_Meta] = []

    @property
    def took(self) -> int:
        """Units that this line took from the stock, 0 when it does not say."""
        said = next((one.value for one in self.meta_data if one.key == TOOK), 0)
        return int(said) if str(said).isdigit() else 0


class Order(Part):
    """An order as wc/v3 shows it."""

    id: Text
    number: Text = ""
    status: str = ""
    date_modified_gmt: datetime | None = None
    line_items: list[_Line] = []
    meta_data: list[_Meta] = []

    def meta(self, key: str) -> Any:
        """Return a piece of meta data, None when there is none."""
        return next((one.value for one in self.meta_data if one.key == key), None)


def read(row: Any) -> Order:
    """Return an order. Raises StorePassing when it is not of this shape."""
    return valid(Order, row, "WooCommerce's order", maybe_done=True)


def taken(order: Order, product: StoreProduct) -> int:
    """Return the units of a product that an order took from the stock."""
    if STATUSES.get(order.status) not in (OrderStatus.OPEN, OrderStatus.DONE) and order.status != "on-hold":
        return 0
    shared = product.store_stock_id == product.store_parent_id  # a simple product, or variations that share one stock
    lines = [
        line
        for line in order.line_items
        if (
            str(line.product_id) == product.store_parent_id
            if shared
            else str(line.variation_id) == product.store_product_id
        )
    ]
    ours = bool(order.meta(NUMBER))  # which may have been told to take nothing
    return sum(line.took if ours else line.took or line.quantity for line in lines)


def store_order(order: Order, *, admin: str, refunded: dict[str, int] | None = None) -> StoreOrder:
    """Return an order in our form. `refunded` tells units a line, where the refunds were asked for."""
    lines = tuple(
        OrderLine(
            line.id,
            str(line.variation_id or line.product_id or ""),
            line.sku,
            line.name,
            line.quantity,
            line.price,
            (refunded or {}).get(line.id, 0),
        )
        for line in order.line_items
    )
    stamp = order.date_modified_gmt or datetime.fromtimestamp(0, UTC)
    return StoreOrder(
        order.id,
        order.number,
        STATUSES.get(order.status, OrderStatus.OPEN),
        stamp if stamp.tzinfo else stamp.replace(tzinfo=UTC),
        lines,
        f"{admin}/admin.php?page=wc-orders&action=edit&id={order.id}",
        str(order.meta(NUMBER) or ""),
    )


def body(order: NewOrder, parents: dict[str, str]) -> dict[str, Any]:
    """Return the order to POST. `parents` tells the product id of each variation.

    WooCommerce takes the units from the stock when an order is made as `processing`, unless it is marked as one that
    did so already. What names no product is a fee, for WooCommerce takes no line without one.
    """
    marks = {NUMBER: order.reverb_number, "is_vat_exempt": "yes"}
    if not order.takes_stock:
        marks["_order_stock_reduced"] = "yes"
    made: dict[str, Any] = {
        "status": "processing",
        "set_paid": True,
        "currency": order.currency,
        "payment_method": "reverb",
        "payment_method_title": "Reverb",
        "transaction_id": order.reverb_number,
        "customer_note": order.note,
        "line_items": [_line(line, parents) for line in order.lines if line.store_product_id],
        "fee_lines": [
            _fee(f"{x.title} ({x.sku}) × {x.quantity}", _sum(x)) for x in order.lines if not x.store_product_id
        ],
        "shipping_lines": [{"method_id": "flat_rate", "method_title": "Reverb", "total": f"{order.shipping:.2f}"}],
        "meta_data": [{"key": key, "value": value} for key, value in marks.items()],
    }
    if order.tax:
        made["fee_lines"].append(_fee("Tax collected by Reverb", f"{order.tax:.2f}"))
    if order.address is not None:
        made["shipping"] = made["billing"] = _address(order)
    return made


def _line(line: OrderLine, parents: dict[str, str]) -> dict[str, Any]:
    made: dict[str, Any] = {"quantity": line.quantity, "subtotal": _sum(line), "total": _sum(line)}
    parent = parents.get(line.store_product_id, line.store_product_id)
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
    """Return the parcels that the Shipment Tracking extension wrote into the order."""
    rows = order.meta(TRACKING)
    return [
        Shipment(
            str(row.get("tracking_id") or n),
            order.id,
            str(row.get("tracking_provider") or row.get("custom_tracking_provider") or ""),
            str(row["tracking_number"]),
            str(row.get("custom_tracking_link") or ""),
        )
        for n, row in enumerate(rows if isinstance(rows, list) else [])
        if isinstance(row, dict) and row.get("tracking_number")
    ]


def fulfillments(order_id: str, rows: Any) -> list[Shipment]:
    """Return the parcels of WooCommerce's own order fulfilments (beta since 2025-09; seen on WooCommerce 11).

    `is_fulfilled` reads "1" or true once the parcel has gone; before that it is a draft.
    """
    found = []
    for row in rows if isinstance(rows, list) else []:
        if row.get("is_fulfilled", "1") in (False, "", "0", 0):
            continue
        meta = {one.get("key"): one.get("value") for one in row.get("meta_data") or [] if isinstance(one, dict)}
        if meta.get("_tracking_number"):
            told = (str(meta.get(key) or "") for key in ("_shipment_provider", "_tracking_number", "_tracking_url"))
            found.append(Shipment(str(row.get("id")), order_id, *told))
    return found


def refunded(rows: list[Any]) -> dict[str, int]:
    """Return line id → refunded units out of an order's refunds; a refund tells them below zero."""
    found: dict[str, int] = {}
    for refund in rows:
        for line in refund.get("line_items") or []:
            meta = {one.get("key"): one.get("value") for one in line.get("meta_data") or [] if isinstance(one, dict)}
            key = str(meta.get("_refunded_item_id") or line.get("id"))
            found[key] = found.get(key, 0) + abs(int(line.get("quantity") or 0))
    return found
