"""Call one WooCommerce store over wc/v3. The modules beside this one parse the answers.

A store is a WordPress site: slow, behind firewalls, cached. Calls have long time-outs and are few, about two at a time:
the budget allows three a second for all workers together.
"""

from __future__ import annotations

from shops.models import StoreConnection
from shops.platforms.values import StoreInfo
from shops.platforms.woocommerce.hook_calls import HookCalls
from shops.platforms.woocommerce.product_calls import ProductCalls
from shops.platforms.woocommerce.stock_calls import StockCalls


class WooCommerceClient(ProductCalls, StockCalls, HookCalls):
    """Calls one store."""

    def __init__(self, connection: StoreConnection) -> None:
        """Makes no call."""
        super().__init__(connection)
        self.admin = f"{connection.address}/wp-admin"

    def check(self) -> StoreInfo:
        """List a product, which the keys must allow, and read the currency."""
        self.list_at("/products?per_page=1")
        return StoreInfo(self._host, self.currency())
