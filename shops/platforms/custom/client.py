"""Asks a seller's own system: products are what it told us; stock and orders go there as signed calls."""

from __future__ import annotations

import json
import uuid
from datetime import datetime
from typing import Any, cast

from django.db.models import Q
from pydantic import ValidationError

from reverbsync import clock
from reverbsync.http import Answer
from reverbsync.pace import Budget
from shops.models import StoreConnection, ToldOrder, ToldProduct
from shops.orders import NewOrder, OrderStatus, Shipment, StoreOrder
from shops.pictures import StoreProduct
from shops.platforms import calls
from shops.platforms.answers import Caller, Verdict
from shops.platforms.custom import messages, signing, told
from shops.platforms.values import Count, Hooks, Moved, Page, StoreInfo, Unsupported
from shops.wire import object_of

STORE = "Your system"
CALLS_PER_MINUTE = 120
PAGE = 250
READ_S = 20.0


class _Conflict(Moved):
    """The system's stock, or its order, is another one than we said; `said` is its answer."""

    def __init__(self, said: dict[str, Any]) -> None:
        super().__init__("The stock in your system has moved.")
        self.said = said


class _Caller(Caller):
    """Posts signed messages; the path of a call is the message's type, its body the data and the id."""

    store = STORE

    def __init__(self, connection: StoreConnection) -> None:
        self._connection = connection
        self.budget = Budget(f"custom:{connection.address}", CALLS_PER_MINUTE)

    def send(self, method: str, path: str, body: object) -> Answer:
        data, key = cast("tuple[dict[str, Any], str]", body)
        now = clock.now()
        sent = json.dumps({"type": path, "timestamp": now.isoformat(), "data": data}).encode()
        headers = signing.sign(self._connection.secret.get_secret_value(), key, now, sent)
        answer = calls.call(
            STORE,
            method,
            self._connection.address,
            budgets=[self.budget],
            headers={"Content-Type": "application/json", **headers},
            body=sent,
            read_s=READ_S,
        )
        if answer.status == 409 and (said := object_of(answer.text.encode())) is not None:
            raise _Conflict(said)
        return answer

    def own_words(self, status: int, said: Any) -> Verdict | None:
        """Only an object of JSON is the system's own word: a web server in front of it answers with pages."""
        if not isinstance(said, dict):
            return None
        return {401: Verdict.KEYS, 403: Verdict.KEYS, 404: Verdict.REFUSED, 422: Verdict.REFUSED}.get(status)

    def words(self, said: Any) -> str:
        return str(said.get("error") or said.get("message") or "")[:300] if isinstance(said, dict) else ""

    def probe(self) -> Answer:
        return self.send("POST", "ping", ({}, str(uuid.uuid4())))


