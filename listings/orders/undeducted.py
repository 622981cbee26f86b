"""Find the sales whose units the store's own stock has not deducted yet, for the pages that show them."""

from __future__ import annotations

from collections.abc import Iterable

from listings.models import Ledger, Order
from listings.orders.decide import IN_STORE


def undeducted(orders: Iterable[Order]) -> dict[int, int]:
    """Return the units of orders (by id) that the store has yet to deduct; the newest sales wait longest.

    A sale counts at once, which keeps it from counting twice; the store's stock is written afterwards.
    """
    mine = {order.product_id for order in orders if order.counted and not _took_them_itself(order)}
    rows = Ledger.objects.filter(listing__product__in=mine).values_list("listing__product", "units", "store")
    # What a store is to lose, as in `store_adjustment` (listings/stock/agreed.py), which may not be imported here.
    behind = {product: lacks for product, units, store in rows if (lacks := store - max(0, units)) > 0}
    found: dict[int, int] = {}
    for order in Order.objects.filter(product__in=behind, counted__gt=0).order_by("-placed_at", "-pk"):
        if order.product_id is None or _took_them_itself(order) or not behind[order.product_id]:
            continue
        found[order.pk] = min(order.counted, behind[order.product_id])
        behind[order.product_id] -= found[order.pk]
    return found


def _took_them_itself(order: Order) -> bool:
    """Return whether the order in the store deducted its units itself."""
    return order.store_state in IN_STORE and order.takes_stock
