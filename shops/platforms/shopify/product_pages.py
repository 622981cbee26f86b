"""Read a page of Shopify's catalogue, and a product whose variants span several pages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shops.platforms.errors import Malformed, StoreError
from shops.platforms.reading import each, valid
from shops.platforms.shopify.connections import count_of, following, nodes, page_info, product_id
from shops.platforms.shopify.locations import LevelLocations
from shops.platforms.shopify.products import PAGED, Head, reader
from shops.platforms.values import Unread
from shops.snapshots import StoreProduct


@dataclass
class Found:
    """A page of products: units, unreadable rows, the ids of products that it cut short, and the next cursor."""

    units: list[StoreProduct] = field(default_factory=list)
    unread: list[Unread] = field(default_factory=list)
    cut_short: list[str] = field(default_factory=list)
    next: str | None = None
    total: int | None = None


def part(data: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the product of an answer, None if the store says that there is none. Raise Malformed.

    An answer whose shop is null says nothing about the product.
    """
    valid(Head, {"shop": data.get("shop")}, "Shopify's answer")
    if "product" not in data or not isinstance(data["product"], dict | None):
        raise Malformed("Shopify's answer could not be read at product.")
    found: dict[str, Any] | None = data["product"]
    return found


def joined(before: dict[str, Any] | None, more: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return a product merged with another page of it, and the cursors of its unfinished connections."""
    whole = before or more
    if (before is None or "variants" in more) and page_info(more.get("variants")) is None:
        raise Malformed("Shopify's answer could not be read at product.variants.pageInfo.")
    cursors = {}
    for name in PAGED:
        if before is not None and name in more:
            whole[name] = {"nodes": [*nodes(before.get(name)), *nodes(more[name])]}
        if cursor := following(more.get(name), f"product.{name}"):
            cursors[name] = cursor
    return whole, cursors


def owner(data: Mapping[str, Any]) -> str | None:
    """Return the id of the product that owns an inventory item, None if there is none."""
    if "inventoryItem" not in data:
        raise Malformed("Shopify's answer could not be read at inventoryItem.")
    if data["inventoryItem"] is None:
        return None
    for node in nodes(data["inventoryItem"].get("variants") if isinstance(data["inventoryItem"], dict) else None):
        found = (node.get("product") or {}).get("legacyResourceId") if isinstance(node, dict) else None
        if found:
            return str(found)
    return None


def read_page(data: Mapping[str, Any], odd: Mapping[int, StoreError], *, admin: str, wanted: LevelLocations) -> Found:
    """Return a page of the catalogue. `odd` are the rows that Shopify could not show. Raise Malformed."""
    page, read = data.get("products"), reader(data, admin=admin, wanted=wanted)
    if not isinstance(page, dict) or not isinstance(page.get("nodes"), list):
        raise Malformed("Shopify's answer could not be read at products.")
    found = Found(next=following(page, "products"), total=count_of(data.get("productsCount")))
    for number, row in enumerate(page["nodes"]):
        if number in odd:
            found.unread.append(Unread(product_id(row), str(odd[number])))
        elif _goes_on(row):
            found.cut_short.append(product_id(row))
        else:
            shown, unread = each([row], read.units, key="legacyResourceId")
            found.unread += unread
            for units, left_out in shown:
                found.units += units
                found.unread += left_out
    return found


def _goes_on(row: Any) -> bool:
    """Return whether the page shows only a part of a product's connections."""
    if not isinstance(row, dict) or not product_id(row):
        return False
    infos = {name: page_info(row.get(name)) for name in PAGED}
    # If it is unknown whether there are more variants, they are requested: none of them may count as gone.
    unsaid = infos["variants"] is None and bool(nodes(row.get("variants")))
    return unsaid or any(info is not None and bool(info["hasNextPage"]) for info in infos.values())
