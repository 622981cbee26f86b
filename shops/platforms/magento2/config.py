"""Cache a store's settings: currency, stock sources, option names, families.

They are cached because a client lives only for one slice. If the store fails, the last answer is used; without one,
names of options and categories are left out. Such a failure never blocks price or stock, since the calls that read or
change stock do not need the names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, tzinfo
from html import unescape
from typing import Any
from zoneinfo import ZoneInfo

from reverbsync import clock
from shops.platforms.addresses import same_address
from shops.platforms.errors import Malformed, StoreAuthError, StoreError
from shops.platforms.magento2 import search, store_cache
from shops.platforms.magento2.config_schemas import (
    Attribute,
    AttributePart,
    Category,
    CategoryPart,
    ConfigPart,
    Labels,
    Settings,
    WebsitePart,
)
from shops.platforms.magento2.families import Families
from shops.platforms.magento2.rest import STORE, Rest
from shops.platforms.magento2.sources import StockSources, stock_sources
from shops.platforms.reading import each, valid

CONFIG_TTL_S = 15 * 60
#: Seconds until a failed read is retried, and how long the last answer is used meanwhile.
RETRY_S = 60
LAST_KNOWN_S = 30 * 24 * 3600
#: A newly linked or disabled source is noticed sooner: units taken from a source that does not sell would stay on sale.
SOURCES_S = 60
#: Top levels of the category tree that contain everything: the global root, and a store's root.
ROOT_LEVELS = 1


class StoreConfig:
    """Reads and caches the settings of one store."""

    def __init__(self, rest: Rest) -> None:
        """Makes no call."""
        self._rest = rest
        self._key = f"magento2:settings:{rest.address}"
        self._labels_key = f"magento2:labels:{rest.address}"
        self._categories_key = f"magento2:categories:{rest.address}"
        self._sources_key = f"magento2:stock-sources:{rest.address}"
        self._settings: Settings | None = None
        self._labels: dict[str, Attribute] | None = None
        self.families = Families(rest)

    # -- settings --------------------------------------------------------------------------------------------

    @property
    def settings(self) -> Settings:
        """Return the store's settings, at most 15 minutes old unless the store fails."""
        if self._settings is None:
            self._settings = _cached(self._key, self._learn)
        return self._settings

    def fresh(self) -> Settings:
        """Reread the settings."""
        store_cache.release(self._sources_key)
        self._settings = _cached(self._key, self._learn, reload=True)
        return self._settings

    def labelled(self, *, reload: bool = False) -> Labels:
        """Return the settings with the attributes; `reload`: a product has an unknown option.

        The attributes are empty if the store fails and they were never read.
        """
        if self._labels is None or reload:
            self._labels = _cached(self._labels_key, self._attributes, otherwise={}, reload=reload)
        return {**self.settings, "attributes": self._labels}

    @property
    def zone(self) -> tzinfo:
        """Return the store's time zone, UTC if it is absent or unknown."""
        try:
            return ZoneInfo(self.settings["zone"])
        except (KeyError, ValueError, OSError):  # unknown, empty, or a path
            return UTC

    def stock_sources(self) -> StockSources | None:
        """Return the sources of the website's stock, at most a minute old.

        None if the store has no sources (single stock); that is reread as rarely as the settings.
        """
        kept: dict[str, StockSources | None] | None = store_cache.recall(self._sources_key)
        if kept is None:
            kept = {"sources": stock_sources(self._rest, self.settings["website"])}
            store_cache.remember(self._sources_key, kept, SOURCES_S if kept["sources"] else CONFIG_TTL_S)
        return kept["sources"]

    def _learn(self) -> Settings:
        config = self._config()
        sites, _ = each(self._rest.listed("/store/websites"), lambda row: valid(WebsitePart, row, "Magento's website"))
        codes = {one.id: one.code for one in sites}
        media = config.secure_base_media_url or config.base_media_url or f"{self._rest.address}/media/"
        website = codes.get(config.website_id)
        if website is None:  # another website's stock and products would end every listing
            raise Malformed(f"{STORE} does not say which website is shown at {self._rest.address}.")
        return {
            "currency": config.base_currency_code,
            "media": media,
            "zone": config.timezone,
            "website": website,
            "website_id": config.website_id,
            "store_id": config.id,
        }

    def _config(self) -> ConfigPart:
        """Return the settings of the default view: the one at our address, regardless of its code."""
        found, _ = each(
            self._rest.listed("/store/storeConfigs"),
            lambda row: valid(ConfigPart, row, "Magento's settings"),
            key="code",
        )

        def rank(one: ConfigPart) -> tuple[bool, bool, int]:
            ours = any(url and same_address(url, self._rest.address) for url in (one.base_url, one.secure_base_url))
            return (not ours, one.code != "default", one.website_id)

        views = [one for one in found if one.code != "admin"]
        if not views:
            raise Malformed(f"{STORE}'s settings could not be read.")
        return min(views, key=rank)

    def _attributes(self) -> dict[str, Attribute]:
        rows = self._rest.every("/products/attributes", [("is_user_defined", "eq", "1")], sort="attribute_id")
        found, _ = each(rows, lambda row: valid(AttributePart, row, "Magento's attribute"), key="attribute_code")
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
        """Return categories by id; unknown and expired ones are read together. Roots have no name."""
        known: dict[str, tuple[Category, float]] = store_cache.recall(self._categories_key) or {}
        now = clock.now().timestamp()
        due = [one for one in ids if one not in known or known[one][1] <= now]
        for some in search.few(due):
            found = self._listed_categories(some)
            until = now + (RETRY_S if found is None else CONFIG_TTL_S)
            for one in map(str, some):
                last = known[one][0] if found is None and one in known else Category(name="", level=0)
                known[one] = ((found or {}).get(one, last), until)
        if due:
            store_cache.remember(self._categories_key, known, LAST_KNOWN_S)
        return {one: category for one, (category, _) in known.items()}

    def _listed_categories(self, ids: Iterable[object]) -> dict[str, Category] | None:
        """Return categories by id, None if the store fails to list them."""
        try:
            rows = self._rest.every("/categories/list", search.one_of("entity_id", ids))
        except StoreError as error:
            if isinstance(error, StoreAuthError) or error.retry_after is not None:
                raise
            return None
        found, _ = each(rows, lambda row: valid(CategoryPart, row, "Magento's category"))
        return {
            one.id: Category(name=plain(one.name) if one.level > ROOT_LEVELS else "", level=one.level) for one in found
        }


def _cached(key: str, learn: Callable[[], Any], *, otherwise: Any = None, reload: bool = False) -> Any:
    """Return the cached value; reread it after CONFIG_TTL_S, or at once for `reload` unless that just failed.

    If the store fails, return its last value, or else `otherwise`. Raise StoreError if there is neither, if the store
    requests a wait and no value is cached, and if the keys are refused.
    """
    kept: dict[str, Any] | None = store_cache.recall(key)
    now = clock.now().timestamp()
    if kept and kept["until"] > now and not (reload and not kept["failed"]):
        return kept["value"]
    try:
        value, failed = learn(), False
    except StoreError as error:
        nothing = kept is None and (otherwise is None or error.retry_after is not None)
        if nothing or isinstance(error, StoreAuthError):
            raise
        value, failed = kept["value"] if kept else otherwise, True
    until = now + (RETRY_S if failed else CONFIG_TTL_S)
    store_cache.remember(key, {"value": value, "until": until, "failed": failed}, LAST_KNOWN_S)
    return value


def plain(text: str) -> str:
    """Return a name without HTML entities, which imported labels contain."""
    return unescape(text).strip()
