"""Read the errors and the cost of Shopify's GraphQL answers. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from shops.platforms.errors import StoreError, TransientStoreError

#: Fields that hold a product's photos.
PHOTOS = frozenset({"media", "image"})


def error_rows(errors: Any) -> list[dict[str, Any]]:
    """Return the errors as a list; Shopify's REST-like ones are a string or an object."""
    rows = errors if isinstance(errors, list) else [errors]
    return [row if isinstance(row, dict) else {"message": str(row)} for row in rows if row]


def code_of(error: dict[str, Any]) -> str:
    """Return an error's code, such as "THROTTLED"; "" if it has none."""
    extensions = error.get("extensions")
    return str(extensions.get("code") or "") if isinstance(extensions, dict) else ""


def path_of(error: dict[str, Any]) -> Sequence[Any]:
    """Return where in the data an error happened, () if it does not say."""
    path = error.get("path")
    return path if isinstance(path, list) else ()


def words_of(errors: list[dict[str, Any]]) -> str:
    """Return the errors' messages as one sentence."""
    return "; ".join(dict.fromkeys(str(error.get("message") or error)[:200] for error in errors))[:300] or "no data"


def concerns_photos(error: dict[str, Any], data: Any) -> bool:
    """Return whether an error concerns only a product's photos, so that price and stock are complete."""
    at = data
    for step in path_of(error):
        if step in PHOTOS:
            return isinstance(at, dict)
        if isinstance(at, dict):
            at = at.get(step)
        elif isinstance(at, list) and isinstance(step, int) and 0 <= step < len(at):
            at = at[step]
        else:
            return False
    return False


def odd_rows(data: Any, errors: Any) -> dict[int, StoreError]:
    """Return the errors by row number of `products`; empty if any error concerns more than one row."""
    found: dict[int, StoreError] = {}
    for error in error_rows(errors):
        match path_of(error):
            case ["products", "nodes", int(number), *_] if isinstance(data, dict) and data.get("products"):
                found[number] = TransientStoreError(f"Shopify could not show it: {words_of([error])}")
            case _:
                return {}
    return found


def refilled_s(body: Any, *, leaves: float) -> float:
    """Return the seconds until the call leaves this share of the store's points; 0.0 if it can be made now."""
    try:
        cost = body["extensions"]["cost"]
        status = cost["throttleStatus"]
        requested, most = float(cost["requestedQueryCost"] or 0), float(status["maximumAvailable"])
        left, restored = float(status["currentlyAvailable"]), float(status["restoreRate"])
    except (KeyError, TypeError, ValueError, OverflowError):
        return 0.0
    wanted = max(requested, min(requested + leaves * most, most))
    return min(900.0, max(0.0, wanted - left) / max(1.0, restored))
