"""How far the sales explain that Reverb's number moved. Pure.

An order moves it by all of its units or by none, now or later; it stops at zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from listings.stock.agreed import FOLLOWS_WITHIN, GAIN_SETTLES_AFTER, Agreed, Sale, before


def unexplained(agreed: Agreed, sales: Sequence[Sale], reverb: int | None, now: datetime) -> tuple[int, int]:
    """Return by how many units the number is above what the sales explain, and by how many below."""
    if reverb is None or agreed.reverb is None:
        return 0, 0
    gap = reverb - agreed.reverb - moved_by(agreed, sales, reverb, now)
    return max(0, gap), max(0, -gap)


def _went(sale: Sale, agreed: Agreed, now: datetime) -> set[int]:
    """Return by how many units Reverb's number may have gone down for a sale by now: for all of it, or not at all."""
    open_ = sale.new or now <= sale.updated_at + FOLLOWS_WITHIN
    if sale.released and not sale.shown and (sale.unseen or not sale.counted):
        # Placed and freed between two looks, or what fell for it was put down to another: put back by Reverb or not.
        came = {-sale.quantity} if sale.new or earlier(sale, agreed) else set()
        return {0, *came, *(() if sale.restocked else (sale.quantity,))} if open_ else {0}
    if sale.released:
        # Reverb puts back all of it, also where the number never went down for it, or not as far as we could see.
        came = {sale.shown - sale.quantity, *((-sale.quantity,) if sale.doubtful else ())}
        return {sale.shown, *(came if open_ else ())}
    if sale.shown:
        return {sale.shown, *((0,) if sale.doubtful else ())}
    return {sale.quantity, *((0,) if earlier(sale, agreed) or not sale.sure else ())}


def earlier(sale: Sale, agreed: Agreed) -> bool:
    """Return whether a sale is from before the number that we reckon from, which may hold or have overwritten it."""
    return before(sale.placed_at, agreed.set_at)


def _sums(sales: Sequence[Sale], agreed: Agreed, now: datetime) -> list[set[int]]:
    """Return by how many units the sales from each one on may move Reverb's number together; {0} after the last."""
    found = [{0}]
    for sale in reversed(sales):
        found.append({rest + sale.shown - went for rest in found[-1] for went in _went(sale, agreed, now)})
    return found[::-1]


def _moves(agreed: Agreed, sales: Sequence[Sale], now: datetime) -> list[int]:
    """Return the movements of Reverb's number that the sales explain, the lowest first."""
    found = _sums(sales, agreed, now)[0]
    # It never goes below zero: what sold of a listing that we know at zero was there unseen.
    return sorted(found if agreed.reverb is None else {max(one, -max(0, agreed.reverb)) for one in found})


def moved_by(agreed: Agreed, sales: Sequence[Sale], reverb: int | None, now: datetime) -> int:
    """Return how far Reverb's number has moved for the sales.

    Where it went down, it fell from the next number that they explain; where it went up, it rose from the one below.
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
    """Return the sales as counted, each with how far the number went for it: together by `moved`."""
    # Where the number moved for some of them only, it did so for paid ones first, and hardly again for what came up.
    sales = sorted(sales, key=lambda one: (one.restocked, one.sure))
    sums = _sums(sales, agreed, now)
    spare = max(one for one in sums[0] if one <= moved)  # below it where the number stopped at zero
    found = []
    for sale, rest in zip(sales, sums[1:], strict=True):
        ways = _went(sale, agreed, now)
        least, most = min(ways), max(ways)
        went = min(one for one in ways if spare - sale.shown + one in rest)
        spare -= sale.shown - went
        back = most - went
        # A sure sale that the number does not show was in it before, or overwritten, and will not move it any more.
        went = sale.quantity if sale.sure and not sale.released else went
        # An unpaid one that may not have moved it yet is no surer: the number may have gone down for another one.
        unsure = not sale.sure or earlier(sale, agreed)
        still = sale.doubtful and not back  # also once the number will not move for it any more
        doubtful = still if sale.shown or least == most else unsure and back < most - least
        # One that is paid now, and that the number does not show, may move it in a moment.
        pays = sale.new and sale.sure and not sale.released and sale.updated_at > sale.placed_at
        doubtful = (doubtful or (pays and back > 0)) and not all_known(sale, orders_at)
        came = sale.released and (sale.restocked or (went <= 0 < sale.shown and not sale.doubtful))
        taken = replace(
            sale, counted=sale.takes, shown=max(0, went), new=False, unseen=False, doubtful=doubtful, restocked=came
        )
        found.append(taken)
    return tuple(found)


def all_known(sale: Sale, orders_at: datetime | None) -> bool:
    """Return whether all orders of the time in which the number went down are known: if no other is it, this one is."""
    return orders_at is not None and orders_at > sale.updated_at + FOLLOWS_WITHIN + GAIN_SETTLES_AFTER
