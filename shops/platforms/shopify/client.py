"""Call one Shopify store. Each method sends one query; the modules beside this one parse the answers."""

from __future__ import annotations

import logging
import uuid
from datetime import datetime, timedelta
from typing import Any

from reverbsync import clock
from shops.models import StoreConnection
from shops.orders import NewOrder, Shipment, StoreOrder
from shops.platforms import hooks
from shops.platforms.cancelling import OFF, refuse_to_cancel
from shops.platforms.hooks import Hook
from shops.platforms.locations import changed, locations_of, spread
from shops.platforms.reading import each
from shops.platforms.shopify import (
    bulk,
    locations,
    order_body,
    order_queries,
    orders,
    product_queries,
    products,
    queries,
    refusals,
)
from shops.platforms.shopify.graphql import GraphQL, root_of, tokens_for_code
from shops.platforms.shopify.locations import TOTAL_ALONE, LevelLocations
from shops.platforms.shopify.webhooks import TOPICS
from shops.platforms.values import Count, Hooks, Malformed, Page, StoreInfo, TransientStoreError, Unread, Unsupported
from shops.snapshots import StoreProduct

__all__ = ["ShopifyClient", "tokens_for_code"]

logger = logging.getLogger(__name__)

STORE = "Shopify"
#: Products per page if no levels are requested: some 60 points each.
PAGE = 15
#: Most pages of one product: Shopify allows 2,048 variants, and more locations mean smaller pages.
MAX_PAGES = 700
#: Larger catalogues use a bulk operation. Paging would reach 25,000 objects (shopify.dev "Limits"), but it would use
#: all of the store's points for twenty minutes per 10,000 products, and webhooks need some.
#: it would use up all of the store's points for twenty minutes for each 10,000 products, and webhooks need some.
MOST_BY_PAGES = 2_500
#: Most products of a page to request one by one; a file with more incomplete products is abandoned.
MOST_ALONE = 60
#: The index behind the date search lags (by an undocumented time).
OVERLAP = timedelta(minutes=5)
#: How long a worker caches which locations sell.
LOCATIONS_KNOWN_S = 60.0
MOST_STORES = 1000
_known: dict[str, tuple[LevelLocations, float]] = {}


