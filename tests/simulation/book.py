"""The truth: the remaining units of a product after all events, whether or not anybody reported them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.simulation.calls import Call


@dataclass(frozen=True)
class Change:
    """A difference: when, by how many units, and on which side."""

    at: float
    by: int
    side: str
    why: str
    left: int


@dataclass
class Book:
    """The units of one product. Each sale, refund and edit is recorded once, as a difference."""

    units: int
    changes: list[Change] = field(default_factory=list)
    #: Units that may or may not count, and why (docs/simulation.md, "What the oracle allows"): fewer is allowed.
    unsure: list[tuple[int, str]] = field(default_factory=list)
    #: Units that count by now, and since when: they may not have been reported yet.
    cleared: list[tuple[float, int]] = field(default_factory=list)
    #: Units that may never be offered: fewer are for sale than there could be.
    never_offered: int = 0

    def change(self, at: float, by: int, side: str, why: str) -> Change:
        """Record a difference."""
        self.units += by
        made = Change(at, by, side, why, self.units)
        self.changes.append(made)
        return made

    def clear(self, at: float, why: str) -> None:
        """Count the units that were unsure for a reason."""
        self.cleared += [(at, units) for units, reason in self.unsure if reason == why]
        self.unsure = [one for one in self.unsure if one[1] != why]

    def unsure_since(self, at: float) -> int:
        """Return the units that were unsure at a time, or became so since."""
        return sum(units for units, _ in self.unsure) + sum(units for when, units in self.cleared if when >= at)

    @property
    def fewest(self) -> int:
        """The fewest units that are accepted."""
        return self.units - sum(units for units, _ in self.unsure) - self.never_offered

    def taken_since(self, at: float, side: str) -> int:
        """Return the units that a side sold since a time: they could not be known by then."""
        return -sum(one.by for one in self.changes if one.at >= at and one.side == side and one.by < 0)


@dataclass
class Order:
    """An order on one side: its units of the product, and whether they are still sold."""

    number: str
    units: int
    out: bool = True
    #: It was placed before the listing was linked: history, or just in time.
    early: bool = False
    paid: bool = True
    #: It was paid some time after it was placed, and only then deducted from Reverb's number.
    moved_late: bool = False
    #: The seller marked it as shipped on Reverb, without a number: that is not overwritten.
    shipped_by_hand: bool = False


@dataclass
class Item:
    """A product of a run: its ids on both sides, and its book."""

    shop: int
    sku: str
    used: bool
    book: Book
    domain: str
    token: str
    #: Platform of its store.
    kind: str = "shopify"
    #: Whether we report sales on Reverb to the store ("both"), or the seller does by other means ("store").
    way: str = "both"
    #: Whether its units are at several locations of the store.
    scattered: bool = False
    product_id: str = ""
    variant_id: str = ""
    #: Our id of the sellable unit.
    unit_id: str = ""
    counted_id: str = ""
    deleted: bool = False
    was_deleted: bool = False
    #: Another product of the store has its SKU.
    has_duplicate: bool = False
    #: Whether its orders on Reverb are created in the store.
    taken: bool = False
    #: The store's number when it was deleted there.
    there: int = 0
    store_orders: list[Order] = field(default_factory=list)
    reverb_orders: list[Order] = field(default_factory=list)
    #: Our calls that read the store's number, and its value; recorded if only the store leads.
    read_there: list[tuple[Call, int | None]] = field(default_factory=list)
    #: When an order on Reverb was last placed or changed.
    ordered_at: float = 0.0
    #: When the seller last set Reverb's number by hand.
    edited_at: float = 0.0
    #: By how many units the seller raised it then.
    raised: int = 0
