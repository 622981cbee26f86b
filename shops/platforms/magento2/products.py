"""Magento's products → our pictures. Pure functions.

A configurable product is a family: each of its children is sold, named "Parent – options", and has what the child
itself says; what the child leaves out its parent says. Facts: magento2 REST V1 and its search answers; the name of a
picture's address and the path /catalog/product/view/id/ are from the platform's public documentation.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from shops.pictures import StoreProduct
from shops.platforms.magento2.frame import Attribute, Told
from shops.platforms.reading import title_of, valid
from shops.wire import Part, Text

SOLD = {"simple", "virtual"}
CONFIGURABLE = "configurable"
HIDDEN = 1  # visibility: not shown by itself
CENT = Decimal("0.01")
FINISH = {"color", "colour", "finish"}
BRANDS = ("manufacturer", "brand")
BARCODES = ("gtin", "ean", "upc", "barcode")


class _Custom(Part):
    attribute_code: str
    value: Any = None


class _Picture(Part):
    media_type: str = "image"
    file: str = ""
    position: int | None = 0
    disabled: bool = False


class _Choice(Part):
    attribute_id: Text = ""
    label: str = ""
    position: int | None = 0


class _StockItem(Part):
    manage_stock: bool = True


class _Extension(Part):
    configurable_product_links: list[Text] = []
    configurable_product_options: list[_Choice] = []
    stock_item: _StockItem | None = None


class Item(Part):
    """A product of any type."""

    id: Text
    sku: str
    name: str = ""
    price: Decimal = Decimal(0)
    status: int = 1
    visibility: int = 4
    type_id: str = "simple"
    extension_attributes: _Extension = _Extension()
    media_gallery_entries: list[_Picture] | None = []
    custom_attributes: list[_Custom] = []

    def said(self, code: str) -> str:
        """Return an attribute's value as text, "" when there is none; of a list the parts joined by commas."""
        found = next((one.value for one in self.custom_attributes if one.attribute_code == code), None)
        return ",".join(map(str, found)) if isinstance(found, list) else str(found or "").strip()

    @property
    def categories(self) -> list[str]:
        """Return the numbers of its categories."""
        return [one for one in self.said("category_ids").split(",") if one]


def read(row: Any) -> Item:
    """Return a product. Raises StorePassing naming the place that cannot be read."""
    return valid(Item, row, "Magento's product")


def unit(
    item: Item,
    parent: Item | None,
    stock: int | None,
    told: Told,
    categories: Mapping[str, str],
    *,
    now: datetime,
    address: str,
) -> StoreProduct:
    """Return a sellable product. `stock` is what can still be sold, None where nobody counts."""
    shown = parent or item
    options = _options(item, parent, told)
    names = [categories.get(number, "") for number in (item.categories or shown.categories)]
    named = tuple(name for name in names if name)
    counted = item.extension_attributes.stock_item is None or item.extension_attributes.stock_item.manage_stock
    return StoreProduct(
        store_product_id=item.id,
        store_parent_id=shown.id,
        store_stock_id=item.id,
        sku=item.sku.strip(),
        title=title_of(shown.name, " / ".join(options.values())) if options else item.name,
        description=_first("description", item, shown) or _first("short_description", item, shown),
        vendor=next((text for code in BRANDS if (text := _label(code, item, shown, told))), ""),
        product_type=named[0] if named else "",
        tags=tuple(word.strip() for word in _first("meta_keyword", item, shown).split(",") if word.strip()),
        finish=next((text for name, text in options.items() if name.lower() in FINISH), ""),
        price=_price(item, now),
        currency=told["currency"],
        stock=stock if counted else None,
        photos=_photos(item, shown, told),
        barcode=next((text for code in BARCODES if (text := _first(code, item, shown))), ""),
        for_sale=item.status == shown.status == 1 and (shown.visibility != HIDDEN),
        url=f"{address}/catalog/product/view/id/{shown.id}",
        collections=named,
        attributes={**_told(shown, told), **_told(item, told), **options},
    )


def unknown_option(item: Item, told: Told) -> bool:
    """Tell whether a product has an option whose name we have not read yet."""
    return any(
        value and value not in known["options"]
        for code, known in told["attributes"].items()
        if known["options"]
        for value in item.said(code).split(",")
    )


def _options(item: Item, parent: Item | None, told: Told) -> dict[str, str]:
    """Return what tells a child from its brothers: name → value, in the parent's order."""
    if parent is None:
        return {}
    by_id = {known["id"]: (code, known) for code, known in told["attributes"].items()}
    found: dict[str, str] = {}
    for choice in sorted(parent.extension_attributes.configurable_product_options, key=lambda one: one.position or 0):
        code, known = by_id.get(choice.attribute_id, ("", None))
        value = _named(item.said(code), known) if known else ""
        if value:
            found[choice.label or code] = value
    return found


def _named(value: str, known: Attribute) -> str:
    """Return the label of an option, or of several; the text itself where there are no options."""
    if not known["options"]:
        return value
    return ", ".join(known["options"].get(one, one) for one in value.split(",") if one)


def _label(code: str, item: Item, shown: Item, told: Told) -> str:
    known = told["attributes"].get(code)
    return _named(_first(code, item, shown), known) if known else ""


def _first(code: str, item: Item, shown: Item) -> str:
    return item.said(code) or shown.said(code)


def _told(item: Item, told: Told) -> dict[str, str]:
    """Return the attributes that the seller defined, by their labels."""
    rows = ((known["label"], _named(item.said(code), known)[:255]) for code, known in told["attributes"].items())
    return {label: text for label, text in rows if text}


def _price(item: Item, now: datetime) -> Decimal:
    """Return the price that a visitor pays: the special one while it holds. Its days are days of UTC here."""
    usual = item.price.quantize(CENT)
    special, today = item.said("special_price"), now.date().isoformat()
    begins, ends = item.said("special_from_date")[:10], item.said("special_to_date")[:10]
    if special and (not begins or begins <= today) and (not ends or today <= ends):
        try:
            return min(usual, Decimal(special).quantize(CENT))
        except InvalidOperation:
            return usual
    return usual


def _photos(item: Item, shown: Item, told: Told) -> tuple[str, ...]:
    """Return the pictures, the child's own before its parent's."""
    base = f"{told['media']}catalog/product"
    own = [*_ordered(item), *(_ordered(shown) if shown is not item else [])]
    return tuple(dict.fromkeys(base + one.file for one in own if one.file and not one.disabled))


def _ordered(item: Item) -> list[_Picture]:
    pictures = [one for one in item.media_gallery_entries or [] if one.media_type == "image"]
    return sorted(pictures, key=lambda one: one.position or 0)
