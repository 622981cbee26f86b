"""What tests of BigCommerce share."""

from __future__ import annotations

from typing import Any

from tests.shops.platforms.conftest import Store

#: An inventory that has nothing of what was asked for.
NO_ROWS = {"data": [], "meta.pagination.total": 0}


TYPE = "https://developer.bigcommerce.com/api-docs/getting-started/api-status-codes"


def v3(status: int, title: str) -> dict[str, Any]:
    """Return an error as v3 words it."""
    return {"status": status, "title": title, "type": TYPE, "errors": {}}


def v2(status: int, message: str) -> list[dict[str, Any]]:
    """Return an error as v2 words it."""
    return [{"status": status, "message": message}]


def odd(
    store: Store,
    edits: dict[str, Any] | None = None,
    *,
    drops: list[str] | None = None,
    path: str = "/catalog/products",
) -> None:
    """Let every answer of an address have an odd shape."""
    store.control.fault("edited", path=path, edits=edits or {}, drops=drops or [], times=1000)
