"""The one rule of stock: what both sides last agreed on, plus what changed on each since. Pure.

    units' = units + (store now - store then) - (newly sold on Reverb) + (freed on Reverb) + (edited on Reverb)

**Each sale counts once.** A sale's units are taken when `counted` goes from 0 to its quantity and freed when it goes
back to 0; what is added to `units` is always `counted` before less `counted` after. Over any number of reckonings these
differences telescope, so that at the end a sale has taken exactly what its last state takes, whichever of webhook and
poll told of it, how often, in which order. The same holds for the store: the differences between one base and the next
add up to the last number less the first. Nothing else is added but edits, so the sum is right.

**Sales are known by their orders, edits by Reverb's number.** The number alone would do if it could not be
overwritten: Reverb takes new numbers, never differences, and a unit that is sold between our reading and our writing
leaves no trace in it. So the orders say what was sold, and the number's movement is compared with what the orders
explain. What is left over was edited by hand there:

- fewer units than explained count at once, as a *fall*. An order of before that shows late explains it, and takes
  nothing more. Once all orders of that time are known, a fall is put down to a sale that was in doubt and is off, or
  was paid only then.
- more units than explained are a *rise*, and count only after `RIPE`, when no order has explained them: nobody may buy
  what may not be there. A sale from before the number was last set or seen to move may be in it already, or
  overwritten: that it does not move it is no rise.

**An answer may be old.** A number that is not explained, but that Reverb had within the last ten minutes, says nothing:
a cache or a copy of its database may show how it was before a sale or before our own call. A lower one counts after
`PATIENCE`, none at all after `ENDED_WITHIN`, a higher one once ten minutes have passed. What undoes a fall that no
order explains is a rise once no answer has shown the lower number for `PATIENCE`.

Where several orders may explain the same, the telling counts that leaves the least unexplained.

So whatever is unclear is decided for fewer units: a listing may show one too few for a minute, not one too many.

**Never below zero.** `units` itself may go below zero, when both sides sold the last one: so many are owed. What is
shown and written is cut at zero, and what comes back is first owed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

#: How far Reverb's stamps of one moment may be apart: they count whole seconds.
SLACK = timedelta(seconds=2)
#: How long units that appeared on Reverb wait for an order that explains them.
RIPE = timedelta(seconds=60)
#: How long to wait for an order that tells whether a number whose answer was lost was applied.
PATIENCE = timedelta(seconds=30)
#: For how long after an order changed, or the number was set, an answer of Reverb's may show the number of before.
FOLLOWS_WITHIN = timedelta(minutes=10)
#: How long a listing may seem to have none after it was put on sale again. What vanished for good would be lost.
ENDED_WITHIN = timedelta(minutes=2)
#: So many numbers of before are known at most.
MOST_BEFORE = 12


@dataclass(frozen=True)
class Agreed:
    """What the ledger holds (listings/models/ledger.py explains each)."""

    units: int
    store: int
    reverb: int | None = None
    fall: int = 0
    fall_at: datetime | None = None
    rise: int = 0
    rise_at: datetime | None = None
    put_at: datetime | None = None
    before: tuple[int, ...] = ()
    putting: int | None = None
    undecided_at: datetime | None = None

    def had(self, reverb: int, now: datetime) -> bool:
        """Tell whether Reverb had that number shortly before, and not at last."""
        return reverb in self.before and reverb != self.reverb and _until(now, self.put_at, FOLLOWS_WITHIN)

    def moved(self, reverb: int | None, at: datetime) -> Agreed:
        """Return it with the number that Reverb took or showed at a moment, and those that it had shortly before."""
        kept = self.before if _until(at, self.put_at, FOLLOWS_WITHIN) else ()
        known = dict.fromkeys((*kept, *(() if self.reverb is None else (self.reverb,))))
        return replace(self, reverb=reverb, put_at=at, before=tuple(known)[-MOST_BEFORE:])


@dataclass(frozen=True)
class Sale:
    """An order on Reverb, as far as stock goes.

    `sure`: it surely moves Reverb's own number. `new`: its state was not reckoned yet; `unseen`: nor any before it.
    `counted` and `shown` are the units that our stock, and Reverb's number, have gone down for it. `doubtful`: the
    number went down by as much, but our own writing may have overwritten this sale, and another one, whose order does
    not show yet, moved the number. `restocked`: it was released, and the number has come up again for it.
    """

    number: str
    quantity: int
    released: bool
    sure: bool
    placed_at: datetime
    updated_at: datetime
    new: bool = True
    unseen: bool = False
    counted: int = 0
    shown: int = 0
    doubtful: bool = False
    restocked: bool = False

    @property
    def takes(self) -> int:
        """Units that it takes as it stands."""
        return 0 if self.released else self.quantity


@dataclass(frozen=True)
class Merged:
    """What a reckoning comes to."""

    agreed: Agreed
    sales: tuple[Sale, ...]
    #: Reverb's number moved now in a way that no known order explains.
    surprise: bool = False
    #: It cannot be told yet whether our last number was applied. Nothing was taken in, and nothing may be written.
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
        agreed, sales = _cleared(agreed, sales, orders_at)
    if agreed.reverb is None and agreed.putting is not None and reverb is not None:
        agreed, sales = _seen_first(agreed, sales)
    likelier = _likelier(agreed, sales, reverb, now, off_sale=off_sale)
    if likelier is None:
        return _undecided(agreed, sales, now)
    base, known = _taken_back(*_explained(likelier, sales, reverb, now), reverb, now)
    rose, left = _unexplained(base, known, reverb, now)
    if reverb is not None and _is_old(base, known, reverb, now):
        without = merge(agreed, sales, store=store, reverb=None, now=now, orders_at=orders_at)
        # It may be true. Nothing that is not there is put on sale, and no edit of the seller's is overwritten.
        lower = reverb < (base.reverb or 0) and without.agreed.units > reverb
        waits = lower or _undoes(base, rose, now)
        return _undecided(agreed, sales, now) if waits else replace(without, surprise=True)
    moved = _moved(base, known, reverb, now)
    news = bool(moved or left or rose or any(sale.new for sale in known))  # else each look would be one
    ripe = base.rise if base.rise_at and orders_at and orders_at >= base.rise_at + RIPE else 0
    units = base.units - left + ripe - sum(sale.takes - sale.counted for sale in known)
    units += 0 if store is None else store - base.store
    read = base.moved(reverb, now) if news and reverb is not None else base
    after = replace(
        read,
        units=units,
        reverb=base.reverb if reverb is None else reverb,
        store=base.store if store is None else store,
        fall=base.fall + left,
        fall_at=now if left else base.fall_at,
        rise=base.rise - ripe + rose,
        rise_at=now if rose else base.rise_at,
        putting=base.putting if reverb is None else None,
        undecided_at=base.undecided_at if reverb is None else None,
    )
    if reverb is None:  # what the sales did to the number is told by the next one, however late that comes
        return Merged(after, tuple(replace(sale, counted=sale.takes) for sale in known))
    return Merged(after, _settled(known, moved, base, now, orders_at), bool(left or rose))


def _undecided(agreed: Agreed, sales: Sequence[Sale], now: datetime) -> Merged:
    waiting = replace(agreed, undecided_at=agreed.undecided_at or now)
    return Merged(waiting, tuple(sales), surprise=True, undecided=True)


def shown(units: int, *, buffer: int = 0, maximum: int = 0) -> int:
    """Return what Reverb shows of `units`: less the buffer, at most the maximum (0: no limit), never below zero."""
    found = max(0, units - buffer)
    return min(found, maximum) if maximum else found


def owed_to_store(agreed: Agreed) -> int:
    """Return the difference to write to the store, so that it has what was agreed.

    A store that is itself below zero keeps that while units are owed: it is its own count of what it owes.
    """
    if agreed.units >= 0:
        return agreed.units - agreed.store
    return min(0, -agreed.store)


# -- what the orders explain ---------------------------------------------------------------------------------------


def _seen_first(agreed: Agreed, sales: Sequence[Sale]) -> tuple[Agreed, list[Sale]]:
    """Return what the first number of a listing is reckoned from, whose POST got no answer: the sales as if seen now.

    Till now they were counted by their orders alone, and whether the number went down for them and came up again in
    that time was not to be seen.
    """
    counted = sum(sale.counted for sale in sales)
    unseen = [replace(sale, new=True, counted=0, shown=0, doubtful=False, restocked=False) for sale in sales]
    return replace(agreed, units=agreed.units + counted), unseen


def _cleared(agreed: Agreed, sales: Sequence[Sale], orders_at: datetime | None) -> tuple[Agreed, list[Sale]]:
    """Return what is left of the doubts: none about a sale once all orders of its time are known.

    What fell then, and no other order explains, was for a doubtful one whose units had been taken by its order: they
    come back.
    """
    found = []
    for sale in sales:
        now = sale
        if sale.doubtful and _all_known(sale, orders_at):
            part = min(agreed.fall, sale.quantity) if _fell_unseen(sale, agreed) else 0
            agreed = replace(agreed, fall=agreed.fall - part, units=agreed.units + part)
            now = replace(sale, doubtful=False)
        found.append(now)
    return agreed, found


def _fell_unseen(sale: Sale, agreed: Agreed) -> bool:
    """Tell whether what fell may have been for a sale whose units were taken already, by its order alone.

    Either it is off and the number was never seen to go down for it, or it is paid now and the number went down for it
    only then: what it was taken for before was another one.
    """
    paid = sale.sure and sale.updated_at > sale.placed_at
    if agreed.fall_at is None or (sale.shown if sale.released else not paid):
        return False
    since = sale.placed_at if sale.released else sale.updated_at
    return _before(since, agreed.fall_at) and agreed.fall_at <= sale.updated_at + FOLLOWS_WITHIN


def _explained(agreed: Agreed, sales: Sequence[Sale], reverb: int | None, now: datetime) -> tuple[Agreed, list[Sale]]:
    """Return the sales with those that show late told to be what fell or rose before, which is then explained.

    Of all ways to tell it, the one that leaves the least unexplained, first of what is above; else paid ones go first.
    """
    late = [sale for sale in sales if sale.new] if agreed.fall or agreed.rise else []
    ways = [_told(agreed, sales, first) for first in (None, *late)]
    ways += [_told(agreed, sales, None, but=one) for one in late]  # it may be of now, and not of before
    return min(ways, key=lambda way: _in_the_dark(way[0], way[1], reverb, now))


def _in_the_dark(agreed: Agreed, sales: Sequence[Sale], reverb: int | None, now: datetime) -> tuple[int, int]:
    """Return how many units too many, and how many too few, nothing explains, of now and of before."""
    above, below = _unexplained(agreed, sales, reverb, now)
    return above + agreed.rise, below + agreed.fall


def _told(
    agreed: Agreed, sales: Sequence[Sale], first: Sale | None, but: Sale | None = None
) -> tuple[Agreed, list[Sale]]:
    """Return what is left of fall and rise once the sales have explained them, one after the other.

    `first` does so before all others, `but` not at all.
    """
    fall, rise, known = agreed.fall, agreed.rise, []
    for sale in sorted(sales, key=lambda one: (one is not first, not one.sure)):
        now, tells = sale, sale.new and sale is not but
        reckoned = sale.counted or sale.shown or sale.restocked
        if fall and tells and not reckoned and _before(sale.placed_at, agreed.fall_at):
            part = min(fall, sale.quantity)
            fall, now = fall - part, replace(now, counted=part, shown=sale.quantity, doubtful=not sale.sure)
            if not sale.released and _before(agreed.fall_at, agreed.rise_at):
                rise -= min(rise, part)  # what seemed to undo it was an answer of before
        if rise and tells and now.released and not now.restocked and _before(sale.placed_at, agreed.rise_at):
            # Put back before that showed; where it was in the number before, or overwritten, it was never seen to go.
            unseen = not (now.counted or now.shown) and not _earlier(now, agreed)
            part = 0 if unseen else min(rise, now.quantity)
            rise, now = rise - part, replace(now, shown=max(0, now.shown - part), restocked=part == now.quantity)
        known.append(now)
    return replace(agreed, fall=fall, rise=rise), known


def _before(moment: datetime | None, other: datetime | None) -> bool:
    return moment is not None and other is not None and moment <= other + SLACK


def _until(moment: datetime, start: datetime | None, span: timedelta) -> bool:
    return start is not None and moment <= start + span


def _taken_back(agreed: Agreed, sales: list[Sale], reverb: int | None, now: datetime) -> tuple[Agreed, list[Sale]]:
    """Return what is left where an answer of before seemed to show that units of an order that is off had come back.

    The number is again one that it had before, and nothing explains that.
    """
    found, (_, below) = [], _unexplained(agreed, sales, reverb, now)
    old = reverb in agreed.before and _until(now, agreed.put_at, FOLLOWS_WITHIN)
    for sale in sales:
        came = sale.restocked and not sale.shown and _until(now, sale.updated_at, FOLLOWS_WITHIN)
        if old and came and sale.quantity <= below and agreed.reverb is not None:
            below -= sale.quantity
            agreed = replace(agreed, reverb=agreed.reverb - sale.quantity)
            sale = replace(sale, shown=sale.quantity, restocked=False)  # noqa: PLW2901
        found.append(sale)
    return agreed, found


def _is_old(agreed: Agreed, sales: Sequence[Sale], reverb: int, now: datetime) -> bool:
    """Tell whether a number that nothing explains may be one that Reverb had before: from a cache, say."""
    above, below = _unexplained(agreed, sales, reverb, now)
    if _undoes(agreed, above, now):
        return agreed.undecided_at is None or now < agreed.undecided_at + PATIENCE
    if below:
        span = PATIENCE if reverb else ENDED_WITHIN
        return any(reverb >= number for number in agreed.before) and _until(now, agreed.put_at, span)
    moves = [sale for sale in sales if _until(now, sale.updated_at, FOLLOWS_WITHIN)]
    had = [*agreed.before] if _until(now, agreed.put_at, FOLLOWS_WITHIN) else []
    had += [agreed.reverb] if moves and agreed.reverb is not None else []
    back = sum(sale.quantity for sale in moves if sale.released)  # which Reverb puts back by itself, unseen
    return bool(above) and any(reverb <= number + back for number in had)


def _undoes(agreed: Agreed, above: int, now: datetime) -> bool:
    """Tell whether units that nothing explains undo what fell shortly before without an order."""
    return 0 < above <= agreed.fall - agreed.rise and _until(now, agreed.fall_at, FOLLOWS_WITHIN)


def _went(sale: Sale, agreed: Agreed, now: datetime) -> set[int]:
    """Return by how many units Reverb's number may have gone down for a sale by now: for all of it, or not at all."""
    open_ = sale.new or now <= sale.updated_at + FOLLOWS_WITHIN
    if sale.released and not sale.shown and (sale.unseen or not sale.counted):
        # Placed and freed between two looks, or what fell for it was put down to another: put back by Reverb or not.
        came = {-sale.quantity} if sale.new or _earlier(sale, agreed) else set()
        return {0, *came, *(() if sale.restocked else (sale.quantity,))} if open_ else {0}
    if sale.released:
        # Reverb puts back all of it, also where the number never went down for it, or not as far as we could see.
        came = {sale.shown - sale.quantity, *((-sale.quantity,) if sale.doubtful else ())}
        return {sale.shown, *(came if open_ else ())}
    if sale.shown:
        return {sale.shown, *((0,) if sale.doubtful else ())}
    return {sale.quantity, *((0,) if _earlier(sale, agreed) or not sale.sure else ())}


