"""Decide what to do with one product. Pure.

The inputs are what the store says, what Reverb says, what both agreed on, and the shop's switches. The result is the
next call, or the reason for none; it can be computed again at any time.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from listings.sync import payload
from listings.sync.payload import Wanted
from shops.reverb.availability import OFF_SALE, SOLD, holds_several, may_sell
from shops.reverb.lists import HOLD_SEVERAL
from shops.snapshots import PHOTOS_UNKNOWN, ReverbListing

Agreed = Mapping[str, Mapping[str, Any]]
#: The key in `agreed` for the time of our last call with fields (seconds since 1970).
WRITTEN = "written"


class Action(StrEnum):
    """The kind of the next step."""

    NOTHING = "nothing"
    CREATE = "create"
    UPDATE = "update"
    SKIP = "skip"


@dataclass(frozen=True)
class Decision:
    """The next step: `reason` is an id of synclog/reasons.py, `body` the JSON to send, `sends` field → wanted value."""

    action: Action
    reason: str
    body: Mapping[str, Any] = field(default_factory=dict)
    sends: Mapping[str, Any] = field(default_factory=dict)
    publishes: bool = False
    #: A lower stock goes alone, before everything else; `follow` names the fields that follow in the next call.
    first: bool = False
    follow: tuple[str, ...] = ()


@dataclass(frozen=True)
class Switches:
    """What the seller allows."""

    create: bool = True
    publish: bool = False
    fields: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Case:
    """Everything that a decision depends on.

    `units`: what Reverb is to show, None if the store does not count or its stock does not sync. `number`: what Reverb
    showed when that was last agreed, None if it never was (listings/stock). `for_sale`: active in the store. `sku`: ""
    if the listing keeps its own.
    """

    sku: str
    wanted: Wanted
    units: int | None
    for_sale: bool
    listing: ReverbListing | None
    agreed: Agreed
    switches: Switches
    #: Names of the ids of conditions, categories and shipping profiles, for people.
    names: Mapping[str, str] = field(default_factory=dict)
    number: int | None = None
    #: Our last call was a moment ago. A response may show the state before it, which does not mean that it was undone.
    written_lately: bool = False
    #: A lower stock goes alone, before everything else. False: it goes with the rest, since Reverb refused it alone, or
    #: to save a call of a mass sync. An end always goes alone.
    stock_first: bool = True

    def only_stock(self) -> Case:
        """Return the case with the stock as its only field."""
        switches = replace(self.switches, create=False, publish=False, fields=self.switches.fields & {"stock"})
        return replace(self, sku="", wanted=Wanted(), switches=switches)

    def without(self, refused: Collection[str]) -> Case:
        """Return the case without the fields that Reverb refused."""
        publish = self.switches.publish and "publish" not in refused
        switches = replace(self.switches, publish=publish, fields=self.switches.fields - frozenset(refused))
        return replace(self, sku="" if "sku" in refused else self.sku, switches=switches)


def decide(case: Case) -> Decision:
    """Return the next step for one product."""
    if case.listing is None:
        return _without_listing(case)
    if case.listing.state == "suspended":
        return _suspended(case, case.listing)
    return _with_listing(case, case.listing)


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


# -- no listing yet ------------------------------------------------------------------------------------------------


def _without_listing(case: Case) -> Decision:
    hindered = (
        ("not_for_sale", not case.for_sale),
        ("creating_off", not case.switches.create),
        ("stock_not_counted", case.units is None),
        ("no_stock", case.units == 0),
        (case.wanted.unsendable, bool(case.wanted.unsendable)),
        ("no_sku", not case.sku),
    )
    if reason := next((reason for reason, holds in hindered if holds), ""):
        return Decision(Action.SKIP, reason)
    values = case.wanted.all
    publish = case.switches.publish
    units = case.units if several(values.get("condition")) else 1
    made = {
        "sku": case.sku,
        **payload.body(values, update=False),
        "has_inventory": several(values.get("condition")),
        "inventory": units,
        "publish": publish,
    }
    sends = {"sku": case.sku, **values, "stock": units, **_publishing(case, published=publish)}
    return Decision(Action.CREATE, "created_publishing" if publish else "created", made, sends, publish)


# -- existing listing ----------------------------------------------------------------------------------------------


def _with_listing(case: Case, listing: ReverbListing) -> Decision:
    stock = _stock_step(case, listing) if "stock" in case.switches.fields and case.units is not None else None
    if stock is not None and stock.action == Action.SKIP:
        return stock
    alone = stock is not None and stock.first and (case.stock_first or stock.reason == "ended")
    if stock is not None and alone:  # so that nothing else in the call can be refused
        return replace(stock, follow=tuple(name for name in _others(case, listing) if name not in stock.sends))
    return _together(case, listing, stock)


def _suspended(case: Case, listing: ReverbListing) -> Decision:
    """Send a lower stock alone: once the suspension is lifted, the listing must not show units that sold meanwhile."""
    stock = _stock_step(case, listing) if "stock" in case.switches.fields and case.units is not None else None
    if stock is None or stock.action != Action.UPDATE:
        return Decision(Action.SKIP, "suspended")
    shown = case.number if listing.inventory is None else listing.inventory
    lower = shown is None or stock.sends["stock"] < shown
    return replace(stock, first=True) if lower else Decision(Action.SKIP, "suspended")


def _together(case: Case, listing: ReverbListing, stock: Decision | None) -> Decision:
    """Return the call that sends all differences."""
    if listing.state in SOLD and not several(listing.condition):
        return Decision(Action.NOTHING, "in_step")  # locked for good, so no field matters any more
    sends = _others(case, listing)
    made = payload.body({name: value for name, value in sends.items() if name != "sku"}, update=True)
    if "sku" in sends:
        made["sku"] = case.sku
    if stock is not None:
        made |= stock.body
        sends |= stock.sends
    publishes = _must_publish(case, listing) or bool(stock and stock.publishes)
    if publishes:
        lacks = _lacks(case, listing, sends)
        made |= payload.body(lacks, update=True) | {"publish": True}
        sends |= lacks | _publishing(case, published=True)
        if "stock" not in sends and _says_units(case, listing):
            made["inventory"] = sends["stock"] = case.units if holds_several(listing) else 1
    if not made:
        unsendable = case.wanted.unsendable if case.for_sale and case.units else ""
        return Decision(Action.SKIP, unsendable) if unsendable else Decision(Action.NOTHING, "in_step")
    reason = (
        stock.reason if stock is not None and stock.reason == "relisted" else "publishing" if publishes else "updated"
    )
    return Decision(Action.UPDATE, reason, made, sends, publishes)


def _others(case: Case, listing: ReverbListing) -> dict[str, Any]:
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


def _stock_step(case: Case, listing: ReverbListing) -> Decision | None:
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


def _says_units(case: Case, listing: ReverbListing) -> bool:
    """Return whether publishing must name the units.

    A draft may never have had any, and sales are derived from the number that it was published with.
    """
    agrees = "stock" in case.switches.fields and holds_several(listing) and case.number is None
    return agrees or listing.inventory == 0


# -- publishing ----------------------------------------------------------------------------------------------------

#: What Reverb needs before it publishes a draft; the seller may choose it after the draft was made.
NEEDED = ("category", "shipping_profile", "upc")


def _lacks(case: Case, listing: ReverbListing, sends: Mapping[str, Any]) -> dict[str, Any]:
    """Return the defaults without which Reverb may not publish a draft. `upc` is never shown, so it is sent once."""
    if listing.state != "draft":
        return {}
    return {
        name: want
        for name, want in case.wanted.defaults.items()
        if name in NEEDED and name in case.switches.fields and name not in sends
        if not payload.shown(listing, name, want) and case.agreed.get(name, {}).get("sent") != want
    }


def _must_publish(case: Case, listing: ReverbListing) -> bool:
    """Return whether to publish a draft, once for each state of the product: repeating it would change nothing."""
    if listing.state != "draft" or not case.switches.publish or not case.units or not case.for_sale:
        return False
    if case.wanted.unsendable:
        return False
    sent = case.agreed.get("publish", {}).get("sent")
    return bool(sent != _publishing(case, published=True)["publish"])


def _publishing(case: Case, *, published: bool) -> dict[str, Any]:
    if not published:
        return {}
    known = json.dumps([case.wanted.all, case.units], sort_keys=True, default=str)
    return {"publish": hashlib.sha256(known.encode()).hexdigest()[:16]}
