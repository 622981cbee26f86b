"""Client of a seller's own system: products are what it pushed; stock and orders are sent as signed calls."""

from __future__ import annotations

import uuid
from datetime import datetime

from django.db.models import Q

from reverbsync import clock
from shops.hooks import Hooks
from shops.models import PushedOrder, PushedProduct, StoreConnection
from shops.orders import NewOrder, OrderStatus, Shipment, StoreOrder
from shops.platforms.custom import messages, product_messages, pushed_counts
from shops.platforms.custom.caller import STORE, Conflict, CustomCaller
from shops.platforms.errors import Malformed, Unsupported
from shops.platforms.values import Count, Page, StoreInfo
from shops.snapshots import StoreProduct

PAGE = 250


class CustomClient:
    """Reads pushed data and calls the store's system."""

    def __init__(self, connection: StoreConnection) -> None:
        """Makes no call."""
        self._connection = connection
        self._caller = CustomCaller(connection)

    def check(self) -> StoreInfo:
        """Send a `ping`; the answer may contain name and currency."""
        said = self._caller.post("ping", {}, str(uuid.uuid4()))
        return StoreInfo(str(said.get("name") or ""), str(said.get("currency") or "")[:3])

    # -- products --------------------------------------------------------------------------------------------

    def crawl(self, cursor: str, *, since: datetime | None = None) -> Page:
        """Return a page of pushed products, in the order of their first push."""
        found = PushedProduct.objects.filter(store=self._connection, deleted=False)
        if since is not None:
            found = found.filter(Q(said_at__gte=since) | Q(counted_at__gte=since))
        total = found.count()
        rows = list(found.filter(pk__gt=int(cursor or 0)).order_by("pk")[: PAGE + 1])
        shown = rows[:PAGE]
        units = [
            unit for row in shown for unit in product_messages.units(product_messages.Product.model_validate(row.body))
        ]
        return Page(tuple(units), str(shown[-1].pk) if len(rows) > PAGE else None, total)

    def products(self, store_parent_id: str) -> list[StoreProduct]:
        """Return a product as last pushed."""
        row = PushedProduct.objects.filter(store=self._connection, product_id=store_parent_id, deleted=False).first()
        return product_messages.units(product_messages.Product.model_validate(row.body)) if row else []

    def parent_of_stock(self, store_stock_id: str) -> str | None:
        """Return the id of the product that has this variant."""
        found = PushedProduct.objects.filter(
            store=self._connection, deleted=False, body__variants__contains=[{"id": store_stock_id}]
        )
        return found.values_list("product_id", flat=True).first()

    # -- stock -----------------------------------------------------------------------------------------------

    def count(self, product: StoreProduct) -> Count:
        """Return the last pushed stock."""
        now = next(
            (u for u in self.products(product.store_parent_id) if u.store_product_id == product.store_product_id), None
        )
        if now is None or now.stock is None:
            return Count(None)
        return Count(now.stock, product.store_product_id, now.stock)

    def adjust(self, product: StoreProduct, count: Count, *, by: int, reference: str) -> Count:
        """Send `stock.adjust`; a retry has the same id, so it is applied once."""
        if count.units is None:
            raise Unsupported("Your system does not count this product.")
        data = {
            "reference": reference,
            "product_id": product.store_parent_id,
            "variant_id": product.store_product_id,
            "sku": product.sku,
            "by": by,
            "from": count.there,
        }
        key = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{product.store_product_id} {count.there} {by} {reference}"))
        try:
            answer = self._caller.adjust(data, key)
        except Conflict as conflict:
            self._keep_answer(product, count, conflict.answer)
            raise
        self._keep_answer(product, count, answer)
        return Count(answer.stock, count.location, answer.stock or 0)

    def _keep_answer(self, product: StoreProduct, count: Count, answer: product_messages.Adjusted) -> None:
        """Save the answered number."""
        ids = product.store_parent_id, product.store_product_id
        pushed_counts.answered(self._connection, *ids, was=count.there, stock=answer.stock or 0, at=answer.updated_at)

    # -- webhooks --------------------------------------------------------------------------------------------

    def ensure_webhooks(self, address: str) -> Hooks:
        """Register nothing: the seller's programmers enter our address."""
        return Hooks(messages.TOPICS)

    def remove_webhooks(self, address: str) -> None:
        """Remove nothing."""

    # -- orders ----------------------------------------------------------------------------------------------

    def create_order(self, order: NewOrder) -> StoreOrder:
        """Send `order.create`, with the same id for the same Reverb order."""
        data = {
            "reverb_number": order.reverb_number,
            "currency": order.currency,
            "buyer": order.buyer,
            "address": vars(order.address) if order.address else None,
            "shipping": f"{order.shipping:.2f}",
            "tax": f"{order.tax:.2f}",
            "note": order.note,
            "takes_stock": order.takes_stock,
            "lines": [
                {
                    "variant_id": line.store_product_id,
                    "sku": line.sku,
                    "title": line.title,
                    "quantity": line.quantity,
                    "price": f"{line.price:.2f}",
                }
                for line in order.lines
            ],
        }
        said = self._caller.post(
            "order.create", data, str(uuid.uuid5(uuid.NAMESPACE_URL, f"order {order.reverb_number}"))
        )
        if not isinstance(said.get("id"), str | int) or not said["id"]:
            raise Malformed(f"{STORE}'s answer to order.create does not say the order's id.", may_have_applied=True)
        return StoreOrder(
            str(said["id"]).strip(),
            str(said.get("number") or ""),
            OrderStatus.OPEN,
            clock.now(),
            order.lines,
            str(said.get("url") or ""),
            order.reverb_number,
        )

    def order(self, order_id: str) -> StoreOrder | None:
        """Return an order as pushed."""
        row = PushedOrder.objects.filter(store=self._connection, order_id=order_id).first()
        return messages.order(messages.Order.model_validate(row.body)) if row else None

    def cancel_order(self, order_id: str, *, reverb_number: str, gives_back: bool, note: str) -> None:
        """Send `order.cancel`, with the same id for the same order."""
        data = {"id": order_id, "reverb_number": reverb_number, "gives_back": gives_back, "note": note}
        self._caller.post("order.cancel", data, str(uuid.uuid5(uuid.NAMESPACE_URL, f"cancel {reverb_number}")))

    def order_products(self, order_id: str) -> list[str]:
        """Return the product ids of an order as pushed."""
        row = PushedOrder.objects.filter(store=self._connection, order_id=order_id).first()
        lines = row.body["lines"] if row else []
        return list(dict.fromkeys(line["product_id"] for line in lines if line["product_id"]))

    def orders(self, since: datetime, cursor: str) -> tuple[list[StoreOrder], str | None]:
        """Return orders as pushed."""
        found = PushedOrder.objects.filter(store=self._connection, said_at__gte=since, pk__gt=int(cursor or 0))
        rows = list(found.order_by("pk")[: PAGE + 1])
        orders = [messages.order(messages.Order.model_validate(row.body)) for row in rows[:PAGE]]
        return orders, str(rows[PAGE - 1].pk) if len(rows) > PAGE else None

    def shipments(self, order_id: str) -> list[Shipment]:
        """Return an order's parcels as pushed."""
        row = PushedOrder.objects.filter(store=self._connection, order_id=order_id).first()
        return messages.shipments(messages.Order.model_validate(row.body)) if row else []
