"""Call a WooCommerce store about orders."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from reverbsync import clock
from shops.orders import NewOrder, Shipment, StoreOrder
from shops.platforms import reading
from shops.platforms.cancelling import OFF, refuse_to_cancel
from shops.platforms.errors import Missing, StoreError, TooLarge, TransientStoreError
from shops.platforms.woocommerce import order_body, shipments
from shops.platforms.woocommerce import orders as forms
from shops.platforms.woocommerce.orders import Order
from shops.platforms.woocommerce.rest import STORE, WooCommerceCaller, header_number
from shops.platforms.woocommerce.units_held import Newest

#: Largest page of wc/v3, and the page size if that is too large to read.
PAGE, SMALL_PAGE = 100, 10
OVERLAP = timedelta(minutes=5)
#: Number of newest orders compared around a stock change, and number if listing them fails.
NEWEST, FEW_NEWEST = 20, 5
#: Most pages of new orders that are read after a stock change.
MOST_NEWER = 10
CACHED = "A cache may stand before it: exclude the addresses below /wp-json/wc/v3/ there."
#: How far back an existing order is searched before one is created: to its sale plus clock skew, else 30 days.
CLOCKS_DIFFER, LOOK_BACK = timedelta(days=1), timedelta(days=30)


class OrderCalls(WooCommerceCaller):
    """Orders of one store. `admin` is the URL of its wp-admin."""

    admin: str

    def create_order(self, order: NewOrder) -> StoreOrder:
        """Create an order. wc/v3 cannot search by our mark, so the orders since the sale are read first."""
        since, page = order.sold_at - CLOCKS_DIFFER if order.sold_at else clock.now() - LOOK_BACK, "1"
        seen: set[str] = set()
        while page:
            found, following = self._changed(since, page)
            for one in found:
                if one.reverb_number == order.reverb_number:
                    return forms.store_order(one, admin=self.admin)
            known = len(seen)
            seen |= {one.id for one in found}
            if following and len(seen) == known:
                raise TransientStoreError(f"{STORE} answered with the same orders for each page. {CACHED}")
            page = following or ""
        named = [line.store_product_id for line in order.lines if line.store_product_id]
        parents = {one: parent for one in named if (parent := self.parent_of_stock(one))}
        row = self.record("POST", "/orders", order_body.body(order, parents))
        return forms.store_order(forms.read(row, may_have_applied=True), admin=self.admin)

    def parent_of_stock(self, store_stock_id: str) -> str | None:
        """Return the id of the product that owns a stock item: a product or a variation."""
        raise NotImplementedError

    def order(self, order_id: str) -> StoreOrder | None:
        """Return an order; a trashed one counts as cancelled."""
        found = self._order(order_id)
        return None if found is None else forms.store_order(found, admin=self.admin)

    def _order(self, order_id: str) -> Order | None:
        try:
            return forms.read(self.record("GET", f"/orders/{order_id}", number=order_id))
        except Missing as missing:
            self.confirm_gone(missing, "/orders", order_id)
            return None

    def cancel_order(self, order_id: str, *, reverb_number: str, gives_back: bool, note: str) -> None:
        """Cancel the order. WooCommerce gives back only the units that the order itself took."""
        refuse_to_cancel(STORE, found := self.order(order_id))
        if found is None or found.status in OFF:
            return
        self.record("PUT", f"/orders/{order_id}", {"status": "cancelled"}, number=order_id)
        with contextlib.suppress(StoreError):  # it is cancelled; the note only says why
            self.json("POST", f"/orders/{order_id}/notes", {"note": note, "customer_note": False})

    def order_products(self, order_id: str) -> list[str]:
        """Return the product ids of an order."""
        found = self._order(order_id)
        named = (line.product_id for line in found.line_items) if found is not None else ()
        return [one for one in dict.fromkeys(named) if one]

    def orders(self, since: datetime, cursor: str) -> tuple[list[StoreOrder], str | None]:
        """Return orders that changed, with the refunded units of each line."""
        found, following = self._changed(since - OVERLAP, cursor or "1")
        return [forms.store_order(one, admin=self.admin, refunded=self._refunded(one)) for one in found], following

    def _changed(self, since: datetime, page: str) -> tuple[list[Order], str | None]:
        """Return a page's readable orders that changed since then, and the next page. Unreadable ones are left out."""
        stamp = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
        query = {"modified_after": stamp, "dates_are_gmt": "true", "status": "any", "orderby": "id", "order": "asc"}
        rows, more = self._page("/orders", int(page), query)
        found, _ = reading.each(rows, forms.read)
        return found, str(int(page) + 1) if more else None

    def _page(self, path: str, page: int, query: dict[str, str]) -> tuple[list[Any], bool]:
        """Return a page of at most PAGE rows, in several calls if it is too large, and whether more follow.

        A store may reduce the page size, so the page count, not the number of rows, says whether more follow.
        """
        try:
            rows, answer = self.list_at(f"{path}?{urlencode({'per_page': PAGE, 'page': page, **query})}")
            pages = header_number(answer, "X-WP-TotalPages")
            return rows, bool(rows) and (pages is None or page < pages)
        except TooLarge:
            first, parts = (page - 1) * PAGE // SMALL_PAGE + 1, PAGE // SMALL_PAGE
        rows = []
        for number in range(first, first + parts):
            part, _ = self.list_at(f"{path}?{urlencode({'per_page': SMALL_PAGE, 'page': number, **query})}")
            rows += part
            if len(part) < SMALL_PAGE:
                break
        return rows, len(rows) >= PAGE

    def _before(self) -> Newest | None:
        """Return the newest orders; None if the store fails to list them, for example because of a single one."""
        for many in (NEWEST, FEW_NEWEST):
            try:
                return self.newest(many)
            except TransientStoreError as error:
                if error.retry_after is not None:
                    raise
        return None

    def newest(self, many: int) -> Newest:
        """Return the newest orders; unreadable ones are left out, since they name neither number nor products."""
        rows = self._newest(many, page=1)
        return Newest(tuple(reading.each(rows, forms.read)[0]), many, whole=len(rows) < many)

    def newer(self, before: Newest) -> Newest:
        """Return the current newest orders, as far back as `before`: many may have been placed since."""
        found: dict[str, Order] = {}
        rows: list[Any] = []
        for page in range(1, MOST_NEWER + 1):
            rows, known = self._newest(before.many, page=page), len(found)
            found |= {one.id: one for one in reading.each(rows, forms.read)[0]}
            if len(rows) < before.many or len(found) == known or min(map(int, found)) <= before.oldest:
                break
        return Newest(tuple(found.values()), before.many, whole=len(rows) < before.many)

    def _newest(self, many: int, *, page: int) -> list[Any]:
        query = {"per_page": many, "orderby": "id", "order": "desc", "status": "any"}
        return self.list_at(f"/orders?{urlencode(query | ({'page': page} if page > 1 else {}))}")[0]

    def _refunded(self, order: Order) -> dict[str, int]:
        """Return the refunded units of each line; empty if the refunds cannot be read."""
        if not order.refunds:
            return {}
        try:
            return shipments.refunded(self.list_at(f"/orders/{order.id}/refunds?per_page={PAGE}")[0])
        except TransientStoreError:
            return {}

    def shipments(self, order_id: str) -> list[Shipment]:
        """Return tracking numbers: from WooCommerce's own fulfilments if enabled, else from the extension."""
        with contextlib.suppress(StoreError):  # most stores have no such route
            rows = self.json("GET", f"/orders/{order_id}/fulfillments")
            if found := shipments.fulfillments(order_id, rows):
                return found
        order = self._order(order_id)
        return [] if order is None else shipments.shipments(order)
