"""Convert WooCommerce's products and variations (wc/v3) to snapshots. Pure functions.

Facts: WooCommerce 11 as seen. Its storefront sells a product depending on status, catalogue visibility, password,
`purchasable`, and `stock_status`, which is "outofstock" from the out-of-stock threshold down, not only at zero. Names
and terms contain HTML entities. A scheduled sale starts and ends by an action of the store's own queue, which may be
late; `price` is the current price.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any

from pydantic import BeforeValidator, ValidationError

from reverbsync import clock
from shops.platforms.dates import next_change
from shops.platforms.reading import title_of, valid
from shops.platforms.values import Malformed
from shops.platforms.woocommerce.fields import Id, Moment, Pairs, Reference, reference
from shops.schemas import Money, Part, Side, SideRows, Text, Units, Words
from shops.snapshots import StoreProduct

WHAT = "WooCommerce's product"
FINISH_OPTIONS = {"color", "colour", "finish"}
BRAND_ATTRIBUTES = {"brand", "make", "manufacturer"}
#: Types whose stock is computed from other products: WooCommerce's own, and those of common plug-ins.
NOT_SOLD_ALONE = {"grouped", "external", "bundle", "composite", "mix-and-match", "woosb", "yith_bundle"}
LIVE, HIDDEN, OUT_OF_STOCK, ON_BACKORDER, PLANNED = "publish", "hidden", "outofstock", "onbackorder", "future"
LONGEST_ATTRIBUTE = 255


class Counted(Enum):
    """Where the units of a product or variation are counted."""

    NOWHERE = "no"
    HERE = "yes"
    AT_PARENT = "parent"


_SWITCH = {"parent": Counted.AT_PARENT}
_SWITCH |= dict.fromkeys(("", "0", "no", "false", "off"), Counted.NOWHERE)
_SWITCH |= dict.fromkeys(("1", "yes", "true", "on"), Counted.HERE)


def _counted(value: Any) -> Counted:
    found = _SWITCH.get(str(value).lower()) if isinstance(value, bool | int | str) else None
    if found is None:
        raise ValueError("no switch")
    return found


class _Image(Part):
    src: Side[str] = ""


class _Name(Part):
    name: Words = ""


class _Attribute(Part):
    name: Side[Words] = ""
    option: Side[Words] = ""  # of a variation
    options: SideRows[Words] = []
    variation: Side[bool] = False


class Item(Part):
    """The fields of a product or a variation. Only fields that determine price and stock must be readable."""

    id: Id
    parent_id: Reference = ""
    name: Side[Words] = ""
    type: Side[str] = "simple"
    status: str = LIVE
    sku: Side[Text] = ""
    description: Side[str] = ""
    short_description: Side[str] = ""
    price: Money = Decimal(0)
    regular_price: Money = Decimal(0)
    sale_price: Money = Decimal(0)
    date_on_sale_from_gmt: Moment = None
    date_on_sale_to_gmt: Moment = None
    date_created_gmt: Moment = None
    date_modified_gmt: Moment = None
    purchasable: Side[bool] = True
    post_password: Side[str] = ""
    catalog_visibility: Side[str] = "visible"
    manage_stock: Annotated[Counted | None, BeforeValidator(_counted)] = None
    stock_quantity: Units = None
    stock_status: Side[str] = ""
    global_unique_id: Side[Text] = ""
    images: SideRows[_Image] = []
    image: Side[_Image | None] = None
    brands: SideRows[_Name] = []
    categories: SideRows[_Name] = []
    tags: SideRows[_Name] = []
    attributes: SideRows[_Attribute] = []
    variations: SideRows[Any] = []
    meta_data: Pairs = []

    @property
    def has_variations(self) -> bool:
        """Return whether its variations are sold instead of itself; plug-ins add types like variable-subscription."""
        return self.type.startswith("variable") or bool(self.variations)

    @property
    def variation_ids(self) -> list[str]:
        """Return the ids of its variations, which plug-ins also send as objects."""
        named = [one.get("id") if isinstance(one, dict) else one for one in self.variations]
        return list(dict.fromkeys(found for one in named if (found := reference(one))))

    @property
    def is_sold_alone(self) -> bool:
        """Return whether its stock is its own or its variations', and it is not trashed."""
        return self.status != "trash" and self.type not in NOT_SOLD_ALONE

    @property
    def counted(self) -> Counted:
        """Return where it is counted; a quantity without the switch counts as switched on."""
        if self.manage_stock is None:
            return Counted.NOWHERE if self.stock_quantity is None else Counted.HERE
        return self.manage_stock

    @property
    def units(self) -> int | None:
        """Return the units that it counts itself, None if they are not counted.

        Raise Malformed if it counts without a number, or has no stock fields at all because a plug-in removed them.
        """
        if (self.manage_stock, self.stock_quantity, self.stock_status) == (None, None, ""):
            raise Malformed(f"{WHAT} {self.id} says nothing of its stock.")
        if self.counted == Counted.NOWHERE:
            return None
        if self.stock_quantity is None and self.stock_status != OUT_OF_STOCK:
            raise Malformed(f"{WHAT} {self.id} counts its stock, but says no number.")
        return self.stock_quantity or 0

    @property
    def pool(self) -> int:
        """Return the units that its variations share. Raise Malformed if it does not count, contrary to a variation."""
        if self.counted != Counted.HERE or (units := self.units) is None:
            raise Malformed(f"{WHAT} {self.id} does not count the stock that its variations share.")
        return units


