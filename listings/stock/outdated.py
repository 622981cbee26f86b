"""Whether Reverb's number may be an answer from before: out of a cache, or a copy of its database. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from listings.stock.agreed import ENDED_WITHIN, FOLLOWS_WITHIN, PATIENCE, Agreed, Sale, until
from listings.stock.movement import unexplained


def taken_back(agreed: Agreed, sales: list[Sale], reverb: int | None, now: datetime) -> tuple[Agreed, list[Sale]]:
    """Return what is left where an answer of before seemed to show that units of an order that is off had come back.

    The number is again one that it had before, and nothing explains that.
    """
    found, (_, below) = [], unexplained(agreed, sales, reverb, now)
    old = reverb in agreed.before and until(now, agreed.put_at, FOLLOWS_WITHIN)
    for sale in sales:
        came = sale.restocked and not sale.shown and until(now, sale.updated_at, FOLLOWS_WITHIN)
        if old and came and sale.quantity <= below and agreed.reverb is not None:
            below -= sale.quantity
            agreed = replace(agreed, reverb=agreed.reverb - sale.quantity)
            sale = replace(sale, shown=sale.quantity, restocked=False)  # noqa: PLW2901
        found.append(sale)
    return agreed, found


def is_old(agreed: Agreed, sales: Sequence[Sale], reverb: int, now: datetime) -> bool:
    """Tell whether a number that nothing explains may be one that Reverb had before: from a cache, say."""
    above, below = unexplained(agreed, sales, reverb, now)
    if undoes(agreed, above, now):
        return agreed.undecided_at is None or now < agreed.undecided_at + PATIENCE
    if below:
        span = PATIENCE if reverb else ENDED_WITHIN
        return any(reverb >= number for number in agreed.before) and until(now, agreed.put_at, span)
    moves = [sale for sale in sales if until(now, sale.updated_at, FOLLOWS_WITHIN)]
    had = [*agreed.before] if until(now, agreed.put_at, FOLLOWS_WITHIN) else []
    had += [agreed.reverb] if moves and agreed.reverb is not None else []
    back = sum(sale.quantity for sale in moves if sale.released)  # which Reverb puts back by itself, unseen
    return bool(above) and any(reverb <= number + back for number in had)


def undoes(agreed: Agreed, above: int, now: datetime) -> bool:
    """Tell whether units that nothing explains undo what fell shortly before without an order."""
    return 0 < above <= agreed.fall - agreed.rise and until(now, agreed.fall_at, FOLLOWS_WITHIN)
