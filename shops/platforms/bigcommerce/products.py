"""BigCommerce's v3 catalogue → our pictures. Pure functions.

The price is the one that a visitor pays: the sale price where one is set, else the variant's, else the product's.
Prices for groups of customers are left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from pydantic import ValidationError

from shops.pictures import StoreProduct
from shops.platforms.reading import title_of, valid
from shops.platforms.values import Count, StorePassing
from shops.wire import Part, Text

CENT = Decimal("0.01")
FINISH_OPTIONS = {"color", "colour", "finish"}


class _Option(Part):
    option_display_name: str = ""
    label: Text = ""


class _Variant(Part):
    id: int
    sku: Text = ""
    price: Decimal | None = None
    sale_price: Decimal | None = None
    upc: Text = ""
    gtin: Text = ""
    inventory_level: int = 0
    image_url: str = ""
    purchasing_disabled: bool = False
    option_values: list[_Option] = []


class _Image(Part):
    url_zoom: str = ""
    url_standard: str = ""
    is_thumbnail: bool = False
    sort_order: int = 0


class _CustomField(Part):
    name: str = ""
    value: Text = ""


class Product(Part):
    """A product with its variants, images and custom fields."""

    id: int
    name: str = ""
    type: str = "physical"
    description: str = ""
    price: Decimal = Decimal(0)
    sale_price: Decimal = Decimal(0)
    brand_id: int = 0
    categories: list[int] = []
    inventory_level: int = 0
    inventory_tracking: str = "none"
    is_visible: bool = True
    availability: str = "available"
    upc: Text = ""
    gtin: Text = ""
    search_keywords: str = ""
    condition: str = ""
    images: list[_Image] = []
    variants: list[_Variant] = []
    custom_fields: list[_CustomField] = []


def read(row: Any) -> Product:
    """Return a product. Raises StorePassing naming the place that cannot be read."""
    return valid(Product, row, "BigCommerce's product")


def units(
    product: Product, *, currency: str, brands: Mapping[int, str], categories: Mapping[int, str], admin: str
) -> list[StoreProduct]:
    """Return the variants as products; every product has at least one."""
    return [_unit(product, one, currency, brands, categories, admin=admin) for one in product.variants]


def _unit(
    product: Product,
    variant: _Variant,
    currency: str,
    brands: Mapping[int, str],
    categories: Mapping[int, str],
    *,
    admin: str,
) -> StoreProduct:
    options = {one.option_display_name: one.label for one in variant.option_values if one.label}
    images = sorted(product.images, key=lambda image: (not image.is_thumbnail, image.sort_order))
    photos = [variant.image_url, *(image.url_zoom or image.url_standard for image in images)]
    named = tuple(categories[number] for number in product.categories if number in categories)
    fields = {field.name: field.value[:255] for field in product.custom_fields if field.name}
    return StoreProduct(
        store_product_id=str(variant.id),
        store_parent_id=str(product.id),
        store_stock_id=str(variant.id),
        sku=variant.sku.strip(),
        title=title_of(product.name, " / ".join(options.values())),
        description=product.description,
        vendor=brands.get(product.brand_id, ""),
        product_type=named[0] if named else "",
        tags=tuple(word.strip() for word in product.search_keywords.split(",") if word.strip()),
        finish=next((text for name, text in options.items() if name.lower() in FINISH_OPTIONS), ""),
        price=_price(product, variant),
        currency=currency,
        stock=_stock(product, variant),
        photos=tuple(dict.fromkeys(link for link in photos if link)),
        barcode=(variant.upc or variant.gtin or product.upc or product.gtin).strip(),
        for_sale=product.is_visible and product.availability == "available" and not variant.purchasing_disabled,
        url=f"{admin}/manage/products/edit/{product.id}",
        collections=named,
        attributes={**fields, **options},
    )


def _price(product: Product, variant: _Variant) -> Decimal:
    """Return the price; 0 stands for "no sale price", a variant without a price inherits the product's."""
    if variant.price is None:
        return (variant.sale_price or product.sale_price or product.price).quantize(CENT)
    return (variant.sale_price or variant.price).quantize(CENT)


def _stock(product: Product, variant: _Variant) -> int | None:
    """Return what can be sold. Variants that share the product's own stock cannot each be counted."""
    if product.inventory_tracking == "variant":
        return variant.inventory_level
    if product.inventory_tracking == "product":
        return product.inventory_level if len(product.variants) == 1 else None
    return None


class _Place(Part):
    location_id: int
    available_to_sell: int = 0
    total_inventory_onhand: int = 0
    location_enabled: bool | str = True


class _Item(Part):
    locations: list[_Place] = []


def count(rows: Any) -> Count:
    """Return what is available in all, and the location that has most of it."""
    if not isinstance(rows, list) or not rows:
        return Count(None)
    try:
        places = _Item.model_validate(rows[0]).locations
    except ValidationError:
        raise StorePassing("BigCommerce's inventory could not be read.") from None
    if not places:
        return Count(None)
    most = max(places, key=lambda place: place.available_to_sell)
    return Count(sum(place.available_to_sell for place in places), str(most.location_id), most.available_to_sell)
