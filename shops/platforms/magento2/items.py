"""Models of a product in Magento's REST API; unreadable optional fields are dropped.

Facts: Magento 2.4.7 as seen. PHP sends an empty object as `[]`, and a list with gaps as an object; plug-ins send
`custom_attributes` as an object by code, and null for what they removed.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any

from pydantic import BeforeValidator, model_validator

from shops.platforms.magento2.prices import Tier
from shops.platforms.reading import valid
from shops.schemas import Money, Part, Side, SideRows, Text

SOLD = {"simple", "virtual"}
CONFIGURABLE = "configurable"
HIDDEN = 1  # not shown by itself
ENABLED = 1


def _rows_by_code(value: Any) -> Any:
    """Return attributes as rows if they came as an object, keyed by number or by code."""
    if not isinstance(value, dict):
        return value
    if all(isinstance(one, dict) and "attribute_code" in one for one in value.values()):
        return list(value.values())
    return [{"attribute_code": code, "value": one} for code, one in value.items()]


def _listed(value: Any) -> Any:
    return list(value.values()) if isinstance(value, dict) else value


class _Custom(Part):
    attribute_code: str
    value: Any = None


class _Snapshot(Part):
    media_type: Side[str] = "image"
    file: Side[str] = ""
    position: Side[int] = 0
    disabled: Side[bool] = False


class _Choice(Part):
    attribute_id: Side[Text] = ""
    label: Side[str] = ""
    position: Side[int] = 0


class _Extension(Part):
    configurable_product_links: Annotated[list[Text] | None, BeforeValidator(_listed)] = None
    configurable_product_options: SideRows[_Choice] = []
    website_ids: Annotated[list[int] | None, BeforeValidator(_listed)] = None

    @model_validator(mode="before")
    @classmethod
    def _empty_object(cls, value: Any) -> Any:
        return {} if value == [] else value


class Item(Part):
    """A product of any type. Fields that determine sale status and price must be readable."""

    id: Text
    sku: Text
    name: Side[str] = ""
    price: Money = Decimal(0)
    status: int = ENABLED
    visibility: int = 4
    type_id: str = "simple"
    extension_attributes: _Extension = _Extension()
    media_gallery_entries: SideRows[_Snapshot] = []
    tier_prices: SideRows[Tier] = []
    custom_attributes: Annotated[SideRows[_Custom], BeforeValidator(_rows_by_code)] = []

    def said(self, code: str) -> str:
        """Return an attribute's value as text, "" if there is none; a list is joined by commas."""
        found = next((one.value for one in self.custom_attributes if one.attribute_code == code), None)
        if isinstance(found, list):
            return ",".join(str(one) for one in found if isinstance(one, str | int))
        return str(found).strip() if isinstance(found, str | int | float) and not isinstance(found, bool) else ""

    @property
    def is_family(self) -> bool:
        """Return whether it is sold as one of its children."""
        return self.type_id == CONFIGURABLE

    @property
    def children(self) -> list[str] | None:
        """Return the ids of a family's children, None if it does not name them."""
        return self.extension_attributes.configurable_product_links

    @property
    def categories(self) -> list[str]:
        """Return the ids of its categories."""
        return [one for one in self.said("category_ids").split(",") if one]

    @property
    def photos(self) -> list[str]:
        """Return the files of its photos in order, without disabled ones."""
        shown = [one for one in self.media_gallery_entries if one.media_type == "image" and one.file]
        return [one.file for one in sorted(shown, key=lambda one: one.position) if not one.disabled]


def read(row: Any) -> Item:
    """Return a product. Raise Malformed with the name of the unreadable field."""
    return valid(Item, row, "Magento's product")
