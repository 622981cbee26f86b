"""Call a WooCommerce store about products: pages of the catalogue, and a product with its variations."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from shops.models import StoreConnection
from shops.platforms.errors import Malformed, Missing, StoreError, TooLarge, TransientStoreError, Unsupported
from shops.platforms.reading import each
from shops.platforms.values import Page, Unread
from shops.platforms.woocommerce import product_units
from shops.platforms.woocommerce import products as reading
from shops.platforms.woocommerce.order_calls import CACHED, OVERLAP, PAGE
from shops.platforms.woocommerce.products import Item
from shops.platforms.woocommerce.rest import WooCommerceCaller, header_number, name_of
from shops.schemas import number_in
from shops.snapshots import StoreProduct

#: Most pages of a product's variations; WooCommerce's own limit is far lower.
MOST_PAGES = 100
#: Most variations missing from the list that are requested one by one.
MOST_ALONE = 20
AGAIN = f"WooCommerce answered with products that were on an earlier page. {CACHED}"


@dataclass(frozen=True)
class _Family:
    """The readable units of a product, and the unreadable ones."""

    units: list[StoreProduct]
    unread: list[Unread]


class ProductCalls(WooCommerceCaller):
    """Products of one store. `admin` is the URL of its wp-admin."""

    page_size = PAGE
    admin: str

    def __init__(self, connection: StoreConnection) -> None:
        """Makes no call."""
        super().__init__(connection)
        self._known_currency = connection.currency
        self._currency: str | None = None

    def crawl(self, cursor: str, *, since: datetime | None = None, size: int | None = None) -> Page:
        """Return a page of products by id. wc/v3 has no "ids after" filter, so the pages may shift.

        The cursor is the number of products before the page. If the store fails within a page's variations, the page
        ends there.
        """
        before, last = _at(cursor)
        rows, total, size = self._listed(before, size or PAGE, since)
        page = before // size
        following = (page + 1) * size
        # A page may hold fewer rows than it counts: WooCommerce hides what the keys may not read.
        is_counted = total is not None and total >= page * size + len(rows)
        more = bool(rows) and (following < (total or 0) if is_counted else len(rows) >= size)
        mine = rows[before % size :]
        ids = [number for row in mine if (number := number_in(name_of(row))) is not None]
        if last and ids and max(ids) <= last:
            return Page((), _cursor(following, last) if more and is_counted else None, total, (Unread("", AGAIN),))
        found: list[StoreProduct] = []
        unread: list[Unread] = []
        for done, row in enumerate(mine):
            try:
                families, left_out = each([row], self._family)
            except (Missing, Unsupported) as error:  # about this product, which may have been deleted meanwhile
                unread.append(Unread(name_of(row), str(error)))
                continue
            except StoreError:
                if not done:
                    raise
                return Page(tuple(found), _cursor(before + done, last), total, tuple(unread))
            found += [unit for family in families for unit in family.units]
            unread += left_out + [one for family in families for one in family.unread]
        last = max([last, *ids])
        return Page(tuple(found), _cursor(following, last) if more else None, total, tuple(unread))

    def skip(self, cursor: str, *, since: datetime | None = None) -> Page:
        """Skip the next product. Its id is requested, which a store that fails at it may not return."""
        (before, last), named, total = _at(cursor), "", None
        try:
            rows, total, _ = self._listed(before, 1, since, _fields="id")
            if not rows:
                return Page((), None, total)
            named = name_of(rows[0])
        except TransientStoreError:
            pass
        more = total is None or before + 1 < total
        if last and total is None and (number := number_in(named)) is not None and number <= last:
            return Page((), None, total, (Unread("", AGAIN),))
        return Page((), _cursor(before + 1, last) if more else None, total, (Unread(named, ""),))

    def _listed(self, before: int, size: int, since: datetime | None, **more: str) -> tuple[list[Any], int | None, int]:
        """Return the page with the product after `before` others, the total number of products, and the page size.

        A store may reduce the page size, which only its page count reveals.
        """
        query: dict[str, Any] = {"per_page": size, "page": before // size + 1, "orderby": "id", "order": "asc", **more}
        if since is not None:
            stamp = (since - OVERLAP).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
            query |= {"modified_after": stamp, "dates_are_gmt": "true"}
        rows, answer = self.list_at(f"/products?{urlencode(query)}")
        total, pages = header_number(answer, "X-WP-Total"), header_number(answer, "X-WP-TotalPages")
        if rows and len(rows) < size and total and pages and (pages - 1) * size >= total:
            return self._listed(before, len(rows), since, **more)
        return rows, total, size

    def products(self, store_parent_id: str) -> list[StoreProduct]:
        """Return a product with its variations, none if gone or trashed; for a variation's id, its whole family."""
        try:
            row = self.record("GET", f"/products/{store_parent_id}", number=store_parent_id)
            if parent := reading.parent_of_variation(row):
                row = self.record("GET", f"/products/{parent}", number=parent)
        except Missing as missing:
            self.confirm_gone(missing, "/products", store_parent_id)
            return []
        try:
            found = self._family(row)
        except Missing as missing:  # the product exists, so this is about its variations
            raise Malformed(str(missing)) from None
        if found.unread:
            error = Malformed(found.unread[0].words)
            error.readable = tuple(found.units)
            raise error
        return found.units

    def parent_of_stock(self, store_stock_id: str) -> str | None:
        """Return the id of the product that owns a stock item: a product or a variation."""
        try:
            found = reading.read_item(self.record("GET", f"/products/{store_stock_id}", number=store_stock_id))
        except Missing:
            return None
        return found.parent_id or found.id

    def _family(self, row: Any) -> _Family:
        """Return a product with its variations. Raise Malformed if the product itself cannot be read."""
        product = reading.read_item(row)
        if not product.is_sold_alone or reading.parent_of_variation(row):
            return _Family([], [])
        if not product.has_variations:
            return _Family([self._unit(product, product)], [])
        rows = self._variations(product)
        found, unread = each(rows, lambda one: self._unit(product, reading.read_item(one)))
        return _Family(found, [Unread(product.id, one.words) for one in unread])

    def _unit(self, product: Item, one: Item) -> StoreProduct:
        return product_units.unit(product, one, currency=self.currency(), admin=self.admin)

    def _variations(self, product: Item) -> list[Any]:
        """Return all variations of a product, in smaller pages if one is too large or the store reduces the size.

        Variations that the product names but no page shows are requested one by one: only a Missing proves that one is
        gone. Raise Malformed if there are too many.
        """
        found: dict[str, Any] = {}
        named = product.variation_ids
        size = PAGE
        for _ in range(MOST_PAGES):
            query = {"per_page": size, "page": len(found) // size + 1, "orderby": "id", "order": "asc"}
            try:
                rows, _ = self.list_at(f"/products/{product.id}/variations?{urlencode(query)}")
            except TooLarge:
                if size == 1:
                    raise
                size = max(1, size // 10)
                continue
            known = len(found)
            found |= {name_of(row): row for row in rows}
            if len(found) == known or (len(rows) < size and len(found) >= len(named)):
                break
            size = min(size, len(rows))
        left = [one for one in named if one not in found]
        if len(left) > MOST_ALONE:
            raise Malformed(
                f"{reading.WHAT} {product.id} has {len(named)} variations, but only {len(found)} are listed."
            )
        for one in left:
            with contextlib.suppress(Missing):
                found[one] = self.record("GET", f"/products/{product.id}/variations/{one}", number=one)
        return list(found.values())

    def currency(self) -> str:
        """Return the store's currency; the saved one if the store does not answer or say, else ""."""
        if self._currency is None:
            try:
                said = reading.read_currency(self.record("GET", "/data/currencies/current"))
                self._currency = said or self._known_currency
            except TransientStoreError:
                if not self._known_currency:
                    raise
                self._currency = self._known_currency
            except StoreError:
                self._currency = self._known_currency
        return self._currency


def _at(cursor: str) -> tuple[int, int]:
    """Return the number of products before a cursor, and their highest id (0 if unknown)."""
    before, _, last = cursor.partition(":")
    return int(before or 0), int(last or 0)


def _cursor(before: int, last: int) -> str:
    return f"{before}:{last}" if last else str(before)
