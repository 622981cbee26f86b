"""What orders that appear late, or that were in doubt, say about earlier movements of the number. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from listings.stock.agreed import FOLLOWS_WITHIN, Agreed, Sale, before
from listings.stock.movement import all_known, earlier, unexplained


def as_first_seen(agreed: Agreed, sales: Sequence[Sale]) -> tuple[Agreed, list[Sale]]:
    """Return the base of a listing's first number after a POST without a response: the sales as if seen now.

    Until now they were counted by their orders alone. Whether the number went down and up for them was not visible.
    """
    counted = sum(sale.counted for sale in sales)
    unseen = [replace(sale, new=True, counted=0, shown=0, doubtful=False, restocked=False) for sale in sales]
    return replace(agreed, units=agreed.units + counted), unseen


def cleared(agreed: Agreed, sales: Sequence[Sale], orders_at: datetime | None) -> tuple[Agreed, list[Sale]]:
    """Clear the doubts about each sale once all orders of its time are known.

    An unexplained drop from then was for a doubtful sale whose order had already deducted the units: they come back.
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
    """Return whether a drop may be for a sale whose units its order alone had already deducted.

    Either it is released and the number was never seen to go down for it, or it is paid now and the number went down
    for it only then: the earlier drop that was attributed to it was another sale's.
    """
    paid = sale.sure and sale.updated_at > sale.placed_at
    if agreed.dropped_at is None or (sale.shown if sale.released else not paid):
        return False
    since = sale.placed_at if sale.released else sale.updated_at
    return before(since, agreed.dropped_at) and agreed.dropped_at <= sale.updated_at + FOLLOWS_WITHIN


def explained(agreed: Agreed, sales: Sequence[Sale], reverb: int | None, now: datetime) -> tuple[Agreed, list[Sale]]:
    """Return the sales, where those that appear late explain earlier drops or gains.

    The explanation that leaves the least unexplained wins, compared by excess first; on a tie, paid sales explain
    first.
    """
    late = [sale for sale in sales if sale.new] if agreed.unexplained_drop or agreed.unexplained_gain else []
    ways = [_explain(agreed, sales, first) for first in (None, *late)]
    # It may explain the current movement instead of an earlier one.
    ways += [_explain(agreed, sales, None, but=one) for one in late]
    return min(ways, key=lambda way: _in_the_dark(way[0], way[1], reverb, now))


def _in_the_dark(agreed: Agreed, sales: Sequence[Sale], reverb: int | None, now: datetime) -> tuple[int, int]:
    """Return how many units too many and too few are unexplained, now and from before."""
    above, below = unexplained(agreed, sales, reverb, now)
    return above + agreed.unexplained_gain, below + agreed.unexplained_drop


def _explain(
    agreed: Agreed, sales: Sequence[Sale], first: Sale | None, but: Sale | None = None
) -> tuple[Agreed, list[Sale]]:
    """Return what is left of drop and gain once the sales have explained them, one after the other.

    `first` explains before all others, `but` not at all.
    """
    drop, gain, known = agreed.unexplained_drop, agreed.unexplained_gain, []
    for sale in sorted(sales, key=lambda one: (one is not first, not one.sure)):
        now, explains = sale, sale.new and sale is not but
        reckoned = sale.counted or sale.shown or sale.restocked
        if drop and explains and not reckoned and before(sale.placed_at, agreed.dropped_at):
            part = min(drop, sale.quantity)
            drop, now = drop - part, replace(now, counted=part, shown=sale.quantity, doubtful=not sale.sure)
            if not sale.released and before(agreed.dropped_at, agreed.gained_at):
                gain -= min(gain, part)  # the gain that seemed to undo it was a stale response
        if gain and explains and now.released and not now.restocked and before(sale.placed_at, agreed.gained_at):
            # Reverb restocked it before that was visible; if the number contained or overwrote it, its drop was never
            # seen.
            unseen = not (now.counted or now.shown) and not earlier(now, agreed)
            part = 0 if unseen else min(gain, now.quantity)
            gain, now = gain - part, replace(now, shown=max(0, now.shown - part), restocked=part == now.quantity)
        known.append(now)
    return replace(agreed, unexplained_drop=drop, unexplained_gain=gain), known
