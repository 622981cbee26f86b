"""Call one BigCommerce store: v3 catalogue and inventory, v2 orders."""

from __future__ import annotations

import contextlib
from typing import Any

from shops.hooks import Hooks
from shops.platforms import hooks
from shops.platforms.bigcommerce.order_calls import OrderCalls
from shops.platforms.bigcommerce.product_calls import ProductCalls
from shops.platforms.bigcommerce.webhooks import OUR_HEADER, TOPICS, our_key
from shops.platforms.errors import Missing, StoreAuthError, Unsupported
from shops.platforms.hooks import Hook
from shops.platforms.values import Count, StoreInfo
from shops.snapshots import StoreProduct


class BigCommerceClient(ProductCalls, OrderCalls):
    """Calls one store."""

    def check(self) -> StoreInfo:
        """Return the store's name and currency, which every token of ours may read."""
        try:
            said = self._info()
        except Unsupported as refused:
            raise StoreAuthError(str(refused)) from None
        return StoreInfo(str(said.get("name") or ""), said["currency"])

    # -- stock -----------------------------------------------------------------------------------------------

    def count(self, product: StoreProduct) -> Count:
        """Return the units that can be sold at all locations that the store sells from."""
        return Count(None) if product.stock is None else self._inventory.count(product)

    def adjust(self, product: StoreProduct, count: Count, *, by: int, reference: str) -> Count:
        """Change the stock by a difference, at the locations that have the units.

        There is no idempotency key: after a lost answer, the stock must be counted before a retry.
        """
        if count.units is None:
            raise Unsupported("BigCommerce does not count this product.")
        return self._inventory.adjust(product, count, by=by, reason=reference)

    # -- webhooks --------------------------------------------------------------------------------------------

    def ensure_webhooks(self, address: str) -> Hooks:
        """Register each scope once, with our own header; reactivate disabled hooks."""
        there = [
            Hook(str(row["id"]), str(row.get("scope")), bool(row.get("is_active"))) for row in self._hooks(address)
        ]
        return hooks.keep(
            tuple(TOPICS),
            there,
            add=lambda scope: self._rest.json("POST", "/v3/hooks", self._hook(scope, address)),
            wake=lambda number: self._rest.json("PUT", f"/v3/hooks/{number}", {"is_active": True}),
            remove=self._drop_hook,
        )

    def remove_webhooks(self, address: str) -> None:
        """Delete our hooks."""
        for row in self._hooks(address):
            self._drop_hook(str(row["id"]))

    def _drop_hook(self, number: str) -> None:
        with contextlib.suppress(Missing):
            self._rest.json("DELETE", f"/v3/hooks/{number}")

    def _hook(self, scope: str, address: str) -> dict[str, Any]:
        own = {OUR_HEADER: our_key(self._secret.get_secret_value())}
        return {"scope": scope, "destination": address, "is_active": True, "headers": own}

    def _hooks(self, address: str) -> list[dict[str, Any]]:
        rows = self._rest.all_rows("/v3/hooks?").rows
        return [row for row in rows if isinstance(row, dict) and row.get("destination") == address and "id" in row]

    # -- orders ----------------------------------------------------------------------------------------------
