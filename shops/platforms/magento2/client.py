"""What one Magento store is asked and told. Products here; stock, orders and the store's settings in files beside.

Magento has no webhooks: looking for changes is all there is. A product's date moves neither with its stock nor with an
order, so the look for changes also takes the products of orders that changed, and all stock is read every while.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from reverbsync import clock
from shops.models import StoreConnection
from shops.orders import NewOrder, Shipment, StoreOrder
from shops.pictures import StoreProduct
from shops.platforms.cancelling import OFF, refuse_to_cancel
from shops.platforms.magento2 import orders as forms
from shops.platforms.magento2 import products as reading
from shops.platforms.magento2 import search
from shops.platforms.magento2.frame import Frame
from shops.platforms.magento2.products import Item
from shops.platforms.magento2.rest import STORE, Rest
from shops.platforms.magento2.stock import Stock
from shops.platforms.values import Count, Hooks, Page, StockPage, StoreInfo, Unsupported

PAGE = 100
OVERLAP = timedelta(minutes=5)
#: How a checkout is paid that needs no money, best first; what a store offers is asked.
PAID_BY = ("free", "checkmo", "banktransfer", "purchaseorder", "cashondelivery")
#: Marks the cursor of the second part of a look for changes: the products of orders.
OF_ORDERS = "orders:"


class Magento2Client:
    """Asks one store."""

    def __init__(self, connection: StoreConnection) -> None:
        """Nothing is asked yet."""
        self._rest = Rest(connection.address, connection.token)
        self._frame = Frame(self._rest)
        self._stock = Stock(self._rest, self._frame)

    def check(self) -> StoreInfo:
        """Ask for products, orders and stock, which is what the keys are for."""
        self._rest.rows("/products", search.query(size=1, fields="items[id],total_count"))
        self._rest.rows("/orders", search.query(size=1, fields="items[entity_id],total_count"))
        return StoreInfo(self._rest.address.partition("//")[2], self._frame.fresh()["currency"])

    # -- products --------------------------------------------------------------------------------------------

    def walk(self, cursor: str, *, since: datetime | None = None) -> Page:
        """Return a page of products by id: those with an id above the last page's, so that no page shifts."""
        if cursor.startswith(OF_ORDERS) and since is not None:
            return self._of_orders(int(cursor.removeprefix(OF_ORDERS)), since - OVERLAP)
        groups: list[search.Group] = [[("entity_id", "gt", cursor or "0")]]
        if since is not None:
            groups.append([("updated_at", "gteq", search.stamp(since - OVERLAP))])
        rows, left = self._rest.rows("/products", search.query(*groups, size=PAGE))
        items = [reading.read(row) for row in rows]
        following = str(items[-1].id) if items and left > len(items) else None
        if since is None:
            return self._page(items, following, left if not cursor else None)
        # A new name or picture of a parent is news of all its children.
        children = [child for item in items for child in item.extension_attributes.configurable_product_links]
        known = {item.id for item in items}
        items += self._items("entity_id", (child for child in children if child not in known))
        return self._page(items, following or f"{OF_ORDERS}1")

    def _page(self, items: list[Item], following: str | None, total: int | None = None) -> Page:
        """Return items as a page. A family is whole where it and all its children are among them."""
        units = self._units(items)
        here = {item.id for item in items}
        alone = {unit.store_parent_id for unit in units if unit.store_parent_id == unit.store_product_id}
        families = {
            item.id
            for item in items
            if item.type_id == reading.CONFIGURABLE
            and here.issuperset(item.extension_attributes.configurable_product_links)
        }
        return Page(tuple(units), following, total, whole=frozenset(alone | families))

    def _of_orders(self, number: int, since: datetime) -> Page:
        """Return the products of a page of orders that changed: their dates do not tell it."""
        changed: search.Group = [("updated_at", "gteq", search.stamp(since))]
        asked = search.query(changed, size=PAGE, page=number, fields="items[entity_id,items[sku]],total_count")
        rows, total = self._rest.rows("/orders", asked)
        skus = dict.fromkeys(str(line.get("sku")) for row in rows for line in row.get("items") or [] if line.get("sku"))
        more = bool(rows) and number * PAGE < total
        return self._page(self._items("sku", skus), f"{OF_ORDERS}{number + 1}" if more else None)

    def products(self, store_parent_id: str) -> list[StoreProduct]:
        """Return a product, or all children of a configurable one; none when it is gone."""
        items = self._items("entity_id", [store_parent_id])
        if items and items[0].type_id == reading.CONFIGURABLE:
            links = items[0].extension_attributes.configurable_product_links
            return self._units(self._items("entity_id", links), parent=items[0])
        return self._units(items)

    def parent_of_stock(self, store_stock_id: str) -> str | None:
        """Return the configurable product of a child, the product itself when it is none."""
        if not self._items("entity_id", [store_stock_id]):
            return None
        return self._frame.parents([store_stock_id]).get(store_stock_id, store_stock_id)

    def _items(self, field: str, values: Iterable[object]) -> list[Item]:
        rows = [row for some in search.few(values) for row in self._rest.every("/products", search.one_of(field, some))]
        return [reading.read(row) for row in rows]

    def _units(self, items: list[Item], parent: Item | None = None) -> list[StoreProduct]:
        sold = [item for item in items if item.type_id in reading.SOLD]
        if not sold:
            return []
        known = {item.id: item for item in [*items, *([parent] if parent else [])]}
        of = {item.id: parent.id for item in sold} if parent else self._frame.parents(item.id for item in sold)
        missing = [one for one in dict.fromkeys(of.values()) if one not in known]
        known |= {item.id: item for item in self._items("entity_id", missing)}
        told = self._frame.told
        if any(reading.unknown_option(item, told) for item in known.values()):
            told = self._frame.fresh()
        categories = self._frame.categories(number for item in known.values() for number in item.categories)
        stock = self._stock.of(item.sku for item in sold)
        return [
            reading.unit(
                item,
                known.get(of.get(item.id, "")),
                stock.get(item.sku),
                told,
                categories,
                now=clock.now(),
                address=self._rest.address,
            )
            for item in sold
        ]

    # -- stock -----------------------------------------------------------------------------------------------

    def stocks(self, cursor: str) -> StockPage:
        """Return a page of what can be sold."""
        return self._stock.page(cursor)

    def count(self, product: StoreProduct) -> Count:
        """Return what can be sold now, and what lies in the source."""
        return Count(None) if product.stock is None else self._stock.count(product.sku)

    def adjust(self, product: StoreProduct, count: Count, *, by: int, reference: str) -> Count:
        """Change what lies in the source; the open reservations stay as they are."""
        return self._stock.adjust(product.sku, count, by=by)

    # -- webhooks --------------------------------------------------------------------------------------------

    def keep_hooks(self, address: str) -> Hooks:
        """Magento has none."""
        return Hooks(())

    def drop_hooks(self, address: str) -> None:
        """Magento has none."""

    # -- orders ----------------------------------------------------------------------------------------------

    def place(self, order: NewOrder) -> StoreOrder:
        """Make an order, unless one bears the mark of this Reverb number.

        Units that are still to be taken are reserved by a guest's checkout, at the catalogue's prices; an order whose
        units were taken already is only written down, at Reverb's.
        """
        found = self._rest.every("/orders", [("customer_email", "eq", forms.mail_of(order.reverb_number))])
        if found:
            return forms.store_order(forms.read(found[0]))
        if not order.takes_stock:
            return forms.store_order(forms.read(self._rest.send("PUT", "/orders/create", forms.body(order))))
        made = self._checkout(order)
        self._rest.send("POST", f"/orders/{made}/comments", {"statusHistory": forms.comment(order)})
        return forms.store_order(forms.read(self._rest.get(f"/orders/{made}")))

    def _checkout(self, order: NewOrder) -> str:
        cart = f"/guest-carts/{self._rest.send('POST', '/guest-carts', {})}"
        for line in order.lines:
            item = {"sku": line.sku, "qty": line.quantity, "quote_id": cart.rpartition("/")[2]}
            self._rest.send("POST", f"{cart}/items", {"cartItem": item})
        where = forms.address(order)
        ways = self._rest.send("POST", f"{cart}/estimate-shipping-methods", {"address": where})
        way = next((one for one in ways or [] if one.get("available", True)), None)
        if way is None:
            raise Unsupported("Magento has no way of shipping to the buyer's address; the order cannot be made there.")
        shipping = {
            "shipping_address": where,
            "billing_address": where,
            "shipping_carrier_code": way["carrier_code"],
            "shipping_method_code": way["method_code"],
        }
        self._rest.send("POST", f"{cart}/shipping-information", {"addressInformation": shipping})
        offered = [str(one.get("code")) for one in self._rest.get(f"{cart}/payment-methods") or []]
        paid_by = next((one for one in PAID_BY if one in offered), None)
        if paid_by is None:
            raise Unsupported("Magento offers no payment without a card; switch on “Check / Money order” there.")
        return str(self._rest.send("PUT", f"{cart}/order", {"paymentMethod": {"method": paid_by}}))

    def order(self, order_id: str) -> StoreOrder | None:
        """Return an order."""
        row: Any = self._rest.get(f"/orders/{order_id}", missing=True)
        return forms.store_order(forms.read(row)) if row else None

    def release(self, order_id: str, *, reverb_number: str, gives_back: bool, note: str) -> None:
        """Cancel an order that reserved its units, which frees them.

        One that was only written down reserved nothing; Magento's cancelling would free units all the same, so its
        state is written down too.
        """
        refuse_to_cancel(STORE, found := self.order(order_id))
        if found is None or found.status in OFF:
            return
        if not gives_back:
            self._rest.send("POST", "/orders", forms.cancelled(order_id))
        elif self._rest.send("POST", f"/orders/{order_id}/cancel", {}) is not True:
            raise Unsupported("Magento did not cancel the order; look at it there.")
        self._rest.send("POST", f"/orders/{order_id}/comments", {"statusHistory": forms.remark(note)})

    def order_products(self, order_id: str) -> list[str]:
        """Return the products of an order."""
        row: Any = self._rest.get(f"/orders/{order_id}", missing=True)
        lines = [line for line in forms.read(row).items if not line.parent_item_id and line.product_id] if row else []
        parents = self._frame.parents(line.product_id for line in lines)
        return list(dict.fromkeys(parents.get(line.product_id, line.product_id) for line in lines))

    def orders(self, since: datetime, cursor: str) -> tuple[list[StoreOrder], str | None]:
        """Return orders that changed."""
        number = int(cursor or 1)
        changed: search.Group = [("updated_at", "gteq", search.stamp(since - OVERLAP))]
        rows, total = self._rest.rows("/orders", search.query(changed, size=PAGE, page=number))
        found = [forms.store_order(forms.read(row)) for row in rows]
        return found, str(number + 1) if rows and number * PAGE < total else None

    def shipments(self, order_id: str) -> list[Shipment]:
        """Return the tracking numbers of an order."""
        return forms.shipments(self._rest.every("/shipments", [("order_id", "eq", order_id)]))
