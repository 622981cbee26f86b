"""What orders that show late, or that were in doubt, say of how the number moved before. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from listings.stock.agreed import FOLLOWS_WITHIN, Agreed, Sale, before
from listings.stock.movement import all_known, earlier, unexplained


def as_first_seen(agreed: Agreed, sales: Sequence[Sale]) -> tuple[Agreed, list[Sale]]:
    """Return what the first number of a listing is reckoned from, whose POST got no answer: the sales as if seen now.

    Till now they were counted by their orders alone, and whether the number went down for them and came up again in
    that time was not to be seen.
    """
    counted = sum(sale.counted for sale in sales)
    unseen = [replace(sale, new=True, counted=0, shown=0, doubtful=False, restocked=False) for sale in sales]
    return replace(agreed, units=agreed.units + counted), unseen


def cleared(agreed: Agreed, sales: Sequence[Sale], orders_at: datetime | None) -> tuple[Agreed, list[Sale]]:
    """Return what is left of the doubts: none about a sale once all orders of its time are known.

    What fell then, and no other order explains, was for a doubtful one whose units had been taken by its order: they
    come back.
    """
    found = []
    for sale in sales:
        now = sale
        if sale.doubtful and all_known(sale, orders_at):
            part = min(agreed.unexplained_drop, sale.quantity) if _fell_unseen(sale, agreed) else 0
            agreed = replace(agreed, unexplained_drop=agreed.unexplained_drop - part, units=agreed.units + part)
            now = replace(sale, doubtful=False)
        found.append(now)
    return agreed, found


def _fell_unseen(sale: Sale, agreed: Agreed) -> bool:
    """Return whether what fell may have been for a sale whose units were taken already, by its order alone.

    Either it is off and the number was never seen to go down for it, or it is paid now and the number went down for it
    only then: what it was taken for before was another one.
    """
    paid = sale.sure and sale.updated_at > sale.placed_at
    if agreed.dropped_at is None or (sale.shown if sale.released else not paid):
        return False
    since = sale.placed_at if sale.released else sale.updated_at
    return before(since, agreed.dropped_at) and agreed.dropped_at <= sale.updated_at + FOLLOWS_WITHIN


def explained(agreed: Agreed, sales: Sequence[Sale], reverb: int | None, now: datetime) -> tuple[Agreed, list[Sale]]:
    """Return the sales, where those that show late explain what dropped or was gained before.

    Of all explanations the one that leaves the least unexplained, first of what is above; else paid ones go first.
    """
    late = [sale for sale in sales if sale.new] if agreed.unexplained_drop or agreed.unexplained_gain else []
    ways = [_explain(agreed, sales, first) for first in (None, *late)]
    ways += [_explain(agreed, sales, None, but=one) for one in late]  # it may be of now, and not of before
    return min(ways, key=lambda way: _in_the_dark(way[0], way[1], reverb, now))


def _in_the_dark(agreed: Agreed, sales: Sequence[Sale], reverb: int | None, now: datetime) -> tuple[int, int]:
    """Return how many units too many, and how many too few, nothing explains, of now and of before."""
    above, below = unexplained(agreed, sales, reverb, now)
    return above + agreed.unexplained_gain, below + agreed.unexplained_drop


def _explain(
    agreed: Agreed, sales: Sequence[Sale], first: Sale | None, but: Sale | None = None
) -> tuple[Agreed, list[Sale]]:
    """Return what is left of drop and gain once the sales have explained them, one after the other.

    `first` does so before all others, `but` not at all.
    """
    drop, gain, known = agreed.unexplained_drop, agreed.unexplained_gain, []
    for sale in sorted(sales, key=lambda one: (one is not first, not one.sure)):
        now, explains = sale, sale.new and sale is not but
        reckoned = sale.counted or sale.shown or sale.restocked
        if drop and explains and not reckoned and before(sale.placed_at, agreed.dropped_at):
            part = min(drop, sale.quantity)
            drop, now = drop - part, replace(now, counted=part, shown=sale.quantity, doubtful=not sale.sure)
            if not sale.released and before(agreed.dropped_at, agreed.gained_at):
                gain -= min(gain, part)  # what seemed to undo it was an answer of before
        if gain and explains and now.released and not now.restocked and before(sale.placed_at, agreed.gained_at):
            # Put back before that showed; where it was in the number before, or overwritten, it was never seen to go.
            unseen = not (now.counted or now.shown) and not earlier(now, agreed)
            part = 0 if unseen else min(gain, now.quantity)
            gain, now = gain - part, replace(now, shown=max(0, now.shown - part), restocked=part == now.quantity)
        known.append(now)
    return replace(agreed, unexplained_drop=drop, unexplained_gain=gain), known
