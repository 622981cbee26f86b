"""The tables of this room."""

from __future__ import annotations

from shops.models.breaker import Breaker
from shops.models.connections import FormerStore, PendingConnection, ReverbConnection, StoreConnection
from shops.models.health import StoreHealth
from shops.models.person import Person
from shops.models.rules import Group, MappingRule, SelectionRule
from shops.models.settings import FIELDS, SyncSettings
from shops.models.shipstation import ShipStation, ShipStationNotice
from shops.models.shop import Membership, Shop
from shops.models.told import MissingProducts, ToldOrder, ToldProduct

__all__ = [
    "FIELDS",
    "Breaker",
    "FormerStore",
    "Group",
    "MappingRule",
    "Membership",
    "MissingProducts",
    "PendingConnection",
    "Person",
    "ReverbConnection",
    "SelectionRule",
    "ShipStation",
    "ShipStationNotice",
    "Shop",
    "StoreConnection",
    "StoreHealth",
    "SyncSettings",
    "ToldOrder",
    "ToldProduct",
]
