"""What Magento says of its store's configuration, and what is kept of it."""

from __future__ import annotations

from typing import TypedDict

from shops.schemas import Part, Side, SideRows, Text


class Attribute(TypedDict):
    """A seller-defined attribute. `options`: id → label, empty if the value is free text."""

    id: str
    label: str
    options: dict[str, str]


class Category(TypedDict):
    """A category: its name and its depth (1: the root of a store)."""

    name: str
    level: int


class Settings(TypedDict):
    """Settings of a store."""

    currency: str
    media: str
    zone: str
    website: str
    website_id: int
    store_id: int


class Labels(Settings):
    """Settings of a store, and the attributes that describe products."""

    attributes: dict[str, Attribute]


class ConfigPart(Part):
    """What Magento says of one store view."""

    id: int
    code: Side[Text] = ""
    website_id: int
    base_currency_code: Side[str] = ""
    timezone: Side[str] = ""
    base_url: Side[str] = ""
    secure_base_url: Side[str] = ""
    base_media_url: Side[str] = ""
    secure_base_media_url: Side[str] = ""


class WebsitePart(Part):
    """What it says of a website."""

    id: int
    code: Text


class OptionPart(Part):
    """One option of an attribute."""

    label: Side[Text] = ""
    value: Side[Text] = ""


class AttributePart(Part):
    """An attribute with its label and options."""

    attribute_id: Text = ""
    attribute_code: str
    default_frontend_label: Side[str] = ""
    options: SideRows[OptionPart] = []


class CategoryPart(Part):
    """A category with its parents."""

    id: Text
    name: Side[str] = ""
    level: Side[int] = 2
