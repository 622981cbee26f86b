"""Locations of a store, and their stock.

The shop field `locations` adds more to the first one, such as `{"id": 2, "fulfillsOnlineOrders": false}`. A variant's
`elsewhere` has the units at the others by their id. Facts: the published schema 2026-10.
"""

from __future__ import annotations

from sandbox.common.keep import Doc

FIRST = 75_500_000_001
GID = "gid://shopify/Location/"
FLAGS = {"isActive": True, "fulfillsOnlineOrders": True, "isFulfillmentService": False, "shipsInventory": True}


def of(shop: Doc) -> list[Doc]:
    """Return the store's locations as the schema shows them, the first one first."""
    rows = shop.get("locations") or [{"id": FIRST, "name": "Shop floor"}]
    return [{"name": f"Location {row['id']}", **FLAGS, **row, "id": f"{GID}{row['id']}"} for row in rows]


def number_of(location: Doc) -> int:
    """Return a location's numeric id."""
    return int(location["id"].removeprefix(GID))


def is_stocked(variant: Doc, number: int) -> bool:
    """Return whether a variant is stocked at a location, even with zero units."""
    return number == FIRST or str(number) in _elsewhere(variant)


def at(variant: Doc, number: int) -> int:
    """Return the available units of a variant at a location."""
    return int(variant["inventory_quantity"] if number == FIRST else _elsewhere(variant).get(str(number), 0))


def total(shop: Doc, variant: Doc) -> int:
    """Return the available units at all active locations."""
    return sum(at(variant, number_of(row)) for row in of(shop) if row["isActive"])


def moved(variant: Doc, number: int, by: int) -> Doc:
    """Return the changed fields of a variant when `by` units are added at a location."""
    if number == FIRST:
        return {"inventory_quantity": at(variant, number) + by}
    return {"elsewhere": {**_elsewhere(variant), str(number): at(variant, number) + by}}


def _elsewhere(variant: Doc) -> Doc:
    return dict(variant.get("elsewhere") or {})
