"""What a delivery means, in one vocabulary for all platforms. An event is a hint: the store is asked before acting."""

from __future__ import annotations

from dataclasses import dataclass


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


Event = ProductChanged | StockChanged | ProductDeleted | AppRemoved
