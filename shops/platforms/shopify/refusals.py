"""Interpret the refusals of Shopify's mutations: status 200 with `userErrors` (the published schema 2026-10)."""

from __future__ import annotations

import re
from typing import Any

from shops.platforms.errors import Moved, StoreError, TransientStoreError, Unsupported

#: Nothing was changed; the change can be recomputed from the store's current stock.
_MOVED = {
    "CHANGE_FROM_QUANTITY_STALE",
    "IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED",
    "IDEMPOTENCY_KEY_PARAMETER_MISMATCH",
    "INVALID_LOCATION",
    "ITEM_NOT_STOCKED_AT_LOCATION",
}
#: The same change may be retried with the same key.
_AGAIN = {"IDEMPOTENCY_CONCURRENT_REQUEST", "ADJUST_QUANTITIES_FAILED", "SERVICE_UNAVAILABLE"}
#: The order may be retried later.
_LATER = {"INVENTORY_CLAIM_FAILED", "SHOP_DORMANT"}
_TOO_OFTEN = re.compile(r"too many|try again|exceeded", re.IGNORECASE)


def of(data: dict[str, Any], name: str, field: str = "userErrors") -> list[tuple[str, str]]:
    """Return code and message of a mutation's refusals; empty if it was applied.

    Raise TransientStoreError with `may_have_applied` if the answer does not say.
    """
    said = data.get(name)
    rows = said.get(field) if isinstance(said, dict) else None
    read = [_read(row) for row in rows] if isinstance(rows, list) else [("", "")]
    if not all(code or words for code, words in read):
        raise TransientStoreError("Shopify did not say whether it did it.", may_have_applied=True)
    return read


def _read(row: Any) -> tuple[str, str]:
    code, words = (str(row.get(name) or "") for name in ("code", "message")) if isinstance(row, dict) else ("", "")
    return code, (words or code)[:200]


def of_stock(code: str, words: str) -> StoreError:
    """Return the error for a refused adjustment."""
    if code in _MOVED:
        return Moved("The stock in Shopify has moved.")
    if code in _AGAIN:
        return TransientStoreError(
            f"Shopify did not take the new stock yet: {words}", retry_after=2.0, may_have_applied=True
        )
    return Unsupported(f"Shopify refused the new stock: {words}")


def of_order(code: str, words: str) -> StoreError:
    """Return the error for a refused order; nothing was created."""
    if code in _LATER or _TOO_OFTEN.search(words):
        return TransientStoreError(f"Shopify did not take the order yet: {words}")
    return Unsupported(f"Shopify refused the order: {words}")


def of_cancelling(code: str, words: str) -> StoreError:
    """Return the error for a refused cancellation."""
    if code == "INTERNAL_ERROR" or _TOO_OFTEN.search(words):
        return TransientStoreError(f"Shopify did not cancel the order yet: {words}", may_have_applied=True)
    return Unsupported(f"Shopify did not cancel the order: {words}")