def _earlier(sale: Sale, agreed: Agreed) -> bool:
    """Tell whether a sale is from before the number that we reckon from, which may hold it, or have overwritten it."""
    return _before(sale.placed_at, agreed.put_at)


def _sums(sales: Sequence[Sale], agreed: Agreed, now: datetime) -> list[set[int]]:
    """Return by how many units the sales from each one on may move Reverb's number together; {0} after the last."""
    found = [{0}]
    for sale in reversed(sales):
        found.append({rest + sale.shown - went for rest in found[-1] for went in _went(sale, agreed, now)})
    return found[::-1]


def _moves(agreed: Agreed, sales: Sequence[Sale], now: datetime) -> list[int]:
    """Return the movements of Reverb's number that the sales explain, the lowest first."""
    found = _sums(sales, agreed, now)[0]
    # It never goes below zero: what sold of a listing that we know at zero was there unseen.
    return sorted(found if agreed.reverb is None else {max(one, -max(0, agreed.reverb)) for one in found})


def _moved(agreed: Agreed, sales: Sequence[Sale], reverb: int | None, now: datetime) -> int:
    """Return how far Reverb's number has moved for the sales. Between two such numbers, it fell from the upper one."""
    moves = _moves(agreed, sales, now)
    if agreed.reverb is None:
        return moves[-1]
    if reverb is None:
        return 0
    return next((moved for moved in moves if moved >= reverb - agreed.reverb), moves[-1])


