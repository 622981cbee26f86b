"""Calls to a store for one order: another worker, which may be at the order too, waits for some time after the last.

Each is what the order's worker owns meanwhile (reverbsync/dispatch/ownership.py), beside its lock on the shop's orders.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from listings.models import Order
from reverbsync import clock
from reverbsync.dispatch.ownership import Lost
from shops.models import StoreConnection

#: How long after a call whose answer was lost its order is neither looked for nor created again: a search may trail.
LOOK_AFTER = timedelta(minutes=2)


def connected_store(order: Order) -> StoreConnection | None:
    """Return the store that an order goes to, None while none is connected."""
    return StoreConnection.objects.filter(shop=order.shop_id, removed_at=None).first()


@dataclass
class Making:
    """An order that is being made: `making_at` is the moment of the last call, and only its worker changes it."""

    order: Order

    def confirm(self) -> None:
        """Renew the moment. Raises Lost where another worker has taken the order over."""
        now = clock.now()
        if not Order.objects.filter(pk=self.order.pk, making_at=self.order.making_at).update(making_at=now):
            raise Lost("Another worker is at the order.")
        self.order.making_at = now


@dataclass
class Cancelling:
    """An order that is being cancelled: cancelled twice at a time, its units might be given back twice."""

    order: Order
    #: How long after the last call nobody else cancels it.
    alone_for: timedelta

    def confirm(self) -> None:
        """Put off the next try, which is due if the worker dies."""
        Order.objects.filter(pk=self.order.pk).update(store_due_at=clock.now() + self.alone_for)
