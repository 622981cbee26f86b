"""What a home-made store says of its products and their stock."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any

from pydantic import Field, StringConstraints, ValidationError, model_validator

from shops.platforms.custom.fields import (
    MOST,
    WHAT_TO_SEND,
    Address,
    Counted,
    Flag,
    Id,
    Stamp,
    Texts,
    fields_named,
    lower,
)
from shops.platforms.reading import title_of
from shops.schemas import Money, Part, Side, SideRows, Text, Units
from shops.snapshots import StoreProduct

FINISH_OPTIONS = {"color", "colour", "finish"}


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
                unread.append(f"Item {number + 1} of the message cannot be read: {fields_named(error)}")
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
