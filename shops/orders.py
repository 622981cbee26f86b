"""Orders and shipments, shared by all platforms. Value objects; money is Decimal in the order's currency."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any


class OrderStatus(StrEnum):
    """The meaning of a store order's status for its units."""

    WAITING = "waiting"  # placed, not paid; the platform decides whether its units are taken
    OPEN = "open"  # paid, or accepted for later payment
    DONE = "done"  # shipped or closed
    CANCELLED = "cancelled"
    REFUNDED = "refunded"


@dataclass(frozen=True)
class OrderLine:
    """One line. `price` is per unit, without tax if the store says so."""

    id: str
    store_product_id: str  # "" if the line names no product
    sku: str
    title: str
    quantity: int
    price: Decimal = Decimal(0)
    refunded: int = 0
    #: Units that the line holds from the stock; None if unknown.
    taken: int | None = None


@dataclass(frozen=True)
class StoreOrder:
    """A store's order."""

    id: str
    number: str
    status: OrderStatus
    updated_at: datetime
    lines: tuple[OrderLine, ...]
    url: str
    #: Number of the Reverb order that it was created for, "" for the store's own orders.
    reverb_number: str = ""
    #: When it was placed, aware, by the store's clock; None if unknown.
    placed_at: datetime | None = None
    #: When it was paid, likewise.
    paid_at: datetime | None = None

    def lines_of(self, ids: Collection[str], sku: str) -> list[OrderLine]:
        """Return the lines with one of these product ids, or with the SKU, which translations of a product share."""
        return [line for line in self.lines if line.store_product_id in ids or (sku and line.sku.strip() == sku)]


@dataclass(frozen=True)
class Address:
    """Shipping address."""

    name: str
    street: str
    city: str
    postal_code: str
    country: str  # ISO 3166-1 alpha-2
    extra: str = ""
    region: str = ""
    phone: str = ""


def _keep_nothing(begun: Mapping[str, Any]) -> None:
    """Save nothing: for orders that are created in one call."""


@dataclass(frozen=True)
class NewOrder:
    """A Reverb order to create in the store: once, without mail to the buyer, marked with Reverb's number."""

    reverb_number: str
    lines: tuple[OrderLine, ...]
    currency: str
    buyer: str
    address: Address | None
    shipping: Decimal
    tax: Decimal
    note: str = ""
    #: False: `adjust` already took the units from the stock, so the order must not take them again.
    takes_stock: bool = True
    #: When it was sold on Reverb, aware: an order for it cannot be older. None: unknown.
    sold_at: datetime | None = None
    #: What an earlier attempt created in the store besides the order itself, as saved (JSON); {} for nothing.
    begun: Mapping[str, Any] = field(default_factory=dict)
    #: Saves what the next call will create, before that call, and {} once nothing is left open.
    keep: Callable[[Mapping[str, Any]], None] = field(default=_keep_nothing, compare=False)


@dataclass(frozen=True)
class Shipment:
    """A parcel of an order."""

    id: str
    order_id: str
    carrier: str
    tracking_number: str
    tracking_url: str = ""
