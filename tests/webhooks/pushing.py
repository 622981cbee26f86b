"""A store of a seller's own, and the messages that it sends."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from listings.models import Product
from shops import lifecycle, store_connection
from shops.models import Shop
from shops.platforms import PLATFORMS
from shops.platforms.values import Keys
from tests.people import olivia
from webhooks import inbox
from webhooks.models import Delivery


def push_shop() -> Shop:
    """Return a shop with a store of its seller's own."""
    made = lifecycle.create_shop(olivia(), "Guitars")
    keys = Keys("rs_token", "whsec_c2VjcmV0")
    store_connection.connect_store(made, platform="custom", address="https://guitars.example.com", keys=keys)
    return Shop.objects.select_related("store", "sync_settings").get(pk=made.pk)


def send(shop: Shop, topic: str, minute: int, **data: Any) -> None:
    """Keep a message of the store."""
    stamped = {"updated_at": datetime.fromisoformat(f"2026-01-01T12:{minute:02}:00Z").isoformat(), **data}
    body = json.dumps({"type": topic, "data": stamped}).encode()
    name, rank = f"{topic}-{Delivery.objects.count()}", PLATFORMS["custom"].rank(topic)
    state = Delivery.State.OPEN
    inbox.keep(shop.pk, source="store", delivery_id=name, topic=topic, body=body, state=state, rank=rank)


def variant(number: str, stock: Any, **changes: Any) -> dict[str, Any]:
    """Return a variant as it is sent."""
    return {"id": number, "sku": f"S-{number}", "price": "500.00", "stock": stock, **changes}


def product(shop: Shop, minute: int, *rows: Any, number: str = "9", **changes: Any) -> None:
    """Keep a product with these rows of variants."""
    data = {"id": number, "title": f"Guitar {minute}", "currency": "USD", "variants": list(rows), **changes}
    send(shop, "product.updated", minute, **data)


def guitar(shop: Shop, minute: int, *, stock: int = 3, variants: str = "1") -> None:
    """Keep a product with variants of these ids."""
    product(shop, minute, *(variant(one, stock) for one in variants))


def counted(shop: Shop, minute: int, *items: Any, number: str = "9") -> None:
    """Keep a message that counts variants."""
    send(shop, "stock.updated", minute, product_id=number, items=list(items))


def sold(shop: Shop, minute: int, variant: str = "1", number: str = "9") -> None:
    """Keep the count of a variant that is sold out."""
    counted(shop, minute, {"variant_id": variant, "stock": 0}, number=number)


def states() -> list[str]:
    """Return the states of all deliveries, in the order in which they came."""
    return list(Delivery.objects.order_by("pk").values_list("state", flat=True))


def note() -> str:
    """Return what the seller reads of the last delivery."""
    return Delivery.objects.latest("pk").note


def stocks() -> dict[str, int | None]:
    """Return the stock of each variant that is not gone."""
    return {one.store_product_id: one.seen.stock for one in Product.objects.filter(gone_at=None).order_by("pk")}
