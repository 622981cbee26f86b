"""A sale that turns out to be of more units takes what it really is, once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import example, given, settings
from hypothesis import strategies as st

from listings.stock.agreed import Agreed, Sale
from listings.stock.merge import merge
from listings.stock.split_sales import join, split

T0 = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
STOCK = 20
UNITS = st.integers(1, 6)


def sale(quantity: int, **more: object) -> Sale:
    """Return a sale of a moment ago."""
    return replace(Sale("R-1", quantity, False, True, T0, T0), **more)  # type: ignore[arg-type]


@given(UNITS, st.integers(0, 6), st.integers(0, 6), st.booleans(), st.booleans())
def test_parts_put_together_are_the_sale(quantity: int, counted: int, shown: int, released: bool, new: bool) -> None:
    one = sale(quantity, counted=counted, shown=shown, released=released, new=new)
    [again] = join(split(one))
    assert replace(again, new=new) == one


@settings(max_examples=300, deadline=None)
@given(UNITS, st.lists(UNITS, min_size=1, max_size=5), st.booleans())
@example(3, [1], False)
@example(6, [1, 3], True)
def test_a_sale_takes_what_it_said_most_however_it_came_to_that(units: int, said: list[int], cancelled: bool) -> None:
    """Fewer than were sold, or as many. Reverb's number shows what really sold, and all of it where the sale is off."""
    agreed, one = Agreed(STOCK, STOCK, STOCK, set_at=T0 - timedelta(hours=1)), sale(1)
    for number, quantity in enumerate([*(min(found, units) for found in sorted(said)), units, units], 1):
        now = T0 + timedelta(seconds=15 * number)
        one = replace(one, quantity=quantity)
        found = merge(agreed, split(one), store=STOCK, reverb=STOCK - units, now=now, orders_at=now)
        agreed, [one] = found.agreed, join(found.sales)
    assert agreed.units == STOCK - units
    if cancelled:
        now += timedelta(seconds=60)
        one = replace(one, released=True, new=True, updated_at=now)
        found = merge(agreed, split(one), store=STOCK, reverb=STOCK, now=now, orders_at=now)
        assert (found.agreed.units, found.agreed.unexplained_gain) == (STOCK, 0)
