"""Erase the buyers' names and addresses: they are stored only while orders are taken, and for a while after."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Q
from django.db.models.expressions import RawSQL

from listings.models import Order
from listings.orders.decide import GONE, SHIPPED
from reverbsync import clock
from shops.models import Shop

#: The personal data in a snapshot.
PERSONAL = ("buyer", "buyer_id", "address")
KEPT_FOR = timedelta(days=60)
BATCH = 5_000


def buyers_of(shop: Shop, *, only_done: bool = False) -> None:
    """Erase the buyers of a shop, because it no longer takes orders or its store is erased.

    `only_done`: only those of orders for which nothing is left to do.
    """
    _forget(Q(shop=shop, status__in=SHIPPED | GONE) if only_done else Q(shop=shop))


def count_buyers(shop: Shop) -> int:
    """Return how many of a shop's orders hold a name."""
    return Order.objects.filter(shop=shop, snapshot__has_key="buyer").exclude(snapshot__buyer="").count()


def old_buyers() -> None:
    """Erase the buyers of orders that were completed long ago, and of all shops that take no orders."""
    before = clock.now() - KEPT_FOR
    _forget(Q(status__in=SHIPPED | GONE, updated_at__lt=before))
    _forget(Q(shop__sync_settings__take_orders=False))


def _forget(which: Q) -> None:
    """Remove personal data from the snapshots in batches, each its own statement."""
    known = Q(snapshot__has_any_keys=list(PERSONAL))
    while True:
        some = list(Order.objects.filter(which & known).values_list("pk", flat=True)[:BATCH])
        if not some:
            return
        emptied = RawSQL("snapshot - %s::text[]", [list(PERSONAL)])
        Order.objects.filter(pk__in=some).update(snapshot=emptied)
