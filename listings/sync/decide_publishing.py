"""Decide whether to publish a draft, and what it still lacks for that. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from listings.sync import payload
from listings.sync.decision import Case
from shops.snapshots import ReverbListing

#: What Reverb needs before it publishes a draft; the seller may choose it after the draft was made.
NEEDED = ("category", "shipping_profile", "upc")


def lacks(case: Case, listing: ReverbListing, sends: Mapping[str, Any]) -> dict[str, Any]:
    """Return the defaults without which Reverb may not publish a draft. `upc` is never shown, so it is sent once."""
    if listing.state != "draft":
        return {}
    return {
        name: want
        for name, want in case.wanted.defaults.items()
        if name in NEEDED and name in case.switches.fields and name not in sends
        if not payload.shown(listing, name, want) and case.agreed.get(name, {}).get("sent") != want
    }


def must_publish(case: Case, listing: ReverbListing) -> bool:
    """Return whether to publish a draft, once for each state of the product: repeating it would change nothing."""
    if listing.state != "draft" or not case.switches.publish or not case.units or not case.for_sale:
        return False
    if case.wanted.unsendable:
        return False
    sent = case.agreed.get("publish", {}).get("sent")
    return bool(sent != publishing(case, published=True)["publish"])


def publishing(case: Case, *, published: bool) -> dict[str, Any]:
    """Return the field `publish` as agreed: a digest of the product's state, so that each is published once."""
    if not published:
        return {}
    known = json.dumps([case.wanted.all, case.units], sort_keys=True, default=str)
    return {"publish": hashlib.sha256(known.encode()).hexdigest()[:16]}
