"""Listings that held several units and hold a single one now, since their condition was changed on Reverb. Pure.

Reverb counts no units of a used item. So its number drops to 1 although the others did not sell. If the listing holds
several again (the condition was a mistake), it shows its earlier number or another one: nobody added units, and its
number is accepted as it is (`Ledger.single_unit`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from listings.stock.agreed import FOLLOWS_WITHIN, Agreed, Sale


def as_single_unit(
    agreed: Agreed, number: int | None, sales: Iterable[Sale], *, now: datetime
) -> tuple[Agreed, int | None]:
    """Return the agreement and Reverb's number so that a single unit is compared with a single unit.

    While an order may still move the number, it proves nothing, and only the orders count. `now` is by Reverb's clock.
    """
    before, pending_put = agreed.reverb, agreed.pending_put
    if number is None or max(before or 0, pending_put or 0) <= 1:
        return agreed, number
    if not number or any(sale.new or sale.updated_at > now - FOLLOWS_WITHIN for sale in sales):
        return agreed, None
    return replace(agreed, reverb=before and min(1, before), pending_put=pending_put and min(1, pending_put)), number
