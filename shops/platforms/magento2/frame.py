"""What a store says of itself once, not with each product: currency, places of stock, names of options, families.

It is kept in the cache for a while, since a client lives for one short turn.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any, TypedDict

from django.core.cache import cache
from redis import RedisError

from reverbsync import clock
from shops.platforms.magento2 import search
from shops.platforms.magento2.rest import Rest
from shops.platforms.values import StorePassing

FRAME_S = 15 * 60
FAMILIES_S = 6 * 3600
#: A client that lives for one short turn does not ask again what the one before has just asked.
JUST_NOW_S = 60
#: A parent that changed shortly before we looked is looked at again.
OVERLAP = timedelta(minutes=10)
LINKS = "items[id,extension_attributes[configurable_product_links]],total_count"


class Attribute(TypedDict):
    """An attribute that the seller defined. `options`: id → label, empty where the value is the text itself."""

    id: str
    label: str
    options: dict[str, str]


class Told(TypedDict):
    """Settings of a store. `sources` is None where stock is kept the old way, without sources."""

    currency: str
    media: str
    website: str
    sources: list[str] | None
    attributes: dict[str, Attribute]
    categories: dict[str, str]


class Frame:
    """Asks for what is not known yet."""

    def __init__(self, rest: Rest) -> None:
        """Nothing is asked yet."""
        self._rest = rest
        self._told: Told | None = None
        self._links: dict[str, list[str]] | None = None

    # -- settings --------------------------------------------------------------------------------------------

    @property
    def told(self) -> Told:
        """Return the store's settings, at most a quarter of an hour old."""
        if self._told is None:
            kept = _recall(self._key("frame"))
            self._told = kept or self._learn()
        return self._told

    def fresh(self) -> Told:
        """Ask anew, as when a product names an option that is not known."""
        self._told = self._learn()
        return self._told

    def _learn(self) -> Told:
        configs = self._rest.get("/store/storeConfigs") or []
        config = next((one for one in configs if one.get("code") == "default"), configs[0] if configs else {})
        websites = self._rest.get("/store/websites") or []
        ids = {one.get("id"): str(one.get("code")) for one in websites}
        media = config.get("secure_base_media_url") or config.get("base_media_url") or f"{self._rest.address}/media/"
        told: Told = {
            "currency": str(config.get("base_currency_code") or ""),
            "media": str(media),
            "website": ids.get(config.get("website_id"), "base"),
            "sources": self._sources(),
            "attributes": self._attributes(),
            "categories": {},
        }
        _remember(self._key("frame"), told, FRAME_S)
        return told

    def _sources(self) -> list[str] | None:
        """Return the enabled sources; without the inventory modules the route is missing."""
        said = self._rest.get("/inventory/sources", search.query(sort="", size=100), missing=True)
        if said is None:
            return None
        return [str(one.get("source_code")) for one in said.get("items") or [] if one.get("enabled")]

    def _attributes(self) -> dict[str, Attribute]:
        rows = self._rest.every("/products/attributes", [("is_user_defined", "eq", "1")], sort="attribute_id")
        return {
            str(row["attribute_code"]): {
                "id": str(row.get("attribute_id")),
                "label": str(row.get("default_frontend_label") or row["attribute_code"]),
                "options": {
                    str(o.get("value")): str(o.get("label")) for o in row.get("options") or [] if o.get("value")
                },
            }
            for row in rows
        }

    # -- categories ------------------------------------------------------------------------------------------

    def categories(self, ids: Iterable[str]) -> dict[str, str]:
        """Return the names of categories; those that are new to us are asked for together."""
        told = self.told
        new = [one for one in ids if one not in told["categories"]]
        for some in search.few(new):
            told["categories"] |= {str(one): "" for one in some}
            for row in self._rest.every("/categories/list", search.one_of("entity_id", some)):
                told["categories"][str(row["id"])] = str(row.get("name") or "")
        if new:
            _remember(self._key("frame"), told, FRAME_S)
        return told["categories"]

    # -- families --------------------------------------------------------------------------------------------

    def parents(self, ids: Iterable[str]) -> dict[str, str]:
        """Return the configurable product of each child among these ids; Magento itself cannot be asked for it."""
        found = {child: parent for parent, children in self._families().items() for child in children}
        return {one: found[one] for one in ids if one in found}

    def _families(self) -> dict[str, list[str]]:
        """Return parent → children: all of them every six hours, in between those that changed."""
        if self._links is not None:
            return self._links
        kept: dict[str, Any] | None = _recall(self._key("families"))
        asked_at = clock.now()
        if kept and asked_at.timestamp() - kept["asked"] < JUST_NOW_S:
            self._links = kept["links"]
            return self._links
        links: dict[str, list[str]] = dict(kept["links"]) if kept else {}
        groups: list[search.Group] = [[("type_id", "eq", "configurable")]]
        if kept:
            groups.append([("updated_at", "gteq", str(kept["at"]))])
        for row in self._rest.every("/products", *groups, fields=LINKS):
            known = (row.get("extension_attributes") or {}).get("configurable_product_links") or []
            links[str(row["id"])] = [str(child) for child in known]
        until = kept["until"] if kept else asked_at.timestamp() + FAMILIES_S
        stamps = {"asked": asked_at.timestamp(), "at": search.stamp(asked_at - OVERLAP), "until": until}
        value = {"links": links, **stamps}
        _remember(self._key("families"), value, max(1, int(until - asked_at.timestamp())))
        self._links = links
        return links

    def _key(self, part: str) -> str:
        return f"magento2:{part}:{self._rest.address}"


def _recall(key: str) -> Any:
    try:
        return cache.get(key)
    except RedisError:
        raise StorePassing("Our own memory is away for a moment.") from None


def _remember(key: str, value: object, seconds: int) -> None:
    try:
        cache.set(key, value, seconds)
    except RedisError:
        raise StorePassing("Our own memory is away for a moment.") from None
