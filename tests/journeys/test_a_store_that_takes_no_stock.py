"""A store whose answers are lost whenever we change its stock: what sells there meanwhile still comes off Reverb."""

from __future__ import annotations

import pytest

from tests.journeys.sales import buy, read_orders
from tests.journeys.world import World

pytestmark = pytest.mark.live
OFTEN = 10**6


def work(world: World, seconds: int) -> None:
    """Work for so many seconds."""
    for _ in range(seconds // 30):
        while world.step():
            pass
        world.wait(30)


@pytest.mark.parametrize(("left", "shown"), [(0, 0), (2, 1), (4, 4), (5, 4), (9, 4)])
def test_what_the_store_has_left_bounds_what_reverb_shows(world: World, left: int, shown: int) -> None:
    """Five units, one of them sold on Reverb. Whether the store has taken that one off is not known."""
    guitar = world.product(inventory_quantity=5)
    world.settle()
    buy(world)
    world.store.fault("status", text="inventoryAdjust", status=502, page="nginx", times=OFTEN)
    read_orders(world)
    work(world, 120)
    assert world.listing()["inventory"] == 4
    world.edit(guitar, inventory_quantity=left)
    work(world, 120)
    listing = world.listing()
    assert (listing["inventory"] if listing["state"] == "live" else 0) == shown


@pytest.mark.parametrize("kind", ["status", "instead"])
def test_once_the_store_answers_again_both_sides_have_what_is_left(world: World, kind: str) -> None:
    guitar = world.product(inventory_quantity=5)
    world.settle()
    buy(world)
    world.store.fault(kind, text="inventoryAdjust", status=502, page="nginx", times=OFTEN)
    read_orders(world)
    work(world, 120)
    world.edit(guitar, inventory_quantity=world.stock(guitar) - 2)  # two were sold in the store
    work(world, 120)
    world.store.ask("DELETE", "/faults")
    work(world, 600)
    world.settle()
    assert (world.stock(guitar), world.listing()["inventory"]) == (2, 2)
