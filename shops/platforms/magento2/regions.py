"""States and regions as Magento lists them: some countries require one, identified by its id.

Facts: magento/magento2 (Directory: `general/region/state_required`; Customer: "regionId" is required) and Magento 2.4.7
as seen. Magento resolves a region's code by itself, but not its name. By default some 37 countries require one,
including countries whose addresses have none, such as Denmark and Sweden. REST does not list them; only a refusal
reveals it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypedDict

from shops.platforms.magento2 import store_cache
from shops.platforms.magento2.rest import Rest
from shops.platforms.magento2.skus import folded
from shops.platforms.reading import each, valid
from shops.schemas import Part, Side, SideRows, Text

LISTED_S = 24 * 3600


class Region(TypedDict):
    """A state or region of a country."""

    id: str
    code: str
    name: str


class _Region(Part):
    id: Text
    code: Side[Text] = ""
    name: Side[str] = ""


class _Country(Part):
    id: Text
    available_regions: SideRows[_Region] = []


def regions_of(rest: Rest, country: str) -> list[Region]:
    """Return the regions that a store lists for a country, none if it has none or is unknown."""
    known = f"magento2:regions:{rest.address}:{country}"
    kept: list[Region] | None = store_cache.recall(known)
    if kept is None:
        rows = rest.listed("/directory/countries")
        found, _ = each(rows, lambda row: valid(_Country, row, "Magento's country"))
        mine = next((one.available_regions for one in found if one.id == country), [])
        kept = [Region(id=one.id, code=one.code, name=one.name) for one in mine if one.id.isdecimal()]
        store_cache.remember(known, kept, LISTED_S)
    return kept


def named(text: str, regions: Sequence[Region]) -> Region | None:
    """Return the region that a text names: by name, code, or the code after the country's (`US-IL`)."""
    wanted = {folded(text), folded(text.rpartition("-")[2])} - {""}
    return next((one for one in regions if {folded(one["code"]), folded(one["name"])} & wanted), None)


def as_part(region: Region) -> dict[str, Any]:
    """Return a region's fields of an address."""
    return {"region": region["name"], "region_code": region["code"], "region_id": int(region["id"])}