def _settled(
    sales: Sequence[Sale], moved: int, agreed: Agreed, now: datetime, orders_at: datetime | None
) -> tuple[Sale, ...]:
    """Return the sales as counted, each with how far the number went for it: together by `moved`."""
    # Where the number moved for some of them only, it did so for paid ones first, and hardly again for what came up.
    sales = sorted(sales, key=lambda one: (one.restocked, one.sure))
    sums = _sums(sales, agreed, now)
    spare = max(one for one in sums[0] if one <= moved)  # below it where the number stopped at zero
    found = []
    for sale, rest in zip(sales, sums[1:], strict=True):
        ways = _went(sale, agreed, now)
        least, most = min(ways), max(ways)
        went = min(one for one in ways if spare - sale.shown + one in rest)
        spare -= sale.shown - went
        back = most - went
        # A sure sale that the number does not show was in it before, or overwritten, and will not move it any more.
        went = sale.quantity if sale.sure and not sale.released else went
        # An unpaid one that may not have moved it yet is no surer: the number may have gone down for another one.
        unsure = not sale.sure or _earlier(sale, agreed)
        still = sale.doubtful and not back  # also once the number will not move for it any more
        doubtful = still if sale.shown or least == most else unsure and back < most - least
        # One that is paid now, and that the number does not show, may move it in a moment.
        pays = sale.new and sale.sure and not sale.released and sale.updated_at > sale.placed_at
        doubtful = (doubtful or (pays and back > 0)) and not _all_known(sale, orders_at)
        came = sale.released and (sale.restocked or (went <= 0 < sale.shown and not sale.doubtful))
        taken = replace(
            sale, counted=sale.takes, shown=max(0, went), new=False, unseen=False, doubtful=doubtful, restocked=came
        )
        found.append(taken)
    return tuple(found)


