"""Orders and shipments in one form for all platforms. Plain values; money is Decimal in the order's currency."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any


class OrderStatus(StrEnum):
    """What an order of a store means for its units."""

    WAITING = "waiting"  # placed, not paid; whether its units are taken is the platform's rule
    OPEN = "open"  # paid, or accepted for later payment
    DONE = "done"  # shipped or closed
    CANCELLED = "cancelled"
    REFUNDED = "refunded"


@dataclass(frozen=True)
class OrderLine:
    """One line. `price` is for one unit, without tax where the store says so."""

    id: str
    store_product_id: str  # "" when the line names no product
    sku: str
    title: str
    quantity: int
    price: Decimal = Decimal(0)
    refunded: int = 0
    #: Units that it has in hand out of the stock; None where the store does not say.
    taken: int | None = None


@dataclass(frozen=True)
class StoreOrder:
    """An order as the store has it."""

    id: str
    number: str
    status: OrderStatus
    updated_at: datetime
    lines: tuple[OrderLine, ...]
    url: str
    #: Number of the Reverb order that it was made for, "" for the store's own.
    reverb_number: str = ""
    #: When it was made, aware, by the store's clock; None where that is not said.
    placed_at: datetime | None = None
    #: When it was paid, likewise.
    paid_at: datetime | None = None

    def lines_of(self, ids: Collection[str], sku: str) -> list[OrderLine]:
        """Return the lines of a product that goes by these ids, or by its SKU, as a translation of it does."""
        return [line for line in self.lines if line.store_product_id in ids or (sku and line.sku.strip() == sku)]


@dataclass(frozen=True)
class Address:
    """Where to ship to."""

    name: str
    street: str
    city: str
    postal_code: str
    country: str  # ISO 3166-1 alpha-2
    extra: str = ""
    region: str = ""
    phone: str = ""


def _keep_nothing(begun: Mapping[str, Any]) -> None:
    """Keep nothing: for orders that are made in one call."""


@dataclass(frozen=True)
class NewOrder:
    """A Reverb order to be made in the store: once, without mail to the buyer, marked with Reverb's number."""

    reverb_number: str
    lines: tuple[OrderLine, ...]
    currency: str
    buyer: str
    address: Address | None
    shipping: Decimal
    tax: Decimal
    note: str = ""
    #: False: the units were already taken from the stock by `adjust`, so the order must not take them again.
    takes_stock: bool = True
    #: When it was sold on Reverb, aware: an order for it cannot be older. None: not known.
    sold_at: datetime | None = None
    #: What an earlier attempt has begun in the store beside the order itself, as it was kept (JSON); {} for nothing.
    begun: Mapping[str, Any] = field(default_factory=dict)
    #: Keeps what is about to be begun, before the call that begins it, and {} when nothing is left open.
    keep: Callable[[Mapping[str, Any]], None] = field(default=_keep_nothing, compare=False)


@dataclass(frozen=True)
class Shipment:
    """A parcel of an order."""

    id: str
    order_id: str
    carrier: str
    tracking_number: str
    tracking_url: str = ""
