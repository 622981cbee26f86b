"""Parse the messages of a seller's own system; docs/custom-store.md describes them. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    Field,
    StringConstraints,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)

from shops.orders import OrderLine, OrderStatus, Shipment, StoreOrder
from shops.platforms.reading import title_of
from shops.platforms.values import Unreadable
from shops.schemas import MOST_UNITS, Money, Part, Side, SideRows, Text, Units, object_of, units_of
from shops.snapshots import StoreProduct

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
#: Longest URL of a photo or a page.
LONGEST_ADDRESS = 2000
WHAT_TO_SEND = "Send a number, or null if you do not count it."
FINISH_OPTIONS = {"color", "colour", "finish"}


def _in_utc(stamp: datetime) -> datetime:
    try:
        return stamp.astimezone(UTC)
    except OverflowError:  # the first or last possible date, in a zone that exceeds it
        raise ValueError("no usable moment") from None


def _address(text: str) -> str:
    if not text.startswith(("https://", "http://")) or len(text) > LONGEST_ADDRESS:
        raise ValueError("no web address")
    return text


def _texts(value: Any) -> Any:
    """Return an object of strings; values other than strings and numbers are left out. PHP sends {} as a list."""
    if not isinstance(value, dict):
        return {}
    texts = (str, int, float)
    return {str(k): str(v) for k, v in value.items() if isinstance(v, texts) and not isinstance(v, bool)}


def _whole(value: Any) -> int:
    """Return a quantity as whole units: 2 of 2.5 m."""
    units = units_of(value)
    if units is None:
        raise ValueError("no quantity")
    return max(0, min(MOST_UNITS, units))


def _flag(value: Any, read: ValidatorFunctionWrapHandler) -> Any:
    """Return a flag, None if it is invalid."""
    try:
        return read(value)
    except ValidationError:
        return None


def lower(numbers: Iterable[int | None]) -> int | None:
    """Return the lowest of several numbers for one stock; "not counted" is ignored."""
    return min((one for one in numbers if one is not None), default=None)


Id = Annotated[Text, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]
Stamp = Annotated[AwareDatetime, AfterValidator(_in_utc)]
Address = Annotated[str, AfterValidator(_address)]
Texts = Annotated[dict[str, str], BeforeValidator(_texts)]
Quantity = Annotated[int, BeforeValidator(_whole)]
Flag = Annotated[bool | None, WrapValidator(_flag)]


class Counted(Part):
    """A part with a stock: a number, or null if it is not counted. Any other or no value sets `says_stock` false."""

    stock: int | None = None
    says_stock: bool = Field(default=True, exclude=True)

    @model_validator(mode="before")
    @classmethod
    def _stock_by_itself(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        try:
            stock = units_of(value["stock"])
        except (KeyError, ValueError):
            return {**value, "stock": None, "says_stock": False}
        return {**value, "stock": stock, "says_stock": value["stock"] != ""}


class Variant(Counted):
    """One sellable unit. `price` 0: it has none."""

    id: Id
    sku: Side[Text] = ""
    price: Money = Decimal(0)
    barcode: Side[Text] = ""
    options: Texts = {}
    photos: SideRows[Address] = []


class Product(Part):
    """A product with all its variants. Fields that stock does not depend on get their default if invalid.

    Each variant is read by itself. `unread`: a sentence for each row without a usable id, or with an id that another
    row has too; the product's variants are then not completely known. `for_sale`: None if it cannot be read.
    """

    id: Id
    updated_at: Stamp
    variants: Annotated[list[Variant], Field(min_length=1)]
    title: Side[Text] = ""
    currency: Side[Annotated[str, StringConstraints(strip_whitespace=True, to_upper=True, pattern="^[A-Za-z]{3}$")]] = (
        ""
    )
    description: Side[str] = ""
    vendor: Side[Text] = ""
    product_type: Side[Text] = ""
    tags: SideRows[Text] = []
    collections: SideRows[Text] = []
    attributes: Texts = {}
    photos: SideRows[Address] = []
    for_sale: Flag = True
    url: Side[Address] = ""
    unread: list[str] = Field(default=[], exclude=True)

    @model_validator(mode="before")
    @classmethod
    def _variant_by_variant(cls, value: Any) -> Any:
        if not isinstance(value, dict) or not isinstance(value.get("variants"), list):
            return value
        found: dict[str, Variant] = {}
        unread: list[str] = []
        for number, row in enumerate(value["variants"]):
            try:
                one = Variant.model_validate(row)
            except ValidationError:
                unread.append(
                    f"row {number + 1} of its variants has no usable id, so variants that are not named stay as they"
                    " were. Send an id of at most 64 characters with each variant."
                )
                continue
            if one.id in found:
                unread.append(
                    f"two of its variants have the id {one.id}, so the lower stock counts. Give each an id of its own."
                )
                one = min(found[one.id], one, key=_least_first)
            found[one.id] = one
        return {**value, "variants": list(found.values()), "unread": unread}


def _least_first(variant: Variant) -> tuple[bool, bool, int]:
    """Sort key for rows of one variant: the lowest number first, then "not counted", then an unreadable stock."""
    return not variant.says_stock, variant.stock is None, variant.stock or 0


class Products(Part):
    """Several products. Each is read by itself, so that an unreadable one does not hide the others."""

    products: Annotated[list[Any], Field(min_length=1, max_length=MOST)]


class Deleted(Part):
    """A product that is gone."""

    id: Id
    updated_at: Stamp


class Count(Counted):
    """The stock of one variant."""

    variant_id: Id


class Counts(Part):
    """A product's stock. It covers a whole product, so that each product has one timestamp."""

    product_id: Id
    updated_at: Stamp
    items: list[Count]
    #: A sentence for each unreadable item. The others count nevertheless.
    unread: list[str]

    @model_validator(mode="before")
    @classmethod
    def _item_by_item(cls, value: Any) -> Any:
        rows = value.get("items") if isinstance(value, dict) else None
        if not isinstance(rows, list) or not rows:
            raise ValueError("no items")
        found: list[Count] = []
        unread: list[str] = []
        for number, row in enumerate(rows):
            try:
                one = Count.model_validate(row)
            except ValidationError as error:
                unread.append(f"Item {number + 1} of the message cannot be read: {_fields(error)}")
                continue
            if one.says_stock:
                found.append(one)
            else:
                unread.append(f"Item {number + 1} of the message says no stock that can be read. {WHAT_TO_SEND}")
        return {**value, "items": found, "unread": unread}

    @property
    def counts(self) -> dict[str, int | None]:
        """Return variant → units; the lower of two numbers for one variant."""
        found: dict[str, int | None] = {}
        for one in self.items:
            found[one.variant_id] = lower((found.get(one.variant_id), one.stock))
        return found


