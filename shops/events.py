"""Events of deliveries, shared by all platforms. An event is only a hint: the store is read before acting."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Urgency(IntEnum):
    """Processing order of deliveries, the most urgent first; derived from the topic alone on arrival."""

    SALE = 0  # stock and orders: may be a sale
    PRODUCT = 10
    OTHER = 20


@dataclass(frozen=True)
class ProductChanged:
    """A product changed. `store_parent_id` is the store's id of the product with all its variants."""

    store_parent_id: str


@dataclass(frozen=True)
class StockChanged:
    """Stock was counted, sold or returned. `store_stock_id` is the store's id of the stock item."""

    store_stock_id: str


@dataclass(frozen=True)
class ProductDeleted:
    """The store no longer has the product or any of its variants."""

    store_parent_id: str


@dataclass(frozen=True)
class AppRemoved:
    """The seller removed our app from the store: its token is dead."""


@dataclass(frozen=True)
class OrderChanged:
    """An order was placed, changed, shipped, cancelled or refunded.

    `products_reported`: other events report its products; otherwise the store must be asked for them.
    """

    store_order_id: str
    products_reported: bool = False


@dataclass(frozen=True)
class CustomerDataRequested:
    """A customer of the store requests their stored data; ids are the store's."""

    customer_id: str
    order_ids: tuple[str, ...]


@dataclass(frozen=True)
class CustomerForgotten:
    """A customer's stored data must be deleted."""

    customer_id: str
    order_ids: tuple[str, ...]


@dataclass(frozen=True)
class ShopForgotten:
    """The seller left for good: all stored data of the store must be deleted."""


@dataclass(frozen=True)
class ReverbOrderChanged:
    """An order was placed or changed on Reverb."""

    number: str


@dataclass(frozen=True)
class ReverbListingChanged:
    """Stock or state of a listing changed on Reverb: by a sale, by a person, or by our own write.

    `state` and `inventory` only serve to recognize our own write: if both are known already, nothing changed.
    """

    listing_id: str
    state: str = ""
    inventory: int | None = None


@dataclass(frozen=True)
class ReverbAppRemoved:
    """The seller may have removed our app from their account: check whether the token is dead."""


ReverbEvent = ReverbOrderChanged | ReverbListingChanged | ReverbAppRemoved
Event = (
    ProductChanged
    | StockChanged
    | OrderChanged
    | ProductDeleted
    | AppRemoved
    | CustomerDataRequested
    | CustomerForgotten
    | ShopForgotten
)
