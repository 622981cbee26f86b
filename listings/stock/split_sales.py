"""Sales that turn out to have more units than were reconciled, since a response said none or too few. Pure.

The rule (merge.py) knows sales with one quantity each. So the additional units become a sale of their own that appears
late. It explains earlier drops of Reverb's number, and is deducted once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from listings.stock.agreed import Sale

#: Suffix of the number of the additional sale.
REST = "\n+"


def split(sale: Sale) -> list[Sale]:
    """Return the sale alone, or as two if it has more units than were reconciled: those, and the rest."""
    if not 0 < sale.counted < sale.quantity or sale.shown > sale.counted:
        return [sale]
    more = replace(sale, number=sale.number + REST, quantity=sale.quantity - sale.counted, new=True)
    return [
        replace(sale, quantity=sale.counted),
        replace(more, counted=0, shown=0, doubtful=False, restocked=False),
    ]


def join(sales: Iterable[Sale]) -> tuple[Sale, ...]:
    """Return the sales with their parts joined again."""
    known = {one.number: one for one in sales}
    for number in [one for one in known if one.endswith(REST)]:
        rest, kept = known.pop(number), known[number.removesuffix(REST)]
        known[kept.number] = replace(
            kept,
            quantity=kept.quantity + rest.quantity,
            counted=kept.counted + rest.counted,
            shown=kept.shown + rest.shown,
            doubtful=kept.doubtful or rest.doubtful,
            new=kept.new or rest.new,
        )
    return tuple(known.values())
