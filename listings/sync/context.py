"""Cache what belongs to a shop for all attempts of a thread, until one of its rows changes."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from listings.models import Product
from listings.sync.cases import ShopRules
from listings.sync.rows import AttemptInput
from shops.models import ReverbConnection, Shop
from shops.reverb import reference
from shops.reverb.client import ReverbClient

#: A relation that is set without the checks of an assignment, for each product.
_SHOP = Product._meta.get_field("shop")
#: Shops that a thread caches at most.
MOST = 100


@dataclass
class ShopContext:
    """A shop with its settings and store, its connection to Reverb, and the rules for all its products."""

    shop: Shop
    connection: ReverbConnection | None
    rules: ShopRules

    def complete(self, client: ReverbClient) -> ShopRules:
        """Return the rules with Reverb's lists. Raises ReverbError if they are not available."""
        assert self.connection is not None  # noqa: S101 -- the client is this connection's
        lists = reference.lists(client, self.connection.budget)
        if lists != self.rules.lists:
            self.rules = self.rules.with_lists(lists)
        return self.rules


class _Cache(threading.local):
    """The contexts of the shops that a thread has worked for; threads share none."""

    def __init__(self) -> None:
        #: Shop → the cache key for which its context is valid, and the context.
        self.contexts: dict[int, tuple[str, ShopContext]] = {}


_cache = _Cache()


def shop_context(begun: AttemptInput) -> ShopContext:
    """Return the shop's context for the cache key that the attempt started with, or a newer one."""
    shop_id = begun.product.shop_id
    mark, found = _cache.contexts.get(shop_id, ("", None))
    if found is None or mark != begun.mark:
        if len(_cache.contexts) >= MOST:
            _cache.contexts.clear()
        found = _read(shop_id)
        _cache.contexts[shop_id] = begun.mark, found
    _SHOP.set_cached_value(begun.product, found.shop)
    return found


def _read(shop_id: int) -> ShopContext:
    shop = Shop.objects.select_related("sync_settings", "store").get(pk=shop_id)
    return ShopContext(shop, ReverbConnection.objects.filter(shop=shop_id).first(), ShopRules.of(shop))
