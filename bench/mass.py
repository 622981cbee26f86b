"""A shop for the benchmarks of mass syncs, and the workers that run one to its end.

Of each 25 products some are new, and some are on Reverb and out of sync, half of them in price and half in stock.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.db import connection

from bench import shops
from listings import tasks
from listings.mass_sync import starting
from listings.models import Job, MassSync, Product
from listings.orders import tasks as order_tasks
from reverbsync import clock
from shops.models import FIELDS, Shop, SyncSettings
from shops.snapshots import StoreProduct

DESCRIPTION = "<p>A guitar with a maple neck, an alder body and three pickups.</p>" * 5
BRAND_NEW = "7c3f45de-2ae0-4c81-8400-fdb6b1d74890"
WORKERS = 3
State = MassSync.State


@dataclass(frozen=True)
class Mix:
    """How many of 25 products are out of sync, and how many are new."""

    changed: int
    new: int

    def is_changed(self, number: int) -> bool:
        """Return whether a product is on Reverb and out of sync."""
        return number % 25 < self.changed

    def is_new(self, number: int) -> bool:
        """Return whether a product is not on Reverb yet."""
        return number % 25 >= 25 - self.new


#: Of 5,000 products 800 are out of sync and 1,000 are new.
MANY = Mix(changed=4, new=5)
FEW = Mix(changed=1, new=1)


def shop(number: int) -> Shop:
    """Create a shop that syncs all fields and publishes new listings."""
    made = shops.shop(number)
    switches = {f"sync_{name}": True for name in FIELDS}
    SyncSettings.objects.filter(shop=made).update(auto_publish=True, **switches)
    return Shop.objects.select_related("store", "reverb", "sync_settings").get(pk=made.pk)


def catalogue(start: int, count: int) -> list[StoreProduct]:
    """Return snapshots of `count` products of the store."""
    return [_product(number) for number in range(start, start + count)]


def keep(owner: Shop, found: list[StoreProduct]) -> None:
    """Save the products for the shop, as an import does."""
    now = clock.now()
    Product.objects.bulk_create(
        Product(
            shop=owner,
            store_product_id=one.store_product_id,
            store_parent_id=one.store_parent_id,
            sku=one.sku,
            title=one.title,
            snapshot=one.to_json(),
            read_at=now,
            pending_first_sync=True,
        )
        for one in found
    )


def listings(found: list[StoreProduct], category: str, mix: Mix) -> list[dict[str, Any]]:
    """Return the listings that Reverb has for these products, in the form in which they are sent."""
    numbered = [(int(one.store_product_id), one) for one in found]
    return [_listing(number, one, category, mix) for number, one in numbered if not mix.is_new(number)]


def sync(owner: Shop) -> dict[str, float]:
    """Run a mass sync to its end; return the seconds of each phase.

    This thread alone fetches and plans, like one worker; several threads do the rest.
    """
    began = starting.begin(owner, None, anyway=True)
    times = {"fetch": _while(owner, State.FETCHING), "plan": _while(owner, State.PLANNING)}
    began.refresh_from_db()
    if began.state != State.PLANNED:
        raise RuntimeError(f"It is {began.state}: {began.note}")
    starting.start(owner)
    over = threading.Event()
    workers = [threading.Thread(target=_drain, args=(owner.pk, over), daemon=True) for _ in range(WORKERS)]
    for worker in workers:
        worker.start()
    try:
        return {**times, "run": _while(owner, State.RUNNING), "confirm": _while(owner, State.CONFIRMING)}
    finally:
        over.set()
        for worker in workers:
            worker.join()


def _while(owner: Shop, state: MassSync.State) -> float:
    """Work while the mass sync is in a state; return the seconds that it took."""
    began = time.monotonic()
    while MassSync.objects.filter(shop=owner, state=state).exists():
        tasks.mass_sync(owner.pk)
        if state in (State.RUNNING, State.CONFIRMING):
            order_tasks.orders(owner.pk)
            time.sleep(0.05)
    return time.monotonic() - began


def _drain(shop_id: int, over: threading.Event) -> None:
    while not over.is_set():
        tasks.drain(shop_id)
        if not Job.objects.filter(shop=shop_id, blocked=False, due_at__lte=clock.now()).exists():
            over.wait(0.02)
    connection.close()


def _product(number: int) -> StoreProduct:
    return StoreProduct(
        store_product_id=f"{number}",
        store_parent_id=f"{number}",
        store_stock_id=f"{number}",
        sku=f"SKU-{number}",
        title=f"Fender Stratocaster {number}",
        description=DESCRIPTION,
        vendor="Fender",
        product_type="Electric Guitars / Solid Body",
        tags=("guitar", "electric"),
        finish="Sunburst",
        price=Decimal("500.00"),
        currency="USD",
        stock=3,
        photos=(f"https://store.example.com/{number}-1.jpg", f"https://store.example.com/{number}-2.jpg"),
        barcode="885978110803",
        for_sale=True,
        url=f"https://store.example.com/{number}",
    )


def _listing(number: int, one: StoreProduct, category: str, mix: Mix) -> dict[str, Any]:
    price, stock = ("400.00", 3) if number % 2 else ("500.00", 5)
    if not mix.is_changed(number):
        price, stock = "500.00", 3
    return {
        "sku": one.sku,
        "title": one.title,
        "description": one.description,
        "make": "Fender",
        "model": one.title.removeprefix("Fender "),
        "finish": one.finish,
        "price": {"amount": price, "currency": "USD"},
        "condition": {"uuid": BRAND_NEW},
        "categories": [{"uuid": category}],
        "has_inventory": True,
        "inventory": stock,
        "offers_enabled": True,
        "upc": one.barcode,
        "photos": list(one.photos[:1]),
    }
