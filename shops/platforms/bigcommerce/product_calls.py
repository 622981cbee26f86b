"""Call a BigCommerce store about products: pages of the catalogue, and one product with its variants."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from shops.models import StoreConnection
from shops.platforms.bigcommerce import products as reading
from shops.platforms.bigcommerce.inventory import AS_WHOLE, Inventory, Stock
from shops.platforms.bigcommerce.names import BRANDS, CATEGORIES, names
from shops.platforms.bigcommerce.rest import OVERLAP, PAGE, Rest
from shops.platforms.errors import Malformed, Missing, TransientStoreError
from shops.platforms.reading import each
from shops.platforms.values import Page, Unread
from shops.schemas import number_in
from shops.snapshots import StoreProduct


class ProductCalls:
    """Products of one store."""

    page_size = PAGE

    def __init__(self, connection: StoreConnection) -> None:
        """Makes no call."""
        self._rest = Rest(connection)
        self._inventory = Inventory(self._rest)
        self._admin = f"https://store-{connection.address}.mybigcommerce.com"
        self._secret = connection.secret
        self._store: dict[str, Any] | None = None
        self._brands: dict[int, str] = {}
        self._categories: dict[int, str] = {}

    def _info(self) -> dict[str, Any]:
        if self._store is None:
            said = self._rest.json("GET", "/v2/store")
            if not isinstance(said, dict) or not isinstance(said.get("currency"), str) or not said["currency"]:
                raise TransientStoreError("BigCommerce's store could not be read.")
            self._store = said
        return self._store

    def crawl(self, cursor: str, *, since: datetime | None = None, size: int | None = None) -> Page:
        """Return a page of products whose ids are above the last page's, so that edits shift no page."""
        most = size or PAGE
        rows, left = self._listed(cursor, since, limit=most, include=reading.INCLUDED)
        products, unread = each(rows, reading.read)
        self._learn(products)
        stock = self._inventory.of(one.id for one in products if one.is_counted)
        found: list[StoreProduct] = []
        for product in products:
            units, odd = self._units(product, stock)
            found += units
            unread += odd
        more = left > len(rows) if left is not None and left >= len(rows) else len(rows) >= most
        following = _following(rows, cursor) if more else None
        return Page(tuple(found), following, left if not cursor else None, tuple(unread))

    def skip(self, cursor: str, *, since: datetime | None = None) -> Page:
        """Skip the next product."""
        rows, _ = self._listed(cursor, since, limit=1, include_fields="id")
        after = _following(rows, cursor)
        return Page((), after, unread=(Unread(after, "BigCommerce could not show it."),) if after else ())

    def _listed(self, cursor: str, since: datetime | None, *, limit: int, **query: str) -> tuple[list[Any], int | None]:
        wish: dict[str, str | int] = {**query, "limit": limit, "sort": "id", "direction": "asc"}
        if cursor:
            wish["id:greater"] = cursor
        if since is not None:
            wish["date_modified:min"] = (since - OVERLAP).isoformat()
        return self._rest.page(f"/v3/catalog/products?{urlencode(wish)}")

    def products(self, store_parent_id: str) -> list[StoreProduct]:
        """Return all variants of a product, none if it is gone."""
        path = f"/v3/catalog/products/{store_parent_id}?include={reading.INCLUDED}"
        try:
            product = reading.read(self._rest.data("GET", path))
        except Missing as missing:
            self._rest.confirm_gone(missing, f"/v3/catalog/products?id:in={store_parent_id}&limit=1")
            return []
        self._learn([product])
        units, odd = self._units(product, self._inventory.of([product.id] if product.is_counted else []))
        if odd:
            error = Malformed(odd[0].words)
            error.readable = tuple(units)
            raise error
        return units

    def parent_of_stock(self, store_stock_id: str) -> str | None:
        """Return the product of a variant, or the product whose stock is counted as a whole."""
        if store_stock_id.startswith(AS_WHOLE):
            return store_stock_id.removeprefix(AS_WHOLE)
        rows = self._rest.rows(f"/v3/catalog/variants?id:in={store_stock_id}&limit=1")
        if not rows:
            return None
        return reading.owner(rows[0])

    def _units(self, product: reading.Product, stock: Stock) -> tuple[list[StoreProduct], list[Unread]]:
        reader = reading.Reader(
            currency=self._info()["currency"],
            brands=self._brands,
            categories=self._categories,
            admin=self._admin,
            stock=stock.units,
        )
        return reader.units(product)

    def _learn(self, products: Iterable[reading.Product]) -> None:
        """Read the names of a page's uncached brands and categories, all at once."""
        self._brands = names(self._rest, BRANDS, {one.brand_id for one in products if one.brand_id})
        self._categories = names(self._rest, CATEGORIES, {number for one in products for number in one.categories})


def _following(rows: list[Any], cursor: str) -> str | None:
    """Return the cursor after a page: its highest id. Raise TransientStoreError if it does not advance."""
    ids = [found for row in rows if isinstance(row, dict) and (found := number_in(row.get("id"))) is not None]
    if rows and max(ids, default=0) <= int(cursor or 0):
        raise TransientStoreError("BigCommerce's pages of products do not lead on.")
    return str(max(ids)) if ids else None
