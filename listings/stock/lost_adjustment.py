"""Decide from the store's number and orders whether a stock change was made, if its response was lost.

The number alone is not enough: one unit fewer may be our change, or a sale in the store while our call was lost. If
that sale were mistaken for our change, the unit that sold on Reverb would stay on sale in the store.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from listings.models import Product
from listings.stock import shared_stock
from reverbsync import clock
from shops.orders import OrderStatus, StoreOrder
from shops.platforms import StoreClient
from shops.platforms.cancelling import OFF
from shops.platforms.errors import StoreError
from shops.platforms.values import Count

logger = logging.getLogger(__name__)

#: How far the store's clock and ours may differ: an order of about then may have come before or after. With more,
#: orders that are certainly in the number from which the change was made would count as sold since.
CLOCKS_APART = timedelta(seconds=2)
#: Pages of orders that are read at most.
MOST_PAGES = 5


@dataclass(frozen=True)
class Sold:
    """How many units the store's own orders took since a moment: surely, and at most."""

    surely: int = 0
    at_most: int = 0


def was_applied(units: int, *, before: int, by: int, sold: Sold) -> bool:
    """Return whether a change by `by` was made to a stock that had `before` units, and has `units` now.

    The better explanation of the number wins; between two equal ones, the one that leaves fewer units. A raise is
    repeated only if the number is the one from before: if anything else moved it, repeating could add units that do not
    exist.
    """
    if_not = _distance(units - before, sold)
    if_so = _distance(units - before - by, sold)
    return if_so < if_not if by < 0 else if_not > 0 or if_so == 0


def decided_by_count(count: Count, *, before: int, there: int, by: int) -> bool | None:
    """Decide from the count where no order can change the decision; None if the orders have to be read.

    `before` and `there`: what was counted before the change. An unchanged number means that a reduction was not made,
    since sales would have lowered it as well. A number higher than before means that a raise was made. A count apart,
    which orders do not touch, shows our own change.
    """
    units = count.units or 0
    if by > 0 and units > before:
        return True
    if count.apart and count.there == there:
        return False
    if by > 0:
        return True if count.apart and count.there == there + by else None
    return False if units == before else None


def _distance(moved: int, sold: Sold) -> int:
    """Return how far a number moved beyond what was sold."""
    fewest, most = moved + sold.surely, moved + sold.at_most
    return 0 if fewest <= 0 <= most else min(abs(fewest), abs(most))


def sold_between(client: StoreClient, product: Product, moment: datetime, until: datetime) -> Sold:
    """Return what the store's own orders took from a product's stock between two moments (aware).

    If the orders cannot be read, or are dated in the future, nothing is known to have sold.
    """
    ids = {product.seen.store_product_id, *(one.store_product_id for one in shared_stock.sharers(product))}
    surely = at_most = 0
    try:
        for order in _orders(client, moment - CLOCKS_APART):
            if order.reverb_number or order.status in OFF:
                continue
            moments = [at for at in (order.placed_at, order.paid_at) if at is not None]
            if not moments or max(moments) < moment - CLOCKS_APART:
                continue
            if max(moments) > clock.now() + CLOCKS_APART:
                return Sold()  # its clock is wrong, so earlier orders may seem to be later ones
            # Some stores deduct the units of an order when it is placed, some when it is paid.
            if min(moments) > until + CLOCKS_APART:
                continue
            within = min(moments) >= moment + CLOCKS_APART and max(moments) <= until - CLOCKS_APART
            for line in order.lines_of(ids, product.sku):
                units = max(0, line.quantity - line.refunded) if line.taken is None else line.taken
                said = line.taken is not None or order.status != OrderStatus.WAITING
                at_most += units
                surely += units if said and within else 0
    except StoreError as error:
        logger.warning("The orders of shop %s could not be read: %s", product.shop_id, type(error).__name__)
        return Sold()
    return Sold(surely, at_most)


def _orders(client: StoreClient, since: datetime) -> Iterator[StoreOrder]:
    cursor: str | None = ""
    for _ in range(MOST_PAGES):
        if cursor is None:
            return
        found, cursor = client.orders(since, cursor)
        yield from found
