"""Call a Magento store about products: pages of the catalogue, changed products, and a product with its children."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from reverbsync import clock
from shops.models import StoreConnection
from shops.platforms.errors import Malformed, TransientStoreError
from shops.platforms.magento2 import batches, skus
from shops.platforms.magento2 import items as models
from shops.platforms.magento2 import products as reading
from shops.platforms.magento2.changes import Changes
from shops.platforms.magento2.config import StoreConfig
from shops.platforms.magento2.items import Item
from shops.platforms.magento2.rest import STORE, Rest
from shops.platforms.magento2.stock import Stock
from shops.platforms.reading import each
from shops.platforms.values import Page, Unread
from shops.snapshots import StoreProduct


class ProductCalls:
    """Products of one store."""

    #: Products per page.
    page_size = 100

    def __init__(self, connection: StoreConnection) -> None:
        """Makes no call."""
        self._rest = Rest(connection.address, connection.token)
        self._config = StoreConfig(self._rest)
        self._changes = Changes(self._rest, connection.shop_id)
        self._stock = Stock(self._rest, self._config)

    def crawl(self, cursor: str, *, since: datetime | None = None, size: int | None = None) -> Page:
        """Return a page of products whose ids are above the last page's, so that edits shift no page.

        A family may span several pages: `Page.whole` names the complete ones.
        """
        size = size or self.page_size
        if since is not None:
            return self._changed(cursor, since, size)
        got = batches.above(self._rest, "/products", cursor, size=size)
        if got.failed:
            return Page((), got.failed, unread=(Unread(got.failed, got.words),))
        items, unread = each(got.rows, models.read)
        following = _last(got.rows, cursor) if got.more else None
        return self._page(items, unread, following, got.total if not cursor else None)

    def skip(self, cursor: str, *, since: datetime | None = None) -> Page:
        """Return a page that skips the next product; only its id is requested."""
        if since is not None:
            changed = self._changes.page(cursor, since, size=1)
            return Page((), changed.next, unread=(*changed.unread, *(Unread(one, "") for one in changed.ids)))
        got = batches.above(self._rest, "/products", cursor, size=1, fields="items[id],total_count")
        shown = [Unread(one, "") for one in _ids(got.rows)]
        if got.failed:
            return Page((), got.failed, unread=(Unread(got.failed, got.words),))
        return Page((), _last(got.rows, cursor) if got.more else None, unread=tuple(shown))

    def _changed(self, cursor: str, since: datetime, size: int) -> Page:
        changed = self._changes.page(cursor, since, size=size)
        items, unread = self._items(changed.ids)
        # A parent's new name or photo changes all its children.
        known = {item.id for item in items}
        children = [child for item in items for child in item.children or () if child not in known]
        more, also = self._items(children)
        return self._page([*items, *more], [*changed.unread, *unread, *also], changed.next)

    def _page(self, items: list[Item], unread: list[Unread], following: str | None, total: int | None = None) -> Page:
        units, odd = self._units(items)
        here = {item.id for item in items}
        alone = {unit.store_parent_id for unit in units if unit.store_parent_id == unit.store_product_id}
        families = {item.id for item in items if item.is_family and here.issuperset(item.children or [""])}
        parents = self._config.families.parents(one.store_parent_id for one in unread)
        left = [Unread(parents.get(one.store_parent_id, one.store_parent_id), one.words) for one in unread]
        return Page(tuple(units), following, total, unread=(*left, *odd), whole=frozenset(alone | families))

    def products(self, store_parent_id: str) -> list[StoreProduct]:
        """Return a product, or all children of a configurable one; none if it is gone.

        Raise Malformed if one of them cannot be read.
        """
        items, unread = self._items([store_parent_id])
        if not items and not unread:
            skus.confirm_gone(self._rest, [store_parent_id])
        parent = next((item for item in items if item.is_family), None)
        if parent is not None:
            items, unread = self._items(parent.children if parent.children is not None else [])
            if parent.children is None:
                unread = [Unread(parent.id, f"{STORE} does not name the children of {parent.sku}.")]
        units, odd = self._units(items, parent)
        if left := [*unread, *odd]:
            error = Malformed(left[0].words)
            error.readable = tuple(units)
            raise error
        return units

    def parent_of_stock(self, store_stock_id: str) -> str | None:
        """Return the configurable product of a child, or the product itself if it has none."""
        if not any(self._items([store_stock_id])):
            return None
        return self._config.families.parents([store_stock_id]).get(store_stock_id, store_stock_id)

    def _items(self, ids: Iterable[object], fields: str = "") -> tuple[list[Item], list[Unread]]:
        """Return products by id, and those that could not be read."""
        wanted = [one for one in ids if str(one).isdecimal()]
        rows, failed = batches.every(self._rest, "/products", "entity_id", wanted, fields=fields)
        items, unread = each(rows, models.read)
        return items, [*unread, *(Unread(one, words) for one, words in failed.items())]

    def _units(self, items: list[Item], parent: Item | None = None) -> tuple[list[StoreProduct], list[Unread]]:
        """Return the sellable units of items, and those that could not be read."""
        sold = [item for item in items if item.type_id in models.SOLD]
        if not sold:
            return [], []
        of = self._parents(sold, parent)
        known = {item.id: item for item in [*items, *([parent] if parent else [])]}
        missing, unread = self._items(one for one in dict.fromkeys(of.values()) if one not in known)
        known |= {item.id: item for item in missing}
        odd = {one.store_parent_id: one.words for one in unread}
        labels = self._config.labelled()
        if any(reading.unknown_option(item, labels) for item in known.values()):
            labels = self._config.labelled(reload=True)
        categories = self._config.categories(number for item in known.values() for number in item.categories)
        families = {item.sku: known[of[item.id]].sku for item in sold if of.get(item.id) in known}
        stock = self._stock.of((item.sku for item in sold), families)

        def unit(item: Item) -> StoreProduct:
            family = of.get(item.id, "")
            if family in odd:
                raise Malformed(odd[family])
            if family and family not in known:
                raise Malformed(f"{STORE} does not show the configurable product that {item.sku} belongs to.")
            units = stock.of(item.sku)
            now, address = clock.now().astimezone(self._config.zone), self._rest.address
            return reading.unit(item, known.get(family), units, labels, categories, now=now, address=address)

        return _each_of(sold, unit, of)

    def _parents(self, sold: list[Item], parent: Item | None) -> dict[str, str]:
        """Return the family of each child; if it has several, one that is on sale."""
        if parent is not None and reading.is_sold(parent, None, self._config.settings["website_id"]):
            return {item.id: parent.id for item in sold}
        of = {item.id: parent.id for item in sold} if parent is not None else {}
        return of | self._config.families.parents(item.id for item in sold)


def _ids(rows: Sequence[Any]) -> list[str]:
    found = [row.get("id") for row in rows if isinstance(row, dict)]
    return [str(one) for one in found if str(one).isdecimal()]


def _last(rows: Sequence[Any], cursor: str) -> str:
    """Return the cursor after these rows. Raise TransientStoreError if it does not advance."""
    last = max((int(one) for one in _ids(rows)), default=0)
    if last <= int(cursor or 0):
        raise TransientStoreError(f"{STORE}'s list of products does not go on.")
    return str(last)


def _each_of(sold: list[Item], unit: Any, of: dict[str, str]) -> tuple[list[StoreProduct], list[Unread]]:
    """Read each item by itself; an unreadable one is listed under its family."""
    by_id = {item.id: item for item in sold}
    rows = [{"id": of.get(item.id, item.id), "item": item.id} for item in sold]
    return each(rows, lambda row: unit(by_id[row["item"]]))
