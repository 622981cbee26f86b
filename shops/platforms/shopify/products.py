"""Shopify's GraphQL answers → our pictures. Pure functions."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pydantic import Field

from shops.pictures import StoreProduct
from shops.platforms.reading import M, title_of, valid
from shops.platforms.values import Count
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


class _Collection(Part):
    title: str = ""


class _Collections(Part):
    nodes: list[_Collection] = []


class _Metafield(Part):
    namespace: str = ""
    key: str = ""
    value: str = ""


class _Metafields(Part):
    nodes: list[_Metafield] = []


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
    collections: _Collections = _Collections()
    metafields: _Metafields = _Metafields()
    media: _Media = _Media()
    variants: _Variants = _Variants()


class _Shop(Part):
    currency: str = Field(alias="currencyCode")


class _Answer(Part):
    shop: _Shop
    product: _Product | None = None


class _Count(Part):
    count: int = 0


class _Products(Part):
    nodes: list[_Product] = []
    page: _PageInfo = Field(_PageInfo(), alias="pageInfo")


class _PageAnswer(Part):
    shop: _Shop
    count: _Count = Field(_Count(), alias="productsCount")
    products: _Products


class _Place(Part):
    id: str


class _Quantity(Part):
    quantity: int


class _Level(Part):
    location: _Place
    quantities: list[_Quantity] = []


class _Levels(Part):
    nodes: list[_Level] = []


class _Counted(Part):
    tracked: bool = True
    levels: _Levels = Field(_Levels(), alias="inventoryLevels")


@dataclass(frozen=True)
class Found:
    """A page of products: those shown whole, the ids of those with more variants, the next cursor, the total."""

    whole: list[list[StoreProduct]]
    cut_short: list[str]
    next: str | None
    total: int


def read(data: dict[str, Any], *, admin: str) -> tuple[list[StoreProduct], str | None]:
    """Return the variants on one page of a product's answer, and the cursor of the next page, None on the last.

    `admin` is the address of the store's admin pages. Raises StorePassing when the answer is not of this shape.
    """
    answer = _valid(_Answer, data)
    if answer.product is None:
        return [], None
    product = answer.product
    units = [_unit(product, variant, answer.shop.currency, admin) for variant in product.variants.nodes]
    return units, product.variants.page.cursor if product.variants.page.more else None


def read_page(data: dict[str, Any], *, admin: str) -> Found:
    """Return a page of the catalogue. Raises StorePassing when the answer is not of this shape."""
    answer = _valid(_PageAnswer, data)
    nodes = answer.products.nodes
    whole = [one for one in nodes if not one.variants.page.more]
    return Found(
        [[_unit(one, variant, answer.shop.currency, admin) for variant in one.variants.nodes] for one in whole],
        [one.id for one in nodes if one.variants.page.more],
        answer.products.page.cursor if answer.products.page.more else None,
        answer.count.count,
    )


def count(data: dict[str, Any]) -> Count:
    """Return what is available in all, and the location that has most of it."""
    found = data.get("inventoryItem")
    item = _valid(_Counted, found) if found else _Counted(tracked=False)
    there = {level.location.id: sum(one.quantity for one in level.quantities) for level in item.levels.nodes}
    if not item.tracked or not there:
        return Count(None)
    place = max(there, key=lambda name: there[name])
    return Count(sum(there.values()), place, there[place])


def _valid(model: type[M], data: Any) -> M:
    return valid(model, data, "Shopify's answer")


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
        title=title_of(product.title, "" if alone else variant.title),
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
        collections=tuple(one.title for one in product.collections.nodes if one.title),
        attributes={f"{one.namespace}.{one.key}": one.value[:255] for one in product.metafields.nodes}
        | {one.name: one.value for one in variant.options if not alone},
    )
