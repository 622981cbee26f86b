"""Slots in a budget that a worker has taken ahead, for calls that follow each other at once.

Asking for each slot costs a call to Redis. Where a worker's calls come so fast that it asks again within a moment, and
the budget has room for them, it is given a few slots together. It uses them within that moment, which is shorter than
what a minute is counted longer than it is (reserve.lua); what it does not use it gives back. Where calls take their
time, or the budget is tight, each slot is asked for by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from reverbsync import clock

#: What a slot is of: what it is taken from, and for what kind of work.
Of = TypeVar("Of")

#: How old a slot may be when it is used.
KEEPS_S = 0.1
MOST = 16


@dataclass
class _Lot:
    requested_at: float
    size: int = 1
    names: list[str] = field(default_factory=list)


class Lots(Generic[Of]):
    """One worker's slots, by what they are of."""

    def __init__(self) -> None:
        """None was taken yet."""
        self._lots: dict[Of, _Lot] = {}

    def next(self, of: Of) -> str | None:
        """Return the name of a slot that is still good, None where one must be asked for."""
        lot = self._lots.get(of)
        if lot is None or not lot.names or clock.monotonic() > lot.requested_at + KEEPS_S:
            return None
        return lot.names.pop()

    def size(self, of: Of) -> int:
        """Return for how many slots to ask: twice as many as the last time while they are used up in a moment."""
        lot, now = self._lots.get(of), clock.monotonic()
        if lot is None or lot.names or now > lot.requested_at + KEEPS_S:
            return 1
        return min(MOST, 2 * lot.size)

    def fill(self, of: Of, size: int, names: Sequence[str]) -> list[str]:
        """Keep what was given beside the slot that is used now; return the names of those that grew too old."""
        old = self._lots.get(of)
        self._lots[of] = _Lot(clock.monotonic(), size, list(names))
        return old.names if old else []

    def left(self) -> dict[Of, list[str]]:
        """Return the slots that were not used, and forget them."""
        found = {of: lot.names for of, lot in self._lots.items() if lot.names}
        self._lots.clear()
        return found