def read_item(row: Any) -> Item:
    """Return a product or variation. Raise Malformed with the name of the unreadable field."""
    return valid(Item, row, WHAT)


def units(product: Item, variations: list[Item], *, currency: str, admin: str) -> list[StoreProduct]:
    """Return the sellable units of a product: itself, or its variations. `admin` is the URL of wp-admin.

    Raise Malformed if one of them does not say its stock.
    """
    if not product.is_sold_alone:
        return []
    parts = variations if product.has_variations or variations else [product]
    return [unit(product, one, currency=currency, admin=admin) for one in parts]


def parent_of_variation(row: Any) -> str:
    """Return the parent's id if a row is a variation, else "". Plug-ins list variations as products."""
    is_variation = isinstance(row, dict) and str(row.get("type")).endswith("variation")
    return reference(row.get("parent_id")) if is_variation else ""


def unit(product: Item, one: Item, *, currency: str, admin: str) -> StoreProduct:
    """Return the snapshot of a product or one of its variations. Raise Malformed if it does not say its stock."""
    alone = one is product
    options = {a.name: a.option for a in one.attributes if a.name and a.option}
    shared = not alone and one.counted == Counted.AT_PARENT
    for_sale = is_for_sale(product, one)
    return StoreProduct(
        store_product_id=one.id,
        store_parent_id=product.id,
        store_stock_id=product.id if shared else one.id,
        sku=one.sku.strip(),
        title=title_of(product.name, "" if alone else " / ".join(options.values())),
        description=product.description or product.short_description,
        vendor=_brand(product),
        product_type=product.categories[0].name if product.categories else "",
        tags=tuple(tag.name for tag in product.tags if tag.name),
        finish=next((text for name, text in options.items() if name.lower() in FINISH_OPTIONS), ""),
        price=one.price,
        currency=currency,
        stock=_stock(product, one, for_sale=for_sale),
        photos=tuple(dict.fromkeys(_photos(product, one))),
        barcode=one.global_unique_id.strip(),
        for_sale=for_sale,
        url=f"{admin}/post.php?post={product.id}&action=edit",
        collections=tuple(category.name for category in product.categories if category.name),
        attributes={name: text[:LONGEST_ATTRIBUTE] for name, text in (_attributes(product, one) | options).items()},
        changes_at=_changes_at(product, one, clock.now()),
        dated=one.date_modified_gmt,
    )


def is_for_sale(product: Item, one: Item) -> bool:
    """Return whether the store would sell it to any visitor.

    A product without a price is not purchasable either; that concerns its price, and its stock is still synced.
    """
    if product.status != LIVE or one.status != LIVE or product.catalog_visibility == HIDDEN:
        return False
    if product.post_password or (one.price and not one.purchasable) or one.stock_status == OUT_OF_STOCK:
        return False
    # A parent without its own number is out of stock as soon as all its variations are.
    counts_apart = product.counted == one.counted == Counted.HERE
    return one is product or counts_apart or product.stock_status != OUT_OF_STOCK


