"""What a store says of itself once, not with each product: currency, places of stock, names of options, families.

It is kept in the cache for a while, since a client lives for one short turn.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, tzinfo
from html import unescape
from typing import TypedDict
from zoneinfo import ZoneInfo

from shops.platforms.addresses import same_address
from shops.platforms.magento2 import memory, search
from shops.platforms.magento2.families import Families
from shops.platforms.magento2.rest import STORE, Rest
from shops.platforms.magento2.sources import Places, places_of
from shops.platforms.reading import each, valid
from shops.platforms.values import Malformed
from shops.wire import Part, Side, SideRows, Text

FRAME_S = 15 * 60
#: A source that was linked, or switched off, is noticed sooner: units taken where nothing is sold would stay on sale.
PLACES_S = 60
#: Categories of the tree's upper levels hold everything: the root of all, and the root of a store.
ROOT_LEVELS = 1


class Attribute(TypedDict):
    """An attribute that the seller defined. `options`: id → label, empty where the value is the text itself."""

    id: str
    label: str
    options: dict[str, str]


class Category(TypedDict):
    """A category: its name, and how deep it lies (1: the root of a store)."""

    name: str
    level: int


class Told(TypedDict):
    """Settings of a store."""

    currency: str
    media: str
    zone: str
    website: str
    website_id: int
    store_id: int
    attributes: dict[str, Attribute]
    categories: dict[str, Category]


class _Config(Part):
    id: int
    code: Side[Text] = ""
    website_id: int
    base_currency_code: Side[str] = ""
    timezone: Side[str] = ""
    base_url: Side[str] = ""
    secure_base_url: Side[str] = ""
    base_media_url: Side[str] = ""
    secure_base_media_url: Side[str] = ""


class _Website(Part):
    id: int
    code: Text


class _Option(Part):
    label: Side[Text] = ""
    value: Side[Text] = ""


class _Attribute(Part):
    attribute_id: Text = ""
    attribute_code: str
    default_frontend_label: Side[str] = ""
    options: SideRows[_Option] = []


class _Category(Part):
    id: Text
    name: Side[str] = ""
    level: Side[int] = 2


class Frame:
    """Asks for what is not known yet."""

    def __init__(self, rest: Rest) -> None:
        """Nothing is asked yet."""
        self._rest = rest
        self._key = f"magento2:frame3:{rest.address}"
        self._places_key = f"magento2:places:{rest.address}"
        self._told: Told | None = None
        self.families = Families(rest)

    # -- settings --------------------------------------------------------------------------------------------

    @property
    def told(self) -> Told:
        """Return the store's settings, at most a quarter of an hour old."""
        if self._told is None:
            self._told = memory.recall(self._key) or self._learn()
        return self._told

    def fresh(self) -> Told:
        """Ask anew, as when a product names an option that is not known."""
        memory.release(self._places_key)
        self._told = self._learn()
        return self._told

    @property
    def zone(self) -> tzinfo:
        """Return the store's time zone, UTC where it names none that is known."""
        try:
            return ZoneInfo(self.told["zone"])
        except (KeyError, ValueError, OSError):  # unknown, empty, or a path
            return UTC

    def places(self) -> Places | None:
        """Return where the website's stock lies, asked at most a minute ago.

        None where stock is kept the old way, without sources; that is asked as rarely as the settings.
        """
        kept: dict[str, Places | None] | None = memory.recall(self._places_key)
        if kept is None:
            kept = {"places": places_of(self._rest, self.told["website"])}
            memory.remember(self._places_key, kept, PLACES_S if kept["places"] else FRAME_S)
        return kept["places"]

    def _learn(self) -> Told:
        config = self._config()
        sites, _ = each(self._rest.listed("/store/websites"), lambda row: valid(_Website, row, "Magento's website"))
        codes = {one.id: one.code for one in sites}
        media = config.secure_base_media_url or config.base_media_url or f"{self._rest.address}/media/"
        website = codes.get(config.website_id)
        if website is None:  # with another one's stock and products each listing would go off sale
            raise Malformed(f"{STORE} does not say which website is shown at {self._rest.address}.")
        told: Told = {
            "currency": config.base_currency_code,
            "media": media,
            "zone": config.timezone,
            "website": website,
            "website_id": config.website_id,
            "store_id": config.id,
            "attributes": self._attributes(),
            "categories": {},
        }
        memory.remember(self._key, told, FRAME_S)
        return told

    def _config(self) -> _Config:
        """Return the settings of the default view: the one at our address, however it is called."""
        found, _ = each(
            self._rest.listed("/store/storeConfigs"), lambda row: valid(_Config, row, "Magento's settings"), key="code"
        )

        def rank(one: _Config) -> tuple[bool, bool, int]:
            ours = any(url and same_address(url, self._rest.address) for url in (one.base_url, one.secure_base_url))
            return (not ours, one.code != "default", one.website_id)

        views = [one for one in found if one.code != "admin"]
        if not views:
            raise Malformed(f"{STORE}'s settings could not be read.")
        return min(views, key=rank)

    def _attributes(self) -> dict[str, Attribute]:
        rows = self._rest.every("/products/attributes", [("is_user_defined", "eq", "1")], sort="attribute_id")
        found, _ = each(rows, lambda row: valid(_Attribute, row, "Magento's attribute"), key="attribute_code")
        return {
            one.attribute_code: {
                "id": one.attribute_id,
                "label": plain(one.default_frontend_label) or one.attribute_code,
                "options": {option.value: plain(option.label) for option in one.options if option.value},
            }
            for one in found
        }

    # -- categories ------------------------------------------------------------------------------------------

    def categories(self, ids: Iterable[str]) -> dict[str, Category]:
        """Return categories by id; those that are new to us are asked for together. Roots are left out: no name."""
        told = self.told
        new = [one for one in ids if one not in told["categories"]]
        for some in search.few(new):
            told["categories"] |= {str(one): Category(name="", level=0) for one in some}
            rows = self._rest.every("/categories/list", search.one_of("entity_id", some))
            for one in each(rows, lambda row: valid(_Category, row, "Magento's category"))[0]:
                name = plain(one.name) if one.level > ROOT_LEVELS else ""
                told["categories"][one.id] = Category(name=name, level=one.level)
        if new:
            memory.remember(self._key, told, FRAME_S)
        return told["categories"]


def plain(text: str) -> str:
    """Return a name without HTML's entities: labels that came in over an import hold them."""
    return unescape(text).strip()
