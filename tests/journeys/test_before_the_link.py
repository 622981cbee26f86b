"""Stories of a listing that was made by hand, and sold before we had anything to do with it."""

from __future__ import annotations

from typing import Any

import pytest

from listings.models import Job, Product
from tests.journeys.sales import buy, receive
from tests.journeys.world import World

pytestmark = pytest.mark.live

A_DAY = 24 * 3600.0


@pytest.fixture
def guitar(world: World) -> dict[str, Any]:
    """A guitar that is in the store and on Reverb, of which the import has learnt, and nothing more."""
    made = world.product(inventory_quantity=1)
    Job.objects.all().delete()
    Product.objects.update(pending_first_sync=True)
    listing = {
        "sku": "A1",
        "title": "By hand",
        "make": "Fender",
        "model": "Strat",
        "condition": {"uuid": "7c3f45de-2ae0-4c81-8400-fdb6b1d74890"},
        "price": {"amount": "450.00", "currency": "USD"},
        "photos": ["http://store.test/1.jpg"],
        "upc_does_not_apply": True,
        "has_inventory": True,
        "inventory": 1,
        "state": "live",
    }
    world.reverb.ask("POST", "/listings", {"token": world.token, "listings": [listing]})
    return made


def test_what_sold_a_day_before_the_first_mass_sync_is_not_put_on_sale_again(
    world: World, guitar: dict[str, Any]
) -> None:
    world.set(auto_sync=False)
    buy(world)
    receive(world)
    world.wait(A_DAY)
    world.set(auto_sync=True)
    world.receive(guitar)
    world.settle()
    assert (world.stock(guitar), world.listing()["inventory"]) == (0, 0)


def test_what_the_seller_has_taken_off_by_hand_is_not_taken_off_again(world: World, guitar: dict[str, Any]) -> None:
    world.set(auto_sync=False)
    world.edit(guitar, inventory_quantity=3)
    world.wait(3600)
    buy(world)
    receive(world)
    world.wait(3600)
    world.edit(guitar, inventory_quantity=2)
    world.set(auto_sync=True)
    world.wait(A_DAY)
    world.receive(guitar)
    world.settle()
    assert (world.stock(guitar), world.listing()["inventory"]) == (2, 2)


def test_a_sale_that_we_read_late_leaves_the_store_though_nothing_else_is_synced_yet(
    world: World, guitar: dict[str, Any]
) -> None:
    buy(world)
    world.wait(3600)
    receive(world)
    assert (world.stock(guitar), world.listing()["title"]) == (0, "By hand")


@pytest.mark.parametrize("kind", ["status", "lost_answer"])
def test_what_sold_while_the_store_was_away_is_taken_from_it_once_it_is_back(
    world: World, guitar: dict[str, Any], kind: str
) -> None:
    world.store.fault(kind, status=503, page="maintenance", times=12)
    buy(world)
    receive(world)
    assert (world.stock(guitar), world.listing()["inventory"]) == (0, 0)


def test_a_cancelled_sale_gives_its_unit_back_once_the_store_is_back(world: World, guitar: dict[str, Any]) -> None:
    order = buy(world)
    receive(world)
    world.store.fault("status", status=503, page="maintenance", times=12)
    world.reverb.ask("POST", f"/orders/{order}/cancel")
    receive(world)
    assert world.stock(guitar) == 1
