"""The platforms that a store may run on. Adding one is a folder and a line here."""

from __future__ import annotations

from shops.models import StoreConnection
from shops.platforms.base import Platform, StoreClient
from shops.platforms.bigcommerce import BigCommerce
from shops.platforms.custom import Custom
from shops.platforms.magento2 import Magento2
from shops.platforms.shopify import Shopify
from shops.platforms.values import TransientStoreError
from shops.platforms.woocommerce import WooCommerce

#: Another try after so many seconds, while a store that was connected before is forgotten.
CLEARS_IN_S = 5.0

PLATFORMS: dict[str, Platform] = {
    platform.kind: platform for platform in (Shopify(), BigCommerce(), Magento2(), WooCommerce(), Custom())
}


def platform_of(connection: StoreConnection) -> Platform:
    """Return the platform of a connection."""
    return PLATFORMS[connection.platform]


def client_of(connection: StoreConnection) -> StoreClient:
    """Return a client that asks this store.

    Raises TransientStoreError while the products of the store that was connected before are still known: ids of one
    store must not be asked for, or written to, in another.
    """
    if connection.clearing_since is not None and connection.removed_at is None:
        raise TransientStoreError(
            "We are still forgetting the store that was connected before.", retry_after=CLEARS_IN_S
        )
    return platform_of(connection).client(connection)


__all__ = ["PLATFORMS", "Platform", "StoreClient", "client_of", "platform_of"]
