"""What both sides last agreed on, and the sales that change it: the data of the rule of stock. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

#: How far Reverb's stamps of one moment may be apart: they count whole seconds.
SLACK = timedelta(seconds=2)
#: How long units that appeared on Reverb wait for an order that explains them.
GAIN_SETTLES_AFTER = timedelta(seconds=60)
#: How long to wait for an order that shows whether a number whose answer was lost was applied.
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
    unexplained_drop: int = 0
    dropped_at: datetime | None = None
    unexplained_gain: int = 0
    gained_at: datetime | None = None
    set_at: datetime | None = None
    before: tuple[int, ...] = ()
    pending_put: int | None = None
    undecided_at: datetime | None = None

    def had(self, reverb: int, now: datetime) -> bool:
        """Return whether Reverb had that number shortly before, and not at last."""
        return reverb in self.before and reverb != self.reverb and until(now, self.set_at, FOLLOWS_WITHIN)

    def moved(self, reverb: int | None, at: datetime) -> Agreed:
        """Return it with the number that Reverb took or showed at a moment, and those that it had shortly before."""
        kept = self.before if until(at, self.set_at, FOLLOWS_WITHIN) else ()
        known = dict.fromkeys((*kept, *(() if self.reverb is None else (self.reverb,))))
        return replace(self, reverb=reverb, set_at=at, before=tuple(known)[-MOST_BEFORE:])


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


def shown(units: int, *, buffer: int = 0, maximum: int = 0) -> int:
    """Return what Reverb shows of `units`: less the buffer, at most the maximum (0: no limit), never below zero."""
    found = max(0, units - buffer)
    return min(found, maximum) if maximum else found


def store_adjustment(agreed: Agreed) -> int:
    """Return the difference to write to the store, so that it has what was agreed.

    A store that is itself below zero keeps that while units are oversold: its own number counts them.
    """
    if agreed.units >= 0:
        return agreed.units - agreed.store
    return min(0, -agreed.store)


def before(moment: datetime | None, other: datetime | None) -> bool:
    """Return whether a moment was not after another one, as far as Reverb's stamps show; False where one is missing."""
    return moment is not None and other is not None and moment <= other + SLACK


def until(moment: datetime, start: datetime | None, span: timedelta) -> bool:
    """Return whether a moment is within a span from the start, False where there was none."""
    return start is not None and moment <= start + span
