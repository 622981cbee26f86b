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

from shops.orders import NewOrder, OrderLine, OrderStatus, Shipment, StoreOrder
from shops.platforms.magento2.regions import Region
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
#: Characters that Magento accepts in a name besides letters and digits (Customer\Model\Validator\Name).
NAMES_HOLD = ",-_.'"
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


class Way(Part):
    """A shipping method that the store offers for an address."""

    carrier_code: str
    method_code: str
    amount: Money = Decimal(0)
    available: Side[bool] = True


def mail_of(reverb_number: str) -> str:
    """Return the made-up e-mail address that marks an order."""
    return f"reverb-{reverb_number}@example.com"


def read(row: Any) -> Order:
    """Return an order. Raise TransientStoreError if it is invalid."""
    return _valid(Order, row)


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
    found, _ = each(rows, lambda row: _valid(_Shipment, row), key="entity_id")
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


def ways(said: Any) -> list[Way]:
    """Return the available shipping methods, the cheapest first."""
    found, _ = each(said if isinstance(said, list) else [], lambda row: _valid(Way, row), key="carrier_code")
    return sorted((one for one in found if one.available), key=lambda one: one.amount)


def address(order: NewOrder) -> dict[str, Any]:
    """Return the buyer's address with all fields that Magento requires."""
    where = order.address
    name = "".join(one if one.isalnum() or one in NAMES_HOLD else " " for one in (where.name if where else order.buyer))
    first, _, last = " ".join(name.split())[:200].rpartition(" ")
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


def body(order: NewOrder, *, store_id: int, way: Way | None) -> dict[str, Any]:
    """Return the body of a directly created order, which reserves nothing, since its units were already taken.

    It has all fields that the admin needs to open, invoice, ship and refund it. `way` is the store's shipping method,
    None if it does not ship to that address.
    """
    goods = sum((line.price * line.quantity for line in order.lines), Decimal(0))
    where = address(order)
    method = f"{way.carrier_code}_{way.method_code}" if way else "flatrate_flatrate"
    amounts = {
        "subtotal": goods,
        "subtotal_incl_tax": goods,
        "shipping_amount": order.shipping,
        "shipping_incl_tax": order.shipping,
        "tax_amount": order.tax,
        "discount_amount": Decimal(0),
        "grand_total": goods + order.shipping + order.tax,
        "total_due": goods + order.shipping + order.tax,
    }
    entity: dict[str, Any] = {
        "state": "processing",
        "status": "processing",
        "store_id": store_id,
        "ext_order_id": order.reverb_number,
        "customer_email": where["email"],
        "customer_firstname": where["firstname"],
        "customer_lastname": where["lastname"],
        "customer_is_guest": 1,
        "customer_group_id": 0,
        "is_virtual": 0,
        "total_item_count": len(order.lines),
        "total_qty_ordered": sum(line.quantity for line in order.lines),
        "shipping_description": "Reverb",
        "items": [_row(line, store_id) for line in order.lines],
        "billing_address": {**where, "address_type": "billing"},
        "payment": {"method": "checkmo", "amount_ordered": _money(amounts["grand_total"])},
        "status_histories": [comment(order)],
        "extension_attributes": {
            "shipping_assignments": [{"shipping": {"address": {**where, "address_type": "shipping"}, "method": method}}]
        },
    }
    for name in ("order", "base", "store", "global"):
        entity[f"{name}_currency_code"] = order.currency
    for rate in ("base_to_global_rate", "base_to_order_rate", "store_to_base_rate", "store_to_order_rate"):
        entity[rate] = 1
    return {"entity": entity | _both(amounts)}


def comment(order: NewOrder, entered: Region | None = None) -> dict[str, Any]:
    """Return the note for an order's history; nobody is mailed about it.

    `entered`: the region that replaced a missing or unknown one in the address.
    """
    note = order.note or f"Reverb order {order.reverb_number}"
    if entered is not None and order.address is not None:
        region = f"names {order.address.region} as its region" if order.address.region else "names no region"
        note += f" The buyer's address {region}; Magento requires one of its list, so {entered['name']} was entered."
    return remark(note)


def cancelled(order_id: str) -> dict[str, Any]:
    """Return the body that marks an order as cancelled without Magento's cancellation (POST orders saves any field)."""
    return {"entity": {"entity_id": int(order_id), "state": "canceled", "status": "canceled"}}


def remark(words: str) -> dict[str, Any]:
    """Return a comment for an order's history."""
    return {"comment": words, "is_customer_notified": 0, "is_visible_on_front": 0, "parent_id": 0}


def _row(line: OrderLine, store_id: int) -> dict[str, Any]:
    whole = line.price * line.quantity
    made: dict[str, Any] = {
        "store_id": store_id,
        "sku": line.sku,
        "name": line.title,
        "qty_ordered": line.quantity,
        "product_type": "simple",
        "is_virtual": 0,
    }
    if line.store_product_id:
        made["product_id"] = int(line.store_product_id)
    prices = ("price", "original_price", "price_incl_tax")
    return made | _both(dict.fromkeys(prices, line.price) | {"row_total": whole, "row_total_incl_tax": whole})


def _both(amounts: dict[str, Decimal]) -> dict[str, str]:
    """Return amounts in the order's and the store's currency, which are the same."""
    return {f"{base}{name}": _money(amount) for name, amount in amounts.items() for base in ("", "base_")}


def _money(amount: Decimal) -> str:
    return f"{amount:.2f}"


def _is_out(row: Row) -> bool:
    return (row.qty_shipped or 0) >= (row.qty_ordered or 0)


def _valid(model: type[M], row: Any) -> M:
    return valid(model, row, "Magento's order", may_have_applied=True)