def is_as_known(known: StoreProduct, item: Item) -> bool:
    """Return whether a product is still on or off sale as last read, with the same SKU and variations.

    For a variation, only its product is available.
    """
    if known.store_product_id == known.store_parent_id:
        alone = item.is_sold_alone and not item.has_variations
        return alone and (item.sku.strip(), is_for_sale(item, item)) == (known.sku, known.for_sale)
    if not item.is_sold_alone or known.store_product_id not in (item.variation_ids or [known.store_product_id]):
        return False
    is_open = item.status == LIVE and item.catalog_visibility != HIDDEN and not item.post_password
    # Variations that share their parent's stock are out of stock with it; the others have their own status.
    sold_out = known.store_stock_id == item.id and item.stock_status == OUT_OF_STOCK
    return (is_open and not sold_out) or not known.for_sale


def stock_of(known: StoreProduct, item: Item) -> int | None:
    """Return the units that a product counts, for itself or for a variation for which `is_as_known` is true."""
    if known.store_product_id != known.store_parent_id:
        return item.pool
    return _stock(item, item, for_sale=known.for_sale)


def _stock(product: Item, one: Item, *, for_sale: bool) -> int | None:
    """Return the units; None if they are not counted, but 0 if the store would not sell the product either."""
    if one is not product and one.counted == Counted.AT_PARENT:
        return product.pool
    if one.counted == Counted.NOWHERE and (not for_sale or one.stock_status == ON_BACKORDER):
        return 0
    return one.units


def _changes_at(product: Item, one: Item, now: datetime) -> datetime | None:
    """Return when a sale starts or ends, or a scheduled product is published."""
    if PLANNED in (product.status, one.status):
        return next_change([product.date_created_gmt, one.date_created_gmt], now=now, settled=False)
    if not one.sale_price:
        return None
    begins, ends = one.date_on_sale_from_gmt, one.date_on_sale_to_gmt
    is_on = (begins is None or begins <= now) and (ends is None or now <= ends)
    settled = one.price == (one.sale_price if is_on else one.regular_price)
    return next_change([begins, ends], now=now, settled=settled)


def _photos(product: Item, one: Item) -> Iterator[str]:
    for image in ([one.image] if one.image else []) + product.images:
        link = f"https:{image.src}" if image.src.startswith("//") else image.src
        if link.startswith(("https://", "http://")):
            yield link


def _attributes(product: Item, one: Item) -> dict[str, str]:
    """Return named values: attributes, visible custom fields, and hidden conditions."""
    found = {a.name: ", ".join(a.options) for a in product.attributes if a.name and a.options and not a.variation}
    seen = [(key, text) for key, text in product.meta_data if not key.startswith("_")]
    hidden = [pair for item in (product, one) for pair in _conditions(item)]
    return found | {key: text for key, text in (*seen, *hidden) if text and isinstance(text, str)}


def _conditions(item: Item) -> Iterator[tuple[str, Any]]:
    """Yield the conditions that plug-ins save.

    Google's is `_wc_gla_condition`, Product Feed Pro's `_woosea_condition`; Google Product Feed's is in the array
    `_woocommerce_gpf_data`.
    """
    for key, value in item.meta_data:
        if isinstance(value, dict):
            yield f"{key}_condition", value.get("condition")
        elif key.endswith("condition"):
            yield key, value


def _brand(product: Item) -> str:
    """Return the brand: a taxonomy since WooCommerce 9.6, an attribute in older shops."""
    named = [one.name for one in product.brands if one.name]
    named += [a.options[0] for a in product.attributes if a.options and a.name.lower() in BRAND_ATTRIBUTES]
    return named[0] if named else ""


_CURRENCY = re.compile("[A-Z]{3}")


class _Currency(Part):
    code: Side[str] = ""
    value: Side[str] = ""


def read_currency(row: Any) -> str:
    """Return the ISO 4217 code from /data/currencies/current or the setting, "" if absent."""
    try:
        said = _Currency.model_validate(row)
    except ValidationError:
        return ""
    found = (said.code or said.value).strip().upper()
    return found if _CURRENCY.fullmatch(found) else ""
