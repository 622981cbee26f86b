"""Convert Shopify's GraphQL answers to snapshots. Pure functions.

Stock is what the store sells online: `inventoryQuantity`, the sum over all locations, minus the units at locations that
do not fulfil online orders (`locations.py`). `sellableOnlineQuantity` would be the same number, but lags by hours
(community.shopify.dev/t/32191).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AwareDatetime, BeforeValidator, Field

from shops.platforms.errors import Malformed
from shops.platforms.reading import each, title_of, valid
from shops.platforms.shopify.connections import unwrapped
from shops.platforms.shopify.locations import LevelLocations, sellable
from shops.platforms.values import Unread
from shops.schemas import Money, Number, Part, Side, SideRows, Text, Units, Words
from shops.snapshots import StoreProduct

#: Option names that correspond to Reverb's finish.
FINISH_OPTIONS = {"color", "colour", "finish"}
#: Statuses of a product that customers can buy (UNLISTED: by link only).
FOR_SALE = {"ACTIVE", "UNLISTED"}
ONLY_VARIANT = "Default Title"
#: Most photos of a listing on Reverb.
MOST_PHOTOS = 25
#: A product's connections that may continue on another page.
PAGED = ("variants", "collections", "metafields")


class _Image(Part):
    url: str = ""


class _Medium(Part):
    image: Side[_Image | None] = None


_Media = Annotated[SideRows[_Medium], BeforeValidator(unwrapped)]


class _Option(Part):
    name: Words
    value: Words


class _Item(Part):
    number: Number = Field(alias="legacyResourceId")
    tracked: bool


class _Variant(Part):
    number: Number = Field(alias="legacyResourceId")
    title: Side[Words] = ""
    sku: Side[Text] = ""
    barcode: Side[Text] = ""
    price: Money = Decimal(0)
    stock: Units = Field(None, alias="inventoryQuantity")
    options: SideRows[_Option] = Field([], alias="selectedOptions")
    media: _Media = []
    item: _Item = Field(alias="inventoryItem")


class _Collection(Part):
    title: Side[Words] = ""


class _Metafield(Part):
    namespace: str
    key: str
    value: Side[Text] = ""


class _Product(Part):
    number: Number = Field(alias="legacyResourceId")
    title: Side[Words] = ""
    description: Side[str] = Field("", alias="descriptionHtml")
    vendor: Side[Words] = ""
    product_type: Side[Words] = Field("", alias="productType")
    tags: SideRows[Words] = []
    status: str
    #: Stock changes update it too (Shopify's docs, "Product", updated_at).
    updated_at: Side[AwareDatetime | None] = Field(None, alias="updatedAt")
    collections: Annotated[SideRows[_Collection], BeforeValidator(unwrapped)] = []
    metafields: Annotated[SideRows[_Metafield], BeforeValidator(unwrapped)] = []
    media: _Media = []
    #: Read one by one; every product has at least one.
    variants: Annotated[list[Any], BeforeValidator(unwrapped), Field(min_length=1)]


class _Shop(Part):
    currency: str = Field(alias="currencyCode")


class Head(Part):
    """The shop, which each document about products requests."""

    shop: _Shop


@dataclass(frozen=True)
class Reader:
    """Parses the rows of one answer."""

    currency: str
    admin: str
    wanted: LevelLocations

    def units(self, row: Any) -> tuple[list[StoreProduct], list[Unread]]:
        """Return a product's variants as products, and those that could not be read. Raise Malformed."""
        product = valid(_Product, row, "Shopify's product")
        product.variants = [one for one in product.variants if not _is_bundle(one)]
        found, odd = each(product.variants, lambda variant: self._unit(product, variant))
        return found, [Unread(product.number, one.words) for one in odd]

    def _unit(self, product: _Product, row: Any) -> StoreProduct:
        variant = valid(_Variant, row, "Shopify's variant")
        stock = None
        if variant.item.tracked:
            if variant.stock is None:
                raise Malformed("Shopify's variant could not be read at inventoryQuantity.")
            stock = sellable(variant.stock, row["inventoryItem"], self.wanted)
        alone = variant.title in ("", ONLY_VARIANT)
        photos = [medium.image.url for medium in (*variant.media[:1], *product.media) if medium.image]
        return StoreProduct(
            store_product_id=variant.number,
            store_parent_id=product.number,
            store_stock_id=variant.item.number,
            sku=variant.sku.strip(),
            title=title_of(product.title, "" if alone else variant.title),
            description=product.description,
            vendor=product.vendor,
            product_type=product.product_type,
            tags=tuple(product.tags),
            finish=next((o.value for o in variant.options if o.name.lower() in FINISH_OPTIONS), ""),
            price=variant.price,
            currency=self.currency,
            stock=stock,
            photos=tuple(dict.fromkeys(url for url in photos if url))[:MOST_PHOTOS],
            barcode=variant.barcode.strip(),
            for_sale=product.status in FOR_SALE,
            url=f"{self.admin}/products/{product.number}",
            collections=tuple(one.title for one in product.collections if one.title),
            attributes={f"{one.namespace}.{one.key}": one.value[:255] for one in product.metafields}
            | {one.name: one.value for one in variant.options if not alone},
            dated=product.updated_at,
        )


def _is_bundle(variant: Any) -> bool:
    """Return whether a variant is a bundle: its stock is that of its components and cannot be changed.

    Field `requiresComponents` (Shopify's docs, "ProductVariant").
    """
    return isinstance(variant, dict) and variant.get("requiresComponents") is True


def reader(data: Mapping[str, Any], *, admin: str, wanted: LevelLocations) -> Reader:
    """Return the Reader of an answer. `admin` is the URL of the store's admin pages."""
    head = valid(Head, {"shop": data.get("shop")}, "Shopify's answer")
    return Reader(head.shop.currency, admin, wanted)
