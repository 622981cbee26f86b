"""Ids that a seller's own system gives to variants of two products: the first product keeps its id."""

from __future__ import annotations

from collections.abc import Sequence

from listings.models import Product
from shops.models import Shop
from shops.platforms import platform_of
from shops.platforms.values import Unread
from shops.snapshots import StoreProduct


def apart(shop: Shop, snapshots: Sequence[StoreProduct]) -> tuple[list[StoreProduct], list[Unread]]:
    """Return the snapshots whose ids are their own, and those whose ids belong to another product of the store.

    Some systems number variants within each product. Treated as one, two of them would share a listing. An id that
    comes with the same SKU has moved to another product, and so has one whose first product is gone. Platforms never
    reuse ids.
    """
    if not platform_of(shop.store).push_only:
        return list(snapshots), []
    ids = [snapshot.store_product_id for snapshot in snapshots]
    known = Product.objects.filter(shop=shop, store_product_id__in=ids, gone_at=None)
    owners = {one.store_product_id: (one.store_parent_id, one.sku) for one in known}
    own, taken = [], []
    for one in snapshots:
        parent_id, sku = owners.setdefault(one.store_product_id, (one.store_parent_id, one.sku[:255]))
        if parent_id == one.store_parent_id or (sku and sku == one.sku[:255]):
            own.append(one)
        else:
            words = (
                f"Product {parent_id} has the variant id {one.store_product_id} too, so this variant of product"
                f" {one.store_parent_id} is left out. Give each variant an id that is unique in your store."
            )
            taken.append(Unread(one.store_parent_id, words))
    return own, taken
