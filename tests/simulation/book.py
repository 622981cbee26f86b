"""The truth: what is left of a product after all that happened to it, whether anybody has told us or not."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Book:
    """The units of one product. Each sale, refund and edit is written down once, as a difference."""

    units: int
    told: list[str] = field(default_factory=list)
    #: Fewest that were ever left: below zero, so many were sold on both sides.
    fewest: int = 0

    def change(self, by: int, why: str) -> None:
        """Write a difference down."""
        self.units += by
        self.fewest = min(self.fewest, self.units)
        self.told.append(f"{why}: {by:+d}, left {self.units}")


@dataclass
class Order:
    """An order on a side: how many units of the product, and whether they are still out."""

    number: str
    units: int
    out: bool = True


@dataclass
class Item:
    """A product of a run: where it is on both sides, and its book."""

    shop: int
    sku: str
    used: bool
    book: Book
    domain: str
    token: str
    product_id: str = ""
    variant_id: str = ""
    deleted: bool = False
    #: It was deleted and made anew: what came before is over.
    remade: int = 0
    store_orders: list[Order] = field(default_factory=list)
    reverb_orders: list[Order] = field(default_factory=list)
