"""Events of Reverb → orders read back, and jobs for listings. Reverb signs nothing: an event is only a hint."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import timedelta
from functools import partial

from django.core.cache import cache

from listings.models import Listing, Rank
from listings.orders import listing_events, order_poll
from listings.orders.ingest import take
from listings.queue import jobs
from reverbsync import clock
from reverbsync.outage import NotReached, attempt
from shops.events import ReverbAppRemoved, ReverbEvent, ReverbListingChanged, ReverbOrderChanged
from shops.models import ReverbConnection, Shop
from shops.reverb import connect
from shops.reverb.client import ReverbClient
from shops.reverb.errors import NotFound, TransientError
from shops.snapshots import ReverbListing

#: When the orders are read after a call whose order was no news.
AGAIN = timedelta(seconds=10)
#: For how long Reverb is not believed that a sale does not exist that it called for: a copy of its database may trail.
NEW_FOR = timedelta(minutes=2)


def follow(
    connection: ReverbConnection, events: Mapping[ReverbEvent, str], *, over: float = math.inf
) -> dict[ReverbEvent, Exception]:
    """Look at each order and listing that an event names; `events` names for each what it came from, for the log.

    `over` is when the slice ends, by clock.monotonic(). Returns the events that could not be followed, each with why: a
    ReverbError where Reverb did not answer, NotReached where the slice was over, else whatever was raised. Trying them
    again loses nothing. Raises only what ends the slice (reverbsync.outage).
    """
    failed: dict[ReverbEvent, Exception] = {}
    client = ReverbClient.of(connection)
    for event, trigger in events.items():
        late = NotReached() if clock.monotonic() > over else None
        if error := late or attempt(partial(_follow, connection, client, event, trigger)):
            failed[event] = error
    return failed


def _follow(connection: ReverbConnection, client: ReverbClient, event: ReverbEvent, trigger: str) -> None:
    match event:
        case ReverbOrderChanged(number):
            _order(connection.shop, client, number, trigger)
        case ReverbListingChanged():
            _listing(connection.shop, event, trigger)
        case ReverbAppRemoved():
            connect.mark_if_dead(connection)


def _order(shop: Shop, client: ReverbClient, number: str, trigger: str) -> None:
    """Read an order back and take it.

    Where that brings no news, the answer may be older than the call, so all orders are read in a moment. One that this
    account does not have, two minutes after the first call for it, means nothing. Raises TransientError until then.
    """
    try:
        if take(shop, [client.order(number)], trigger=trigger):
            return
    except NotFound:
        now = clock.now().timestamp()
        since = cache.get_or_set(f"reverb:awaited:{shop.pk}:{number}", now, 2 * NEW_FOR.total_seconds()) or now
        if now < since + NEW_FOR.total_seconds():
            raise TransientError("Reverb does not show this sale yet.") from None
    else:
        order_poll.soon(shop.pk, in_s=AGAIN.total_seconds())


def _listing(shop: Shop, event: ReverbListingChanged, trigger: str) -> None:
    """Let the listing's product be looked at, unless the call reports what we know: our own write that comes back.

    A later change of it has a call of its own, and where that is lost, the orders and the regular look find it.
    """
    row = Listing.objects.filter(shop=shop, reverb_id=event.listing_id).select_related("product").first()
    if row is None or _known(row, event) or not shop.sync_settings.auto_sync:
        return
    listing_events.note(row, event)
    jobs.look_again([row.product], rank=Rank.STOCK, trigger=trigger, now=clock.now())


def _known(row: Listing, event: ReverbListingChanged) -> bool:
    if not event.state or event.inventory is None or row.snapshot is None:
        return False
    known = ReverbListing.from_json(row.snapshot)
    return (known.state, known.inventory) == (event.state, event.inventory)