class CustomClient:
    """Speaks for one store."""

    def __init__(self, connection: StoreConnection) -> None:
        """Nothing is asked yet."""
        self._connection = connection
        self._caller = _Caller(connection)

    def check(self) -> StoreInfo:
        """Send a `ping`; the answer may tell name and currency."""
        said = self._tell("ping", {}, key=str(uuid.uuid4()))
        return StoreInfo(str(said.get("name") or ""), str(said.get("currency") or "")[:3])

    # -- products --------------------------------------------------------------------------------------------

    def walk(self, cursor: str, *, since: datetime | None = None) -> Page:
        """Return what was told, in the order in which it first was."""
        found = ToldProduct.objects.filter(store=self._connection, deleted=False)
        if since is not None:
            found = found.filter(Q(said_at__gte=since) | Q(counted_at__gte=since))
        total = found.count()
        rows = list(found.filter(pk__gt=int(cursor or 0)).order_by("pk")[: PAGE + 1])
        shown = rows[:PAGE]
        units = [unit for row in shown for unit in messages.units(messages.Product.model_validate(row.body))]
        return Page(tuple(units), str(shown[-1].pk) if len(rows) > PAGE else None, total)

    def products(self, store_parent_id: str) -> list[StoreProduct]:
        """Return a product as it was told last."""
        row = ToldProduct.objects.filter(store=self._connection, product_id=store_parent_id, deleted=False).first()
        return messages.units(messages.Product.model_validate(row.body)) if row else []

    def parent_of_stock(self, store_stock_id: str) -> str | None:
        """Return the product that has this variant."""
        found = ToldProduct.objects.filter(
            store=self._connection, deleted=False, body__variants__contains=[{"id": store_stock_id}]
        )
        return found.values_list("product_id", flat=True).first()

    # -- stock -----------------------------------------------------------------------------------------------

    def count(self, product: StoreProduct) -> Count:
        """Return what was told last."""
        now = next(
            (u for u in self.products(product.store_parent_id) if u.store_product_id == product.store_product_id), None
        )
        if now is None or now.stock is None:
            return Count(None)
        return Count(now.stock, product.store_product_id, now.stock)

    def adjust(self, product: StoreProduct, count: Count, *, by: int, reference: str) -> Count:
        """Send `stock.adjust`; the call's id stays the same when it is repeated, so that it counts once."""
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
            units = self._heard(product, count, self._tell("stock.adjust", data, key=key), otherwise=count.there + by)
        except _Conflict as conflict:
            self._heard(product, count, conflict.said, otherwise=count.there)
            raise
        return Count(units, count.place, units)

    def _heard(self, product: StoreProduct, count: Count, said: dict[str, Any], *, otherwise: int) -> int:
        """Keep the number that was answered, or what follows where there was none; return it."""
        try:
            answer = messages.Adjusted.model_validate(said)
        except ValidationError:
            answer = messages.Adjusted()
        units = otherwise if answer.stock is None else answer.stock
        ids = product.store_parent_id, product.store_product_id
        told.answered(self._connection, *ids, was=count.there, stock=units, at=answer.updated_at)
        return units

    # -- webhooks --------------------------------------------------------------------------------------------

    def keep_hooks(self, address: str) -> Hooks:
        """Nothing to register: the seller's programmer enters our address."""
        return Hooks(messages.TOPICS)

    def drop_hooks(self, address: str) -> None:
        """Nothing to remove."""

    # -- orders ----------------------------------------------------------------------------------------------

    def place(self, order: NewOrder) -> StoreOrder:
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
        said = self._tell("order.create", data, key=str(uuid.uuid5(uuid.NAMESPACE_URL, f"order {order.reverb_number}")))
        return StoreOrder(
            str(said.get("id") or order.reverb_number),
            str(said.get("number") or ""),
            OrderStatus.OPEN,
            clock.now(),
            order.lines,
            str(said.get("url") or ""),
            order.reverb_number,
        )

    def order(self, order_id: str) -> StoreOrder | None:
        """Return an order as it was told."""
        row = ToldOrder.objects.filter(store=self._connection, order_id=order_id).first()
        return messages.order(messages.Order.model_validate(row.body)) if row else None

    def release(self, order_id: str, *, reverb_number: str, gives_back: bool, note: str) -> None:
        """Send `order.cancel`, with the same id for the same order."""
        data = {"id": order_id, "reverb_number": reverb_number, "gives_back": gives_back, "note": note}
        try:
            self._tell("order.cancel", data, key=str(uuid.uuid5(uuid.NAMESPACE_URL, f"cancel {reverb_number}")))
        except _Conflict:
            raise Unsupported("Your system has the order as shipped, so it was left as it is.") from None

    def order_products(self, order_id: str) -> list[str]:
        """Return the products of an order as it was told."""
        row = ToldOrder.objects.filter(store=self._connection, order_id=order_id).first()
        lines = row.body["lines"] if row else []
        return list(dict.fromkeys(line["product_id"] for line in lines if line["product_id"]))

    def orders(self, since: datetime, cursor: str) -> tuple[list[StoreOrder], str | None]:
        """Return orders as they were told."""
        found = ToldOrder.objects.filter(store=self._connection, said_at__gte=since, pk__gt=int(cursor or 0))
        rows = list(found.order_by("pk")[: PAGE + 1])
        orders = [messages.order(messages.Order.model_validate(row.body)) for row in rows[:PAGE]]
        return orders, str(rows[PAGE - 1].pk) if len(rows) > PAGE else None

    def shipments(self, order_id: str) -> list[Shipment]:
        """Return an order's parcels as they were told."""
        row = ToldOrder.objects.filter(store=self._connection, order_id=order_id).first()
        return messages.shipments(messages.Order.model_validate(row.body)) if row else []

    # -- the call ----------------------------------------------------------------------------------------------

    def _tell(self, kind: str, data: dict[str, Any], *, key: str) -> dict[str, Any]:
        """Send a message and return the object that it was answered, an empty one where it holds none.

        Raises _Conflict where the system says that its stock, or its order, is another one, and what `Caller` raises.
        """
        said = self._caller.json("POST", kind, (data, key))
        return said if isinstance(said, dict) else {}
