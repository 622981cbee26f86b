"""What a delivery means, in one vocabulary for all platforms. An event is a hint: the store is asked before acting."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Urgency(IntEnum):
    """What is handed over first; a smaller number is more urgent. Known from the topic alone when a call arrives."""

    SALE = 0  # stock and orders: may be a sale
    PRODUCT = 10
    OTHER = 20


@dataclass(frozen=True)
class ProductChanged:
    """Something of a product is new. `store_parent_id` is the store's id of the product with all its variants."""

    store_parent_id: str


@dataclass(frozen=True)
class StockChanged:
    """Units were counted, sold or put back. `store_stock_id` is the store's id of the thing that is counted."""

    store_stock_id: str


@dataclass(frozen=True)
class ProductDeleted:
    """The store no longer has the product; all its variants are gone."""

    store_parent_id: str


@dataclass(frozen=True)
class AppRemoved:
    """The seller took our app out of the store: its token is dead."""


@dataclass(frozen=True)
class OrderChanged:
    """An order was placed, changed, shipped, cancelled or refunded.

    `products_reported`: events of their own report the products in it, else the store is asked for them.
    """

    store_order_id: str
    products_reported: bool = False


@dataclass(frozen=True)
class CustomerDataRequested:
    """A customer of the store asks what is stored of them; ids are the store's."""

    customer_id: str
    order_ids: tuple[str, ...]


@dataclass(frozen=True)
class CustomerForgotten:
    """What is stored of a customer must be deleted."""

    customer_id: str
    order_ids: tuple[str, ...]


@dataclass(frozen=True)
class ShopForgotten:
    """The seller left for good: what is stored of the store must be deleted."""


@dataclass(frozen=True)
class ReverbOrderChanged:
    """An order was placed or changed on Reverb."""

    number: str


@dataclass(frozen=True)
class ReverbListingChanged:
    """Stock or state of a listing changed on Reverb: by a sale, by a person, or by our own write.

    What the call said of both is only there to recognise our own write: where it says what we know, nothing is new.
    """

    listing_id: str
    state: str = ""
    inventory: int | None = None


@dataclass(frozen=True)
class ReverbAppRemoved:
    """The seller may have taken our app out of their account: ask whether the token is dead."""


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
