"""What tests of Shopify share."""

from __future__ import annotations

from typing import Any

import pytest

from shops.platforms.errors import (
    TransientStoreError,
)
from shops.snapshots import StoreProduct
from tests.shops.platforms.conftest import Store


def errors(
    code: str, *, data: Any = ..., path: list[Any] | None = None, words: str = "Something went wrong"
) -> dict[str, Any]:
    """Return an answer with an error, beside data or instead of it."""
    error: dict[str, Any] = {"message": words, "extensions": {"code": code}}
    if path:
        error["path"] = path
    return {"errors": [error], **({} if data is ... else {"data": data})}


def file(store: Store) -> list[StoreProduct]:
    """Read the whole catalogue from the file that Shopify writes."""
    found: list[StoreProduct] = []
    cursor, asks = store.client.crawl("").next, store.client
    with pytest.raises(TransientStoreError, match="still listing"):
        asks.crawl(cursor or "")
    for _ in range(300):
        if cursor is None:
            return found
        page = asks.crawl(cursor)
        found += page.products
        assert page.unread == ()
        cursor = page.next
    raise AssertionError("the file has no end")
