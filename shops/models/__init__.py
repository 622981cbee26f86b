"""Models of the shops app."""

from __future__ import annotations

from shops.models.breaker import Breaker
from shops.models.connections import FormerStore, PendingConnection, ReverbConnection, StoreConnection
from shops.models.health import StoreHealth
from shops.models.person import Person
from shops.models.pushed import MissingProducts, PushedOrder, PushedProduct
from shops.models.rules import Group, MappingRule, SelectionRule
from shops.models.settings import FIELDS, SyncSettings
from shops.models.shipstation import ShipStation, ShipStationNotice
from shops.models.shop import Membership, Shop

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
    "PushedOrder",
    "PushedProduct",
    "ReverbConnection",
    "SelectionRule",
    "ShipStation",
    "ShipStationNotice",
    "Shop",
    "StoreConnection",
    "StoreHealth",
    "SyncSettings",
]
