"""The models of the listings app."""

from __future__ import annotations

from listings.models.crawl import Crawl
from listings.models.job import Job, Rank
from listings.models.ledger import Ledger
from listings.models.listing import Listing
from listings.models.mass_sync import Indexed, Line, MassSync
from listings.models.order import Order, StoreOrderState
from listings.models.parcel import Parcel
from listings.models.product import Product
from listings.models.recheck import Recheck
from listings.models.review import Review

__all__ = [
    "Crawl",
    "Indexed",
    "Job",
    "Ledger",
    "Line",
    "Listing",
    "MassSync",
    "Order",
    "Parcel",
    "Product",
    "Rank",
    "Recheck",
    "Review",
    "StoreOrderState",
]
