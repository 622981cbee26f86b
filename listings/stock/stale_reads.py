"""Whether Reverb's number may be stale: from a cache or a database replica. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from listings.stock.agreed import ENDED_WITHIN, FOLLOWS_WITHIN, PATIENCE, SLACK, Agreed, Sale, until
from listings.stock.movement import unexplained


def undo_stale(agreed: Agreed, sales: list[Sale], reverb: int | None, now: datetime) -> tuple[Agreed, list[Sale]]:
    """Undo a restock that only a stale response seemed to show.

    The number is one that it had before again, and nothing explains that.
    """
    found, (_, below) = [], unexplained(agreed, sales, reverb, now)
    old = reverb in agreed.before and until(now, agreed.set_at, FOLLOWS_WITHIN)
    for sale in sales:
        came = sale.restocked and not sale.shown and until(now, sale.updated_at, FOLLOWS_WITHIN)
        if old and came and sale.quantity <= below and agreed.reverb is not None:
            below -= sale.quantity
            agreed = replace(agreed, reverb=agreed.reverb - sale.quantity)
            sale = replace(sale, shown=sale.quantity, restocked=False)  # noqa: PLW2901
        found.append(sale)
    return agreed, found


def is_stale(agreed: Agreed, sales: Sequence[Sale], reverb: int, now: datetime, *, above: int, below: int) -> bool:
    """Return whether a number that nothing explains may be an earlier one of Reverb's, e.g. from a cache.

    `above` and `below`: by how many units the sales do not explain it.
    """
    if undoes(agreed, above, now):
        return agreed.undecided_at is None or now < agreed.undecided_at + PATIENCE
    if below:
        span = PATIENCE if reverb else ENDED_WITHIN
        had_fewer = any(reverb >= number for number in agreed.before) and until(now, agreed.set_at, span)
        return had_fewer or _older_than_a_sale(agreed, sales, reverb, now)
    if not above:
        return _may_predate_a_sale(agreed, sales, reverb, now) or _restocks_twice(agreed, sales, reverb, now)
    moves = [sale for sale in sales if until(now, sale.updated_at, FOLLOWS_WITHIN)]
    had = [*agreed.before] if until(now, agreed.set_at, FOLLOWS_WITHIN) else []
    had += [agreed.reverb] if moves and agreed.reverb is not None else []
    back = sum(sale.quantity for sale in moves if sale.released)  # which Reverb puts back by itself, invisibly
    unseen = any(sale.new and not sale.released for sale in moves)  # which may be newer than the response
    return unseen or any(reverb <= number + back for number in had)


def _may_predate_a_sale(agreed: Agreed, sales: Sequence[Sale], reverb: int, now: datetime) -> bool:
    """Return whether the number is explained only if it contained or overwrote a sale of the last moments.

    That sale's timestamp is too close to the number's to tell, so the sale may be later, and the response stale.
    """
    if agreed.set_at is None or not any(_is_fresh(sale, now) for sale in sales):
        return False
    later = replace(agreed, set_at=agreed.set_at - 2 * SLACK)  # the sale is not `earlier` any more
    return unexplained(later, sales, reverb, now)[0] > 0


def _restocks_twice(agreed: Agreed, sales: Sequence[Sale], reverb: int, now: datetime) -> bool:
    """Return whether the number is explained only if Reverb put units back that it had shown as put back before.

    Either the earlier response was stale, or this one is: it may show the number from before our own call.
    """
    once = [sale for sale in sales if not (sale.restocked and not sale.shown)]
    return agreed.had(reverb, now) and unexplained(agreed, once, reverb, now)[0] > 0


def _older_than_a_sale(agreed: Agreed, sales: Sequence[Sale], reverb: int, now: datetime) -> bool:
    """Return whether the number is explained if it does not contain sales of the last moments yet."""
    perhaps = [replace(sale, sure=sale.sure and not _is_fresh(sale, now)) for sale in sales]
    fresh = any(_is_fresh(sale, now) for sale in sales)
    return fresh and not any(unexplained(agreed, perhaps, reverb, now))


def _is_fresh(sale: Sale, now: datetime) -> bool:
    """Return whether a sale is so new that a response may not show it yet."""
    return sale.new and not sale.released and until(now, sale.placed_at, PATIENCE)


def undoes(agreed: Agreed, above: int, now: datetime) -> bool:
    """Return whether unexplained units undo a drop that happened shortly before without an order."""
    return 0 < above <= agreed.unexplained_drop - agreed.unexplained_gain and until(
        now, agreed.dropped_at, FOLLOWS_WITHIN
    )
