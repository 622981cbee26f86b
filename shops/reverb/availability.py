"""Compute how many units a listing has for sale, from its state and its inventory. Pure."""

from __future__ import annotations

from shops.reverb.lists import HOLD_SEVERAL
from shops.snapshots import ReverbListing

#: Reverb's states of a listing whose units are all sold; a used item is sold for good.
SOLD = frozenset({"sold", "sold_out", "ordered"})
#: States of a listing that is off sale.
OFF_SALE = SOLD | {"ended"}


def number_of(listing: ReverbListing | None) -> int | None:
    """Return the units that a listing has for sale, None if its inventory says nothing about sales."""
    if listing is None:
        return None
    sold = listing.state in SOLD
    if not sold and listing.state != "live":
        return None
    if not holds_several(listing):
        return 0 if sold else 1
    # A sold listing with units is being put back on sale, which takes Reverb a moment.
    return listing.inventory or 0 if sold else listing.inventory


def may_sell(listing: ReverbListing) -> bool:
    """Return whether units of a listing may be for sale now or later, so it must be ended once none is left.

    Reverb has undocumented states, such as that of a shop on vacation. In those, an inventory of 0 means none.
    """
    if listing.state in OFF_SALE:
        return False
    if listing.state == "draft":
        return bool(listing.inventory)
    return listing.state == "live" or listing.inventory != 0


def is_news(listing: ReverbListing, agreed: int | None, *, both: bool) -> bool:
    """Return whether a list shows another inventory of a listing than the agreed one, and that matters.

    `both`: stock is synced in both directions. If the store leads, a lower number is ignored
    (listings/stock/store_leads.py).
    """
    number = number_of(listing)
    if listing is None or agreed is None or number is None:
        return False
    if not holds_several(listing):
        agreed = min(1, agreed)
    return number != agreed and (both or number > agreed)


def holds_several(listing: ReverbListing) -> bool:
    """Return whether a listing can hold several units, by its condition or because it counts them."""
    return listing.condition in HOLD_SEVERAL or bool(listing.has_inventory)
