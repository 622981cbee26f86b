"""WooCommerce's products and variations (wc/v3) → our pictures. Pure functions."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationError

from shops.pictures import StoreProduct
from shops.platforms.reading import title_of, valid
from shops.wire import Part, Text

FINISH_OPTIONS = {"color", "colour", "finish"}
#: Types whose stock is worked out from other products.
NOT_SOLD_ALONE = {"grouped", "external", "bundle", "composite"}


def _money(value: object) -> object:
    """Read a price: text, "" when none is set, sometimes a number with a tail such as 7.989999999999999."""
    try:
        return Decimal(str(value or "0")).quantize(Decimal("0.01"))
    except InvalidOperation:
        return value


Price = Annotated[Decimal, BeforeValidator(_money)]


class _Image(Part):
    src: str = ""


class _Name(Part):
    name: str = ""


class _Attribute(Part):
    name: str = ""
    option: str = ""  # of a variation
    options: list[str] = []
    variation: bool = False


class _Meta(Part):
    key: str = ""
    value: Any = ""


class Item(Part):
    """A product or a variation: what both have."""

    id: int
    parent_id: int = 0
    name: str = ""
    type: str = "simple"
    status: str = "publish"
    sku: str = ""
    description: str = ""
    short_description: str = ""
    price: Price = Decimal(0)
    manage_stock: bool | str = False  # a variation also says "parent"
    stock_quantity: float | None = None
    stock_status: str = "instock"
    global_unique_id: Text = ""
    images: list[_Image] = []
    image: _Image | None = None
    brands: list[_Name] = []
    categories: list[_Name] = []
    tags: list[_Name] = []
    attributes: list[_Attribute] = []
    meta_data: list[_Meta] = []
    catalog_visibility: str = "visible"
    permalink: str = ""

    @property
    def units(self) -> int | None:
        """What can be sold, None when nobody counts; a product that is marked as out of stock has none."""
        if self.manage_stock:
            return int(self.stock_quantity or 0)
        return 0 if self.stock_status == "outofstock" else None


def read_item(row: Any) -> Item:
    """Return a product or variation. Raises StorePassing naming the place that cannot be read."""
    return valid(Item, row, "WooCommerce's product")


def units(product: Item, variations: list[Item], *, currency: str, admin: str) -> list[StoreProduct]:
    """Return the sellable units of a product: itself, or its variations. `admin` is the address of wp-admin."""
    if product.status == "trash" or product.type in NOT_SOLD_ALONE:
        return []
    if product.type == "variable" or variations:
        return [_unit(product, one, currency, admin) for one in variations]
    return [_unit(product, product, currency, admin)]


def _unit(product: Item, one: Item, currency: str, admin: str) -> StoreProduct:
    options = {a.name: a.option for a in one.attributes if a.option}
    alone = one is product
    shared = one.manage_stock == "parent"
    own = [one.image.src] if one.image and one.image.src else []
    photos = dict.fromkeys([*own, *(image.src for image in product.images if image.src)])
    told = {a.name: ", ".join(a.options) for a in product.attributes if a.options and not a.variation}
    told |= {m.key: m.value for m in product.meta_data if isinstance(m.value, str) and m.value and m.key[:1] != "_"}
    for_sale = product.status == one.status == "publish" if not alone else product.status == "publish"
    return StoreProduct(
        store_product_id=str(one.id),
        store_parent_id=str(product.id),
        store_stock_id=str(product.id if shared else one.id),
        sku=one.sku.strip(),
        title=title_of(product.name, "" if alone else " / ".join(options.values())),
        description=product.description or product.short_description,
        vendor=_brand(product),
        product_type=product.categories[0].name if product.categories else "",
        tags=tuple(tag.name for tag in product.tags if tag.name),
        finish=next((text for name, text in options.items() if name.lower() in FINISH_OPTIONS), ""),
        price=one.price,
        currency=currency,
        stock=product.units if shared else one.units,
        photos=tuple(photos),
        barcode=one.global_unique_id.strip(),
        for_sale=for_sale,
        url=f"{admin}/post.php?post={product.id}&action=edit",
        collections=tuple(category.name for category in product.categories if category.name),
        attributes={name: text[:255] for name, text in {**told, **options}.items()},
    )


def _brand(product: Item) -> str:
    """Return the brand: a taxonomy since WooCommerce 9.6, an attribute in older shops."""
    if product.brands:
        return product.brands[0].name
    named = (a for a in product.attributes if a.name.lower() in ("brand", "make", "manufacturer"))
    return next((a.options[0] for a in named if a.options), "")


class _Currency(Part):
    code: str = Field("", alias="code")
    value: str = ""


def read_currency(row: Any) -> str:
    """Return ISO 4217 out of /data/currencies/current or the setting."""
    try:
        said = _Currency.model_validate(row)
    except ValidationError:
        return ""
    return (said.code or said.value)[:3]
