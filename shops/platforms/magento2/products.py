"""Convert Magento's products to snapshots. Pure functions.

A configurable product is a family: each of its children is sold, titled "Parent – options". A child's missing values
come from its parent. Facts: magento2 REST V1 and its search answers; photo URLs and the path /catalog/product/view/id/
are from the platform's public documentation.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from shops.platforms.magento2 import prices
from shops.platforms.magento2.config import plain
from shops.platforms.magento2.config_schemas import Attribute, Category, Labels
from shops.platforms.magento2.items import ENABLED, HIDDEN, Item
from shops.platforms.reading import title_of
from shops.snapshots import StoreProduct

FINISH = {"color", "colour", "finish"}
BRANDS = ("manufacturer", "brand")
BARCODES = ("gtin", "ean", "upc", "barcode")


def unit(
    item: Item,
    parent: Item | None,
    stock: int | None,
    labels: Labels,
    categories: Mapping[str, Category],
    *,
    now: datetime,
    address: str,
) -> StoreProduct:
    """Return a sellable product. `stock` is the sellable quantity, None if it is not counted.

    `now` is in the store's time zone.
    """
    shown = parent or item
    options = _options(item, parent, labels)
    named = [one for key in item.categories or shown.categories if (one := categories.get(key)) and one["name"]]
    dates = item.said("special_price"), item.said("special_from_date"), item.said("special_to_date")
    return StoreProduct(
        store_product_id=item.id,
        store_parent_id=shown.id,
        store_stock_id=item.id,
        sku=item.sku.strip(),
        title=title_of(plain(shown.name), " / ".join(options.values())) if options else plain(item.name),
        description=_first("description", item, shown) or _first("short_description", item, shown),
        vendor=next((text for code in BRANDS if (text := _label(code, item, shown, labels))), ""),
        product_type=max(named, key=lambda one: one["level"])["name"] if named else "",  # the deepest one
        tags=tuple(word.strip() for word in _first("meta_keyword", item, shown).split(",") if word.strip()),
        finish=next((text for name, text in options.items() if name.lower() in FINISH), ""),
        price=prices.price(item.price, *dates, item.tier_prices, website=labels["website_id"], now=now),
        currency=labels["currency"],
        stock=stock,
        photos=_photos(item, shown, labels),
        barcode=next((text for code in BARCODES if (text := _first(code, item, shown))), ""),
        for_sale=is_sold(item, parent, labels["website_id"]),
        url=f"{address}/catalog/product/view/id/{shown.id}",
        collections=tuple(dict.fromkeys(one["name"] for one in named)),
        attributes={**_defined(shown, labels), **_defined(item, labels), **options},
        changes_at=prices.changes_at(*dates, now=now),
    )


def is_sold(item: Item, parent: Item | None, website: int) -> bool:
    """Return whether a visitor of the website can buy it, by itself or as one of its family."""
    if not _is_on(item, website):
        return False
    if item.visibility != HIDDEN:
        return True
    return parent is not None and parent.visibility != HIDDEN and _is_on(parent, website)


def _is_on(item: Item, website: int) -> bool:
    sites = item.extension_attributes.website_ids
    return item.status == ENABLED and (sites is None or website in sites)


def unknown_option(item: Item, labels: Labels) -> bool:
    """Return whether a product has an option whose name was not read yet."""
    return any(
        value and value not in known["options"]
        for code, known in labels["attributes"].items()
        if known["options"]
        for value in item.said(code).split(",")
    )


def _options(item: Item, parent: Item | None, labels: Labels) -> dict[str, str]:
    """Return what distinguishes a child from its siblings: name → value, in the parent's order."""
    if parent is None:
        return {}
    by_id = {known["id"]: (code, known) for code, known in labels["attributes"].items()}
    found: dict[str, str] = {}
    for choice in sorted(parent.extension_attributes.configurable_product_options, key=lambda one: one.position):
        code, known = by_id.get(choice.attribute_id, ("", None))
        value = _named(item.said(code), known) if known else ""
        if value:
            found[plain(choice.label) or code] = value
    return found


def _named(value: str, known: Attribute) -> str:
    """Return the label of one or several options; the text itself if there are no options."""
    if not known["options"]:
        return plain(value)
    return ", ".join(known["options"].get(one, one) for one in value.split(",") if one)


def _label(code: str, item: Item, shown: Item, labels: Labels) -> str:
    known = labels["attributes"].get(code)
    return _named(_first(code, item, shown), known) if known else ""


def _first(code: str, item: Item, shown: Item) -> str:
    return item.said(code) or shown.said(code)


def _defined(item: Item, labels: Labels) -> dict[str, str]:
    """Return the seller-defined attributes by label."""
    rows = ((known["label"], _named(item.said(code), known)[:255]) for code, known in labels["attributes"].items())
    return {label: text for label, text in rows if text}


def _photos(item: Item, shown: Item, labels: Labels) -> tuple[str, ...]:
    """Return the photos, the child's own before its parent's."""
    base = f"{labels['media'].rstrip('/')}/catalog/product"
    files = [*item.photos, *(shown.photos if shown is not item else [])]
    return tuple(dict.fromkeys(base + ("" if one.startswith("/") else "/") + one for one in files))
