"""Convert BigCommerce's v3 catalogue to snapshots. Pure functions.

The price is what a visitor pays: the sale price if set, else the variant's, else the product's. Customer group prices
are ignored. The catalogue's stock covers only the default location, so the sellable stock comes from the inventory
(`inventory.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from shops.platforms.bigcommerce.inventory import AS_WHOLE, NotShown
from shops.platforms.reading import each, title_of, valid
from shops.platforms.values import Unread
from shops.schemas import Money, Number, Part, Side, SideRows, Text, Units, Words, money_of
from shops.snapshots import StoreProduct

FINISH_OPTIONS = {"color", "colour", "finish"}
#: Value of the catalogue's `include` parameter; `read` needs all of it.
INCLUDED = "variants,images,custom_fields"


def _rows(value: Any) -> Any:
    return list(value.values()) if isinstance(value, dict) else value


class _Option(Part):
    option_display_name: Side[Words] = ""
    label: Side[Words] = ""


class _Variant(Part):
    id: Number
    sku: Side[Text] = ""
    #: None: the product's.
    price: Annotated[Decimal | None, BeforeValidator(lambda said: None if said == "" else money_of(said))] = None
    sale_price: Money = Decimal(0)
    upc: Side[Text] = ""
    gtin: Side[Text] = ""
    inventory_level: Units = None
    image_url: Side[str] = ""
    purchasing_disabled: bool = False
    option_values: SideRows[_Option] = []


class _Image(Part):
    url_zoom: Side[str] = ""
    url_standard: Side[str] = ""
    is_thumbnail: Side[bool] = False
    sort_order: Side[int] = 0


class _CustomField(Part):
    name: Side[Text] = ""
    value: Side[Words] = ""


class Product(Part):
    """A product with its variants, images and custom fields. The fields for stock and price must be readable."""

    id: Number
    name: Side[Words] = ""
    description: Side[str] = ""
    price: Money = Decimal(0)
    sale_price: Money = Decimal(0)
    brand_id: Side[int] = 0
    categories: SideRows[int] = []
    inventory_level: Units = None
    inventory_tracking: Literal["none", "product", "variant"]
    is_visible: bool = True
    availability: str = "available"
    upc: Side[Text] = ""
    gtin: Side[Text] = ""
    search_keywords: Side[Text] = ""
    condition: Side[Text] = ""
    is_condition_shown: Side[bool] = False
    images: SideRows[_Image] = []
    #: Read one by one; every product has at least one.
    variants: Annotated[list[Any], BeforeValidator(_rows), Field(min_length=1)]
    custom_fields: SideRows[_CustomField] = []

    @property
    def is_counted(self) -> bool:
        """Return whether the product's stock is counted."""
        return self.inventory_tracking != "none"

    @property
    def is_shared(self) -> bool:
        """Return whether its variants share one stock: each shows all of it, and a sale of one reduces all."""
        return self.inventory_tracking == "product" and len(self.variants) > 1


def read(row: Any) -> Product:
    """Return a product. Raise Malformed with the name of the unreadable field."""
    return valid(Product, row, "BigCommerce's product")


class _Owner(Part):
    product_id: Number


def owner(row: Any) -> str:
    """Return the id of a variant's product. Raise Malformed."""
    return valid(_Owner, row, "BigCommerce's variant").product_id


@dataclass(frozen=True)
class Reader:
    """Reads the products of one store. `stock` returns a variant's sellable units.

    It gets the product's id, the variant's, and the catalogue's number.
    """

    currency: str
    brands: Mapping[int, str]
    categories: Mapping[int, str]
    admin: str
    stock: Callable[[str, str, int | None], int]

    def units(self, product: Product) -> tuple[list[StoreProduct], list[Unread]]:
        """Return the variants as products, and those that could not be read."""
        found, odd = each(product.variants, lambda row: self._unit(product, row))
        return found, [Unread(product.id, one.words) for one in odd]

    def _unit(self, product: Product, row: Any) -> StoreProduct:
        variant = valid(_Variant, row, "BigCommerce's variant")
        named = tuple(name for number in product.categories if (name := self.categories.get(number, "")))
        options = {one.option_display_name: one.label for one in variant.option_values if one.label}
        return StoreProduct(
            store_product_id=variant.id,
            store_parent_id=product.id,
            store_stock_id=f"{AS_WHOLE}{product.id}" if product.inventory_tracking == "product" else variant.id,
            sku=variant.sku.strip(),
            title=title_of(product.name, " / ".join(options.values())),
            description=product.description,
            vendor=self.brands.get(product.brand_id, ""),
            product_type=named[0] if named else "",
            tags=tuple(word.strip() for word in product.search_keywords.split(",") if word.strip()),
            finish=next((text for name, text in options.items() if name.lower() in FINISH_OPTIONS), ""),
            price=_price(product, variant),
            currency=self.currency,
            stock=_stock(product, variant, self.stock),
            photos=tuple(dict.fromkeys(link for link in (variant.image_url, *_photos(product)) if link)),
            barcode=(variant.upc or variant.gtin or product.upc or product.gtin).strip(),
            for_sale=product.is_visible and product.availability == "available" and not variant.purchasing_disabled,
            url=f"{self.admin}/manage/products/edit/{product.id}",
            collections=named,
            attributes=_attributes(product) | options,
        )


def _photos(product: Product) -> list[str]:
    images = sorted(product.images, key=lambda image: (not image.is_thumbnail, image.sort_order))
    return [image.url_zoom or image.url_standard for image in images]


def _stock(product: Product, variant: _Variant, stock: Callable[[str, str, int | None], int]) -> int | None:
    if not product.is_counted:
        return None
    try:
        return stock(product.id, variant.id, _level(product, variant))
    except NotShown:
        if not product.is_shared:
            raise
        return None


def _attributes(product: Product) -> dict[str, str]:
    """Return the condition and the custom fields. "New" is the default, so it counts only if the store shows it."""
    fields = {field.name: field.value[:255] for field in product.custom_fields if field.name}
    says_nothing = product.condition == "New" and not product.is_condition_shown
    return fields if says_nothing or not product.condition else {"condition": product.condition} | fields


def _price(product: Product, variant: _Variant) -> Decimal:
    """Return the price; 0 means "no sale price", and a variant without a price inherits the product's."""
    if variant.price is None:
        return variant.sale_price or product.sale_price or product.price
    return variant.sale_price or variant.price


def _level(product: Product, variant: _Variant) -> int | None:
    return variant.inventory_level if product.inventory_tracking == "variant" else product.inventory_level
