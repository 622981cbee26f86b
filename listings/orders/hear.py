"""Events of Reverb → orders read back, and jobs for listings. Reverb signs nothing: an event is only a hint."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from listings import jobs
from listings.models import Listing, Rank
from listings.orders.take import take
from reverbsync import clock
from shops.events import ReverbAppRemoved, ReverbEvent, ReverbListingChanged, ReverbOrderChanged
from shops.models import ReverbConnection, Shop
from shops.pictures import ReverbListing
from shops.reverb import connect
from shops.reverb.client import ReverbClient
from shops.reverb.errors import NotFound, Passing, ReverbError

logger = logging.getLogger(__name__)


def follow(connection: ReverbConnection, events: Mapping[ReverbEvent, str]) -> dict[ReverbEvent, ReverbError]:
    """Look at each order and listing that an event names; `events` tells for each what it came from, for the log.

    Returns the events that could not be followed because Reverb did not answer; trying them again loses nothing.
    """
    failed: dict[ReverbEvent, ReverbError] = {}
    client = ReverbClient.of(connection)
    for event, cause in events.items():
        try:
            match event:
                case ReverbOrderChanged(number):
                    _order(connection.shop, client, number, cause)
                case ReverbListingChanged():
                    _listing(connection.shop, event, cause)
                case ReverbAppRemoved():
                    connect.mark_if_dead(connection)
        except ReverbError as error:
            failed[event] = error
        except Exception:
            # Ours to mend; meanwhile it must not keep us from the others, and is tried again ever more rarely.
            logger.exception("An event of Reverb's broke in shop %s", connection.shop_id)
            failed[event] = Passing("Something went wrong on our side.")
    return failed


def _order(shop: Shop, client: ReverbClient, number: str, cause: str) -> None:
    """Read an order back and take it. One that this account does not have means nothing."""
    try:
        found = client.order(number)
    except NotFound:
        return
    take(shop, [found], cause=cause)


def _listing(shop: Shop, event: ReverbListingChanged, cause: str) -> None:
    """Let the listing's product be looked at, unless the call tells what we know: it is our own write that comes back.

    A later change of it has a call of its own, and where that is lost, the orders and the regular look find it.
    """
    row = Listing.objects.filter(shop=shop, reverb_id=event.listing_id).select_related("product").first()
    if row is None or _known(row, event) or not shop.sync_settings.auto_sync:
        return
    jobs.look_again([row.product], rank=Rank.STOCK, cause=cause, now=clock.now())


def _known(row: Listing, event: ReverbListingChanged) -> bool:
    if not event.state or event.inventory is None or row.picture is None:
        return False
    known = ReverbListing.taken(row.picture)
    return (known.state, known.inventory) == (event.state, event.inventory)
