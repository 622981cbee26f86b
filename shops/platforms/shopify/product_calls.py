"""Call a Shopify store about products: pages of the catalogue, and one product with all its variants."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from shops.platforms.errors import Malformed, TransientStoreError
from shops.platforms.shopify import bulk, connections, locations, product_pages, product_queries, products, queries
from shops.platforms.shopify.store_calls import MAX_PAGES, StoreCalls, gid, updated_since
from shops.platforms.values import Page, Unread
from shops.snapshots import StoreProduct

#: Products per page if no levels are requested: some 60 points each.
PAGE = 15
#: Larger catalogues use a bulk operation. Paging would reach 25,000 objects (shopify.dev "Limits"), but it would use
#: all of the store's points for twenty minutes per 10,000 products, and webhooks need some.
MOST_BY_PAGES = 2_500
#: Most products of a page to request one by one; a file with more incomplete products is abandoned.
MOST_ALONE = 60


class ProductCalls(StoreCalls):
    """Products of one store."""

    page_size = PAGE

    def crawl(self, cursor: str, *, since: datetime | None = None, size: int | None = None) -> Page:
        """Return a page; a large catalogue comes from a bulk operation's file."""
        levels = self._levels()
        if cursor.startswith(bulk.PREFIX):
            found = bulk.page(self._line, cursor, admin=self._admin, wanted=levels)
            if len(found.cut_short) > MOST_ALONE:
                return Page((), bulk.BY_PAGES, found.total)
            return self._page(found)
        kind, _, after = cursor.partition(":")
        document = product_queries.with_levels(product_queries.PRODUCTS, levels.gids)
        variables = {**locations.page_of(levels, size or PAGE), "after": after or None, "query": updated_since(since)}
        data, odd = self._line.ask_for_page(document, **variables)
        found = product_pages.read_page(data, odd, admin=self._admin, wanted=levels)
        if not cursor and since is None and (found.total or 0) > MOST_BY_PAGES:
            return Page((), bulk.start(self._line, levels), found.total)
        if found.next == after:
            raise TransientStoreError("Shopify's pages of products do not lead on.")
        found.next = f"{kind or 'after'}:{found.next}" if found.next else None
        return self._page(found)

    def skip(self, cursor: str, *, since: datetime | None = None) -> Page:
        """Skip the next product. A bulk operation's file is read line by line, so no product can block it."""
        if cursor.startswith(bulk.PREFIX):
            raise TransientStoreError("Shopify's list of all products cannot be read on.")
        kind, _, after = cursor.partition(":")
        data = self._line.ask(product_queries.NEXT_PRODUCT, after=after or None, query=updated_since(since))
        page = data.get("products")
        following = connections.following(page, "products")
        return Page(
            (),
            f"{kind or 'after'}:{following}" if following else None,
            unread=tuple(Unread(number, "Shopify could not show it.") for number in connections.ids(page)),
        )

    def _page(self, found: product_pages.Found) -> Page:
        """Return the page, completed with the products that it cut short."""
        for parent_id in found.cut_short:
            try:
                found.units += self.products(parent_id)
            except Malformed as error:
                found.units += error.readable
                found.unread.append(Unread(parent_id, str(error)))
        return Page(tuple(found.units), found.next, found.total, tuple(found.unread))

    def products(self, store_parent_id: str) -> list[StoreProduct]:
        """Return all variants of a product, none if it is gone."""
        levels = self._levels()
        document = product_queries.with_levels(product_queries.PRODUCT, levels.gids)
        whole, cursors = None, dict.fromkeys(products.PAGED, "")
        for _ in range(MAX_PAGES):
            more = {f"more{name.title()}": name in cursors for name in products.PAGED}
            variables: dict[str, Any] = {name: cursor or None for name, cursor in cursors.items()}
            variables["id"] = gid("Product", store_parent_id)
            data = self._line.ask(document, first=locations.variants_of(levels), **variables, **more)
            part = product_pages.part(data)
            if part is None:
                return []
            whole, cursors = product_pages.joined(whole, part)
            if not cursors:
                read = products.reader(data, admin=self._admin, wanted=levels)
                units, odd = read.units(whole)
                if odd:
                    raise _half_read(units, odd[0].words)
                return units
        raise Malformed("Shopify's product goes on without end.")

    def parent_of_stock(self, store_stock_id: str) -> str | None:
        """Return the id of the product that an inventory item belongs to."""
        return product_pages.owner(self._line.ask(queries.STOCK_OWNER, id=gid("InventoryItem", store_stock_id)))


def _half_read(units: list[StoreProduct], words: str) -> Malformed:
    error = Malformed(words)
    error.readable = tuple(units)
    return error
