"""A store whose answers the tests choose, and deliveries of its webhooks."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from shops.models import Shop
from shops.platforms import PLATFORMS
from shops.reverb import webhooks as reverbs
from shops.snapshots import StoreProduct
from tests.people import NOON, snapshot
from webhooks import inbox
from webhooks.models import Delivery
from webhooks.store_handover import hand_over


class Now:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.at = NOON

    def __call__(self) -> datetime:
        return self.at


class Store:
    """Answers with one product for each id; breaks as it is set to."""

    def __init__(self) -> None:
        self.breaks: dict[str, Exception] = {}
        self.requested: list[str] = []

    def products(self, store_parent_id: str) -> list[StoreProduct]:
        self.requested.append(store_parent_id)
        if store_parent_id in self.breaks:
            raise self.breaks[store_parent_id]
        return [
            snapshot(
                store_product_id=f"u{store_parent_id}", store_parent_id=store_parent_id, sku=f"S-{store_parent_id}"
            )
        ]

    def parent_of_stock(self, store_stock_id: str) -> str | None:
        return store_stock_id


def keep(shop: Shop, body: Any, *, topic: str = "products/update", source: str = "store") -> Delivery:
    """Keep a delivery and return it."""
    platform = PLATFORMS["shopify"]
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    rank = platform.rank(topic) if source == "store" else reverbs.rank(topic)
    name = f"id-{Delivery.objects.count()}"
    inbox.keep(shop.pk, source=source, delivery_id=name, topic=topic, body=raw, state=Delivery.State.OPEN, rank=rank)
    return Delivery.objects.get(delivery_id=name)


def states() -> list[str]:
    """Return the states of all deliveries."""
    return list(Delivery.objects.order_by("id").values_list("state", flat=True))


def until_aside(shop: Shop, delivery: Delivery, now: Now) -> list[float]:
    """Hand over until a delivery is put aside; return the waits between the tries, in seconds."""
    waits: list[float] = []
    for _ in range(50):
        hand_over(shop)
        delivery.refresh_from_db()
        if delivery.state != "open":
            return waits
        waits.append((delivery.due_at - now.at).total_seconds())
        now.at = delivery.due_at
    raise AssertionError("it is never put aside")


def put_aside(shop: Shop, store: Store, now: Now, body: Any = None) -> Delivery:
    """Return a delivery that was put aside; what broke it is gone since."""
    store.breaks = {"2": KeyError("x")}
    delivery = keep(shop, body or {"id": 2})
    until_aside(shop, delivery, now)
    store.breaks = {}
    return delivery
