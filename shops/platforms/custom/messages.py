"""Parse the messages of a seller's own system; docs/custom-store.md describes them. Pure."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import Field, ValidationError

from shops.orders import OrderLine, OrderStatus, Shipment, StoreOrder
from shops.platforms.custom.fields import Address, Id, Quantity, Stamp, fields_named
from shops.platforms.custom.product_messages import Complete, Counts, Deleted, Product, Products
from shops.platforms.errors import Unreadable
from shops.schema_text import object_of
from shops.schemas import Money, Part, Side, SideRows, Text

TOPICS = (
    "product.updated",
    "products.updated",
    "product.deleted",
    "stock.updated",
    "order.updated",
    "catalogue.complete",
)


class Line(Part):
    """A line of an order."""

    id: Id
    variant_id: Side[Text] = ""
    product_id: Side[Text] = ""
    sku: Side[Text] = ""
    title: Side[Text] = ""
    quantity: Quantity
    refunded: Side[Quantity] = 0
    price: Money = Decimal(0)


class Parcel(Part):
    """A shipment of an order."""

    id: Id
    carrier: Side[Text] = ""
    tracking_number: Annotated[Text, Field(min_length=1)]
    tracking_url: Side[Address] = ""


class Order(Part):
    """An order of the store, without the buyer's data."""

    id: Id
    updated_at: Stamp
    number: Side[Text] = ""
    status: OrderStatus
    lines: SideRows[Line] = []
    shipments: SideRows[Parcel] = []
    url: Side[Address] = ""
    reverb_number: Side[Text] = ""


class Message(Part):
    """The envelope of every message: a type and its data."""

    type: str
    data: dict[str, Any]


KINDS: dict[str, type[Part]] = {
    "product.updated": Product,
    "products.updated": Products,
    "product.deleted": Deleted,
    "stock.updated": Counts,
    "order.updated": Order,
    "catalogue.complete": Complete,
}


def read(body: bytes) -> Part:
    """Return the data of a message. Raise Unreadable with the invalid fields, never with a value."""
    said = object_of(body)
    if said is None:
        raise Unreadable("The message cannot be read: body")
    try:
        message = Message.model_validate(said)
        data = KINDS[message.type].model_validate(message.data)
    except ValidationError as error:
        raise Unreadable(f"The message cannot be read: {fields_named(error)}") from None
    except KeyError:
        raise Unreadable("The message cannot be read: type") from None
    return data


def products(rows: list[Any]) -> tuple[list[Product], list[str]]:
    """Return the readable products of a message, and a sentence for each unreadable one."""
    found: list[Product] = []
    unread: list[str] = []
    for number, row in enumerate(rows):
        try:
            found.append(Product.model_validate(row))
        except ValidationError as error:
            unread.append(f"Product {number + 1} of the message cannot be read: {fields_named(error)}")
    return found, unread


def order(pushed: Order) -> StoreOrder:
    """Return an order as StoreOrder."""
    lines = tuple(
        OrderLine(line.id, line.variant_id, line.sku, line.title, line.quantity, line.price, line.refunded)
        for line in pushed.lines
    )
    updated_at: datetime = pushed.updated_at
    return StoreOrder(pushed.id, pushed.number, pushed.status, updated_at, lines, pushed.url, pushed.reverb_number)


def shipments(pushed: Order) -> list[Shipment]:
    """Return an order's parcels."""
    return [Shipment(one.id, pushed.id, one.carrier, one.tracking_number, one.tracking_url) for one in pushed.shipments]
