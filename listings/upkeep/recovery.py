"""Make due what waits for a Reverb account with a long delay, once it responds again.

Each batch is its own statement, and repeating all of it is harmless.
"""

from __future__ import annotations

from listings.models import MassSync
from listings.orders import order_poll, store_order_state, tracking
from listings.queue import expedite
from reverbsync import clock


def of_reverb(shop_id: int) -> None:
    """Make due what waits for Reverb: jobs, the order poll, parcels, store orders and the mass sync."""
    now = clock.now()
    expedite.reverb_is_back(shop_id, now=now)
    order_poll.soon(shop_id)
    tracking.reverb_works(shop_id)
    store_order_state.try_again(shop_id)
    failing = MassSync.objects.filter(shop=shop_id, state__in=MassSync.WORKING, failures__gt=0, due_at__gt=now)
    failing.update(due_at=now)
