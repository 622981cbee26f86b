"""Find where a Shopify store's units are, and which of its locations sell online.

Facts: the published schema 2026-10. `inventoryQuantity` is the sum over the active locations. The levels of those that
do not fulfil online orders are subtracted, or the others are added, whichever are fewer. Shopify does not sell a
product whose total is 0.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from shops.platforms.errors import Malformed
from shops.platforms.locations import Location, count_of
from shops.platforms.reading import valid
from shops.platforms.values import Count
from shops.schemas import Part, Side, Units, units_of

GID = "gid://shopify/Location/"
#: Cost limit of a page, and cost of a product without its variants.
PAGE_POINTS, PRODUCT_POINTS = 900, 48


class _Location(Part):
    id: str
    active: bool = Field(alias="isActive")
    online: bool = Field(alias="fulfillsOnlineOrders")
    #: A warehouse of another company, whose own system manages the stock.
    service: Side[bool] = Field(False, alias="isFulfillmentService")

    @property
    def sells(self) -> bool:
        """Return whether the store sells this location's units online."""
        return self.active and self.online


def _said(units: Any) -> int:
    found = units_of(units)
    if found is None:
        raise ValueError("no number of units")
    return found


class _Quantity(Part):
    quantity: Annotated[int, BeforeValidator(_said)]


class _Level(Part):
    active: Side[bool] = Field(True, alias="isActive")
    location: _Location | None = None
    #: One entry, for the one name requested.
    quantities: list[_Quantity] = Field(min_length=1, max_length=1)

    @property
    def units(self) -> int:
        """Return the available units."""
        return self.quantities[0].quantity


@dataclass(frozen=True)
class LevelLocations:
    """Locations whose levels are read besides each variant's total; `selling`: they are those that sell."""

    gids: tuple[str, ...] = ()
    selling: bool = False


#: All locations sell online, so the total suffices.
TOTAL_ALONE = LevelLocations()


def locations_of_levels(rows: Iterable[Any]) -> LevelLocations:
    """Return the levels to read besides a variant's total, given all locations of the store.

    Raise Malformed if there are none or one cannot be read: units may lie there that the store does not sell.
    """
    found = [valid(_Location, row, "Shopify's location") for row in rows]
    if not found:
        raise Malformed("Shopify's list of locations is empty.")
    active = [one for one in found if one.active]
    away = tuple(one.id for one in active if not one.online)
    here = tuple(one.id for one in active if one.online)
    return LevelLocations(here, selling=True) if away and len(here) < len(away) else LevelLocations(away)


def page_of(wanted: LevelLocations, most: int) -> dict[str, int]:
    """Return how many products to request (at most `most`), and how many variants of each.

    A query may cost at most 1,000 points (shopify.dev "Rate limits").
    """
    variants = max(1, min(4, PRODUCT_POINTS // _variant_points(wanted)))
    return {
        "first": max(1, min(most, PAGE_POINTS // (PRODUCT_POINTS + variants * _variant_points(wanted)))),
        "variants": variants,
    }


def variants_of(wanted: LevelLocations) -> int:
    """Return how many variants of a single product to request per page."""
    return max(1, min(50, PAGE_POINTS // 2 // _variant_points(wanted)))


def _variant_points(wanted: LevelLocations) -> int:
    return 3 + 2 * len(wanted.gids)


def sellable(total: int, item: Mapping[str, Any], wanted: LevelLocations) -> int:
    """Return the units of a variant that the store sells online, from its total and the requested levels in `item`."""
    if not wanted.gids:
        return total
    rows = [item.get(f"at{n}") for n in range(len(wanted.gids))]
    levels = sum(valid(_Level, row, "Shopify's inventory").units for row in rows if row is not None)
    return min(total, levels if wanted.selling else total - levels)


def _nodes(value: Any) -> Any:
    return value.get("nodes") if isinstance(value, dict) else value


class _Variant(Part):
    total: Units = Field(None, alias="inventoryQuantity")


class _Item(Part):
    tracked: bool
    variants: Annotated[list[_Variant], BeforeValidator(_nodes)] = []


def count(item: Any, levels: Iterable[Any], wanted: LevelLocations) -> Count:
    """Return how many units the store sells online, and where they are. `levels` are all of the inventory item.

    The number is computed from the same levels as a snapshot's; a difference between two sources would count as a sale.
    """
    read = valid(_Item, item, "Shopify's inventory")
    if not read.tracked:
        return Count(None)
    shown = [valid(_Level, row, "Shopify's inventory") for row in levels]
    known = [(one.location, one.units) for one in shown if one.location is not None and one.active]
    here = [Location(_short(at.id), units, at.service) for at, units in known if at.sells]
    total = read.variants[0].total if read.variants else None
    if total is None:
        return count_of(sum(one.units for one in here), here)
    there = sum(units for at, units in known if at.id in wanted.gids)
    if wanted.gids:
        total = min(total, there if wanted.selling else total - there)
    return count_of(total, here)


def gid_of(location: Location) -> str:
    """Return a location's global id."""
    return location.id if location.id.startswith("gid:") else GID + location.id


def _short(gid: str) -> str:
    if " " in gid or "=" in gid:
        raise Malformed("Shopify's location could not be read at id.")
    return gid.removeprefix(GID)