class ShopifyClient:
    """Calls one store."""

    page_size = PAGE

    def __init__(self, connection: StoreConnection) -> None:
        """Makes no call."""
        self._line = GraphQL(connection)
        self._admin = f"{root_of(connection.address)}/admin"

    def check(self) -> StoreInfo:
        """Return the store's name and currency."""
        shop = self._line.ask(queries.SHOP).get("shop")
        if not isinstance(shop, dict) or not isinstance(shop.get("currencyCode"), str):
            raise Malformed("Shopify's answer could not be read at shop.")
        return StoreInfo(str(shop.get("name") or ""), shop["currencyCode"])

    # -- products --------------------------------------------------------------------------------------------

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
        variables = {**locations.page_of(levels, size or PAGE), "after": after or None, "query": _since(since)}
        data, odd = self._line.ask_for_page(document, **variables)
        found = products.read_page(data, odd, admin=self._admin, wanted=levels)
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
        data = self._line.ask(product_queries.NEXT_PRODUCT, after=after or None, query=_since(since))
        page = data.get("products")
        following = products.following(page, "products")
        return Page(
            (),
            f"{kind or 'after'}:{following}" if following else None,
            unread=tuple(Unread(number, "Shopify could not show it.") for number in products.ids(page)),
        )

    def _page(self, found: products.Found) -> Page:
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
            variables["id"] = f"gid://shopify/Product/{store_parent_id}"
            data = self._line.ask(document, first=locations.variants_of(levels), **variables, **more)
            part = products.part(data)
            if part is None:
                return []
            whole, cursors = products.joined(whole, part)
            if not cursors:
                read = products.reader(data, admin=self._admin, wanted=levels)
                units, odd = read.units(whole)
                if odd:
                    raise _half_read(units, odd[0].words)
                return units
        raise Malformed("Shopify's product goes on without end.")

    def parent_of_stock(self, store_stock_id: str) -> str | None:
        """Return the id of the product that an inventory item belongs to."""
        return products.owner(self._line.ask(queries.STOCK_OWNER, id=_item(store_stock_id)))

    # -- stock -----------------------------------------------------------------------------------------------

    def count(self, product: StoreProduct) -> Count:
        """Return the units available at the locations that sell online."""
        item: Any = None
        levels: list[Any] = []
        after: str | None = None
        for _ in range(MAX_PAGES):
            data = self._line.ask(queries.COUNT, id=_item(product.store_stock_id), after=after)
            item = data.get("inventoryItem")
            if not isinstance(item, dict):
                raise Malformed("Shopify does not show the inventory of this product.")
            levels += products.rows(item.get("inventoryLevels"), "inventoryLevels")
            after = products.following(item.get("inventoryLevels"), "inventoryLevels")
            if after is None:
                break
        return locations.count(item, levels, self._levels())

    def adjust(self, product: StoreProduct, count: Count, *, by: int, reference: str) -> Count:
        """Change the available units at their locations, all or none, if each still has what `count` says.

        The idempotency key is derived from all parameters, so a retry of the same call is applied once.
        """
        if count.units is None:
            raise Unsupported("Shopify does not count this product.")
        changes = spread(locations_of(count), by)
        if not changes:
            return changed(count, changes, by)
        parts = f"{product.store_stock_id} {count.location} {count.there} {by} {reference}"
        data = self._line.ask(
            queries.ADJUST,
            input={
                "name": "available",
                "reason": "correction",
                "referenceDocumentUri": f"gid://reverbsync/Change/{reference}",
                "changes": [
                    {
                        "inventoryItemId": _item(product.store_stock_id),
                        "locationId": locations.gid_of(where),
                        "delta": change,
                        "changeFromQuantity": where.units,
                    }
                    for where, change in changes
                ],
            },
            key=str(uuid.uuid5(uuid.NAMESPACE_URL, parts)),
        )
        if errors := refusals.of(data, "inventoryAdjustQuantities"):
            raise refusals.of_stock(*errors[0])
        return changed(count, changes, by)

    def _levels(self) -> LevelLocations:
        """Return the locations whose levels must be read besides a variant's total.

        A token without the scope to read them sees only the total. Cached locations stay valid after a refusal or an
        unreadable list, since one such answer proves nothing.
        """
        address, now = self._line.address, clock.monotonic()
        known, until = _known.get(address, (TOTAL_ALONE, 0.0))
        if now < until:
            return known
        try:
            known = locations.locations_of_levels(self._all(queries.LOCATIONS, "locations"))
        except (Unsupported, Malformed) as error:
            if isinstance(error, Malformed) and address not in _known:
                raise
        if len(_known) > MOST_STORES:
            _known.clear()
        _known[address] = known, now + LOCATIONS_KNOWN_S
        return known

    # -- webhooks --------------------------------------------------------------------------------------------

    def ensure_webhooks(self, address: str) -> Hooks:
        """Subscribe to each topic once. Shopify drops a subscription after eight consecutive failures."""
        named = {topic.replace("/", "_").upper(): topic for topic in TOPICS}
        return hooks.keep(
            tuple(TOPICS),
            [Hook(gid, named[topic]) for gid, topic in self._hooks(address) if topic in named],
            add=lambda topic: self._subscribe(topic.replace("/", "_").upper(), address),
            wake=lambda _: None,  # Shopify does not disable subscriptions
            remove=lambda gid: self._line.ask(queries.HOOK_DELETE, id=gid),
        )

    def _subscribe(self, topic: str, address: str) -> None:
        data = self._line.ask(queries.HOOK_CREATE, topic=topic, uri=address)
        if errors := refusals.of(data, "webhookSubscriptionCreate"):
            raise Unsupported(errors[0][1])

    def remove_webhooks(self, address: str) -> None:
        """Remove our subscriptions."""
        for gid, _ in self._hooks(address):
            self._line.ask(queries.HOOK_DELETE, id=gid)

    def _hooks(self, address: str) -> list[tuple[str, str]]:
        """Return id and topic of the subscriptions that call an address."""
        rows = [row for row in self._all(queries.HOOKS, "webhookSubscriptions") if isinstance(row, dict)]
        return [(str(row.get("id")), str(row.get("topic"))) for row in rows if row.get("uri") == address]

    def _all(self, document: str, name: str) -> list[Any]:
        """Return all rows of a top-level connection."""
        rows: list[Any] = []
        after: str | None = None
        for _ in range(MAX_PAGES):
            page = self._line.ask(document, after=after).get(name)
            rows += products.rows(page, name)
            after = products.following(page, name)
            if after is None:
                break
        return rows

    # -- orders ----------------------------------------------------------------------------------------------

    def create_order(self, order: NewOrder) -> StoreOrder:
        """Create an order whose source identifier is Reverb's number; orderCreate has no idempotency key."""
        query = f"source_identifier:'{order.reverb_number}'"
        for row in orders.rows(self._line.ask(order_queries.ORDERS, query=query, after=None)):
            if orders.is_for(row, order.reverb_number):
                return orders.read(row, admin=self._admin)
        data = self._line.ask(
            order_queries.ORDER_CREATE, order=order_body.body(order), options=order_body.options(order)
        )
        if errors := refusals.of(data, "orderCreate"):
            raise refusals.of_order(*errors[0])
        return orders.read(data["orderCreate"].get("order"), admin=self._admin)

    def order(self, order_id: str) -> StoreOrder | None:
        """Return an order, None if the store has none."""
        node = orders.node(self._line.ask(order_queries.ORDER, id=_order(order_id)))
        return orders.read(node, admin=self._admin) if node else None

    def cancel_order(self, order_id: str, *, reverb_number: str, gives_back: bool, note: str) -> None:
        """Cancel an order. Shopify applies it shortly after its answer; a staff note has at most 255 characters."""
        refuse_to_cancel(STORE, found := self.order(order_id))
        if found is None or found.status in OFF:
            return
        variables = {"id": _order(order_id), "restock": gives_back, "note": note[:255]}
        errors = refusals.of(
            self._line.ask(order_queries.ORDER_CANCEL, **variables), "orderCancel", "orderCancelUserErrors"
        )
        if errors and errors[0][0] != "NOT_FOUND":
            now = self.order(order_id)  # an earlier call whose answer was lost may have cancelled it
            if now is not None and now.status not in OFF:
                raise refusals.of_cancelling(*errors[0])

    def order_products(self, order_id: str) -> list[str]:
        """Return the product ids of an order."""
        return orders.product_ids(self._line.ask(order_queries.ORDER_PRODUCTS, id=_order(order_id)))

    def orders(self, since: datetime, cursor: str) -> tuple[list[StoreOrder], str | None]:
        """Return orders that changed, by date; unreadable ones are left out."""
        data = self._line.ask(order_queries.ORDERS, query=_since(since), after=cursor or None)
        found, odd = each(orders.rows(data), lambda row: orders.read(row, admin=self._admin), key="legacyResourceId")
        if odd:
            logger.warning("Could not read Shopify orders: %s", odd)
        following = products.following(data.get("orders"), "orders")
        return found, following if following != cursor else None

    def shipments(self, order_id: str) -> list[Shipment]:
        """Return an order's fulfilments that have a tracking number."""
        return orders.shipments(order_id, self._line.ask(order_queries.SHIPMENTS, id=_order(order_id)))


def _since(moment: datetime | None) -> str | None:
    return f"updated_at:>='{(moment - OVERLAP).isoformat()}'" if moment else None


def _item(number: str) -> str:
    return f"gid://shopify/InventoryItem/{number}"


def _order(number: str) -> str:
    return f"gid://shopify/Order/{number}"


def _half_read(units: list[StoreProduct], words: str) -> Malformed:
    error = Malformed(words)
    error.readable = tuple(units)
    return error
