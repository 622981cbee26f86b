"""Create, read and cancel orders of one Magento store for sales on Reverb.

The merchant must be able to open, invoice, ship and refund an order in the admin, and each unit must be taken once.
With sources, shipping takes the units from a source and frees a reservation, however the order was created
(magento/inventory, SourceDeductionProcessor). So its units must be in a source and reserved. A guest checkout reserves
them. If our ledger already took them from the source, they are lent back for the order (`loans.py`).

Without sources, shipping changes no stock, so an order whose units were taken is created directly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from shops.orders import NewOrder, OrderLine, OrderStatus, Shipment, StoreOrder
from shops.platforms import calls
from shops.platforms.cancelling import OFF
from shops.platforms.errors import Malformed, Missing, TransientStoreError, Unsupported
from shops.platforms.magento2 import batches, forms, order_body, search, skus
from shops.platforms.magento2.checkout import Checkout
from shops.platforms.magento2.config import StoreConfig
from shops.platforms.magento2.loans import Loans
from shops.platforms.magento2.rest import STORE, Rest
from shops.platforms.magento2.stock import Stock
from shops.platforms.reading import each
from shops.schemas import number_in

PAGE = 100
OVERLAP = timedelta(minutes=5)


class Orders:
    """Creates, reads and cancels orders."""

    def __init__(self, rest: Rest, config: StoreConfig, stock: Stock) -> None:
        """Makes no call."""
        self._rest = rest
        self._config = config
        self._loans = Loans(rest, stock)
        self._stock = stock
        self._checkout = Checkout(rest)

    # -- reading ---------------------------------------------------------------------------------------------

    def order(self, order_id: str) -> StoreOrder | None:
        """Return an order, None if Magento's search finds none."""
        found = self._by_id(order_id)
        return forms.store_order(found) if found else None

    def products_of(self, order_id: str) -> list[str]:
        """Return the ids of the products in an order."""
        found = self._by_id(order_id)
        return found.product_ids if found else []

    def changed(self, since: datetime, cursor: str) -> tuple[list[StoreOrder], str | None]:
        """Return a page of orders that changed, without unreadable ones."""
        changed: search.Group = [("updated_at", "gteq", search.stamp(since - OVERLAP))]
        got = batches.above(self._rest, "/orders", cursor, changed, size=PAGE)
        if got.failed:
            return [], got.failed
        found, _ = each(got.rows, forms.read, key="entity_id")
        numbers = [number_in(row.get("entity_id")) for row in got.rows if isinstance(row, dict)]
        last = max((number for number in numbers if number is not None), default=0)
        more = got.more and last > int(cursor or 0)
        return [forms.store_order(one) for one in found], str(last) if more else None

    def shipments(self, order_id: str) -> list[Shipment]:
        """Return the tracking numbers of an order."""
        return forms.shipments(self._rest.every("/shipments", [("order_id", "eq", order_id)]))

    def _by_id(self, order_id: str) -> forms.Order | None:
        """Return an order; None if Magento says so in English, or a search is empty."""
        try:
            said = self._rest.get(f"/orders/{order_id}")
        except Missing:
            return None
        except Malformed:
            raise
        except TransientStoreError:
            return self._find("entity_id", order_id)
        return forms.read(said)

    def _find(self, field: str, value: str) -> forms.Order | None:
        rows, total = self._rest.rows("/orders", search.query([(field, "eq", value)], size=2))
        if not rows and total != 0:
            raise TransientStoreError(f"{STORE}'s list of orders could not be read.")
        return forms.read(rows[0]) if rows else None

    # -- making ----------------------------------------------------------------------------------------------

    def create_order(self, order: NewOrder) -> StoreOrder:
        """Create an order, unless one has the mark of this Reverb number."""
        found = self._find("customer_email", order_body.mail_of(order.reverb_number))
        order = replace(order, lines=self._named_now(order, is_made=found is not None))
        if order.takes_stock:
            made = found or self._checkout.begin(order)()
        elif self._config.stock_sources() is None or not (units := self._counted(order)):
            made = found or self._write_down(order)
        else:
            made = self._loans.lend(order, units, found, lambda: self._checkout.begin(order), self._look_for)
        return forms.store_order(self._with_note(made, order))

    def settle(self, begun: Mapping[str, Any], reverb_number: str) -> None:
        """Clean up what attempts to create an order left, now that it must not be created any more.

        If the order exists nevertheless, it gets its units, so that it can be cancelled like any other.
        """
        self._loans.settle(begun, is_made=self._look_for(reverb_number) is not None)

    def _named_now(self, order: NewOrder, *, is_made: bool) -> tuple[OrderLine, ...]:
        """Return the lines with their products' current SKUs, since another product may have an old one.

        An existing order keeps only the lines of products that still exist. Raise Unsupported if a new order would take
        units of a product that is gone.
        """
        now = skus.now(self._rest, [line.store_product_id for line in order.lines])
        gone = next((one for one in order.lines if one.store_product_id and one.store_product_id not in now), None)
        if gone and is_made:
            return tuple(replace(one, sku=sku) for one in order.lines if (sku := now.get(one.store_product_id)))
        if gone and (order.takes_stock or self._config.stock_sources() is not None):
            raise Unsupported(f"{STORE} no longer has {gone.title}, so the order was not made. Enter it there by hand.")
        return tuple(replace(line, sku=now.get(line.store_product_id, line.sku)) for line in order.lines)

    def _look_for(self, reverb_number: str) -> forms.Order | None:
        return self._find("customer_email", order_body.mail_of(reverb_number))

    def _counted(self, order: NewOrder) -> dict[str, int]:
        """Return the order's SKUs whose stock the store counts, with the sold units."""
        counted = (line for line in order.lines if self._stock.count(line.sku, lending=True).units is not None)
        return {line.sku: line.quantity for line in counted}

    def _write_down(self, order: NewOrder) -> forms.Order:
        site = self._config.settings
        body = order_body.body(order, store_id=site["store_id"], way=None)
        return forms.read(self._rest.written("PUT", "/orders/create", body))

    def _with_note(self, made: forms.Order, order: NewOrder) -> forms.Order:
        """Add our note to the order's history, once."""
        note = order_body.comment(order, self._checkout.entered.get(order.reverb_number))
        if not any(order.reverb_number in one for one in made.remarks):
            with calls.written():
                self._rest.written("POST", f"/orders/{made.entity_id}/comments", {"statusHistory": note})
        return made

    # -- cancelling ------------------------------------------------------------------------------------------

    def cancel_order(self, order_id: str, *, gives_back: bool, note: str) -> None:
        """Cancel an order; its units return to the stock only if `gives_back`.

        Magento's cancellation frees the units, so units that were lent to the order are taken back first. An order that
        was created directly reserved nothing, so only its state is changed.
        """
        found = self._by_id(order_id)
        if found is None or forms.store_order(found).status in OFF:
            return
        if found.is_shipped or forms.store_order(found).status == OrderStatus.DONE:
            raise Unsupported(f"{STORE} has the order as shipped, so it was left as it is.")
        try:
            if not gives_back and not found.quote_id:
                self._rest.written("POST", "/orders", order_body.cancelled(order_id))
            else:
                if not gives_back:
                    self._loans.take_back(found)
                if self._rest.written("POST", f"/orders/{order_id}/cancel", {}) is not True:
                    raise Unsupported(f"{STORE} did not cancel the order. Cancel it there.")
            self._rest.written("POST", f"/orders/{order_id}/comments", {"statusHistory": order_body.remark(note)})
        except Missing as missing:  # the order, or something related, such as its website's stock
            if self._by_id(order_id) is not None:
                raise TransientStoreError(str(missing), may_have_applied=True) from None
