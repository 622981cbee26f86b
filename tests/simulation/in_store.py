"""Check that each sale on Reverb is one order in the store, and that each parcel is reported to Reverb once.

For sellers who enabled this. What a sale requires depends on its final state on Reverb.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from listings.models import Order as Row
from listings.models import StoreOrderState
from sandbox.common.keep import Doc
from sandbox.reverb.orders import PAID
from tests.simulation.book import Item, Order

if TYPE_CHECKING:
    from tests.simulation.run import Run

#: The sale is cancelled for good; one under review by Reverb ("blocked") may continue.
OFF = ("cancelled", "refunded")


def wrong(run: Run) -> Iterator[str]:
    """Yield what is wrong with the orders that were created in the stores, and with their parcels."""
    there = {one["order_number"]: one for one in run.outside.ask("reverb", "GET", "/_control/orders")}
    for items in run.world.items:
        for item in items:
            for order in item.reverb_orders if item.taken else ():
                made = run.world.made_in_store(item, order)
                yield from _made(run, item, there[order.number], made)
                yield from _parcels(run, item, order, there[order.number], made)


def _made(run: Run, item: Item, sale: Doc, made: list[Doc]) -> Iterator[str]:
    number, status = sale["order_number"], sale["status"]
    stands = [one for one in made if one["status"] not in OFF]
    if len(made) > 1:
        yield f"order {number} of {item.sku} was made {len(made)} times in the store"
    elif status in OFF and [one for one in stands if one["status"] != "shipped"]:
        yield f"order {number} of {item.sku} is {status} on Reverb and still open in the store"
    elif status in PAID and not stands and not _may_miss(run, item, sale):
        yield f"order {number} of {item.sku} is {status} on Reverb and no order in the store"
    elif sale["paid_at"] is None and made:
        yield f"order {number} of {item.sku} was made in the store and never paid"


def _may_miss(run: Run, item: Item, sale: Doc) -> bool:
    """Return whether the order may be missing: its product was deleted in the store, and the seller is notified."""
    row = Row.objects.filter(shop=run.shops[item.shop], number=sale["order_number"]).first()
    return (
        item.was_deleted
        and row is not None
        and row.store_state in (StoreOrderState.CREATE_FAILED, StoreOrderState.NO_PRODUCT)
    )


def _parcels(run: Run, item: Item, order: Order, sale: Doc, made: list[Doc]) -> Iterator[str]:
    shipped = [parcel["tracking_number"] for one in made for parcel in one["shipments"]]
    if not shipped or sale["status"] not in PAID:
        return
    reports = [
        call
        for call in run.calls.made
        if call.writes and call.path.endswith(f"/{order.number}/ship") and call.status == 200
    ]
    if len(reports) > 1:
        yield f"the parcel of order {order.number} was reported {len(reports)} times; Reverb mailed the buyer each time"
    if sale["tracking_number"] not in shipped and not order.shipped_by_hand:
        yield f"order {order.number} of {item.sku} is shipped in the store, and its parcel was not reported to Reverb"
