"""Whether a listing is the one that was sent, or has a SKU."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any

from shops.snapshots import ReverbListing


def is_of(found: ReverbListing, sent: Mapping[str, Any]) -> bool:
    """Return whether a listing may have been created from `sent`: by its SKU, or else by its title.

    How Reverb changes odd SKUs is undocumented; a listing of ours that is not recognized would keep selling.
    """
    sku = str(sent.get("sku") or "")
    return not found.sku.strip() or _bare(found.sku) == _bare(sku) or same_title(found, str(sent.get("title") or ""))


def same_title(found: ReverbListing, title: str) -> bool:
    """Return whether a listing has this title."""
    said = " ".join((found.title or "").split())
    return bool(said) and said == " ".join(title.split())


def _bare(sku: str) -> str:
    return "".join(unicodedata.normalize("NFC", sku).split()).casefold()


def may_have_sku(row: Any, sku: str, *, near: bool = False) -> bool:
    """Return whether a row may have this SKU: only a row that certainly has another may be skipped unread."""
    said = row.get("sku") if isinstance(row, dict) else None
    return not isinstance(said, str | int) or _is_sku(str(said), sku, near=near)


def has_sku(found: ReverbListing, sku: str, *, near: bool = False) -> bool:
    """Return whether a listing has this SKU; `near`: or one that Reverb may have made of it."""
    return _is_sku(found.sku, sku, near=near)


def _is_sku(said: str, sku: str, *, near: bool) -> bool:
    return said.strip() == sku or (near and _bare(said) == _bare(sku))
