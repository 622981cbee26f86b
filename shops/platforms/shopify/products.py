"""Shopify's GraphQL answers → our pictures. Pure functions."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from pydantic import Field, ValidationError

from shops.pictures import StoreProduct
from shops.platforms.base import StorePassing
from shops.wire import Part, Text

#: Options that mean what Reverb calls the finish.
FINISH_OPTIONS = {"color", "colour", "finish"}
#: Statuses of a product that customers can buy (UNLISTED: by link only).
FOR_SALE = {"ACTIVE", "UNLISTED"}
ONLY_VARIANT = "Default Title"


class _Image(Part):
    url: str = ""


class _Medium(Part):
    image: _Image | None = None


class _Media(Part):
    nodes: list[_Medium] = []

    @property
    def urls(self) -> list[str]:
        return [node.image.url for node in self.nodes if node.image and node.image.url]


class _Option(Part):
    name: str
    value: str


class _Item(Part):
    id: Text = Field(alias="legacyResourceId")
    tracked: bool = True


class _Variant(Part):
    id: Text = Field(alias="legacyResourceId")
    title: str = ""
    sku: str | None = None
    barcode: str | None = None
    price: Decimal
    stock: int | None = Field(None, alias="inventoryQuantity")
    options: list[_Option] = Field([], alias="selectedOptions")
    media: _Media = _Media()
    item: _Item = Field(alias="inventoryItem")


class _PageInfo(Part):
    more: bool = Field(False, alias="hasNextPage")
    cursor: str | None = Field(None, alias="endCursor")


class _Variants(Part):
    nodes: list[_Variant] = []
    page: _PageInfo = Field(_PageInfo(), alias="pageInfo")


class _Product(Part):
    id: Text = Field(alias="legacyResourceId")
    title: str = ""
    description: str = Field("", alias="descriptionHtml")
    vendor: str = ""
    product_type: str = Field("", alias="productType")
    tags: list[str] = []
    status: str = "ACTIVE"
    media: _Media = _Media()
    variants: _Variants = _Variants()


class _Shop(Part):
    currency: str = Field(alias="currencyCode")


class _Answer(Part):
    shop: _Shop
    product: _Product | None = None


def read(data: dict[str, Any], *, admin: str) -> tuple[list[StoreProduct], str | None]:
    """Return the variants on one page of a product's answer, and the cursor of the next page, None on the last.

    `admin` is the address of the store's admin pages. Raises StorePassing when the answer is not of this shape.
    """
    try:
        answer = _Answer.model_validate(data)
    except ValidationError as error:
        where = ".".join(map(str, error.errors()[0]["loc"]))
        raise StorePassing(f"Shopify's answer could not be read at {where}.") from None
    if answer.product is None:
        return [], None
    product = answer.product
    units = [_unit(product, variant, answer.shop.currency, admin) for variant in product.variants.nodes]
    return units, product.variants.page.cursor if product.variants.page.more else None


def owner(data: dict[str, Any]) -> str | None:
    """Return the id of the product in an answer about an inventory item, None when it belongs to none."""
    item = data.get("inventoryItem") or {}
    nodes = (item.get("variants") or {}).get("nodes") or []
    found = (nodes[0].get("product") or {}).get("legacyResourceId") if nodes else None
    return str(found) if found else None


def _unit(product: _Product, variant: _Variant, currency: str, admin: str) -> StoreProduct:
    alone = variant.title in ("", ONLY_VARIANT)
    photos = dict.fromkeys([*variant.media.urls, *product.media.urls])
    return StoreProduct(
        store_product_id=variant.id,
        store_parent_id=product.id,
        store_stock_id=variant.item.id,
        sku=(variant.sku or "").strip(),
        title=product.title if alone else f"{product.title} – {variant.title}",
        description=product.description,
        vendor=product.vendor,
        product_type=product.product_type,
        tags=tuple(product.tags),
        finish=next((o.value for o in variant.options if o.name.lower() in FINISH_OPTIONS), ""),
        price=variant.price,
        currency=currency,
        stock=variant.stock if variant.item.tracked else None,
        photos=tuple(photos),
        barcode=(variant.barcode or "").strip(),
        for_sale=product.status in FOR_SALE,
        url=f"{admin}/products/{product.id}",
    )
