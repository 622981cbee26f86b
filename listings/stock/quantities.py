"""Sales whose quantity is another one than was reckoned, since an answer said none, or a wrong one. Pure.

The rule (merge.py) knows sales that are placed and go off, each with one quantity. So the difference goes as a sale of
its own: units that were not said at first as one that shows late, and those that are said no more as one that is off.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from listings.stock.merge import Sale

#: Ends of the number of a part: units that are said now and were not before, and the other way round.
MORE, LESS = "\n+", "\n-"


def parts(sale: Sale) -> list[Sale]:
    """Return a sale as it is; one whose quantity was another one before as two: what was reckoned, and the rest."""
    was = max(sale.counted, sale.shown)
    if not sale.counted or was == sale.quantity:
        return [sale]
    same = min(was, sale.quantity)
    kept = replace(sale, quantity=same, counted=min(sale.counted, same), shown=min(sale.shown, same))
    counted, shown = sale.counted - kept.counted, sale.shown - kept.shown
    rest = replace(sale, quantity=abs(sale.quantity - was), counted=counted, shown=shown, doubtful=False)
    if was < sale.quantity:
        return [kept, replace(rest, number=sale.number + MORE, restocked=False, new=True)]
    return [kept, replace(rest, number=sale.number + LESS, released=True, restocked=False, new=sale.new or counted > 0)]


def whole(sales: Iterable[Sale]) -> tuple[Sale, ...]:
    """Return the sales with their parts put together again."""
    known = {one.number: one for one in sales}
    for number, part in list(known.items()):
        if number.endswith((MORE, LESS)):
            del known[number]
            kept = known[number[: -len(MORE)]]
            known[kept.number] = replace(
                kept,
                quantity=kept.quantity + (part.quantity if number.endswith(MORE) else 0),
                counted=kept.counted + part.counted,
                shown=kept.shown + part.shown,
                doubtful=kept.doubtful or part.doubtful,
                new=kept.new or part.new,
            )
    return tuple(known.values())
