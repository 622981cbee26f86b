"""Call one Shopify store. Each method sends one query; the modules beside this one parse the answers."""

from __future__ import annotations

import uuid
from typing import Any

from shops.hooks import Hooks
from shops.platforms import hooks
from shops.platforms.errors import Malformed, StoreAuthError, Unsupported
from shops.platforms.hooks import Hook
from shops.platforms.locations import changed, locations_of, spread
from shops.platforms.shopify import connections, locations, queries, refusals, scopes
from shops.platforms.shopify.order_calls import OrderCalls
from shops.platforms.shopify.product_calls import ProductCalls
from shops.platforms.shopify.store_calls import MAX_PAGES, gid
from shops.platforms.shopify.webhooks import TOPICS
from shops.platforms.values import Count, StoreInfo
from shops.snapshots import StoreProduct


class ShopifyClient(ProductCalls, OrderCalls):
    """Calls one store."""

    def check(self) -> StoreInfo:
        """Return the store's name and currency. Raise StoreAuthError also if the app lacks a scope."""
        shop = self._line.ask(queries.SHOP).get("shop")
        if not isinstance(shop, dict) or not isinstance(shop.get("currencyCode"), str):
            raise Malformed("Shopify's answer could not be read at shop.")
        granted = self._line.tokens.scope
        if granted and (lacking := scopes.missing(granted)):
            raise StoreAuthError(
                f"Your app lacks {', '.join(lacking)}. Add it in a new version of the app, release that, and let your "
                "store update the app."
            )
        return StoreInfo(str(shop.get("name") or ""), shop["currencyCode"])

    # -- stock -----------------------------------------------------------------------------------------------

    def count(self, product: StoreProduct) -> Count:
        """Return the units available at the locations that sell online."""
        item: Any = None
        levels: list[Any] = []
        after: str | None = None
        for _ in range(MAX_PAGES):
            data = self._line.ask(queries.COUNT, id=gid("InventoryItem", product.store_stock_id), after=after)
            item = data.get("inventoryItem")
            if not isinstance(item, dict):
                raise Malformed("Shopify does not show the inventory of this product.")
            levels += connections.rows(item.get("inventoryLevels"), "inventoryLevels")
            after = connections.following(item.get("inventoryLevels"), "inventoryLevels")
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
                        "inventoryItemId": gid("InventoryItem", product.store_stock_id),
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

    # -- webhooks --------------------------------------------------------------------------------------------

    def ensure_webhooks(self, address: str) -> Hooks:
        """Subscribe to each topic once. Shopify drops a subscription after eight consecutive failures."""
        named = {topic.replace("/", "_").upper(): topic for topic in TOPICS}
        return hooks.keep(
            tuple(TOPICS),
            [Hook(number, named[topic]) for number, topic in self._hooks(address) if topic in named],
            add=lambda topic: self._subscribe(topic.replace("/", "_").upper(), address),
            wake=lambda _: None,  # Shopify does not disable subscriptions
            remove=lambda number: self._line.ask(queries.HOOK_DELETE, id=number),
        )

    def _subscribe(self, topic: str, address: str) -> None:
        data = self._line.ask(queries.HOOK_CREATE, topic=topic, uri=address)
        if errors := refusals.of(data, "webhookSubscriptionCreate"):
            raise Unsupported(errors[0][1])

    def remove_webhooks(self, address: str) -> None:
        """Remove our subscriptions."""
        for number, _ in self._hooks(address):
            self._line.ask(queries.HOOK_DELETE, id=number)

    def _hooks(self, address: str) -> list[tuple[str, str]]:
        """Return id and topic of the subscriptions that call an address."""
        rows = [row for row in self._all(queries.HOOKS, "webhookSubscriptions") if isinstance(row, dict)]
        return [(str(row.get("id")), str(row.get("topic"))) for row in rows if row.get("uri") == address]
