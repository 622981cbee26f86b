"""Call one Magento store: products; stock, orders and settings are in the modules beside this one.

Magento has no webhooks, so changes are only found by polling. Neither stock changes nor orders update a product's date.
So the poll also reads the products of changed orders, and all stock is polled regularly.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from reverbsync import clock
from shops.models import StoreConnection
from shops.orders import NewOrder, Shipment, StoreOrder
from shops.platforms.magento2 import items as models
from shops.platforms.magento2 import portions, search, skus
from shops.platforms.magento2 import products as reading
from shops.platforms.magento2.changes import Changes
from shops.platforms.magento2.config import StoreConfig
from shops.platforms.magento2.items import Item
from shops.platforms.magento2.orders import Orders
from shops.platforms.magento2.rest import STORE, Rest
from shops.platforms.magento2.stock import Stock
from shops.platforms.reading import each
from shops.platforms.values import (
    Count,
    Hooks,
    Malformed,
    Moved,
    Page,
    Stocktake,
    StoreInfo,
    TransientStoreError,
    Unread,
)
from shops.snapshots import StoreProduct

#: Fields that the stock poll requests.
BRIEF = (
    "items[id,sku,status,visibility,type_id,extension_attributes[website_ids,configurable_product_links]],total_count"
)


class Magento2Client:
    """Calls one store."""

    #: Products per page.
    page_size = 100

    def __init__(self, connection: StoreConnection) -> None:
        """Makes no call."""
        self._rest = Rest(connection.address, connection.token)
        self._config = StoreConfig(self._rest)
        self._changes = Changes(self._rest, connection.shop_id)
        self._stock = Stock(self._rest, self._config)
        self._orders = Orders(self._rest, self._config, self._stock)

    def check(self) -> StoreInfo:
        """Read products, orders and stock, which the keys must allow; return name and currency."""
        self._rest.find_root()
        none: search.Group = [("entity_id", "eq", "0")]  # matches nothing, since one broken row must not fail the check
        self._rest.rows("/products", search.query(none, size=1, fields="items[id],total_count"))
        self._rest.rows("/orders", search.query(none, size=1, fields="items[entity_id],total_count"))
        settings = self._config.fresh()
        self._config.stock_sources()
        return StoreInfo(self._rest.address.partition("//")[2], settings["currency"])

    # -- products --------------------------------------------------------------------------------------------

    def crawl(self, cursor: str, *, since: datetime | None = None, size: int | None = None) -> Page:
        """Return a page of products whose ids are above the last page's, so that edits shift no page.

        A family may span several pages: `Page.whole` names the complete ones.
        """
        size = size or self.page_size
        if since is not None:
            return self._changed(cursor, since, size)
        got = portions.above(self._rest, "/products", cursor, size=size)
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
        got = portions.above(self._rest, "/products", cursor, size=1, fields="items[id],total_count")
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
        rows, failed = portions.every(self._rest, "/products", "entity_id", wanted, fields=fields)
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

    # -- stock -----------------------------------------------------------------------------------------------

    def take_stock(self, products: Sequence[StoreProduct]) -> Stocktake:
        """Return what can be sold of products now; those that are gone, renamed, or newly on or off sale are reread."""
        ids = dict.fromkeys(one for product in products for one in (product.store_product_id, product.store_parent_id))
        items, unread = self._items(ids, BRIEF)
        here = {item.id: item for item in items}
        odd = {one.store_parent_id: one.words for one in unread}
        again, same, left = [], [], []
        for product in products:
            item, parent = here.get(product.store_product_id), here.get(product.store_parent_id)
            if words := odd.get(product.store_product_id) or odd.get(product.store_parent_id):
                left.append(Unread(product.store_parent_id, words))
                continue
            if item is None or not self._is_as_known(product, item, parent):
                again.append(product.store_parent_id)
            else:
                same.append((product, item, parent))
        families = {item.sku: parent.sku for _, item, parent in same if parent is not None and parent is not item}
        stock = self._stock.of((item.sku for _, item, _ in same), families)
        units = {one.store_product_id: stock.units.get(item.sku, 0) for one, item, _ in same if item.sku in stock.units}
        left += [Unread(one.store_parent_id, stock.unread[i.sku]) for one, i, _ in same if i.sku in stock.unread]
        return Stocktake(units, tuple(dict.fromkeys(again)), tuple(left))

    def _is_as_known(self, product: StoreProduct, item: Item, parent: Item | None) -> bool:
        """Return whether a product is still on or off sale as last read, with the same SKU in the same family."""
        is_child = product.store_parent_id != product.store_product_id
        if is_child and (parent is None or item.id not in (parent.children or [item.id])):
            return False
        on_sale = reading.is_sold(item, parent if is_child else None, self._config.settings["website_id"])
        return (item.sku.strip(), on_sale) == (product.sku, product.for_sale)

    def count(self, product: StoreProduct) -> Count:
        """Return what can be sold now, and the quantities in the sources."""
        sku = self._sku_now(product)
        return Count(0) if sku is None else self._stock.count(sku)

    def adjust(self, product: StoreProduct, count: Count, *, by: int, reference: str) -> Count:
        """Change the quantities in the sources; open reservations stay."""
        sku = self._sku_now(product)
        if sku is not None:
            return self._stock.adjust(sku, count, by=by)
        if count.location:
            raise Moved(f"The product is no longer in {STORE}.")
        return replace(count, done=0)

    def _sku_now(self, product: StoreProduct) -> str | None:
        """Return a product's current SKU, since another product may have its old one; None if the product is gone."""
        return skus.now(self._rest, [product.store_product_id]).get(product.store_product_id)

    # -- webhooks --------------------------------------------------------------------------------------------

    def ensure_webhooks(self, address: str) -> Hooks:
        """Register nothing: Magento has no webhooks."""
        return Hooks(())

    def remove_webhooks(self, address: str) -> None:
        """Remove nothing: Magento has no webhooks."""

    # -- orders ----------------------------------------------------------------------------------------------

    def create_order(self, order: NewOrder) -> StoreOrder:
        """Create an order, unless one has the mark of this Reverb number."""
        return self._orders.create_order(order)

    def settle(self, begun: Mapping[str, Any], reverb_number: str) -> None:
        """Clean up what attempts to create an order left."""
        self._orders.settle(begun, reverb_number)

    def order(self, order_id: str) -> StoreOrder | None:
        """Return an order, None if there is none."""
        return self._orders.order(order_id)

    def cancel_order(self, order_id: str, *, reverb_number: str, gives_back: bool, note: str) -> None:
        """Cancel an order."""
        self._orders.cancel_order(order_id, gives_back=gives_back, note=note)

    def order_products(self, order_id: str) -> list[str]:
        """Return the product ids of an order."""
        ids = self._orders.products_of(order_id)
        parents = self._config.families.parents(ids)
        return list(dict.fromkeys(parents.get(one, one) for one in ids))

    def orders(self, since: datetime, cursor: str) -> tuple[list[StoreOrder], str | None]:
        """Return orders that changed."""
        return self._orders.changed(since, cursor)

    def shipments(self, order_id: str) -> list[Shipment]:
        """Return the tracking numbers of an order."""
        return self._orders.shipments(order_id)


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
