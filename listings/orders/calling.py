"""Ownership of an order during calls to a store: another worker waits for some time after the last call.

Each is what the order's worker owns meanwhile (reverbsync/dispatch/ownership.py), beside its lock on the shop's orders.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from listings.models import Order
from reverbsync import clock
from reverbsync.dispatch.ownership import Lost
from shops.models import StoreConnection

#: For how long after a call without a response its order is neither searched for nor created: a search may lag.
LOOK_AFTER = timedelta(minutes=2)


def connected_store(order: Order) -> StoreConnection | None:
    """Return the store that an order goes to, None if none is connected."""
    return StoreConnection.objects.filter(shop=order.shop_id, removed_at=None).first()


@dataclass
class Making:
    """An order that is being created: `making_at` is the time of the last call, and only its worker changes it."""

    order: Order

    def confirm(self) -> None:
        """Renew the time. Raises Lost if another worker has claimed the order."""
        now = clock.now()
        if not Order.objects.filter(pk=self.order.pk, making_at=self.order.making_at).update(making_at=now):
            raise Lost("Another worker is at the order.")
        self.order.making_at = now


@dataclass
class Cancelling:
    """An order that is being cancelled: two concurrent cancellations might return its units twice."""

    order: Order
    #: For how long after the last call nobody else cancels it.
    alone_for: timedelta

    def confirm(self) -> None:
        """Postpone the next attempt, which is due if the worker dies."""
        Order.objects.filter(pk=self.order.pk).update(store_due_at=clock.now() + self.alone_for)
