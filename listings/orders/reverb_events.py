"""Follow Reverb's events: read orders back, and open jobs for listings. Events are unsigned, so each is only a hint."""

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

#: When the orders are polled after a webhook whose order was no news.
AGAIN = timedelta(seconds=10)
#: For how long a 404 for a sale from a webhook is not believed: a replica of Reverb's database may lag.
NEW_FOR = timedelta(minutes=2)


def follow(
    connection: ReverbConnection, events: Mapping[ReverbEvent, str], *, over: float = math.inf
) -> dict[ReverbEvent, Exception]:
    """Follow each order and listing that an event names; `events` maps each to its trigger, for the log.

    `over` is the end of the slice, by clock.monotonic(). Returns the events that could not be followed, each with its
    error: a ReverbError if Reverb did not respond, NotReached if the slice was over, else the exception. Retrying them
    is safe. Raises only what ends the slice (reverbsync.outage).
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
    """Read an order back and save it.

    If that brings no news, the response may predate the webhook, so all orders are polled soon. An order still missing
    two minutes after its first webhook is not of this account and is ignored. Raises TransientError until then.
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
    """Open a job for the listing's product, unless the webhook reports what is known: the echo of our own write.

    A later change has its own webhook; if that is lost, the order poll and the listing poll find it.
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
