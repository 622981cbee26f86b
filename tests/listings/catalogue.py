"""A store's catalogue in memory, with everything that can be wrong with one product of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from shops.platforms.errors import Malformed, TooLarge, TransientStoreError
from shops.platforms.values import Page, StoreInfo, Unread
from shops.snapshots import StoreProduct
from tests.people import snapshot


@dataclass
class Catalogue:
    """Products by number. What cannot be read, is too large, or makes the store fail is named by number."""

    rows: dict[int, list[StoreProduct]] = field(default_factory=dict)
    unreadable: set[int] = field(default_factory=set)
    large: set[int] = field(default_factory=set)
    failing: set[int] = field(default_factory=set)
    down: bool = False
    #: Raises what a page of so many products is answered.
    trouble: Callable[[int], None] = lambda size: None
    requested: list[str] = field(default_factory=list)
    page_size: int = 100

    def add(self, number: int, **changes: Any) -> None:
        """Add a product with one unit, or a unit to it."""
        said = {"store_product_id": f"u{number}", "store_parent_id": str(number), "sku": f"SKU-{number}", **changes}
        self.rows.setdefault(number, []).append(snapshot(**said))

    def crawl(self, cursor: str, *, since: datetime | None = None, size: int | None = None) -> Page:
        """Return a page by ids above the cursor."""
        self.requested.append(f"page {cursor or 0} of {size or self.page_size}")
        numbers, last = self._following(cursor, size or self.page_size)
        if self.down or self.failing & set(numbers):
            raise TransientStoreError("The store answered 500.")
        self.trouble(len(numbers))
        if self.large & set(numbers):
            raise TooLarge("The store: its answer is too large.")
        readable = [unit for number in numbers if number not in self.unreadable for unit in self.rows[number]]
        unread = [
            Unread(str(number), "It could not be read at price.") for number in numbers if number in self.unreadable
        ]
        return Page(tuple(readable), None if last else str(numbers[-1]), len(self.rows), tuple(unread))

    def skip(self, cursor: str, *, since: datetime | None = None) -> Page:
        """Leave the next product out."""
        self.requested.append(f"skip after {cursor or 0}")
        numbers, last = self._following(cursor, 1)
        return Page((), None if last else str(numbers[0]), None, (Unread(str(numbers[0]), ""),))

    def products(self, store_parent_id: str) -> list[StoreProduct]:
        """Return a product's units."""
        self.requested.append(f"product {store_parent_id}")
        number = int(store_parent_id)
        if self.down or number in self.failing:
            raise TransientStoreError("The store answered 500.")
        if number in self.large:
            raise TooLarge("The store: its answer is too large.")
        if number in self.unreadable:
            raise Malformed("It could not be read at price.")
        return self.rows.get(number, [])

    def check(self) -> StoreInfo:
        """Say who it is."""
        if self.down:
            raise TransientStoreError("The store answered 500.")
        return StoreInfo("Guitars", "USD")

    def _following(self, cursor: str, size: int) -> tuple[list[int], bool]:
        rest = [number for number in sorted(self.rows) if number > int(cursor or 0)]
        return rest[:size], len(rest) <= size

    def __getattr__(self, name: str) -> Any:
        """Be a whole StoreClient: what is not here is not asked for."""
        if name.startswith("_"):
            raise AttributeError(name)
        return NotImplemented
