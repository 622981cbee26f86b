"""Save a number that we counted in the store in the product's snapshot."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from listings.models import Product
from shops.snapshots import StoreProduct


def keep_count(product: Product, units: int, *, requested_at: datetime) -> bool:
    """Save the store's number in the snapshot, so that a read that began earlier does not count as news.

    Everything else in the snapshot stays. A number that was read later stays too: then it returns False, unless both
    are the same. Call it inside a transaction, before locking anything that is locked after a product.
    """
    row = Product.objects.select_for_update().get(pk=product.pk)
    if not row.was_read_after(requested_at):
        seen: StoreProduct = replace(row.seen, stock=units)
        if units != row.seen.stock:
            row.stock_since = requested_at
        row.snapshot, row.read_at = seen.to_json(), requested_at
        row.save(update_fields=["snapshot", "read_at", "stock_since"])
    product.snapshot, product.read_at, product.stock_since = row.snapshot, row.read_at, row.stock_since
    return row.seen.stock == units
