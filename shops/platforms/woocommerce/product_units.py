"""Read the sellable units of WooCommerce's products: one product or variation each."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from reverbsync import clock
from shops.platforms.dates import next_change
from shops.platforms.reading import title_of
from shops.platforms.woocommerce.products import HIDDEN, LIVE, ON_BACKORDER, OUT_OF_STOCK, PLANNED, Counted, Item
from shops.snapshots import StoreProduct

FINISH_OPTIONS = {"color", "colour", "finish"}
BRAND_ATTRIBUTES = {"brand", "make", "manufacturer"}
LONGEST_ATTRIBUTE = 255


def units(product: Item, variations: list[Item], *, currency: str, admin: str) -> list[StoreProduct]:
    """Return the sellable units of a product: itself, or its variations. `admin` is the URL of wp-admin.

    Raise Malformed if one of them does not say its stock.
    """
    if not product.is_sold_alone:
        return []
    parts = variations if product.has_variations or variations else [product]
    return [unit(product, one, currency=currency, admin=admin) for one in parts]


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
