"""Decide what the stock of a listing requires. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from listings.sync.decision import Action, Case, Decision
from shops.reverb.availability import OFF_SALE, SOLD, holds_several, may_sell
from shops.snapshots import ReverbListing


def step(case: Case, listing: ReverbListing) -> Decision | None:
    """Return the step that the stock requires, None if there is none.

    The number to show was computed from both sides (listings/stock/merge.py). The agreed number is not sent again, so
    that a listing that the seller ended on Reverb stays ended. A doubtful number is sent, even if a response already
    shows it: that response may be stale.
    """
    many = holds_several(listing)
    units = case.units or 0 if many else min(1, case.units or 0)
    changed = case.number is None or case.number != units
    if units == 0:
        # A draft that Reverb is still publishing stays a draft; it is published again when units are back.
        again = {"publish": ""} if listing.state == "draft" else {}
        ended = Decision(Action.UPDATE, "ended", {"inventory": 0}, {"stock": 0} | again, first=True)
        return ended if may_sell(listing) else None
    if listing.state in OFF_SALE:
        return _off_sale(case, listing, units, changed=changed, many=many)
    if not changed or not many or (case.number is None and listing.inventory == units):
        return None
    falls = (
        listing.state != "draft" and listing.inventory is not None and units < max(listing.inventory, case.number or 0)
    )
    return replace(_set_units(listing, units, "updated"), first=falls)


def _off_sale(case: Case, listing: ReverbListing, units: int, *, changed: bool, many: bool) -> Decision | None:
    """Return what to do if the store has units and the listing is off sale."""
    ended = listing.state not in SOLD
    if not many and not ended:
        return Decision(Action.SKIP, "used_listing_sold")
    if not changed:
        return Decision(Action.SKIP, "ended_on_reverb") if ended else None
    if ended and case.number is None and not case.switches.publish:
        return Decision(Action.SKIP, "ended_on_reverb")
    # Raising the number relists what sold out (docs); ended listings were only seen to come back with `publish`.
    return replace(_set_units(listing, units, "relisted"), publishes=ended)


def _set_units(listing: ReverbListing, units: int, reason: str) -> Decision:
    made: dict[str, Any] = {"inventory": units}
    if holds_several(listing) and not listing.has_inventory:
        made["has_inventory"] = True
    return Decision(Action.UPDATE, reason, made, {"stock": units})


def says_units(case: Case, listing: ReverbListing) -> bool:
    """Return whether publishing must name the units.

    A draft may never have had any, and sales are derived from the number that it was published with.
    """
    agrees = "stock" in case.switches.fields and holds_several(listing) and case.number is None
    return agrees or listing.inventory == 0
