"""What is done in the stories of a mass sync: fill both sides, learn the catalogue, and work until it stands."""

from __future__ import annotations

from typing import Any

from listings.intake import responses
from listings.mass_sync import run, starting
from listings.models import MassSync
from reverbsync import clock
from shops.platforms import client_of
from tests.journeys.world import DOMAIN, World

NEW = {"uuid": "7c3f45de-2ae0-4c81-8400-fdb6b1d74890"}


def seed(world: World, count: int, *, listed: int, out_of_step: int = 0, state: str = "live") -> None:
    """Fill the store, list the first ones, some at another price, and learn the catalogue as an import does."""
    world.store.ask("POST", "/limits", {"size": 100_000, "restore": 100_000})
    for old in world.store.ask("GET", "/products"):
        world.store.ask("DELETE", f"/products/{old['id']}")
    rows: list[dict[str, Any]] = []
    for n in range(count):
        sku = f"M{n:04}"
        wish = {
            "domain": DOMAIN,
            "title": f"Fender Strat {sku}",
            "vendor": "Fender",
            "product_type": "Electric Guitars / Solid Body",
            "description_html": "<p>Nice</p>",
            "images": ["http://store.test/1.jpg", "http://store.test/2.jpg"],
            "variants": [{"sku": sku, "price": "500.00", "inventory_quantity": 3, "barcode": "885978110803"}],
        }
        world.store.ask("POST", "/products", wish)
        if n < listed:
            rows.append(
                {
                    "sku": sku,
                    "title": wish["title"],
                    "description": "<p>Nice</p>",
                    "make": "Fender",
                    "model": f"Strat {sku}",
                    "price": {"amount": "400.00" if n < out_of_step else "500.00", "currency": "USD"},
                    "condition": NEW,
                    "categories": [{"uuid": category(world)}],
                    "has_inventory": True,
                    "inventory": 3,
                    "upc": "885978110803",
                    "photos": ["http://store.test/1.jpg"],
                    "state": state,
                }
            )
    world.reverb.ask("POST", "/listings", {"token": world.token, "listings": rows})
    learn(world)
    world.reverb.ask("DELETE", "/requests")


def category(world: World) -> str:
    """Return the id of the category that the products are of."""
    rows = world.at_reverb("GET", "/categories/flat")["categories"]
    return str(next(row["uuid"] for row in rows if row["full_name"] == "Electric Guitars / Solid Body"))


def learn(world: World) -> None:
    """Read the whole catalogue, which brings nothing to Reverb by itself."""
    client, cursor = client_of(world.shop.store), ""
    while True:
        page = client.crawl(cursor)
        parents = [one.store_parent_id for one in page.products]
        responses.keep(
            world.shop, page.products, parent_ids=parents, requested_at=clock.now(), trigger="test", first_import=True
        )
        if page.next is None:
            return
        cursor = page.next


def work(world: World, limit: int = 200) -> MassSync:
    """Let the workers go on until nothing is left to do for now; returns the mass sync."""
    for _ in range(limit):
        sync = run.due(world.shop.pk)
        if sync is not None:
            run.run_slice(sync)
        while world.step():
            pass
        latest = MassSync.objects.filter(shop=world.shop).latest("pk")
        if latest.state not in MassSync.WORKING:
            return latest
        world.wait(1)
    raise AssertionError("it never ends")


def planned(world: World) -> MassSync:
    """Begin one, and let it make its plan."""
    starting.begin(world.shop, None)
    return work(world)


def handed_out(world: World) -> MassSync:
    """Let a planned one begin, and hand its first portion to the queue."""
    starting.start(world.shop)
    sync = run.due(world.shop.pk)
    assert sync is not None
    run.run_slice(sync)
    return sync


def through(world: World) -> MassSync:
    """Begin one, look through its plan, and let it run."""
    planned(world)
    starting.start(world.shop)
    return work(world)
