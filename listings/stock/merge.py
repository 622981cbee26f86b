"""The stock rule: merge what both sides last agreed on with what changed on each since. Pure.

    units' = units + (store now - store then) - (newly sold on Reverb) + (freed on Reverb) + (edited on Reverb)

**Each sale counts once.** A sale's units are deducted when `counted` goes from 0 to its quantity, and returned when it
goes back to 0. Each merge adds `counted` before minus `counted` after to `units`. These differences telescope: in the
end a sale has deducted exactly what its last state takes. It does not matter whether a webhook or a poll reported it,
how often, or in which order. The store's differences telescope too: they add up to its last number minus its first.
Only edits are added besides, so the sum is right.

**Orders report sales; Reverb's number reports edits.** Reverb accepts absolute numbers, never differences. A unit that
sells between our read and our write is overwritten and leaves no trace in the number. So the orders say what was sold,
and the movement of the number is compared with what the orders explain. The rest was edited by hand on Reverb:

- Fewer units than explained count at once, as an *unexplained drop*. An earlier order that appears late explains the
  drop and deducts nothing more. Once all orders of that time are known, a drop is attributed to a doubtful sale that
  was released or was only then paid.
- More units than explained are an *unexplained gain*. They count only after `GAIN_SETTLES_AFTER`, if no order has
  explained them: nobody may buy units that may not exist. A sale from before the number was last set or seen to move
  may already be in it, or be overwritten. If such a sale does not move the number, that is no gain.

**A response may be stale.** A number that nothing explains, but that Reverb had within the last ten minutes, proves
nothing: a cache or a database replica may show the state before a sale or before our own call. A lower number counts
after `PATIENCE`, zero after `ENDED_WITHIN`, a higher number after ten minutes. A rise that undoes an unexplained drop
is a gain once no response has shown the lower number for `PATIENCE`. A new sale within `SLACK` of our own call that
the number does not show was overwritten, or the response is stale: until `PATIENCE` after the sale, it may still move
the number. A released sale puts its units back once: a recent number that is explained only if they come back again
proves nothing either.

An order moves the number by all of its units or by none. A number between two explained ones was edited: down
from the upper one if it fell, up from the lower one if it rose. A number that is explained only without a sale of the
last moments is older than that sale, and proves nothing.

If several sets of orders explain a movement, the one that leaves the least unexplained counts.

Every doubt is resolved towards fewer units: a listing may show one too few for a minute, never one too many.

**Never below zero.** `units` itself may be negative, when both sides sold the last unit: that many are oversold. What
is shown and written is clamped at zero, and units that come back cover the oversold ones first.
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
    """The result of a merge."""

    agreed: Agreed
    sales: tuple[Sale, ...]
    #: Reverb's number moved in this merge in a way that no known order explains.
    surprise: bool = False
    #: It is not known yet whether our last number was applied. Nothing was merged, and nothing may be written.
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
    """Merge both sides into a new agreement.

    `store` is the store's current number, None if unknown or not counted. `reverb` is Reverb's number, None if it
    proves nothing (a draft, an ended or suspended listing). `now` and `orders_at` (when Reverb's orders were last read)
    are by Reverb's clock, as the timestamps of orders are. `off_sale`: the listing is not on sale now. A number that we
    set last may appear later, since Reverb publishes a moment after it responds.
    """
    # If two sales explain the same movement, the active one goes first: a released one may still be put back later.
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
        # The number may be true. So no doubtful unit is put on sale, and no edit of the seller is overwritten.
        lower = reverb < (base.reverb or 0) and without.agreed.units > reverb
        waits = lower or undoes(base, rose, now)
        return _undecided(agreed, sales, now) if waits else replace(without, surprise=True)
    return _counted(base, known, rose, left, store=store, reverb=reverb, now=now, orders_at=orders_at)


def _counted(
    base: Agreed,
    known: Sequence[Sale],
    rose: int,
    left: int,
    *,
    store: int | None,
    reverb: int | None,
    now: datetime,
    orders_at: datetime | None,
) -> Merged:
    """Count what changed since `base`. `rose` and `left`: unexplained units on Reverb, above and below."""
    moved = moved_by(base, known, reverb, now)
    news = bool(moved or left or rose or any(sale.new for sale in known))  # otherwise every read would count as news
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
    if reverb is None:  # the sales' effect on the number shows in the next one, however late that comes
        return Merged(after, tuple(replace(sale, counted=sale.takes) for sale in known))
    return Merged(after, allocated(known, moved, base, now, orders_at), bool(left or rose))


def _undecided(agreed: Agreed, sales: Sequence[Sale], now: datetime) -> Merged:
    waiting = replace(agreed, undecided_at=agreed.undecided_at or now)
    return Merged(waiting, tuple(sales), surprise=True, undecided=True)


# -- a number whose response was lost ------------------------------------------------------------------------------


def _likelier(
    agreed: Agreed, sales: Sequence[Sale], reverb: int | None, now: datetime, *, off_sale: bool
) -> Agreed | None:
    """Return the agreement that explains more: with our last number applied, or as it was.

    None while neither explains everything, since an order that appears in a moment may decide it, and while the listing
    may still be going on sale. After `PATIENCE` the agreement that leaves fewer units wins.
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
    # An order that appears late may have hidden that the number was applied; earlier sales can be overwritten either
    # way. A number that a stale response may show as well proves nothing: the number is set again.
    likelier = if_so < if_not or (if_so == if_not and reverb != agreed.reverb)
    if likelier and not agreed.had(reverb, now):
        return applied
    return applied.moved(agreed.reverb, now)
