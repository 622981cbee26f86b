"""Find the fields on which listing and product differ, and record those on which they agree. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from listings.sync import payload
from listings.sync.decision import Case
from shops.reverb.availability import SOLD
from shops.reverb.lists import HOLD_SEVERAL
from shops.snapshots import PHOTOS_UNKNOWN, ReverbListing


def several(condition: str | None) -> bool:
    """Return whether a listing of this condition can hold several units."""
    return condition in HOLD_SEVERAL


def agree(case: Case, sent: Mapping[str, Any], listing: ReverbListing) -> dict[str, dict[str, Any]]:
    """Return what is agreed on once a call sent these values and Reverb shows `listing`. Stock has its ledger."""
    rest = {name: value for name, value in sent.items() if name != "stock"}
    return {name: _base(case, name, value, _shown(listing, name, value)) for name, value in rest.items()}


def already_agreed(case: Case) -> dict[str, dict[str, Any]]:
    """Return what is agreed on without a call: the fields on which listing and product show the same."""
    if case.listing is None:
        return {}
    values = {name: v for name, v in _on(case).items() if _shown(case.listing, name, v) == v}
    same = {name: v for name, v in values.items() if not _differs(case, case.listing, name, v)}
    return agree(case, same, case.listing)


def _base(case: Case, name: str, sent: Any, read: Any) -> dict[str, Any]:
    guessed = name in case.wanted.guessed and name not in case.wanted.said
    return {"sent": sent, "read": read, "guessed": True} if guessed else {"sent": sent, "read": read}


def others(case: Case, listing: ReverbListing) -> dict[str, Any]:
    """Return the fields besides stock on which listing and product differ, with the wanted values."""
    if listing.state in SOLD and not several(listing.condition):
        return {}
    sends = {name: value for name, value in _on(case).items() if _differs(case, listing, name, value)}
    return sends | ({"sku": case.sku} if _sku_differs(case, listing) else {})


def _on(case: Case) -> dict[str, Any]:
    """Return the values of the enabled fields: what the store says, and guesses that follow our own."""
    guesses = {n: v for n, v in case.wanted.guessed.items() if case.agreed.get(n, {}).get("guessed")}
    return {name: v for name, v in {**guesses, **case.wanted.said}.items() if name in case.switches.fields}


def _differs(case: Case, listing: ReverbListing, name: str, want: Any) -> bool:
    """Return whether a field must be sent: Reverb shows another value, not just its own spelling of it."""
    now = _shown(listing, name, want)
    base = case.agreed.get(name)
    if now == want:
        return base is not None and case.written_lately and base.get("sent") != want
    if base is None:
        # For a listing that existed before us, the same number of photos as in the store counts as the same photos. On
        # a page of listings they cannot be counted. A live listing has the UPC that it needs, though Reverb never shows
        # it.
        on_page = listing.photo_count == PHOTOS_UNKNOWN
        if name == "upc":
            return not (on_page and listing.state == "live")
        return not (name == "photos" and (on_page or listing.photo_count == len(want)))
    return not (base.get("sent") == want and (now is None or base.get("read") in (None, now)))


def _sku_differs(case: Case, listing: ReverbListing) -> bool:
    """Return whether the listing must get the product's SKU. If Reverb alters or hides it, it is sent only once."""
    shown = listing.sku.strip()
    base = case.agreed.get("sku", {})
    if not case.sku or (shown == case.sku and not (base and case.written_lately)):
        return False
    return base.get("sent") != case.sku or bool(shown and str(base.get("read") or "").strip() != shown)


def _shown(listing: ReverbListing, name: str, want: Any) -> Any:
    return None if name == "publish" else payload.shown(listing, name, want)
