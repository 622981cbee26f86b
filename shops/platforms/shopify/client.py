"""What one Shopify store is asked and told. Each method is one question; the answers are read in the files beside."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any

from shops.models import StoreConnection
from shops.orders import NewOrder, Shipment, StoreOrder
from shops.pictures import StoreProduct
from shops.platforms import hooks
from shops.platforms.cancelling import OFF, refuse_to_cancel
from shops.platforms.hooks import Hook
from shops.platforms.shopify import bulk, orders, products, queries
from shops.platforms.shopify.graphql import GraphQL, TooCostly, root_of, tokens_for_code
from shops.platforms.shopify.webhooks import TOPICS
from shops.platforms.values import Count, Hooks, Moved, Page, StockPage, StoreInfo, StorePassing, Unsupported

__all__ = ["ShopifyClient", "tokens_for_code"]

STORE = "Shopify"
#: Products on a page: some 55 points each, and no query may cost more than 1,000.
PAGE = 15
MAX_VARIANT_PAGES = 45  # 2,048 variants is Shopify's most
#: Beyond, Shopify itself writes the catalogue to a file. Paging would reach 25,000 objects (shopify.dev "Limits"), but
#: it would use up all of the store's points for twenty minutes for each 10,000 products, and webhooks need some.
MOST_BY_PAGES = 2_500
#: The index that searches by date trails (by how much nobody says).
OVERLAP = timedelta(minutes=5)


class ShopifyClient:
    """Asks one store."""

    def __init__(self, connection: StoreConnection) -> None:
        """Nothing is asked yet."""
        self._line = GraphQL(connection)
        self._admin = f"{root_of(connection.address)}/admin"

    def check(self) -> StoreInfo:
        """Ask for the store's name."""
        shop = self._line.ask(queries.SHOP).get("shop") or {}
        return StoreInfo(str(shop.get("name", "")), str(shop.get("currencyCode", "")))

    # -- products --------------------------------------------------------------------------------------------

    def walk(self, cursor: str, *, since: datetime | None = None) -> Page:
        """Return a page; a catalogue beyond what paging reaches comes from a file that Shopify writes."""
        if cursor.startswith("bulk:"):
            return bulk.page(self._line, cursor, admin=self._admin)
        query = f"updated_at:>='{(since - OVERLAP).isoformat()}'" if since else None
        size, _, after = cursor.partition(":") if cursor else (str(PAGE), "", "")
        try:
            data = self._line.ask_for_walk(queries.PRODUCTS, first=int(size), after=after or None, query=query)
        except TooCostly:
            if int(size) == 1:
                raise
            return Page((), f"{max(1, int(size) // 2)}:{after}")
        found = products.read_page(data, admin=self._admin)
        if not cursor and since is None and found.total > MOST_BY_PAGES:
            return Page((), bulk.start(self._line), found.total)
        # A product with more variants than a page shows is asked for alone.
        whole = [one for units in found.whole for one in units]
        whole += [one for parent_id in found.cut_short for one in self.products(parent_id)]
        return Page(tuple(whole), f"{size}:{found.next}" if found.next else None, found.total)

    def products(self, store_parent_id: str) -> list[StoreProduct]:
        """Return all variants of a product, none when it is gone."""
        found: list[StoreProduct] = []
        after: str | None = None
        for _ in range(MAX_VARIANT_PAGES):
            data = self._line.ask(queries.PRODUCT, id=f"gid://shopify/Product/{store_parent_id}", after=after)
            more, after = products.read(data, admin=self._admin)
            found += more
            if after is None:
                break
        return found

    def parent_of_stock(self, store_stock_id: str) -> str | None:
        """Return the id of the product that an inventory item belongs to."""
        return products.owner(self._line.ask(queries.STOCK_OWNER, id=_item(store_stock_id)))

    # -- stock -----------------------------------------------------------------------------------------------

    def stocks(self, cursor: str) -> StockPage:
        """Not needed: Shopify tells of each change of stock."""
        raise Unsupported("Shopify tells of each change of stock by itself.")

    def count(self, product: StoreProduct) -> Count:
        """Add up what is available at all locations; `place` is the location that has most."""
        data = self._line.ask(queries.COUNT, id=_item(product.store_stock_id))
        return products.count(data)

    def adjust(self, product: StoreProduct, count: Count, *, by: int, reference: str) -> Count:
        """Change what is available at one location, if it still is `count.there`.

        The key of the call is made of all that it depends on, so the same call may be sent again and counts once.
        """
        if count.units is None or not count.place:
            raise Unsupported("Shopify does not count this product.")
        parts = f"{product.store_stock_id} {count.place} {count.there} {by} {reference}"
        change = {
            "inventoryItemId": _item(product.store_stock_id),
            "locationId": count.place,
            "delta": by,
            "changeFromQuantity": count.there,
        }
        data = self._line.ask(
            queries.ADJUST,
            input={
                "name": "available",
                "reason": "correction",
                "referenceDocumentUri": f"gid://reverbsync/Change/{reference}",
                "changes": [change],
            },
            key=str(uuid.uuid5(uuid.NAMESPACE_URL, parts)),
        )
        if errors := _user_errors(data, "inventoryAdjustQuantities"):
            code, words = errors[0]
            if code == "CHANGE_FROM_QUANTITY_STALE":
                raise Moved("The stock in Shopify has moved.")
            if code == "IDEMPOTENCY_CONCURRENT_REQUEST":
                raise StorePassing("Shopify is still working on the same change.", retry_after=2.0, maybe_done=True)
            raise Unsupported(f"Shopify refused the new stock: {words}")
        return Count(count.units + by, count.place, count.there + by)

    # -- webhooks --------------------------------------------------------------------------------------------

    def keep_hooks(self, address: str) -> Hooks:
        """Subscribe to each topic once. Shopify drops a subscription after eight failures in a row."""
        named = {topic.replace("/", "_").upper(): topic for topic in TOPICS}
        mine = [hook for hook in self._hooks() if hook.get("uri") == address]
        there = [Hook(str(h["id"]), named[h["topic"]]) for h in mine if h["topic"] in named]
        return hooks.keep(
            tuple(TOPICS),
            there,
            add=lambda topic: self._subscribe(topic.replace("/", "_").upper(), address),
            wake=lambda _: None,  # a subscription is there or it is not
            remove=lambda gid: self._line.ask(queries.HOOK_DELETE, id=gid),
        )

    def _subscribe(self, topic: str, address: str) -> None:
        data = self._line.ask(queries.HOOK_CREATE, topic=topic, uri=address)
        if errors := _user_errors(data, "webhookSubscriptionCreate"):
            raise Unsupported(errors[0][1])

    def drop_hooks(self, address: str) -> None:
        """Remove our subscriptions."""
        for hook in self._hooks():
            if hook.get("uri") == address:
                self._line.ask(queries.HOOK_DELETE, id=hook["id"])

    def _hooks(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        after: str | None = None
        while True:
            page = self._line.ask(queries.HOOKS, after=after)["webhookSubscriptions"]
            found += page["nodes"]
            if not page["pageInfo"]["hasNextPage"]:
                return found
            after = page["pageInfo"]["endCursor"]

    # -- orders ----------------------------------------------------------------------------------------------

    def place(self, order: NewOrder) -> StoreOrder:
        """Make an order whose source identifier is Reverb's number. orderCreate knows no key against repeats."""
        query = f"source_identifier:'{order.reverb_number}'"
        known, _ = orders.read_page(self._line.ask(queries.ORDERS, query=query, after=None), admin=self._admin)
        for one in known:
            if one.reverb_number == order.reverb_number:
                return one
        data = self._line.ask(queries.ORDER_CREATE, order=orders.body(order), options=orders.options(order))
        if errors := _user_errors(data, "orderCreate"):
            raise Unsupported(f"Shopify refused the order: {errors[0][1]}")
        return orders.read((data["orderCreate"] or {}).get("order"), admin=self._admin)

    def order(self, order_id: str) -> StoreOrder | None:
        """Return an order."""
        node = self._line.ask(queries.ORDER, id=_order(order_id)).get("order")
        return orders.read(node, admin=self._admin) if node else None

    def release(self, order_id: str, *, reverb_number: str, gives_back: bool, note: str) -> None:
        """Cancel an order. Shopify does it a moment after it has answered; a staff note has 255 characters at most."""
        refuse_to_cancel(STORE, found := self.order(order_id))
        if found is None or found.status in OFF:
            return
        asked = {"id": _order(order_id), "restock": gives_back, "note": note[:255]}
        data = self._line.ask(queries.ORDER_CANCEL, **asked)
        if errors := _user_errors(data, "orderCancel", "orderCancelUserErrors"):
            raise Unsupported(f"Shopify did not cancel the order: {errors[0][1]}")

    def order_products(self, order_id: str) -> list[str]:
        """Return the products of an order."""
        data = self._line.ask(queries.ORDER_PRODUCTS, id=_order(order_id))
        return orders.product_ids(data)

    def orders(self, since: datetime, cursor: str) -> tuple[list[StoreOrder], str | None]:
        """Return orders that changed, by date."""
        query = f"updated_at:>='{(since - OVERLAP).isoformat()}'"
        return orders.read_page(self._line.ask(queries.ORDERS, query=query, after=cursor or None), admin=self._admin)

    def shipments(self, order_id: str) -> list[Shipment]:
        """Return an order's fulfilments that have a tracking number."""
        return orders.shipments(order_id, self._line.ask(queries.SHIPMENTS, id=_order(order_id)))


def _item(number: str) -> str:
    return f"gid://shopify/InventoryItem/{number}"


def _order(number: str) -> str:
    return f"gid://shopify/Order/{number}"


def _user_errors(data: dict[str, Any], name: str, field: str = "userErrors") -> list[tuple[str, str]]:
    """Return code and message of what a mutation refused; Shopify says so with status 200."""
    rows = (data.get(name) or {}).get(field) or []
    return [(str(row.get("code") or ""), str(row.get("message") or "")[:200]) for row in rows]