def _all_known(sale: Sale, orders_at: datetime | None) -> bool:
    """Tell whether all orders of the time in which the number went down are known: if no other is it, this one is."""
    return orders_at is not None and orders_at > sale.updated_at + FOLLOWS_WITHIN + RIPE


# -- a number whose answer was lost --------------------------------------------------------------------------------


def _likelier(
    agreed: Agreed, sales: Sequence[Sale], reverb: int | None, now: datetime, *, off_sale: bool
) -> Agreed | None:
    """Return the agreement as it stands if our last number was applied, or as it was: whichever explains all.

    None while neither does: an order that shows in a moment tells. None also while it may still be going on sale. After
    `PATIENCE` the one that leaves fewer units is taken.
    """
    if agreed.putting is None or reverb is None:
        return agreed
    applied = agreed.moved(agreed.putting, now)
    if agreed.reverb is None:
        return applied
    ways = (_explained(one, sales, reverb, now) for one in (applied, agreed))
    if_so, if_not = (_unexplained(*way, reverb, now) for way in ways)
    waits = agreed.undecided_at is None or now < agreed.undecided_at + PATIENCE
    if waits and any(if_so) and (any(if_not) or (off_sale and agreed.putting)):
        return None
    # An order that shows late may have hidden that it was applied: what sold until now can be overwritten either way.
    return applied if if_so <= if_not else replace(agreed, put_at=now)


def _unexplained(agreed: Agreed, sales: Sequence[Sale], reverb: int | None, now: datetime) -> tuple[int, int]:
    """Return by how many units the number is above what the sales explain, and by how many below."""
    if reverb is None or agreed.reverb is None:
        return 0, 0
    gap = reverb - agreed.reverb - _moved(agreed, sales, reverb, now)
    return max(0, gap), max(0, -gap)
