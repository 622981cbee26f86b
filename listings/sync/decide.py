"""Decide what to do with one product. Pure.

The inputs are what the store says, what Reverb says, what both agreed on, and the shop's switches. The result is the
next call, or the reason for none; it can be computed again at any time.
"""

from __future__ import annotations

from dataclasses import replace

from listings.sync import decide_stock, payload
from listings.sync.decide_publishing import lacks, must_publish, publishing
from listings.sync.decision import Action, Case, Decision
from listings.sync.differences import others, several
from shops.reverb.availability import SOLD, holds_several
from shops.snapshots import ReverbListing


def decide(case: Case) -> Decision:
    """Return the next step for one product."""
    if case.listing is None:
        return _without_listing(case)
    if case.listing.state == "suspended":
        return _suspended(case, case.listing)
    return _with_listing(case, case.listing)


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
    sends = {"sku": case.sku, **values, "stock": units, **publishing(case, published=publish)}
    return Decision(Action.CREATE, "created_publishing" if publish else "created", made, sends, publish)


def _with_listing(case: Case, listing: ReverbListing) -> Decision:
    stock = decide_stock.step(case, listing) if "stock" in case.switches.fields and case.units is not None else None
    if stock is not None and stock.action == Action.SKIP:
        return stock
    alone = stock is not None and stock.first and (case.stock_first or stock.reason == "ended")
    if stock is not None and alone:  # so that nothing else in the call can be refused
        return replace(stock, follow=tuple(name for name in others(case, listing) if name not in stock.sends))
    return _together(case, listing, stock)


def _suspended(case: Case, listing: ReverbListing) -> Decision:
    """Send a lower stock alone: once the suspension is lifted, the listing must not show units that sold meanwhile."""
    stock = decide_stock.step(case, listing) if "stock" in case.switches.fields and case.units is not None else None
    if stock is None or stock.action != Action.UPDATE:
        return Decision(Action.SKIP, "suspended")
    shown = case.number if listing.inventory is None else listing.inventory
    lower = shown is None or stock.sends["stock"] < shown
    return replace(stock, first=True) if lower else Decision(Action.SKIP, "suspended")


def _together(case: Case, listing: ReverbListing, stock: Decision | None) -> Decision:
    """Return the call that sends all differences."""
    if listing.state in SOLD and not several(listing.condition):
        return Decision(Action.NOTHING, "in_sync")  # locked for good, so no field matters any more
    sends = others(case, listing)
    made = payload.body({name: value for name, value in sends.items() if name != "sku"}, update=True)
    if "sku" in sends:
        made["sku"] = case.sku
    if stock is not None:
        made |= stock.body
        sends |= stock.sends
    publishes = must_publish(case, listing) or bool(stock and stock.publishes)
    if publishes:
        lacking = lacks(case, listing, sends)
        made |= payload.body(lacking, update=True) | {"publish": True}
        sends |= lacking | publishing(case, published=True)
        if "stock" not in sends and decide_stock.says_units(case, listing):
            made["inventory"] = sends["stock"] = case.units if holds_several(listing) else 1
    if not made:
        unsendable = case.wanted.unsendable if case.for_sale and case.units else ""
        return Decision(Action.SKIP, unsendable) if unsendable else Decision(Action.NOTHING, "in_sync")
    reason = (
        stock.reason if stock is not None and stock.reason == "relisted" else "publishing" if publishes else "updated"
    )
    return Decision(Action.UPDATE, reason, made, sends, publishes)