class Adjusted(Part):
    """The answer to `stock.adjust`: the stock afterwards, or the current one if refused, and its timestamp."""

    stock: Units = None
    updated_at: Side[Stamp | None] = None


def adjusted(said: Any) -> Adjusted | None:
    """Return the stock from an answer to `stock.adjust`, None if it has no readable one."""
    try:
        found = Adjusted.model_validate(said)
    except ValidationError:
        return None
    return found if found.stock is not None else None


class Complete(Part):
    """All ids that the store has; other products are gone."""

    updated_at: Stamp
    ids: list[Id]


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
        raise Unreadable(f"The message cannot be read: {_fields(error)}") from None
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
            unread.append(f"Product {number + 1} of the message cannot be read: {_fields(error)}")
    return found, unread


def _fields(error: ValidationError) -> str:
    return ", ".join(".".join(map(str, one["loc"])) or "body" for one in error.errors()[:10])


def units(product: Product) -> list[StoreProduct]:
    """Return the snapshots of a product's variants."""
    return [_unit(product, variant) for variant in product.variants]


def _unit(product: Product, variant: Variant) -> StoreProduct:
    several = len(product.variants) > 1 and variant.options
    return StoreProduct(
        store_product_id=variant.id,
        store_parent_id=product.id,
        store_stock_id=variant.id,
        sku=variant.sku.strip(),
        title=title_of(product.title, " / ".join(variant.options.values()) if several else ""),
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
        for_sale=product.for_sale is True,
        url=product.url,
        collections=tuple(product.collections),
        attributes={**product.attributes, **variant.options},
    )


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
