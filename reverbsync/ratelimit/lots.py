"""Slots in a budget that a worker reserves in advance, for calls in quick succession.

Each reservation costs a call to Redis. If a worker's calls follow within a moment, and the budget has room, it gets
several slots together. It uses them within that moment, which is shorter than the half second by which a minute is
counted too long (reserve.lua), and returns the rest. If calls are slow or the budget is tight, each slot is reserved
singly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from reverbsync import clock

#: What a slot is for: its budgets, and the kind of work.
Of = TypeVar("Of")

#: Seconds for which a reserved slot may be used.
KEEPS_S = 0.1
MOST = 16


@dataclass
class _Lot:
    requested_at: float
    size: int = 1
    names: list[str] = field(default_factory=list)


class Lots(Generic[Of]):
    """One worker's slots, by what they are for."""

    def __init__(self) -> None:
        """Start without slots."""
        self._lots: dict[Of, _Lot] = {}

    def next(self, of: Of) -> str | None:
        """Return the name of a slot that is still valid; None if one must be reserved."""
        lot = self._lots.get(of)
        if lot is None or not lot.names or clock.monotonic() > lot.requested_at + KEEPS_S:
            return None
        return lot.names.pop()

    def size(self, of: Of) -> int:
        """Return how many slots to reserve: twice as many as last time while they are used up within a moment."""
        lot, now = self._lots.get(of), clock.monotonic()
        if lot is None or lot.names or now > lot.requested_at + KEEPS_S:
            return 1
        return min(MOST, 2 * lot.size)

    def fill(self, of: Of, size: int, names: Sequence[str]) -> list[str]:
        """Store the slots reserved beside the one in use; return the names of the expired ones."""
        old = self._lots.get(of)
        self._lots[of] = _Lot(clock.monotonic(), size, list(names))
        return old.names if old else []

    def left(self) -> dict[Of, list[str]]:
        """Return the unused slots, and forget them."""
        found = {of: lot.names for of, lot in self._lots.items() if lot.names}
        self._lots.clear()
        return found
