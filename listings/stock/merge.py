"""The one rule of stock: what both sides last agreed on, plus what changed on each since. Pure.

    units' = units + (store now - store then) - (newly sold on Reverb) + (freed on Reverb) + (edited on Reverb)

**Each sale counts once.** A sale's units are taken when `counted` goes from 0 to its quantity and freed when it goes
back to 0; what is added to `units` is always `counted` before less `counted` after. Over any number of reckonings these
differences telescope, so that at the end a sale has taken exactly what its last state takes, whichever of webhook and
poll reported it, how often, in which order. The same holds for the store: the differences between one base and the next
add up to the last number less the first. Nothing else is added but edits, so the sum is right.

**Sales are known by their orders, edits by Reverb's number.** The number alone would do if it could not be
overwritten: Reverb takes new numbers, never differences, and a unit that is sold between our reading and our writing
leaves no trace in it. So the orders say what was sold, and the number's movement is compared with what the orders
explain. What is left over was edited by hand there:

- fewer units than explained count at once, as an *unexplained drop*. An order of before that shows late explains it,
  and takes nothing more. Once all orders of that time are known, a drop is put down to a sale that was in doubt and is
  off, or was paid only then.
- more units than explained are an *unexplained gain*. They count only after `GAIN_SETTLES_AFTER`, when no order
  has explained them: nobody may buy what may not be there. A sale from before the number was last set or seen to move
  may be in it already, or overwritten: that it does not move it is no gain.

**An answer may be old.** A number that is not explained, but that Reverb had within the last ten minutes, says nothing:
a cache or a copy of its database may show how it was before a sale or before our own call. A lower one counts after
`PATIENCE`, none at all after `ENDED_WITHIN`, a higher one once ten minutes have passed. What undoes a drop that no
order explains is a gain once no answer has shown the lower number for `PATIENCE`.

An order moves the number by all of its units or by none. A number between two that orders explain fell from the upper
one where it went down, and rose from the lower one where it went up. One that is explained without a sale of the last
moments is older than that sale, and says nothing.

Where several orders may explain the same, the explanation counts that leaves the least unexplained.

So whatever is unclear is decided for fewer units: a listing may show one too few for a minute, not one too many.

**Never below zero.** `units` itself may go below zero, when both sides sold the last one: so many are oversold. What is
shown and written is cut at zero, and what comes back covers those first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from listings.stock.agreed import GAIN_SETTLES_AFTER, PATIENCE, Agreed, Sale
from listings.stock.late_orders import as_first_seen, cleared, explained
from listings.stock.movement import allocated, moved_by, unexplained
from listings.stock.stale_reads import is_stale, undo_stale, undoes


@dataclass(frozen=True)
class Merged:
    """What a reckoning comes to."""

    agreed: Agreed
    sales: tuple[Sale, ...]
    #: Reverb's number moved now in a way that no known order explains.
    surprise: bool = False
    #: It is not clear yet whether our last number was applied. Nothing was taken in, and nothing may be written.
    undecided: bool = False


def merge(
    agreed: Agreed,
    sales: Sequence[Sale],
    *,
    store: int | None,
    reverb: int | None,
    now: datetime,
    orders_at: datetime | None,
    off_sale: bool = False,
) -> Merged:
    """Return what both sides come to.

    `store` is the store's number now, None when it is not known or not counted; `reverb` is Reverb's, None when its
    number says nothing (a draft, an ended or suspended listing). `now` and `orders_at` (when Reverb's orders were last
    read) are moments by Reverb's clock, as the stamps of orders are. `off_sale`: the listing is not on sale now; what
    we set last may show later, since Reverb puts things on sale a moment after it has answered.
    """
    # Where two sales explain the same, the one that stands goes first: a freed one may still be put back later.
    sales = sorted(sales, key=lambda sale: sale.released)
    if not any(sale.new for sale in sales):
        agreed, sales = cleared(agreed, sales, orders_at)
    if agreed.reverb is None and agreed.pending_put is not None and reverb is not None:
        agreed, sales = as_first_seen(agreed, sales)
    likelier = _likelier(agreed, sales, reverb, now, off_sale=off_sale)
    if likelier is None:
        return _undecided(agreed, sales, now)
    base, known = undo_stale(*explained(likelier, sales, reverb, now), reverb, now)
    rose, left = unexplained(base, known, reverb, now)
    if reverb is not None and is_stale(base, known, reverb, now, above=rose, below=left):
        without = merge(agreed, sales, store=store, reverb=None, now=now, orders_at=orders_at)
        # It may be true. Nothing that is not there is put on sale, and no edit of the seller's is overwritten.
        lower = reverb < (base.reverb or 0) and without.agreed.units > reverb
        waits = lower or undoes(base, rose, now)
        return _undecided(agreed, sales, now) if waits else replace(without, surprise=True)
    moved = moved_by(base, known, reverb, now)
    news = bool(moved or left or rose or any(sale.new for sale in known))  # else each look would be one
    settled_gain = (
        base.unexplained_gain
        if base.gained_at and orders_at and orders_at >= base.gained_at + GAIN_SETTLES_AFTER
        else 0
    )
    units = base.units - left + settled_gain - sum(sale.takes - sale.counted for sale in known)
    units += 0 if store is None else store - base.store
    read = base.moved(reverb, now) if news and reverb is not None else base
    after = replace(
        read,
        units=units,
        reverb=base.reverb if reverb is None else reverb,
        store=base.store if store is None else store,
        unexplained_drop=base.unexplained_drop + left,
        dropped_at=now if left else base.dropped_at,
        unexplained_gain=base.unexplained_gain - settled_gain + rose,
        gained_at=now if rose else base.gained_at,
        pending_put=base.pending_put if reverb is None else None,
        undecided_at=base.undecided_at if reverb is None else None,
    )
    if reverb is None:  # what the sales did to the number shows in the next one, however late that comes
        return Merged(after, tuple(replace(sale, counted=sale.takes) for sale in known))
    return Merged(after, allocated(known, moved, base, now, orders_at), bool(left or rose))


def _undecided(agreed: Agreed, sales: Sequence[Sale], now: datetime) -> Merged:
    waiting = replace(agreed, undecided_at=agreed.undecided_at or now)
    return Merged(waiting, tuple(sales), surprise=True, undecided=True)


# -- a number whose answer was lost --------------------------------------------------------------------------------


def _likelier(
    agreed: Agreed, sales: Sequence[Sale], reverb: int | None, now: datetime, *, off_sale: bool
) -> Agreed | None:
    """Return the agreement as it stands if our last number was applied, or as it was: whichever explains all.

    None while neither does: an order that shows in a moment decides it. None also while it may still be going on sale.
    After `PATIENCE` the one that leaves fewer units is taken.
    """
    if agreed.pending_put is None or reverb is None:
        return agreed
    applied = agreed.moved(agreed.pending_put, now)
    if agreed.reverb is None:
        return applied
    ways = (explained(one, sales, reverb, now) for one in (applied, agreed))
    if_so, if_not = (unexplained(*way, reverb, now) for way in ways)
    waits = agreed.undecided_at is None or now < agreed.undecided_at + PATIENCE
    if waits and any(if_so) and (any(if_not) or (off_sale and agreed.pending_put)):
        return None
    # An order that shows late may have hidden that it was applied: what sold until now can be overwritten either way.
    # What an old answer may show as well proves nothing: the number is set again.
    likelier = if_so < if_not or (if_so == if_not and reverb != agreed.reverb)
    if likelier and not agreed.had(reverb, now):
        return applied
    return applied.moved(agreed.reverb, now)
