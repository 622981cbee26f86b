"""Whether the owners of an oversold product are notified, and what is new since the last mail. Makes no call."""

from __future__ import annotations

from dataclasses import dataclass

FIRST = ""
MORE_IS_KNOWN = "more is known"
BOTH = "now with both orders"


@dataclass(frozen=True)
class Oversold:
    """How many units were sold that do not exist, and what the last mail said."""

    units: int
    #: The units that the owners were notified of.
    notified: int
    #: Units are gone on Reverb, and no known order explains it.
    hidden: bool
    #: The last mail could not name Reverb's order, or the store's.
    unnamed: bool
    unanswered: bool

    @property
    def is_more(self) -> bool:
        """Return whether units were oversold that no mail has named."""
        return self.units > self.notified

    @property
    def is_named_now(self) -> bool:
        """Return whether Reverb's order is known by now, which the last mail could not name."""
        return self.unnamed and not self.hidden


def asks_store(oversold: Oversold) -> bool:
    """Return whether to read the store's orders: a mail is due, or the last one lacked an order."""
    return oversold.is_more or (oversold.units > 0 and (oversold.is_named_now or oversold.unanswered))


def news(oversold: Oversold, *, store_answered: bool) -> str | None:
    """Return what the subject adds, FIRST for new units; None if there is nothing to mail."""
    if oversold.is_more:
        return FIRST
    if not (oversold.is_named_now or store_answered):
        return None
    return BOTH if store_answered and not oversold.hidden else MORE_IS_KNOWN
