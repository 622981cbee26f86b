"""What Shopify's mutations refuse, which they say with status 200 in `userErrors` (the published schema 2026-10)."""

from __future__ import annotations

import re
from typing import Any

from shops.platforms.values import Moved, StoreError, TransientStoreError, Unsupported

#: The change can be worked out again from what the store has now: nothing was changed.
_MOVED = {
    "CHANGE_FROM_QUANTITY_STALE",
    "IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED",
    "IDEMPOTENCY_KEY_PARAMETER_MISMATCH",
    "INVALID_LOCATION",
    "ITEM_NOT_STOCKED_AT_LOCATION",
}
#: The same change may be sent again, with the same key.
_AGAIN = {"IDEMPOTENCY_CONCURRENT_REQUEST", "ADJUST_QUANTITIES_FAILED", "SERVICE_UNAVAILABLE"}
#: An order may be made later.
_LATER = {"INVENTORY_CLAIM_FAILED", "SHOP_DORMANT"}
_TOO_OFTEN = re.compile(r"too many|try again|exceeded", re.IGNORECASE)


def of(data: dict[str, Any], name: str, field: str = "userErrors") -> list[tuple[str, str]]:
    """Return code and message of what a mutation refused, none when it was made.

    Raises TransientStoreError with `may_have_applied` when the answer does not say.
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
    """Return what a refused adjustment means."""
    if code in _MOVED:
        return Moved("The stock in Shopify has moved.")
    if code in _AGAIN:
        return TransientStoreError(
            f"Shopify did not take the new stock yet: {words}", retry_after=2.0, may_have_applied=True
        )
    return Unsupported(f"Shopify refused the new stock: {words}")


def of_order(code: str, words: str) -> StoreError:
    """Return what a refused order means; nothing was made."""
    if code in _LATER or _TOO_OFTEN.search(words):
        return TransientStoreError(f"Shopify did not take the order yet: {words}")
    return Unsupported(f"Shopify refused the order: {words}")


def of_cancelling(code: str, words: str) -> StoreError:
    """Return what a refused cancelling means."""
    if code == "INTERNAL_ERROR" or _TOO_OFTEN.search(words):
        return TransientStoreError(f"Shopify did not cancel the order yet: {words}", may_have_applied=True)
    return Unsupported(f"Shopify did not cancel the order: {words}")
