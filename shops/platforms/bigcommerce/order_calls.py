"""Call a BigCommerce store about orders."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from shops.orders import NewOrder, Shipment, StoreOrder
from shops.platforms import calls
from shops.platforms.bigcommerce import orders as forms
from shops.platforms.bigcommerce.rest import MOST_PAGES, OVERLAP, PAGE, Rest
from shops.platforms.cancelling import OFF, refuse_to_cancel
from shops.platforms.errors import Missing
from shops.platforms.reading import each

logger = logging.getLogger(__name__)
STORE = "BigCommerce"
#: Orders per page; each costs a call for its lines.
ORDERS = 50


class OrderCalls:
    """Orders of one store. `_admin` is the URL of its admin pages."""

    _rest: Rest
    _admin: str

    def parent_of_stock(self, store_stock_id: str) -> str | None:
        """Return the product of a variant, or the product whose stock is counted as a whole."""
        raise NotImplementedError

    def create_order(self, order: NewOrder) -> StoreOrder:
        """Create an order, unless one has this Reverb number as `external_order_id`."""
        query = {"external_order_id": order.reverb_number}
        for row in self._rest.rows(f"/v2/orders?{urlencode(query)}"):
            if forms.is_for(row, order.reverb_number):
                return self._whole(forms.read_order(row))
        parents = {
            line.store_product_id: self.parent_of_stock(line.store_product_id) or ""
            for line in order.lines
            if line.store_product_id and order.takes_stock
        }
        made = self._rest.json("POST", "/v2/orders", forms.body(order, parents))
        with calls.written():
            return self._whole(forms.read_order(made))

    def order(self, order_id: str) -> StoreOrder | None:
        """Return an order, None if it is gone."""
        try:
            row = self._rest.json("GET", f"/v2/orders/{order_id}")
        except Missing as missing:
            self._confirm_gone(missing, order_id)
            return None
        return self._whole(forms.read_order(row))

    def cancel_order(self, order_id: str, *, reverb_number: str, gives_back: bool, note: str) -> None:
        """Set the status to Cancelled; catalogue lines give their units back, custom lines have none."""
        refuse_to_cancel(STORE, found := self.order(order_id))
        if found is not None and found.status not in OFF:
            self._rest.json("PUT", f"/v2/orders/{order_id}", {"status_id": forms.CANCELLED, "staff_notes": note})

    def order_products(self, order_id: str) -> list[str]:
        """Return the product ids of an order; custom lines have none."""
        return [str(one) for one in dict.fromkeys(line.product_id for line in self._lines(order_id)) if one]

    def orders(self, since: datetime, cursor: str) -> tuple[list[StoreOrder], str | None]:
        """Return orders that changed, each with its lines, without unfinished checkouts."""
        page = int(cursor or 1)
        query = {
            "min_date_modified": (since - OVERLAP).isoformat(),
            "sort": "date_modified:asc",
            "limit": ORDERS,
            "page": page,
        }
        rows = self._rest.rows(f"/v2/orders?{urlencode(query)}")
        read, odd = each(rows, forms.read_order)
        found, odder = each((one for one in read if one.status_id != forms.INCOMPLETE), self._whole)
        if odd or odder:
            logger.warning("Could not read BigCommerce orders: %s", [*odd, *odder])
        return found, str(page + 1) if len(rows) >= ORDERS and page < MOST_PAGES else None

    def shipments(self, order_id: str) -> list[Shipment]:
        """Return an order's parcels."""
        return forms.shipments(self._of_order(order_id, "shipments"))

    def _whole(self, order: forms.Order) -> StoreOrder:
        return forms.store_order(order, self._lines(order.id), admin=self._admin)

    def _lines(self, order_id: str) -> list[forms.Line]:
        return each(self._of_order(order_id, f"products?limit={PAGE}"), forms.read_line)[0]

    def _of_order(self, order_id: str, path: str) -> list[Any]:
        """Return a list that belongs to an order, an empty one if the order is gone."""
        try:
            return self._rest.rows(f"/v2/orders/{order_id}/{path}")
        except Missing as missing:
            self._confirm_gone(missing, order_id)
            return []

    def _confirm_gone(self, missing: Missing, order_id: str) -> None:
        self._rest.confirm_gone(missing, f"/v2/orders?min_id={order_id}&max_id={order_id}")
