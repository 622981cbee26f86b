"""HTTP to one Shopify store: GraphQL, paced by what its cost answers say. Nothing is decided here."""

from __future__ import annotations

import contextlib
from typing import Any

from django.conf import settings
from pydantic import SecretStr

from reverbsync import http, pace
from reverbsync.pace import Budget
from shops.pictures import StoreProduct
from shops.platforms.base import StorePassing, StoreRefused
from shops.platforms.shopify import products, queries

#: Far above what the cost limits allow; the cost answers set the real pace.
CALLS_PER_MINUTE = 1200
MAX_VARIANT_PAGES = 45  # 2,048 variants is Shopify's most
DEFAULT_RETRY_AFTER = 2.0


class ShopifyClient:
    """Asks one store."""

    def __init__(self, address: str, token: SecretStr) -> None:
        """`address` is the store's host."""
        self._address = address
        self._token = token
        self._budget = Budget(f"shopify:{address}", CALLS_PER_MINUTE)

    @property
    def _root(self) -> str:
        return settings.SHOPIFY_ADMIN_URL or f"https://{self._address}"

    def products(self, store_parent_id: str) -> list[StoreProduct]:
        """Return all variants of a product, none when it is gone."""
        found: list[StoreProduct] = []
        after: str | None = None
        for _ in range(MAX_VARIANT_PAGES):
            data = self._ask(queries.PRODUCT, id=f"gid://shopify/Product/{store_parent_id}", after=after)
            more, after = products.read(data, admin=f"{self._root}/admin")
            found += more
            if after is None:
                break
        return found

    def parent_of_stock(self, store_stock_id: str) -> str | None:
        """Return the id of the product that an inventory item belongs to."""
        data = self._ask(queries.STOCK_OWNER, id=f"gid://shopify/InventoryItem/{store_stock_id}")
        return products.owner(data)

    def check(self) -> str:
        """Return the store's name."""
        shop = self._ask(queries.SHOP).get("shop")
        return str(shop.get("name", "")) if isinstance(shop, dict) else ""

    def _ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """Return `data` of the answer. Raises StorePassing or StoreRefused."""
        try:
            answer = http.call(
                "POST",
                f"{self._root}/admin/api/{queries.VERSION}/graphql.json",
                budgets=[self._budget],
                headers={
                    "Content-Type": "application/json",
                    "X-Shopify-Access-Token": self._token.get_secret_value(),
                },
                body={"query": query, "variables": variables},
            )
        except http.Paced as paced:
            raise StorePassing("Shopify asks us to wait.", retry_after=paced.retry_after) from None
        except (http.Unreachable, http.NotAllowed) as error:
            raise StorePassing(f"Shopify: {error}.") from None
        return self._data(answer)

    def _data(self, answer: http.Answer) -> dict[str, Any]:
        if answer.status in (401, 402, 403, 404):
            raise StoreRefused(f"Shopify refused our token (status {answer.status}).")
        try:
            body = answer.json()
        except ValueError:
            body = None
        if answer.status != 200 or not isinstance(body, dict):
            wait = answer.headers.get("Retry-After", "")
            if answer.status == 429:
                self._wait(float(wait) if wait.replace(".", "", 1).isdigit() else DEFAULT_RETRY_AFTER)
            raise StorePassing(f"Shopify answered {answer.status}.")
        # A throttled answer has status 200, `errors` and no `data`; taking it for "not found" would end listings.
        if body.get("errors") or not isinstance(body.get("data"), dict):
            raise self._error(body)
        data: dict[str, Any] = body["data"]
        return data

    def _error(self, body: dict[str, Any]) -> StorePassing:
        errors = body.get("errors")
        first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
        if (first.get("extensions") or {}).get("code") == "THROTTLED":
            cost = (body.get("extensions") or {}).get("cost") or {}
            status = cost.get("throttleStatus") or {}
            missing = float(cost.get("requestedQueryCost") or 0) - float(status.get("currentlyAvailable") or 0)
            wait = max(1.0, missing / float(status.get("restoreRate") or 50))
            self._wait(wait)
            return StorePassing("Shopify asks us to wait.", retry_after=wait)
        return StorePassing(f"Shopify could not answer: {str(first.get('message', errors))[:200]}")

    def _wait(self, seconds: float) -> None:
        with contextlib.suppress(pace.PaceLost):  # without Redis no call is made anyway
            pace.block(self._budget.name, seconds)
