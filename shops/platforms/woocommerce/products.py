"""Convert WooCommerce's products and variations (wc/v3) to snapshots. Pure functions.

Facts: WooCommerce 11 as seen. Its storefront sells a product depending on status, catalogue visibility, password,
`purchasable`, and `stock_status`, which is "outofstock" from the out-of-stock threshold down, not only at zero. Names
and terms contain HTML entities. A scheduled sale starts and ends by an action of the store's own queue, which may be
late; `price` is the current price.
"""

from __future__ import annotations

import re
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any

from pydantic import BeforeValidator, ValidationError

from shops.platforms.errors import Malformed
from shops.platforms.reading import valid
from shops.platforms.woocommerce.fields import Id, Moment, Pairs, Reference, reference
from shops.schemas import Money, Part, Side, SideRows, Text, Units, Words

WHAT = "WooCommerce's product"
#: Types whose stock is computed from other products: WooCommerce's own, and those of common plug-ins.
NOT_SOLD_ALONE = {"grouped", "external", "bundle", "composite", "mix-and-match", "woosb", "yith_bundle"}
LIVE, HIDDEN, OUT_OF_STOCK, ON_BACKORDER, PLANNED = "publish", "hidden", "outofstock", "onbackorder", "future"


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


def parent_of_variation(row: Any) -> str:
    """Return the parent's id if a row is a variation, else "". Plug-ins list variations as products."""
    is_variation = isinstance(row, dict) and str(row.get("type")).endswith("variation")
    return reference(row.get("parent_id")) if is_variation else ""


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
