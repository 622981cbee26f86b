"""Convert BigCommerce's v2 orders and shipments from and to our values. Pure functions.

Facts: developer docs, "Orders v2": RFC 2822 dates, `external_order_id` can be written and filtered, no mail is sent for
an order created over the API. Status 0, Incomplete, is a checkout and not yet an order.
"""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any

from shops.orders import NewOrder, OrderLine, OrderStatus, Shipment, StoreOrder
from shops.platforms.reading import M, each, valid
from shops.schemas import Money, Number, Part, Side, Text, Units, Words

INCOMPLETE = 0
AWAITING_FULFILLMENT = 11
CANCELLED = 5
SOURCE = "REVERBSYNC"
STATUSES = {
    1: OrderStatus.WAITING,
    2: OrderStatus.DONE,
    4: OrderStatus.REFUNDED,
    5: OrderStatus.CANCELLED,
    6: OrderStatus.CANCELLED,
    7: OrderStatus.WAITING,
    10: OrderStatus.DONE,
    12: OrderStatus.WAITING,
}


class Order(Part):
    """An order without its lines."""

    id: Number
    status_id: int
    date_created: Side[str] = ""
    date_modified: Side[str] = ""
    external_order_id: Side[Text] = ""

    @property
    def modified(self) -> datetime:
        """Return when it last changed, 1970 if unknown."""
        return _moment(self.date_modified) or datetime.fromtimestamp(0, UTC)

    @property
    def placed(self) -> datetime | None:
        """Return when it was placed, None if unknown."""
        return _moment(self.date_created)


def _moment(text: str) -> datetime | None:
    """Return a moment in the format of v2 or v3; one without a time zone is in UTC."""
    for read in (parsedate_to_datetime, datetime.fromisoformat):
        with contextlib.suppress(ValueError):
            found = read(text)
            return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
    return None


class _Marked(Part):
    external_order_id: Side[Text] = ""


class Line(Part):
    """A line of an order. `product_id` is 0 if it is not from the catalogue."""

    id: Text
    product_id: int = 0
    variant_id: Side[int | None] = None
    sku: Side[Text] = ""
    name: Side[Words] = ""
    quantity: Units = 0
    quantity_refunded: Side[Units] = 0
    price_ex_tax: Money = Decimal(0)


class _Shipment(Part):
    id: Text
    order_id: Text
    tracking_number: Side[Text] = ""
    shipping_provider: Side[str] = ""
    shipping_provider_display_name: Side[str] = ""
    tracking_carrier: Side[str] = ""
    tracking_link: Side[str] = ""
    generated_tracking_link: Side[str] = ""


def read_order(row: Any) -> Order:
    """Return an order. Raise TransientStoreError if it is invalid."""
    return _valid(Order, row)


def is_for(row: Any, reverb_number: str) -> bool:
    """Return whether an order was made for this Reverb order, even if other fields are unreadable. Raise Malformed."""
    return _valid(_Marked, row).external_order_id == reverb_number


def read_line(row: Any) -> Line:
    """Return a line. Raise TransientStoreError if it is invalid."""
    return _valid(Line, row)


def store_order(order: Order, lines: list[Line], *, admin: str) -> StoreOrder:
    """Return an order as StoreOrder."""
    rows = tuple(
        OrderLine(
            line.id,
            str(line.variant_id or ""),
            line.sku,
            line.name,
            line.quantity or 0,
            line.price_ex_tax,
            line.quantity_refunded or 0,
        )
        for line in lines
    )
    status = STATUSES.get(order.status_id, OrderStatus.OPEN)
    url = f"{admin}/manage/orders?viewId={order.id}"
    return StoreOrder(order.id, order.id, status, order.modified, rows, url, order.external_order_id, order.placed)


def shipments(rows: Any) -> list[Shipment]:
    """Return the parcels that have a tracking number."""
    found, _ = each(rows, lambda row: _valid(_Shipment, row))
    return [
        Shipment(
            one.id,
            one.order_id,
            one.shipping_provider_display_name or one.tracking_carrier or one.shipping_provider,
            one.tracking_number,
            one.tracking_link or one.generated_tracking_link,
        )
        for one in found
        if one.tracking_number
    ]


def body(order: NewOrder, parents: dict[str, str]) -> dict[str, Any]:
    """Return the order to POST. `parents` maps each variant to its product id.

    An order with catalogue products takes their units as the store's settings say. If the units were already taken, its
    lines are custom ones, which have no stock.
    """
    made: dict[str, Any] = {
        "status_id": AWAITING_FULFILLMENT,
        "customer_id": 0,
        "external_source": SOURCE,
        "external_order_id": order.reverb_number,
        "payment_method": "Reverb",
        "staff_notes": order.note or f"Reverb order {order.reverb_number}",
        "base_shipping_cost": f"{order.shipping:.2f}",
        "shipping_cost_inc_tax": f"{order.shipping:.2f}",
        "shipping_cost_ex_tax": f"{order.shipping:.2f}",
        "billing_address": _address(order),
        "products": [_line(line, order, parents) for line in order.lines],
    }
    if order.address is not None:
        made["shipping_addresses"] = [_address(order)]
    return made


def _line(line: OrderLine, order: NewOrder, parents: dict[str, str]) -> dict[str, Any]:
    price = f"{line.price:.2f}"
    made: dict[str, Any] = {"quantity": line.quantity, "price_inc_tax": price, "price_ex_tax": price}
    parent = parents.get(line.store_product_id)
    if order.takes_stock and parent:
        return {**made, "product_id": int(parent), "variant_id": int(line.store_product_id)}
    return {**made, "name": line.title, "sku": line.sku}


def _address(order: NewOrder) -> dict[str, str]:
    where = order.address
    first, _, last = (where.name if where else order.buyer).rpartition(" ")
    made = {"first_name": first or last, "last_name": last if first else "", "email": ""}
    if where is not None:
        made |= {
            "street_1": where.street,
            "street_2": where.extra,
            "city": where.city,
            "state": where.region,
            "zip": where.postal_code,
            "country_iso2": where.country,
            "phone": where.phone,
        }
    return made


def _valid(model: type[M], row: Any) -> M:
    return valid(model, row, "BigCommerce's order", may_have_applied=True)
