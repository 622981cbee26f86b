"""The scopes that the app needs at Shopify (docs/platforms.md says what each is for)."""

from __future__ import annotations

#: Stock needs all but those for orders and fulfilments.
SCOPES = (
    "read_products",
    "read_inventory",
    "write_inventory",
    "read_locations",
    "read_orders",
    "write_orders",
    "read_fulfillments",
)


def missing(granted: str) -> list[str]:
    """Return the scopes that are missing from `granted`, names separated by commas as Shopify sends them."""
    names = {name.strip() for name in granted.split(",")}
    # A write scope includes the read scope of the same resource, and Shopify then names only the former.
    effective = names | {name.replace("write_", "read_", 1) for name in names if name.startswith("write_")}
    return [name for name in SCOPES if name not in effective]
