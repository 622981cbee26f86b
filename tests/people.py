"""The people of the tests, always the same: Olivia owns a shop, Nora is a stranger with a shop of her own."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from listings.models import Product
from shops import lifecycle
from shops.models import Person, ReverbConnection, Shop, StoreConnection
from shops.snapshots import StoreProduct

SECRET = "the-stores-signing-secret"
NOON = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)


def olivia() -> Person:
    """Return the owner."""
    return Person.objects.filter(email="olivia@example.com").first() or Person.objects.create_user(
        "olivia@example.com", "olivias-password"
    )


def nora() -> Person:
    """Return the stranger."""
    return Person.objects.filter(email="nora@example.com").first() or Person.objects.create_user(
        "nora@example.com", "noras-password"
    )


def shop_of(person: Person, name: str = "Guitars") -> Shop:
    """Return a new shop with both connections."""
    shop = lifecycle.create_shop(person, name)
    StoreConnection.objects.create(
        shop=shop, platform="shopify", address="guitars.myshopify.com", token="store-token", secret=SECRET
    )
    ReverbConnection.objects.create(shop=shop, token=f"reverb-token-{shop.pk}", account=name)
    Shop.objects.filter(pk=shop.pk).update(recheck_requested=False)
    return Shop.objects.get(pk=shop.pk)


def snapshot(**changes: Any) -> StoreProduct:
    """Return what a store says of a product."""
    said: dict[str, Any] = {
        "store_product_id": "21",
        "store_parent_id": "11",
        "store_stock_id": "31",
        "sku": "A1",
        "title": "Fender Strat",
        "description": "<p>Nice</p>",
        "vendor": "Fender",
        "product_type": "",
        "tags": (),
        "finish": "",
        "price": Decimal("849.90"),
        "currency": "USD",
        "stock": 3,
        "photos": (),
        "barcode": "",
        "for_sale": True,
        "url": "http://store/11",
    }
    return StoreProduct(**{**said, **changes})


def product_of(shop: Shop, **changes: Any) -> Product:
    """Return a product of a shop, as read at noon."""
    seen = snapshot(**changes)
    return Product.objects.create(
        shop=shop,
        store_product_id=seen.store_product_id,
        store_parent_id=seen.store_parent_id,
        store_stock_id=seen.store_stock_id,
        sku=seen.sku,
        title=seen.title,
        snapshot=seen.to_json(),
        read_at=NOON,
    )
