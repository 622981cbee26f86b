"""How far the sales explain the movement of Reverb's number. Pure.

An order moves the number by all of its units or by none, now or later. The number stops at zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from listings.stock.agreed import FOLLOWS_WITHIN, GAIN_SETTLES_AFTER, Agreed, Sale, before


def unexplained(agreed: Agreed, sales: Sequence[Sale], reverb: int | None, now: datetime) -> tuple[int, int]:
    """Return by how many units the number is above, and by how many below, what the sales explain."""
    if reverb is None or agreed.reverb is None:
        return 0, 0
    gap = reverb - agreed.reverb - moved_by(agreed, sales, reverb, now)
    return max(0, gap), max(0, -gap)


def _went(sale: Sale, agreed: Agreed, now: datetime) -> set[int]:
    """Return by how many units Reverb's number may be down for a sale by now: for all of its units, or for none."""
    open_ = sale.new or now <= sale.updated_at + FOLLOWS_WITHIN
    if sale.released and not sale.shown and (sale.unseen or not sale.counted):
        # Placed and released between two reads, or its drop was attributed to another sale: Reverb put it back, or did
        # not.
        came = {-sale.quantity} if sale.new or earlier(sale, agreed) else set()
        return {0, *came, *(() if sale.restocked else (sale.quantity,))} if open_ else {0}
    if sale.released:
        # Reverb puts back all units, even if the number never went down for the sale, or less than we could see.
        came = {sale.shown - sale.quantity, *((-sale.quantity,) if sale.doubtful else ())}
        return {sale.shown, *(came if open_ else ())}
    if sale.shown:
        return {sale.shown}
    return {sale.quantity, *((0,) if earlier(sale, agreed) or not sale.sure else ())}


def earlier(sale: Sale, agreed: Agreed) -> bool:
    """Return whether a sale predates the agreed number, which may contain it or have overwritten it."""
    return before(sale.placed_at, agreed.set_at)


def _sums(sales: Sequence[Sale], agreed: Agreed, now: datetime) -> list[set[int]]:
    """Return, for each index, by how many units the sales from there on may move the number; {0} after the last."""
    found = [{0}]
    for sale in reversed(sales):
        found.append({rest + sale.shown - went for rest in found[-1] for went in _went(sale, agreed, now)})
    return found[::-1]


def _moves(agreed: Agreed, sales: Sequence[Sale], now: datetime) -> list[int]:
    """Return the movements of Reverb's number that the sales explain, lowest first."""
    found = _sums(sales, agreed, now)[0]
    # The number never goes below zero: a sale from a listing known at zero was of a unit that we had not seen.
    return sorted(found if agreed.reverb is None else {max(one, -max(0, agreed.reverb)) for one in found})


def moved_by(agreed: Agreed, sales: Sequence[Sale], reverb: int | None, now: datetime) -> int:
    """Return how far Reverb's number moved for the sales.

    If it fell, it fell from the next higher number that they explain; if it rose, it rose from the next lower one.
    """
    moves = _moves(agreed, sales, now)
    if agreed.reverb is None:
        return moves[-1]
    if reverb is None:
        return 0
    gap = reverb - agreed.reverb
    if gap < 0:
        return next((moved for moved in moves if moved >= gap), moves[-1])
    return next((moved for moved in reversed(moves) if moved <= gap), moves[0])


def allocated(
    sales: Sequence[Sale], moved: int, agreed: Agreed, now: datetime, orders_at: datetime | None
) -> tuple[Sale, ...]:
    """Return the sales as counted, each with its part of the movement `moved`."""
    # If the number moved only for some of them, it moved for paid ones first, and last for restocked ones.
    sales = sorted(sales, key=lambda one: (one.restocked, one.sure))
    sums = _sums(sales, agreed, now)
    spare = max(one for one in sums[0] if one <= moved)  # `moved` is lower where the number stopped at zero
    found = []
    for sale, rest in zip(sales, sums[1:], strict=True):
        ways = _went(sale, agreed, now)
        least, most = min(ways), max(ways)
        went = min(one for one in ways if spare - sale.shown + one in rest)
        spare -= sale.shown - went
        back = most - went
        # If the number does not show a sure sale, it contained the sale before or overwrote it, and will not move for
        # it.
        went = sale.quantity if sale.sure and not sale.released else went
        # An unpaid one that may not have moved it yet is no surer: the number may have fallen for another sale.
        unsure = not sale.sure or earlier(sale, agreed)
        still = sale.doubtful and not back  # also once the number can no longer move for it
        doubtful = still if sale.shown or least == most else unsure and back < most - least
        # A sale that is paid now, but that the number does not show, may move it in a moment.
        pays = sale.new and sale.sure and not sale.released and sale.updated_at > sale.placed_at
        doubtful = (doubtful or (pays and back > 0)) and not all_known(sale, orders_at)
        came = sale.released and (sale.restocked or (went <= 0 < sale.shown and not sale.doubtful))
        taken = replace(
            sale, counted=sale.takes, shown=max(0, went), new=False, unseen=False, doubtful=doubtful, restocked=came
        )
        found.append(taken)
    return tuple(found)


def all_known(sale: Sale, orders_at: datetime | None) -> bool:
    """Return whether all orders from the time of the drop are known. If no other order explains it, this one does."""
    return orders_at is not None and orders_at > sale.updated_at + FOLLOWS_WITHIN + GAIN_SETTLES_AFTER
