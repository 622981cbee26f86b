"""The data of the stock rule: what both sides last agreed on, and the sales that change it. Pure."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta

#: How far two of Reverb's timestamps of one moment may differ: they have whole seconds.
SLACK = timedelta(seconds=2)
#: How long units that appeared on Reverb wait for an order that explains them.
GAIN_SETTLES_AFTER = timedelta(seconds=60)
#: How long to wait for an order that shows whether a number was applied, if its response was lost.
PATIENCE = timedelta(seconds=30)
#: For how long after an order changed, or the number was set, a response of Reverb may show the previous number.
FOLLOWS_WITHIN = timedelta(minutes=10)
#: For how long a listing may seem empty after it was put on sale again. A real loss would be missed that long.
ENDED_WITHIN = timedelta(minutes=2)
#: Previous numbers that are remembered at most.
MOST_BEFORE = 12


@dataclass(frozen=True)
class Agreed:
    """The data of a ledger; listings/models/ledger.py explains each field."""

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

    @classmethod
    def of(cls, ledger: object) -> Agreed:
        """Return the data of a row of the model, which has a field of each name."""
        found = {one.name: getattr(ledger, one.name) for one in fields(cls)}
        return cls(**{**found, "before": tuple(found["before"])})

    def had(self, reverb: int, now: datetime) -> bool:
        """Return whether Reverb had that number shortly before, but not last."""
        return reverb in self.before and reverb != self.reverb and until(now, self.set_at, FOLLOWS_WITHIN)

    def moved(self, reverb: int | None, at: datetime) -> Agreed:
        """Return a copy with the number that Reverb had at a moment, remembering the recent previous ones."""
        kept = self.before if until(at, self.set_at, FOLLOWS_WITHIN) else ()
        known = dict.fromkeys((*kept, *(() if self.reverb is None else (self.reverb,))))
        return replace(self, reverb=reverb, set_at=at, before=tuple(known)[-MOST_BEFORE:])


@dataclass(frozen=True)
class Sale:
    """An order on Reverb, as far as it affects stock.

    `sure`: it certainly moves Reverb's own number. `new`: its current status is not reconciled yet; `unseen`: none is.
    `counted` and `shown`: the units by which our stock and Reverb's number have gone down for it. `doubtful`: the
    number went down by as much, but our own write may have overwritten this sale; then another sale, whose order is not
    visible yet, moved the number. `restocked`: it was released, and the number has come up again for it.
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
        """Units that it takes in its current status."""
        return 0 if self.released else self.quantity


def shown(units: int, *, buffer: int = 0, maximum: int = 0) -> int:
    """Return what Reverb shows of `units`: minus the buffer, at most the maximum (0: no limit), never below zero."""
    found = max(0, units - buffer)
    return min(found, maximum) if maximum else found


def store_adjustment(agreed: Agreed) -> int:
    """Return the difference to write to the store, so that it has the agreed number.

    While units are oversold, a store that is itself below zero stays there: its own number counts them.
    """
    if agreed.units >= 0:
        return agreed.units - agreed.store
    return min(0, -agreed.store)


def before(moment: datetime | None, other: datetime | None) -> bool:
    """Return whether a moment is not after another, as far as Reverb's timestamps can tell; False if one is missing."""
    return moment is not None and other is not None and moment <= other + SLACK


def until(moment: datetime, start: datetime | None, span: timedelta) -> bool:
    """Return whether a moment is within a span from the start; False without a start."""
    return start is not None and moment <= start + span
