"""Variations that share one stock of their parent: what sells of one on Reverb is gone for the others at once."""

from __future__ import annotations

from typing import Any

import pytest

from listings.intake import crawl_slices, crawls, refresh
from listings.models import Ledger
from shops.events import ProductChanged
from tests.journeys.sales import buy, read_orders
from tests.journeys.world import World

pytestmark = pytest.mark.live
OFTEN = 10**6


@pytest.fixture
def world(on_woocommerce: World) -> World:
    """Return a world whose store is on WooCommerce."""
    return on_woocommerce


def pool(world: World, units: int) -> dict[str, Any]:
    """Make a product with two variations that share so many units, and list both."""
    rows = [
        {
            "sku": f"V{n}",
            "price": "500.00",
            "inventory_quantity": units,
            "barcode": "885978110803",
            "options": {"Color": colour},
        }
        for n, colour in enumerate(("Red", "Blue"))
    ]
    body = {
        "domain": world.domain,
        "title": "Fender Strat",
        "vendor": "Fender",
        "product_type": "Electric Guitars / Solid Body",
        "description_html": "<p>Nice</p>",
        "images": ["http://store.test/1.jpg"],
        "variants": rows,
    }
    made: dict[str, Any] = world.store.ask("POST", "/products", body)
    world.store.ask("PUT", f"/woo/products/{made['id']}", {"pool": True})
    assert not refresh.take(world.shop, {ProductChanged(str(made["id"])): "test"})
    world.settle()
    return made


def shown(world: World, sku: str) -> int:
    """Return the units that Reverb has for sale."""
    listing = world.listing(sku)
    return int(listing["inventory"]) if listing["state"] == "live" else 0


@pytest.mark.parametrize(("units", "left"), [(1, 0), (3, 2)])
def test_while_the_store_is_away_a_unit_that_sold_is_not_sold_again_as_another_variation(
    world: World, units: int, left: int
) -> None:
    pool(world, units)
    assert (shown(world, "V0"), shown(world, "V1")) == (units, units)
    buy(world, "V0")
    world.store.fault("status", status=503, page="maintenance", times=OFTEN)
    read_orders(world)
    for _ in range(4):
        while world.step():
            pass
        world.wait(30)
    assert shown(world, "V1") == left
    before = len(world.entries())
    for _ in range(8):
        while world.step():
            pass
        world.wait(30)
    assert len([one for one in world.entries()[before:] if "later" not in one]) <= 2


def test_once_the_store_is_back_all_have_what_is_left(world: World) -> None:
    made = pool(world, 5)
    buy(world, "V0")
    buy(world, "V1", quantity=2)
    world.store.fault("status", status=503, page="maintenance", times=OFTEN)
    read_orders(world)
    for _ in range(6):
        while world.step():
            pass
        world.wait(30)
    assert (shown(world, "V0"), shown(world, "V1")) == (2, 2)
    world.store.ask("DELETE", "/faults")
    for _ in range(20):
        while world.step():
            pass
        world.wait(60)
    world.settle()
    assert world.store.ask("GET", "/products")[0]["variants"][0]["inventory_quantity"] == 2
    assert (shown(world, "V0"), shown(world, "V1")) == (2, 2)
    assert set(Ledger.objects.values_list("units", "store")) == {(2, 2)}
    assert made


@pytest.mark.parametrize("push_only", [True, False])
@pytest.mark.parametrize("left", [3, 0])
def test_what_sells_as_a_translation_is_gone_from_the_listing_of_the_original(
    world: World, left: int, push_only: bool
) -> None:
    """The plug-in writes the original's stock into the database: no webhook reports it, and no list of changes."""
    original = world.product("A1", inventory_quantity=5)
    world.settle()
    world.store.ask("POST", "/clock", {"advance_s": 3600})
    world.wait(3600)
    copy = world.product("A1", title="Guitare Fender", inventory_quantity=5)
    world.settle()
    assert shown(world, "A1") == 5
    status = "instock" if left else "outofstock"
    says = {"stock_quantity": left, "stock_status": status}
    world.store.ask("PUT", f"/woo/products/{original['id']}", {"says": says, "dated": False})
    world.store.ask("PUT", f"/variants/{copy['variants'][0]['id']}", {"inventory_quantity": left})
    if push_only:
        world.receive(copy)
    else:
        world.wait(60)
        look(world)
    world.settle()
    assert shown(world, "A1") == left


def look(world: World) -> None:
    """Look for what changed in the store."""
    crawls.begin(world.shop, "changes")
    while (crawl := crawls.due(world.shop.pk)) is not None and crawl.kind == "changes":
        crawl_slices.run_slice(crawl)
