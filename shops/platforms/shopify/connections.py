"""Read the connections of Shopify's GraphQL answers: their rows, and the cursor of the next page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from shops.platforms.errors import Malformed


def unwrapped(value: Any) -> Any:
    """Return what a connection has as its rows; None if it is no connection."""
    return value.get("nodes") if isinstance(value, dict) else None


def following(page: Any, where: str) -> str | None:
    """Return the cursor after a page, None on the last. Raise Malformed if the cursor is missing."""
    info = page.get("pageInfo") if isinstance(page, dict) else None
    if not isinstance(info, dict) or not info.get("hasNextPage"):
        return None
    if not isinstance(info.get("endCursor"), str):
        raise Malformed(f"Shopify's answer could not be read at {where}.pageInfo.")
    return str(info["endCursor"])


def page_info(connection: Any) -> dict[str, Any] | None:
    """Return whether a connection goes on, and where; None if it does not say."""
    info = connection.get("pageInfo") if isinstance(connection, dict) else None
    return info if isinstance(info, dict) and info.get("hasNextPage") is not None else None


def product_id(row: Any) -> str:
    """Return the id of a product\'s row, "" if it shows none."""
    found = row.get("legacyResourceId") if isinstance(row, dict) else None
    return str(found) if isinstance(found, int | str) else ""


def count_of(count: Any) -> int | None:
    """Return the number of a count, None if it shows none."""
    found = count.get("count") if isinstance(count, dict) else None
    return found if isinstance(found, int) and found >= 0 else None


def ids(page: Any) -> list[str]:
    """Return the ids of the products on a page."""
    return [found for row in nodes(page) if (found := product_id(row))]


def nodes(connection: Any) -> Sequence[Any]:
    """Return the rows of an optional connection, none if it has none."""
    found = unwrapped(connection)
    return found if isinstance(found, list) else ()


def rows(connection: Any, where: str) -> list[Any]:
    """Return the rows of a connection. Raise Malformed if it has no list: null does not mean "none"."""
    found = unwrapped(connection)
    if not isinstance(found, list):
        raise Malformed(f"Shopify's answer could not be read at {where}.nodes.")
    return found
