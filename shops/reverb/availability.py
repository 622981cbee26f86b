"""How many units a listing has for sale, by its state and its number. Pure."""

from __future__ import annotations

from shops.reverb.lists import HOLD_SEVERAL
from shops.snapshots import ReverbListing

#: States in which all was sold, a used item for good. Reverb's words.
SOLD = frozenset({"sold", "sold_out", "ordered"})
#: States in which a listing is off sale.
OFF_SALE = SOLD | {"ended"}


def number_of(listing: ReverbListing | None) -> int | None:
    """Return the units that a listing has for sale, None where its number says nothing about sales."""
    if listing is None:
        return None
    sold = listing.state in SOLD
    if not sold and listing.state != "live":
        return None
    if not holds_several(listing):
        return 0 if sold else 1
    # One that is sold and has units is being put on sale again, which takes Reverb a moment.
    return listing.inventory or 0 if sold else listing.inventory


def may_sell(listing: ReverbListing) -> bool:
    """Return whether units of a listing may be for sale now or later, so that it is to be ended once none is left.

    Reverb has more states than are documented, such as that of a shop on vacation. In those a number of 0 means none.
    """
    if listing.state in OFF_SALE:
        return False
    if listing.state == "draft":
        return bool(listing.inventory)
    return listing.state == "live" or listing.inventory != 0


def is_news(listing: ReverbListing, agreed: int | None, *, both: bool) -> bool:
    """Return whether the number that some list shows of a listing is another one than the agreed one, and matters.

    `both`: stock goes both ways. Where the store leads a lower number is left alone (listings/stock/ledger.py).
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
