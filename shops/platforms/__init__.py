"""Registry of the platforms. To add one, add a folder and a line to this file."""

from __future__ import annotations

from shops.models import StoreConnection
from shops.platforms.base import Platform
from shops.platforms.bigcommerce import BigCommerce
from shops.platforms.custom import Custom
from shops.platforms.errors import TransientStoreError
from shops.platforms.magento2 import Magento2
from shops.platforms.shopify import Shopify
from shops.platforms.store_client import StoreClient
from shops.platforms.woocommerce import WooCommerce

#: Seconds until a retry while the previous store's products are being deleted.
CLEARS_IN_S = 5.0

PLATFORMS: dict[str, Platform] = {
    platform.kind: platform for platform in (Shopify(), BigCommerce(), Magento2(), WooCommerce(), Custom())
}


def platform_of(connection: StoreConnection) -> Platform:
    """Return the platform of a connection."""
    return PLATFORMS[connection.platform]


def client_of(connection: StoreConnection) -> StoreClient:
    """Return a client for this store.

    Raise TransientStoreError while the products of the previously connected store are still known: ids of one store
    must not be used in calls to another.
    """
    if connection.clearing_since is not None and connection.removed_at is None:
        raise TransientStoreError(
            "We are still forgetting the store that was connected before.", retry_after=CLEARS_IN_S
        )
    return platform_of(connection).client(connection)


__all__ = ["PLATFORMS", "Platform", "StoreClient", "client_of", "platform_of"]
