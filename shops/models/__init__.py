"""The tables of this room."""

from __future__ import annotations

from shops.models.connections import ReverbConnection, StoreConnection
from shops.models.person import Person
from shops.models.settings import FIELDS, SyncSettings
from shops.models.shop import Membership, Shop

__all__ = ["FIELDS", "Membership", "Person", "ReverbConnection", "Shop", "StoreConnection", "SyncSettings"]
