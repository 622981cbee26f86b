"""Stock by location, for stories in which a store has several: two that sell, and one that does not."""

from __future__ import annotations

from typing import Any

from sandbox.common.keep import Doc

#: Platform → its locations. Units at the third are never for sale.
LOCATIONS: dict[str, list[Doc]] = {
    "shopify": [{"id": 75_500_000_001}, {"id": 2}, {"id": 3, "fulfillsOnlineOrders": False}],
    "bigcommerce": [{"id": 1}, {"id": 2}, {"id": 3, "enabled": False}],
}
SECOND, NOT_FOR_SALE = "2", {"3": 7}


def spread(units: int) -> dict[str, Any]:
    """Return a variant's fields with `units` for sale, half of them at the second location."""
    there = max(0, units // 2)
    return {"inventory_quantity": units - there, "elsewhere": {SECOND: there, **NOT_FOR_SALE}}


def for_sale(variant: Doc) -> int:
    """Return the units that a variant has at the selling locations."""
    elsewhere: dict[str, int] = variant.get("elsewhere") or {}
    return int(variant["inventory_quantity"]) + int(elsewhere.get(SECOND, 0))
