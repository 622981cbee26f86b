"""Call a Shopify store about orders."""

from __future__ import annotations

import logging
from datetime import datetime

from shops.orders import NewOrder, Shipment, StoreOrder
from shops.platforms.cancelling import OFF, refuse_to_cancel
from shops.platforms.reading import each
from shops.platforms.shopify import connections, order_body, order_queries, orders, refusals
from shops.platforms.shopify.store_calls import StoreCalls, gid, updated_since

logger = logging.getLogger(__name__)

STORE = "Shopify"


class OrderCalls(StoreCalls):
    """Orders of one store."""

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
        node = orders.node(self._line.ask(order_queries.ORDER, id=gid("Order", order_id)))
        return orders.read(node, admin=self._admin) if node else None

    def cancel_order(self, order_id: str, *, reverb_number: str, gives_back: bool, note: str) -> None:
        """Cancel an order. Shopify applies it shortly after its answer; a staff note has at most 255 characters."""
        refuse_to_cancel(STORE, found := self.order(order_id))
        if found is None or found.status in OFF:
            return
        variables = {"id": gid("Order", order_id), "restock": gives_back, "note": note[:255]}
        errors = refusals.of(
            self._line.ask(order_queries.ORDER_CANCEL, **variables), "orderCancel", "orderCancelUserErrors"
        )
        if errors and errors[0][0] != "NOT_FOUND":
            now = self.order(order_id)  # an earlier call whose answer was lost may have cancelled it
            if now is not None and now.status not in OFF:
                raise refusals.of_cancelling(*errors[0])

    def order_products(self, order_id: str) -> list[str]:
        """Return the product ids of an order."""
        return orders.product_ids(self._line.ask(order_queries.ORDER_PRODUCTS, id=gid("Order", order_id)))

    def orders(self, since: datetime, cursor: str) -> tuple[list[StoreOrder], str | None]:
        """Return orders that changed, by date; unreadable ones are left out."""
        data = self._line.ask(order_queries.ORDERS, query=updated_since(since), after=cursor or None)
        found, odd = each(orders.rows(data), lambda row: orders.read(row, admin=self._admin), key="legacyResourceId")
        if odd:
            logger.warning("Could not read Shopify orders: %s", odd)
        following = connections.following(data.get("orders"), "orders")
        return found, following if following != cursor else None

    def shipments(self, order_id: str) -> list[Shipment]:
        """Return an order's fulfilments that have a tracking number."""
        return orders.shipments(order_id, self._line.ask(order_queries.SHIPMENTS, id=gid("Order", order_id)))
