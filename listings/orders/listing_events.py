"""Remember briefly what a webhook of Reverb said about a listing: a response older than the webhook does not show it.

It is stored in the cache: if that is emptied, the listing poll finds the change.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.core.cache import cache

from listings.models import Listing
from reverbsync import clock
from shops.events import ReverbListingChanged
from shops.snapshots import ReverbListing

#: When after the webhook its listing is read again, while it does not show what the webhook said.
LOOKS = (timedelta(seconds=10), timedelta(seconds=30), timedelta(seconds=120))


def note(row: Listing, event: ReverbListingChanged) -> None:
    """Store what a webhook said about a listing."""
    said = (event.state, event.inventory, clock.now().timestamp())
    if event.state and event.inventory is not None:
        cache.set(_key(row), said, LOOKS[-1].total_seconds() + 60)


def again_s(row: Listing, read: ReverbListing | None, now: datetime) -> float | None:
    """Return the seconds until a listing is to be read again; None if it shows what was said, or nothing was."""
    said = cache.get(_key(row))
    if said is None or read is None:
        return None
    state, inventory, at = said
    if (state, inventory) == (read.state, read.inventory):
        cache.delete(_key(row))
        return None
    ago = timedelta(seconds=now.timestamp() - at)
    return next(((look - ago).total_seconds() + 1 for look in LOOKS if look > ago), None)


def _key(row: Listing) -> str:
    return f"reverb:reported:{row.pk}"
