"""The messages of a seller's own system, as docs/custom-store.md describes them, and what they mean. Pure."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AwareDatetime, Field, ValidationError

from shops.orders import OrderLine, OrderStatus, Shipment, StoreOrder
from shops.pictures import StoreProduct
from shops.platforms.values import Unreadable
from shops.wire import Part, Text

TOPICS = (
    "product.updated",
    "products.updated",
    "product.deleted",
    "stock.updated",
    "order.updated",
    "catalogue.complete",
)
#: Most products in one message.
MOST = 250
FINISH_OPTIONS = {"color", "colour", "finish"}
Id = Annotated[Text, Field(min_length=1, max_length=64)]


class Variant(Part):
    """One sellable unit."""

    id: Id
    sku: Text = ""
    price: Decimal
    stock: int | None = None
    barcode: Text = ""
    options: dict[str, str] = {}
    photos: list[str] = []


class Product(Part):
    """A product with all its variants."""

    id: Id
    updated_at: AwareDatetime
    title: Annotated[str, Field(min_length=1)]
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")]
    variants: Annotated[list[Variant], Field(min_length=1)]
    description: str = ""
    vendor: str = ""
    product_type: str = ""
    tags: list[str] = []
    collections: list[str] = []
    attributes: dict[str, str] = {}
    photos: list[str] = []
    for_sale: bool = True
    url: str = ""


class Products(Part):
    """Several products."""

    products: Annotated[list[Product], Field(min_length=1, max_length=MOST)]


class Deleted(Part):
    """A product that is gone."""

    id: Id
    updated_at: AwareDatetime


class Count(Part):
    """The stock of one variant."""

    variant_id: Id
    stock: int


class Counts(Part):
    """A product's stock. It is asked for whole products, so that each has one stamp."""

    product_id: Id
    updated_at: AwareDatetime
    items: Annotated[list[Count], Field(min_length=1)]


class Adjusted(Part):
    """The answer to `stock.adjust`: the stock after it, or as it is where it was refused, and since when."""

    stock: int | None = None
    updated_at: AwareDatetime | None = None


class Complete(Part):
    """All ids that the store has; what is not among them is gone."""

    updated_at: AwareDatetime
    ids: list[Id]


class Line(Part):
    """A line of an order."""

    id: Id
    variant_id: Text = ""
    product_id: Text = ""
    sku: Text = ""
    title: str = ""
    quantity: int
    refunded: int = 0
    price: Decimal = Decimal(0)


class Parcel(Part):
    """A shipment of an order."""

    id: Id
    carrier: str = ""
    tracking_number: Annotated[str, Field(min_length=1)]
    tracking_url: str = ""


class Order(Part):
    """An order of the store. Nothing of the buyer is wanted."""

    id: Id
    updated_at: AwareDatetime
    number: Text = ""
    status: OrderStatus
    lines: list[Line]
    shipments: list[Parcel] = []
    url: str = ""
    reverb_number: Text = ""


class Message(Part):
    """What every message is: a type and its data."""

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
    """Return the data of a message. Raises Unreadable with the places that are wrong, never with a value."""
    try:
        message = Message.model_validate_json(body)
        return KINDS[message.type].model_validate(message.data)
    except ValidationError as error:
        where = ", ".join(".".join(map(str, one["loc"])) or "body" for one in error.errors()[:10])
        raise Unreadable(f"The message cannot be read: {where}") from None
    except KeyError:
        raise Unreadable("The message cannot be read: type") from None


def units(product: Product) -> list[StoreProduct]:
    """Return the pictures of a product's variants."""
    return [_unit(product, variant) for variant in product.variants]


def _unit(product: Product, variant: Variant) -> StoreProduct:
    several = len(product.variants) > 1 and variant.options
    return StoreProduct(
        store_product_id=variant.id,
        store_parent_id=product.id,
        store_stock_id=variant.id,
        sku=variant.sku.strip(),
        title=f"{product.title} – {' / '.join(variant.options.values())}" if several else product.title,
        description=product.description,
        vendor=product.vendor,
        product_type=product.product_type,
        tags=tuple(product.tags),
        finish=next((text for name, text in variant.options.items() if name.lower() in FINISH_OPTIONS), ""),
        price=variant.price,
        currency=product.currency,
        stock=variant.stock,
        photos=tuple(dict.fromkeys([*variant.photos, *product.photos])),
        barcode=variant.barcode.strip(),
        for_sale=product.for_sale,
        url=product.url,
        collections=tuple(product.collections),
        attributes={**product.attributes, **variant.options},
    )


def order(told: Order) -> StoreOrder:
    """Return an order."""
    lines = tuple(
        OrderLine(line.id, line.variant_id, line.sku, line.title, line.quantity, line.price, line.refunded)
        for line in told.lines
    )
    updated_at: datetime = told.updated_at
    return StoreOrder(told.id, told.number, told.status, updated_at, lines, told.url, told.reverb_number)


def shipments(told: Order) -> list[Shipment]:
    """Return an order's parcels."""
    return [Shipment(one.id, told.id, one.carrier, one.tracking_number, one.tracking_url) for one in told.shipments]
