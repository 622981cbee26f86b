"""Call one Magento store. Products, stock, orders and settings are in the modules beside this one.

Magento has no webhooks, so changes are only found by polling. Neither stock changes nor orders update a product's date.
So the poll also reads the products of changed orders, and all stock is polled regularly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from shops.hooks import Hooks
from shops.models import StoreConnection
from shops.orders import NewOrder, Shipment, StoreOrder
from shops.platforms.errors import Moved
from shops.platforms.magento2 import products as reading
from shops.platforms.magento2 import search, skus
from shops.platforms.magento2.items import Item
from shops.platforms.magento2.orders import Orders
from shops.platforms.magento2.product_calls import ProductCalls
from shops.platforms.magento2.rest import STORE
from shops.platforms.values import Count, Stocktake, StoreInfo, Unread
from shops.snapshots import StoreProduct

#: Fields that the stock poll requests.
BRIEF = (
    "items[id,sku,status,visibility,type_id,extension_attributes[website_ids,configurable_product_links]],total_count"
)


class Magento2Client(ProductCalls):
    """Calls one store."""

    def __init__(self, connection: StoreConnection) -> None:
        """Makes no call."""
        super().__init__(connection)
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
