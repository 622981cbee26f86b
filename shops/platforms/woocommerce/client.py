"""What one WooCommerce store is asked and told over wc/v3. The answers are read in the files beside.

A store is someone's WordPress: slow, behind firewalls, cached. Calls are patient and few, about two at a time: the
budget allows three a second for all our workers together.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from reverbsync import clock
from reverbsync.http import Answer
from reverbsync.pace import Budget
from shops.models import StoreConnection
from shops.orders import NewOrder, Shipment, StoreOrder
from shops.pictures import StoreProduct
from shops.platforms import calls, hooks
from shops.platforms.cancelling import OFF, refuse_to_cancel
from shops.platforms.hooks import Hook
from shops.platforms.values import (
    Count,
    Hooks,
    Moved,
    Page,
    StockPage,
    StoreInfo,
    StorePassing,
    StoreRefused,
    Unsupported,
)
from shops.platforms.woocommerce import orders as forms
from shops.platforms.woocommerce import products as reading
from shops.platforms.woocommerce import signing
from shops.platforms.woocommerce.orders import Order, taken
from shops.platforms.woocommerce.orders import read as read_order
from shops.platforms.woocommerce.products import Item
from shops.platforms.woocommerce.webhooks import TOPICS

STORE = "WooCommerce"
CALLS_PER_MINUTE = 180
#: The most that wc/v3 gives on a page.
PAGE = 100
OVERLAP = timedelta(minutes=5)
#: How far back an order for Reverb is looked for before it is made.
LOOK_BACK = timedelta(days=30)
MAX_CORRECTIONS = 5
OTHER_WAY = {"header": "query", "signed": "basic"}


class WooCommerceClient:
    """Asks one store."""

    def __init__(self, connection: StoreConnection) -> None:
        """Nothing is asked yet."""
        self._root = connection.address
        self._admin = f"{connection.address}/wp-admin"
        self._key, _, self._secret = connection.token.get_secret_value().partition(":")
        self._host = connection.address.partition("//")[2]
        self._budget = Budget(f"woocommerce:{self._host}", CALLS_PER_MINUTE)
        self._secret_of_hooks = connection.secret
        self._currency: str | None = None
        #: How the keys travel: as a signature over plain http, else in the header; the other way is tried on a 401.
        self._way = "signed" if self._root.startswith("http://") else "header"

    def check(self) -> StoreInfo:
        """Ask for products, which is what the keys are for, and for the currency."""
        self._get("/products", per_page=1)
        return StoreInfo(self._host, self._money())

    # -- products --------------------------------------------------------------------------------------------

    def walk(self, cursor: str, *, since: datetime | None = None) -> Page:
        """Return a page of products by id. wc/v3 knows no "ids after", so pages are counted; they may shift."""
        asked: dict[str, str | int] = {"per_page": PAGE, "page": int(cursor or 1), "orderby": "id", "order": "asc"}
        if since is not None:
            stamp = (since - OVERLAP).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
            asked |= {"modified_after": stamp, "dates_are_gmt": "true"}
        rows, answer = self._get("/products", **asked)
        units = [unit for row in rows for unit in self._units(reading.read_item(row))]
        total = answer.headers.get("X-WP-Total", "")
        pages = answer.headers.get("X-WP-TotalPages", "")
        more = int(cursor or 1) < int(pages) if pages.isdigit() else len(rows) == PAGE
        return Page(tuple(units), str(int(cursor or 1) + 1) if more else None, int(total) if total.isdigit() else None)

    def products(self, store_parent_id: str) -> list[StoreProduct]:
        """Return a product with its variations, none when it is gone or in the bin."""
        found = self._item(store_parent_id)
        return self._units(found) if found is not None else []

    def parent_of_stock(self, store_stock_id: str) -> str | None:
        """Return the product that a counted product or variation belongs to."""
        found = self._item(store_stock_id)
        return None if found is None else str(found.parent_id or found.id)

    def _item(self, product_id: str) -> Item | None:
        answer = self._call("GET", f"/products/{product_id}", missing=True)
        return None if answer.status == 404 else reading.read_item(calls.json_of(STORE, answer))

    def _units(self, item: Item) -> list[StoreProduct]:
        variations: list[Item] = []
        page = 1
        while item.type == "variable":
            rows, _ = self._get(f"/products/{item.id}/variations", per_page=PAGE, page=page, orderby="id", order="asc")
            variations += [reading.read_item(row) for row in rows]
            page += 1
            if len(rows) < PAGE:
                break
        return reading.units(item, variations, currency=self._money(), admin=self._admin)

    def _money(self) -> str:
        if self._currency is None:
            answer = self._call("GET", "/data/currencies/current", missing=True)
            self._currency = reading.read_currency(calls.json_of(STORE, answer)) if answer.status == 200 else ""
        return self._currency

    # -- stock -----------------------------------------------------------------------------------------------

    def stocks(self, cursor: str) -> StockPage:
        """Not needed: a change of stock bumps the product's date, so the look for changes finds it."""
        raise Unsupported("WooCommerce dates each change of stock.")

    def count(self, product: StoreProduct) -> Count:
        """Read the stock where it is counted: at the product, the variation, or the variation's parent."""
        path = self._stock_path(product)
        answer = self._call("GET", path, missing=True)
        if answer.status == 404:
            return Count(None)
        item = reading.read_item(calls.json_of(STORE, answer))
        if not item.manage_stock:
            return Count(None)
        units = int(item.stock_quantity or 0)
        return Count(units, path, units)

    def adjust(self, product: StoreProduct, count: Count, *, by: int, reference: str) -> Count:
        """Change the stock. WooCommerce only sets numbers, so it is read, set, read again, and put right.

        An order that came between reading and setting took its units from a number that we then overwrote. The newest
        orders, looked at before and after, tell how many units that were.
        """
        before = {one.id for one in self._newest()}
        now = self.count(product)
        if now.units is None:
            raise Unsupported("WooCommerce does not count this product.")
        if now.there != count.there:
            raise Moved("The stock in WooCommerce has moved.")
        self._set(now.place, now.there + by)
        with calls.written():
            return self._put_right(product, now.place, now.there + by, before)

    def _put_right(self, product: StoreProduct, place: str, wanted: int, before: set[str]) -> Count:
        """Return what is there after setting `wanted`; take off again what was sold of a number that we overwrote."""
        known = 0
        for _ in range(MAX_CORRECTIONS):
            after = self.count(product)
            sold = sum(taken(one, product) for one in self._newest() if one.id not in before)
            # What was sold since our last writing shows as a smaller number; the rest of it was overwritten.
            lost = sold - known - max(0, wanted - after.there)
            if lost <= 0:
                return after
            wanted, known = after.there - lost, sold
            self._set(place, wanted)
        raise StorePassing("WooCommerce's stock moves faster than it can be set.", maybe_done=True)

    def _set(self, place: str, units: int) -> None:
        self._call("PUT", place, body={"manage_stock": True, "stock_quantity": units})

    def _newest(self) -> list[Order]:
        rows, _ = self._get("/orders", per_page=20, orderby="id", order="desc", status="any")
        return [read_order(row) for row in rows]

    def _stock_path(self, product: StoreProduct) -> str:
        if product.store_stock_id == product.store_parent_id:
            return f"/products/{product.store_parent_id}"
        return f"/products/{product.store_parent_id}/variations/{product.store_stock_id}"

    # -- webhooks --------------------------------------------------------------------------------------------

    def keep_hooks(self, address: str) -> Hooks:
        """Register each topic once; wake what was switched off after failures (the seventh in a row does it)."""
        there = [Hook(str(h["id"]), str(h["topic"]), h.get("status") == "active") for h in self._hooks(address)]
        return hooks.keep(
            tuple(TOPICS),
            there,
            add=lambda topic: self._call("POST", "/webhooks", body=self._hook(topic, address)),
            wake=lambda number: self._call("PUT", f"/webhooks/{number}", body={"status": "active"}),
            remove=lambda number: self._call("DELETE", f"/webhooks/{number}?force=true", missing=True),
        )

    def drop_hooks(self, address: str) -> None:
        """Delete our webhooks for good."""
        for hook in self._hooks(address):
            self._call("DELETE", f"/webhooks/{hook['id']}?force=true", missing=True)

    def _hook(self, topic: str, address: str) -> dict[str, str]:
        return {
            "name": f"ReverbSync {topic}",
            "topic": topic,
            "delivery_url": address,
            "secret": self._secret_of_hooks.get_secret_value(),
            "status": "active",
        }

    def _hooks(self, address: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        page = 1
        while True:
            rows, _ = self._get("/webhooks", per_page=PAGE, page=page)
            found += [row for row in rows if isinstance(row, dict) and row.get("delivery_url") == address]
            if len(rows) < PAGE:
                return found
            page += 1

    # -- orders ----------------------------------------------------------------------------------------------

    def place(self, order: NewOrder) -> StoreOrder:
        """Make an order. wc/v3 cannot search by our mark, so the orders of the last month are looked through."""
        since, page = clock.now() - LOOK_BACK, "1"
        while page:
            found, following = self._orders(since, page)
            for one in found:
                if one.meta(forms.NUMBER) == order.reverb_number:
                    return forms.store_order(one, admin=self._admin)
            page = following or ""
        named = [line.store_product_id for line in order.lines if line.store_product_id]
        parents = {one: self.parent_of_stock(one) or one for one in named}
        answer = self._call("POST", "/orders", body=forms.body(order, parents))
        return forms.store_order(read_order(calls.json_of(STORE, answer)), admin=self._admin)

    def order(self, order_id: str) -> StoreOrder | None:
        """Return an order."""
        answer = self._call("GET", f"/orders/{order_id}", missing=True)
        if answer.status == 404:
            return None
        return forms.store_order(read_order(calls.json_of(STORE, answer)), admin=self._admin)

    def release(self, order_id: str, *, reverb_number: str, gives_back: bool, note: str) -> None:
        """Cancel the order. WooCommerce gives back what it took: nothing where its units were counted before."""
        refuse_to_cancel(STORE, found := self.order(order_id))
        if found is not None and found.status not in OFF:
            self._call("PUT", f"/orders/{order_id}", body={"status": "cancelled"})
            self._call("POST", f"/orders/{order_id}/notes", body={"note": note, "customer_note": False})

    def order_products(self, order_id: str) -> list[str]:
        """Return the products of an order."""
        answer = self._call("GET", f"/orders/{order_id}", missing=True)
        lines = [] if answer.status == 404 else read_order(calls.json_of(STORE, answer)).line_items
        return [str(one) for one in dict.fromkeys(line.product_id for line in lines) if one]

    def orders(self, since: datetime, cursor: str) -> tuple[list[StoreOrder], str | None]:
        """Return orders that changed, with what was refunded of each line."""
        found, following = self._orders(since - OVERLAP, cursor or "1")
        return [forms.store_order(one, admin=self._admin, refunded=self._refunded(one)) for one in found], following

    def _orders(self, since: datetime, page: str) -> tuple[list[Order], str | None]:
        stamp = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
        rows, _ = self._get(
            "/orders",
            per_page=PAGE,
            page=int(page),
            modified_after=stamp,
            dates_are_gmt="true",
            orderby="id",
            order="asc",
        )
        return [read_order(row) for row in rows], str(int(page) + 1) if len(rows) == PAGE else None

    def _refunded(self, order: Order) -> dict[str, int]:
        if order.status not in ("refunded", "processing", "completed", "on-hold"):
            return {}
        rows, _ = self._get(f"/orders/{order.id}/refunds", per_page=PAGE)
        return forms.refunded(rows)

    def shipments(self, order_id: str) -> list[Shipment]:
        """Return tracking numbers: of WooCommerce's own fulfilments where they are on, else of the extension."""
        own = self._call("GET", f"/orders/{order_id}/fulfillments", missing=True)
        if own.status == 200 and (found := forms.fulfillments(order_id, calls.json_of(STORE, own))):
            return found
        answer = self._call("GET", f"/orders/{order_id}", missing=True)
        return [] if answer.status == 404 else forms.shipments(read_order(calls.json_of(STORE, answer)))

    # -- the call ----------------------------------------------------------------------------------------------

    def _get(self, path: str, **query: str | int) -> tuple[list[Any], Answer]:
        answer = self._call("GET", f"{path}?{urlencode(query)}")
        rows = calls.json_of(STORE, answer)
        if not isinstance(rows, list):
            raise StorePassing("WooCommerce's answer is not a list.")
        return rows, answer

    def _call(self, method: str, path: str, *, body: object = None, missing: bool = False) -> Answer:
        answer = self._send(method, path, body)
        if answer.status == 401 and self._way in OTHER_WAY:
            # Some hosts take the Authorization header away before WordPress sees it; some end TLS in front of it.
            first, refused = self._way, answer
            self._way = OTHER_WAY[first]
            answer = self._send(method, path, body)
            if answer.status == 401:  # not the way then, but the keys: what was said first says more
                self._way, answer = first, refused
        if 200 <= answer.status < 300 or (missing and answer.status == 404):
            return answer
        raise self._error(method, answer)

    def _send(self, method: str, path: str, body: object) -> Answer:
        headers = {"Accept": "application/json", "Content-Type": "application/json", "Cache-Control": "no-cache"}
        url = f"{self._root}/wp-json/wc/v3{path}"
        if self._way == "signed":
            url = signing.signed(method, url, self._key, self._secret)
        elif self._way == "query":
            keys = urlencode({"consumer_key": self._key, "consumer_secret": self._secret})
            url += ("&" if "?" in url else "?") + keys
        else:
            pair = base64.b64encode(f"{self._key}:{self._secret}".encode()).decode()
            headers["Authorization"] = f"Basic {pair}"
        return calls.call(STORE, method, url, budgets=[self._budget], headers=headers, body=body)

    def _error(self, method: str, answer: Answer) -> Exception:
        if answer.status in (301, 302, 307, 308):
            return StoreRefused("The store's address leads elsewhere. Enter the address that the browser ends up at.")
        if answer.status == 429:
            return calls.slow_down(STORE, self._budget, answer)
        said = _json(answer)
        words = str(said.get("message", ""))[:200]
        if answer.status in (401, 403) and said.get("code"):
            return StoreRefused(f"WooCommerce does not take our keys: {words}")
        if said.get("code") and 400 <= answer.status < 500:
            return Unsupported(f"WooCommerce refused: {words}")
        # A page instead of an answer, such as a firewall's or "back in a minute": it passes.
        return StorePassing(f"WooCommerce answered {answer.status}.", maybe_done=method != "GET")


def _json(answer: Answer) -> Mapping[str, Any]:
    try:
        said = answer.json()
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}
