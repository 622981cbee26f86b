"""A store that sends its products: a sale does not wait for edits before it, unless they introduce what it counts."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest

from listings.models import Product
from shops import make
from shops.models import Shop
from shops.platforms import PLATFORMS
from shops.platforms.base import Keys
from tests.people import olivia
from webhooks import inbox
from webhooks.handover import hand_over
from webhooks.models import Delivery

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop() -> Shop:
    """Return a shop with a store of its seller's own."""
    made = make.shop(olivia(), "Guitars")
    keys = Keys("rs_token", "whsec_c2VjcmV0")
    make.connect_store(made, platform="custom", address="https://guitars.example.com", keys=keys)
    return Shop.objects.select_related("store", "sync_settings").get(pk=made.pk)


def send(shop: Shop, topic: str, minute: int, **data: Any) -> None:
    """Keep a message of the store."""
    stamped = {"updated_at": datetime.fromisoformat(f"2026-01-01T12:{minute:02}:00Z").isoformat(), **data}
    body = json.dumps({"type": topic, "data": stamped}).encode()
    name, rank = f"{topic}-{minute}", PLATFORMS["custom"].rank(topic)
    state = Delivery.State.OPEN
    inbox.keep(shop.pk, source="store", delivery_id=name, topic=topic, body=body, state=state, rank=rank)


def guitar(shop: Shop, minute: int, *, stock: int = 3, variants: str = "1") -> None:
    """Keep a product with variants of these ids."""
    rows = [{"id": one, "sku": f"S-{one}", "price": "500.00", "stock": stock} for one in variants]
    send(shop, "product.updated", minute, id="9", title=f"Guitar {minute}", currency="USD", variants=rows)


def sold(shop: Shop, minute: int, variant: str = "1") -> None:
    """Keep the count of a variant that is sold out."""
    send(shop, "stock.updated", minute, product_id="9", items=[{"variant_id": variant, "stock": 0}])


def states() -> list[str]:
    """Return the states of all deliveries, in the order in which they came."""
    return list(Delivery.objects.order_by("pk").values_list("state", flat=True))


def stocks() -> dict[str, int | None]:
    """Return the stock of each variant."""
    return {one.store_product_id: one.seen.stock for one in Product.objects.order_by("pk")}


def test_a_sale_does_not_wait_for_the_edits_before_it(shop: Shop) -> None:
    guitar(shop, 0)
    hand_over(shop)
    for minute in range(1, 6):
        guitar(shop, minute)
    sold(shop, 6)
    assert hand_over(shop, sales=True) is False
    assert states() == ["done", *["open"] * 5, "done"]
    assert stocks() == {"1": 0}
    hand_over(shop, sales=False)
    assert stocks() == {"1": 0}
    assert Product.objects.get().title == "Guitar 5"


def test_a_sale_of_a_variant_that_an_open_edit_introduces_is_worked_off_after_that_edit(shop: Shop) -> None:
    guitar(shop, 0)
    hand_over(shop)
    guitar(shop, 1, variants="12")
    sold(shop, 2, "2")
    hand_over(shop, sales=True)
    assert states() == ["done", "done", "done"]
    assert stocks() == {"1": 3, "2": 0}


def test_sales_that_stand_alone_go_before_one_that_does_not(shop: Shop) -> None:
    guitar(shop, 0)
    hand_over(shop)
    guitar(shop, 1, variants="12")
    sold(shop, 2, "2")
    sold(shop, 3, "1")
    assert hand_over(shop, sales=True) is True
    assert states() == ["done", "open", "open", "done"]
    hand_over(shop, sales=True)
    assert stocks() == {"1": 0, "2": 0}


def test_a_count_that_cannot_be_read_is_put_aside_by_itself(shop: Shop) -> None:
    guitar(shop, 0)
    send(shop, "stock.updated", 1, product_id=None, items="none")
    hand_over(shop, sales=True)
    assert states() == ["open", "unreadable"]
