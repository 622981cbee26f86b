"""Shops for the benchmarks: products with listings on the stand-in Reverb, and open jobs for them."""

from __future__ import annotations

import base64
import time
from decimal import Decimal
from typing import Any

from django.db import connection

from listings.models import Job, Listing, Product, Rank
from listings.queue import jobs
from reverbsync import clock
from shops import lifecycle
from shops.models import FIELDS, Person, ReverbConnection, Shop, StoreConnection, SyncSettings
from shops.snapshots import StoreProduct

SECRET = "whsec_" + base64.b64encode(b"a-secret-of-the-benchmarks").decode()
BATCH = 1_000
REPRICE = (
    "UPDATE listings_product SET snapshot = jsonb_set(snapshot, '{price}', %s), looked_at = NULL WHERE shop_id = %s"
)


def shop(number: int) -> Shop:
    """Create a shop with a custom store that syncs price and stock."""
    owner, _ = Person.objects.get_or_create(email="bench@example.com")
    made = lifecycle.create_shop(owner, f"Bench {number}")
    off = {f"sync_{name}": name in ("price", "stock") for name in FIELDS}
    SyncSettings.objects.filter(shop=made).update(**off)
    address = f"https://store-{number}.example.com/"
    StoreConnection.objects.create(
        shop=made, platform="custom", address=address, token=f"rs_{number}", secret=SECRET, currency="USD"
    )
    ReverbConnection.objects.create(shop=made, token=f"token-{number}", account_id=str(number), account=made.name)
    return Shop.objects.select_related("store", "reverb", "sync_settings").get(pk=made.pk)


def products(owner: Shop, count: int, *, price: str = "100.00", start: int = 0) -> list[Product]:
    """Create products with listings that are in sync, except for the price if it is not 100.00."""
    first = owner.pk * 1_000_000 + start
    now = clock.now()
    made: list[Product] = []
    for begin in range(first, first + count, BATCH):
        numbers = range(begin, min(begin + BATCH, first + count))
        batch = Product.objects.bulk_create([_product(owner, number, price) for number in numbers])
        Listing.objects.bulk_create(
            Listing(
                product=one,
                shop=owner,
                sku=one.sku,
                reverb_id=one.sku.removeprefix("SKU-"),
                state="live",
                agreed={"stock": {"sent": 3, "read": 3}},
                read_at=now,
            )
            for one in batch
        )
        made += batch
    return made


def _product(owner: Shop, number: int, price: str) -> Product:
    seen = StoreProduct(
        store_product_id=f"{number}",
        store_parent_id=f"{number}",
        store_stock_id=f"{number}",
        sku=f"SKU-{number}",
        title=f"Guitar {number}",
        description="<p>Nice</p>",
        vendor="Fender",
        product_type="",
        tags=(),
        finish="",
        price=Decimal(price),
        currency="USD",
        stock=3,
        photos=(),
        barcode="",
        for_sale=True,
        url=f"https://store.example.com/{number}",
    )
    fields = {"sku": seen.sku, "title": seen.title, "snapshot": seen.to_json(), "read_at": clock.now()}
    return Product(shop=owner, store_product_id=str(number), store_parent_id=str(number), **fields)


def reprice(owner: Shop, price: str) -> None:
    """Change the store's price of all products of a shop."""
    with connection.cursor() as cursor:
        cursor.execute(REPRICE, [f'"{price}"', owner.pk])


def open_jobs(found: list[Product], *, rank: Rank = Rank.CATALOGUE) -> None:
    """Open a job for each product."""
    for start in range(0, len(found), BATCH):
        jobs.look_again(found[start : start + BATCH], rank=rank, trigger="bench", now=clock.now())


def pushed(product: Product, *, stock: int) -> dict[str, Any]:
    """Return the store's message about a product with another stock (docs/custom-store.md)."""
    seen = product.seen
    unit = {"id": seen.store_product_id, "sku": seen.sku, "price": str(seen.price), "stock": stock}
    more = {"description": seen.description, "vendor": seen.vendor, "url": seen.url, "variants": [unit]}
    stamp = clock.now().isoformat()
    return {"id": seen.store_parent_id, "updated_at": stamp, "title": seen.title, "currency": "USD", **more}


def open_count(owner: Shop) -> int:
    """Return how many jobs of a shop are open."""
    return Job.objects.filter(shop=owner, blocked=False).count()


def wait_until_done(owners: list[Shop], *, seconds: float) -> float:
    """Wait until no job of these shops is open; return the seconds that it took."""
    began = time.monotonic()
    while Job.objects.filter(shop__in=owners, blocked=False).exists():
        if time.monotonic() - began > seconds:
            raise TimeoutError(f"Jobs are still open after {seconds:.0f} s")
        time.sleep(0.02)
    return time.monotonic() - began
