"""Convert Shopify's GraphQL answers to snapshots. Pure functions.

Stock is what the store sells online: `inventoryQuantity`, the sum over all locations, minus the units at locations that
do not fulfil online orders (`locations.py`). `sellableOnlineQuantity` would be the same number, but lags by hours
(community.shopify.dev/t/32191).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AwareDatetime, BeforeValidator, Field

from shops.platforms.reading import each, title_of, valid
from shops.platforms.shopify.locations import LevelLocations, sellable
from shops.platforms.values import Malformed, StoreError, Unread
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


def _nodes(value: Any) -> Any:
    return value.get("nodes") if isinstance(value, dict) else None


class _Image(Part):
    url: str = ""


class _Medium(Part):
    image: Side[_Image | None] = None


_Media = Annotated[SideRows[_Medium], BeforeValidator(_nodes)]


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
    collections: Annotated[SideRows[_Collection], BeforeValidator(_nodes)] = []
    metafields: Annotated[SideRows[_Metafield], BeforeValidator(_nodes)] = []
    media: _Media = []
    #: Read one by one; every product has at least one.
    variants: Annotated[list[Any], BeforeValidator(_nodes), Field(min_length=1)]


class _Shop(Part):
    currency: str = Field(alias="currencyCode")


class _Head(Part):
    shop: _Shop


@dataclass
class Found:
    """A page of products: units, unreadable rows, the ids of products that it cut short, and the next cursor."""

    units: list[StoreProduct] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)
    cut_short: list[str] = field(default_factory=list)
    next: str | None = None
    total: int | None = None


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
    head = valid(_Head, {"shop": data.get("shop")}, "Shopify's answer")
    return Reader(head.shop.currency, admin, wanted)


# -- one product ---------------------------------------------------------------------------------------------------


def part(data: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the product of an answer, None if the store says that there is none. Raise Malformed.

    An answer whose shop is null says nothing about the product.
    """
    valid(_Head, {"shop": data.get("shop")}, "Shopify's answer")
    if "product" not in data or not isinstance(data["product"], dict | None):
        raise Malformed("Shopify's answer could not be read at product.")
    found: dict[str, Any] | None = data["product"]
    return found


def joined(before: dict[str, Any] | None, more: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return a product merged with another page of it, and the cursors of its unfinished connections."""
    whole = before or more
    if (before is None or "variants" in more) and _info(more.get("variants")) is None:
        raise Malformed("Shopify's answer could not be read at product.variants.pageInfo.")
    cursors = {}
    for name in PAGED:
        if before is not None and name in more:
            whole[name] = {"nodes": [*nodes(before.get(name)), *nodes(more[name])]}
        if cursor := following(more.get(name), f"product.{name}"):
            cursors[name] = cursor
    return whole, cursors


def owner(data: Mapping[str, Any]) -> str | None:
    """Return the id of the product that owns an inventory item, None if there is none."""
    if "inventoryItem" not in data:
        raise Malformed("Shopify's answer could not be read at inventoryItem.")
    if data["inventoryItem"] is None:
        return None
    for node in nodes(data["inventoryItem"].get("variants") if isinstance(data["inventoryItem"], dict) else None):
        found = (node.get("product") or {}).get("legacyResourceId") if isinstance(node, dict) else None
        if found:
            return str(found)
    return None


# -- a page --------------------------------------------------------------------------------------------------------


def read_page(data: Mapping[str, Any], odd: Mapping[int, StoreError], *, admin: str, wanted: LevelLocations) -> Found:
    """Return a page of the catalogue. `odd` are the rows that Shopify could not show. Raise Malformed."""
    page, read = data.get("products"), reader(data, admin=admin, wanted=wanted)
    if not isinstance(page, dict) or not isinstance(page.get("nodes"), list):
        raise Malformed("Shopify's answer could not be read at products.")
    found = Found(next=following(page, "products"), total=_total(data.get("productsCount")))
    for number, row in enumerate(page["nodes"]):
        if number in odd:
            found.unread.append(Unread(_id(row), str(odd[number])))
        elif _goes_on(row):
            found.cut_short.append(_id(row))
        else:
            shown, unread = each([row], read.units, key="legacyResourceId")
            found.unread += unread
            for units, left_out in shown:
                found.units += units
                found.unread += left_out
    return found


def following(page: Any, where: str) -> str | None:
    """Return the cursor after a page, None on the last. Raise Malformed if the cursor is missing."""
    info = page.get("pageInfo") if isinstance(page, dict) else None
    if not isinstance(info, dict) or not info.get("hasNextPage"):
        return None
    if not isinstance(info.get("endCursor"), str):
        raise Malformed(f"Shopify's answer could not be read at {where}.pageInfo.")
    return str(info["endCursor"])


def _goes_on(row: Any) -> bool:
    """Return whether the page shows only a part of a product's connections."""
    if not isinstance(row, dict) or not _id(row):
        return False
    infos = {name: _info(row.get(name)) for name in PAGED}
    # If it is unknown whether there are more variants, they are requested: none of them may count as gone.
    unsaid = infos["variants"] is None and bool(nodes(row.get("variants")))
    return unsaid or any(info is not None and bool(info["hasNextPage"]) for info in infos.values())


def _info(connection: Any) -> dict[str, Any] | None:
    info = connection.get("pageInfo") if isinstance(connection, dict) else None
    return info if isinstance(info, dict) and info.get("hasNextPage") is not None else None


def _id(row: Any) -> str:
    found = row.get("legacyResourceId") if isinstance(row, dict) else None
    return str(found) if isinstance(found, int | str) else ""


def _total(count: Any) -> int | None:
    found = count.get("count") if isinstance(count, dict) else None
    return found if isinstance(found, int) and found >= 0 else None


def ids(page: Any) -> list[str]:
    """Return the ids of the products on a page."""
    return [found for row in nodes(page) if (found := _id(row))]


def nodes(connection: Any) -> Sequence[Any]:
    """Return the rows of an optional connection, none if it has none."""
    found = _nodes(connection)
    return found if isinstance(found, list) else ()


def rows(connection: Any, where: str) -> list[Any]:
    """Return the rows of a connection. Raise Malformed if it has no list: null does not mean "none"."""
    found = _nodes(connection)
    if not isinstance(found, list):
        raise Malformed(f"Shopify's answer could not be read at {where}.nodes.")
    return found
