"""What one BigCommerce store is asked and told: v3 catalogue and inventory, v2 orders.

Its quota is shared by all apps of the store, so the pace follows the quota headers of each answer.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.conf import settings

from reverbsync.http import Answer
from reverbsync.pace import Budget
from shops.models import StoreConnection
from shops.orders import NewOrder, Shipment, StoreOrder
from shops.pictures import StoreProduct
from shops.platforms import calls, hooks
from shops.platforms.bigcommerce import orders as forms
from shops.platforms.bigcommerce import products as reading
from shops.platforms.bigcommerce.webhooks import OUR_HEADER, TOPICS, our_key
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

STORE = "BigCommerce"
#: The smallest plan's quota is 150 calls in 30 seconds.
CALLS_PER_MINUTE = 300
#: Calls that are left to other apps of the store.
RESERVE = 5
PAGE = 250
READ_S = 30.0
OVERLAP = timedelta(minutes=5)
#: An adjustment is answered before it is applied; so often, and so long apart, we look whether it was.
LOOKS, LOOK_EVERY_S = 5, 0.5


def pause(seconds: float) -> None:
    """Wait between two looks; tests replace it."""
    time.sleep(seconds)


class BigCommerceClient:
    """Asks one store."""

    def __init__(self, connection: StoreConnection) -> None:
        """Nothing is asked yet."""
        self._root = f"{settings.BIGCOMMERCE_API_URL}/stores/{connection.address}"
        self._admin = f"https://store-{connection.address}.mybigcommerce.com"
        self._token = connection.token
        self._secret = connection.secret
        self._budget = Budget(f"bigcommerce:{connection.address}", CALLS_PER_MINUTE)
        self._store: dict[str, Any] | None = None
        self._brands: dict[int, str] = {0: ""}
        self._categories: dict[int, str] = {}

    def check(self) -> StoreInfo:
        """Ask for the store's name."""
        said = self._info()
        return StoreInfo(str(said.get("name") or ""), str(said.get("currency") or ""))

    def _info(self) -> dict[str, Any]:
        if self._store is None:
            said = self._json("GET", "/v2/store")
            self._store = said if isinstance(said, dict) else {}
        return self._store

    # -- products --------------------------------------------------------------------------------------------

    def walk(self, cursor: str, *, since: datetime | None = None) -> Page:
        """Return a page of products by id: those with an id above the last page's, so that no page shifts."""
        asked: dict[str, str | int] = {
            "include": "variants,images,custom_fields",
            "limit": PAGE,
            "sort": "id",
            "direction": "asc",
        }
        if cursor:
            asked["id:greater"] = cursor
        if since is not None:
            asked["date_modified:min"] = (since - OVERLAP).isoformat()
        said = self._json("GET", f"/v3/catalog/products?{urlencode(asked)}")
        rows = [reading.read(row) for row in said.get("data") or []]
        self._learn(rows)
        left = ((said.get("meta") or {}).get("pagination") or {}).get("total")
        total = left if isinstance(left, int) and not cursor else None
        more = isinstance(left, int) and left > len(rows)
        return Page(tuple(u for row in rows for u in self._units(row)), str(rows[-1].id) if more else None, total)

    def products(self, store_parent_id: str) -> list[StoreProduct]:
        """Return all variants of a product, none when it is gone."""
        answer = self._call(
            "GET", f"/v3/catalog/products/{store_parent_id}?include=variants,images,custom_fields", missing=True
        )
        if answer.status == 404:
            return []
        row = reading.read((calls.json_of(STORE, answer) or {}).get("data"))
        self._learn([row])
        return self._units(row)

    def parent_of_stock(self, store_stock_id: str) -> str | None:
        """Return the product of a variant."""
        said = self._json("GET", f"/v3/catalog/variants?id:in={store_stock_id}&limit=1")
        rows = said.get("data") or []
        return str(rows[0]["product_id"]) if rows else None

    def _units(self, row: reading.Product) -> list[StoreProduct]:
        currency = str(self._info().get("currency") or "")
        return reading.units(
            row, currency=currency, brands=self._brands, categories=self._categories, admin=self._admin
        )

    def _learn(self, rows: list[reading.Product]) -> None:
        """Ask for the names of brands and categories that are new to us, all of a page at once."""
        brands = {row.brand_id for row in rows} - self._brands.keys()
        categories = {number for row in rows for number in row.categories} - self._categories.keys()
        self._brands |= self._names("/v3/catalog/brands", brands, "id")
        self._categories |= self._names("/v3/catalog/trees/categories", categories, "category_id")

    def _names(self, path: str, ids: set[int], key: str) -> dict[int, str]:
        found = dict.fromkeys(ids, "")
        wanted = sorted(ids)
        for start in range(0, len(wanted), PAGE):
            some = ",".join(map(str, wanted[start : start + PAGE]))
            for row in self._json("GET", f"{path}?{key}:in={some}&limit={PAGE}").get("data") or []:
                found[int(row[key])] = str(row.get("name") or "")
        return found

    # -- stock -----------------------------------------------------------------------------------------------

    def stocks(self, cursor: str) -> StockPage:
        """Not needed: BigCommerce tells of each change of stock."""
        raise Unsupported("BigCommerce tells of each change of stock by itself.")

    def count(self, product: StoreProduct) -> Count:
        """Add up what is available at all locations; `place` is the location that has most."""
        if product.stock is None:
            return Count(None)
        return reading.count(
            self._json("GET", f"/v3/inventory/items?variant_id:in={product.store_product_id}").get("data")
        )

    def adjust(self, product: StoreProduct, count: Count, *, by: int, reference: str) -> Count:
        """Change the stock by a difference. BigCommerce applies it after it has answered, so we look until it shows.

        There is no key against repeats: after a lost answer the stock must be counted before anything is sent again.
        Where the change does not show in time, the count that it leads to is returned; the webhook tells of it later.
        """
        if count.units is None or not count.place:
            raise Unsupported("BigCommerce does not count this product.")
        item = {"location_id": int(count.place), "variant_id": int(product.store_product_id), "quantity": by}
        self._json(
            "POST", "/v3/inventory/adjustments/relative", {"reason": reference[:60], "items": [item]}, moves=True
        )
        with calls.written():
            for _ in range(LOOKS):
                now = self.count(product)
                if now.units != count.units:
                    return now
                pause(LOOK_EVERY_S)
        return Count(count.units + by, count.place, count.there + by)

    # -- webhooks --------------------------------------------------------------------------------------------

    def keep_hooks(self, address: str) -> Hooks:
        """Register each scope once, with our own header; wake those that were switched off."""
        there = [Hook(str(h["id"]), str(h["scope"]), bool(h.get("is_active"))) for h in self._hooks(address)]
        return hooks.keep(
            tuple(TOPICS),
            there,
            add=lambda scope: self._json("POST", "/v3/hooks", self._hook(scope, address)),
            wake=lambda number: self._json("PUT", f"/v3/hooks/{number}", {"is_active": True}),
            remove=lambda number: self._call("DELETE", f"/v3/hooks/{number}", missing=True),
        )

    def drop_hooks(self, address: str) -> None:
        """Delete our hooks."""
        for hook in self._hooks(address):
            self._call("DELETE", f"/v3/hooks/{hook['id']}", missing=True)

    def _hook(self, scope: str, address: str) -> dict[str, Any]:
        own = {OUR_HEADER: our_key(self._secret.get_secret_value())}
        return {"scope": scope, "destination": address, "is_active": True, "headers": own}

    def _hooks(self, address: str) -> Iterator[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        page = 1
        while True:
            more = self._json("GET", f"/v3/hooks?limit={PAGE}&page={page}").get("data") or []
            rows += more
            page += 1
            if len(more) < PAGE:
                return iter([row for row in rows if row.get("destination") == address])

    # -- orders ----------------------------------------------------------------------------------------------

    def place(self, order: NewOrder) -> StoreOrder:
        """Make an order, unless one has this number as its external one."""
        known = self._json("GET", f"/v2/orders?{urlencode({'external_order_id': order.reverb_number})}")
        for row in known or []:
            found = forms.read_order(row)
            if found.external_order_id == order.reverb_number:
                return self._whole(found)
        parents = {
            line.store_product_id: self.parent_of_stock(line.store_product_id) or ""
            for line in order.lines
            if line.store_product_id and order.takes_stock
        }
        return self._whole(forms.read_order(self._json("POST", "/v2/orders", forms.body(order, parents))))

    def order(self, order_id: str) -> StoreOrder | None:
        """Return an order."""
        row = self._json("GET", f"/v2/orders/{order_id}", missing=True)
        return self._whole(forms.read_order(row)) if row else None

    def release(self, order_id: str, *, reverb_number: str, gives_back: bool, note: str) -> None:
        """Set the order's status to Cancelled; lines of the catalogue give their units back, custom ones have none."""
        refuse_to_cancel(STORE, found := self.order(order_id))
        if found is not None and found.status not in OFF:
            self._json("PUT", f"/v2/orders/{order_id}", {"status_id": forms.CANCELLED, "staff_notes": note})

    def order_products(self, order_id: str) -> list[str]:
        """Return the products of an order; lines that are not from the catalogue name none."""
        return [str(one) for one in dict.fromkeys(line.product_id for line in self._lines(order_id)) if one]

    def orders(self, since: datetime, cursor: str) -> tuple[list[StoreOrder], str | None]:
        """Return orders that changed, each with its lines; checkouts that are not finished are none."""
        page = int(cursor or 1)
        asked = {
            "min_date_modified": (since - OVERLAP).isoformat(),
            "sort": "date_modified:asc",
            "limit": 50,
            "page": page,
        }
        rows = [forms.read_order(row) for row in self._json("GET", f"/v2/orders?{urlencode(asked)}") or []]
        found = [self._whole(row) for row in rows if row.status_id != forms.INCOMPLETE]
        return found, str(page + 1) if len(rows) == 50 else None

    def shipments(self, order_id: str) -> list[Shipment]:
        """Return an order's parcels."""
        return forms.shipments(self._json("GET", f"/v2/orders/{order_id}/shipments"))

    def _whole(self, order: forms.Order) -> StoreOrder:
        return forms.store_order(order, self._lines(order.id), admin=self._admin)

    def _lines(self, order_id: str) -> list[forms.Line]:
        rows = self._json("GET", f"/v2/orders/{order_id}/products?limit={PAGE}", missing=True)
        return [forms.read_line(row) for row in rows or []]

    # -- the call ----------------------------------------------------------------------------------------------

    def _json(self, method: str, path: str, body: object = None, *, missing: bool = False, moves: bool = False) -> Any:
        """Return the answer as JSON, None when there is none (v2 answers 204 where v3 answers an empty list)."""
        answer = self._call(method, path, body, missing=missing, moves=moves)
        return None if answer.status in (204, 404) else calls.json_of(STORE, answer)

    def _call(
        self, method: str, path: str, body: object = None, *, missing: bool = False, moves: bool = False
    ) -> Answer:
        headers = {
            "X-Auth-Token": self._token.get_secret_value(),
            "Accept": "application/json",
            "Content-Type": "application/json",
        }
        answer = calls.call(
            STORE, method, self._root + path, budgets=[self._budget], headers=headers, body=body, read_s=READ_S
        )
        self._heed(answer)
        if 200 <= answer.status < 300 or (missing and answer.status == 404):
            return answer
        raise self._error(method, answer, moves=moves)

    def _heed(self, answer: Answer) -> None:
        """Stop before the quota is used up: it is shared with the store's other apps."""
        left, reset = answer.headers.get("X-Rate-Limit-Requests-Left", ""), _reset_s(answer)
        if left.isdigit() and int(left) <= RESERVE and reset is not None:
            calls.hold(self._budget, reset)

    def _error(self, method: str, answer: Answer, *, moves: bool) -> Exception:
        if answer.status in (401, 403):
            return StoreRefused("BigCommerce does not take our token, or it may not do this.")
        if answer.status == 429:
            reset = _reset_s(answer)
            jitter = random.uniform(0, 1)  # noqa: S311 -- spreads load, keeps no secret
            return calls.slow_down(STORE, self._budget, answer, seconds=(reset if reset is not None else 10.0) + jitter)
        words = _words(answer)
        if answer.status == 422 and moves:
            return Moved(f"BigCommerce refused the new stock: {words}")
        if 400 <= answer.status < 500:
            return Unsupported(f"BigCommerce refused: {words}")
        return StorePassing(f"BigCommerce answered {answer.status}.", maybe_done=method != "GET")


def token_for_code(*, code: str, scope: str, context: str, redirect_uri: str) -> dict[str, Any]:
    """Return BigCommerce's answer to the code of an installation."""
    asked = {
        "client_id": settings.BIGCOMMERCE_CLIENT_ID,
        "client_secret": settings.BIGCOMMERCE_CLIENT_SECRET.get_secret_value(),
        "code": code,
        "scope": scope,
        "context": context,
        "grant_type": "authorization_code",
        "redirect_uri": redirect_uri,
    }
    answer = calls.call(
        STORE,
        "POST",
        f"{settings.BIGCOMMERCE_LOGIN_URL}/oauth2/token",
        budgets=[Budget("bigcommerce:login", CALLS_PER_MINUTE)],
        headers={"Accept": "application/json", "Content-Type": "application/json"},
        body=asked,
        read_s=READ_S,
    )
    if answer.status != 200:
        raise StoreRefused("BigCommerce did not take the code. Please install the app again.")
    said = calls.json_of(STORE, answer)
    return said if isinstance(said, dict) else {}


def _reset_s(answer: Answer) -> float | None:
    text = answer.headers.get("X-Rate-Limit-Time-Reset-Ms", "")
    return int(text) / 1000 if text.isdigit() else None


def _words(answer: Answer) -> str:
    try:
        said = answer.json()
    except ValueError:
        return f"status {answer.status}"
    first = said[0] if isinstance(said, list) and said else said
    if not isinstance(first, dict):
        return f"status {answer.status}"
    errors = first.get("errors")
    detail = "; ".join(f"{name}: {text}" for name, text in errors.items()) if isinstance(errors, dict) else ""
    return f"{first.get('title') or first.get('message') or ''} {detail}".strip()[:200]
