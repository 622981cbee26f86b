"""Stories of a part of Reverb that is away while another works: its listings fail, and its account answers."""

from __future__ import annotations

from typing import Any

import pytest

from shops import outages
from tests.journeys.world import World

pytestmark = pytest.mark.live

MANY = 6


@pytest.fixture
def made(world: World) -> list[dict[str, Any]]:
    """Return products that are on sale, in a store that answers as often as it is asked."""
    world.store.ask("POST", "/limits", {"size": 100_000, "restore": 100_000})
    found = [world.product(f"P{n}", title=f"Guitar {n}", inventory_quantity=5) for n in range(MANY)]
    world.settle()
    world.reverb.fault("status", status=503, page="nginx", path="/api/listings/", times=10**6)
    world.reverb.ask("DELETE", "/requests")
    return found


def live_on(world: World, seconds: int) -> None:
    """Let time pass, with the workers and sweeps of each second."""
    for _ in range(seconds):
        for shop_id in outages.shops_to_probe():
            outages.probe(shop_id)
        outages.note_who_is_back()
        for shop_id in outages.shops_that_are_back():
            outages.make_due(shop_id)
        for _ in range(2 * MANY):
            if not world.step():
                break
        world.wait(1)


def calls(world: World, listing_id: str = "") -> int:
    """Return how often Reverb was asked for its listings, or for one of them."""
    return len(world.reverb.calls(path=f"/api/listings/{listing_id}"))


def test_delays_grow_while_it_is_away(world: World, made: list[dict[str, Any]]) -> None:
    for one in made:
        world.edit(one, inventory_quantity=2)
    live_on(world, 120)
    assert calls(world) <= 10 * MANY


def test_what_sold_out_is_tried_once_a_minute_all_the_same(world: World, made: list[dict[str, Any]]) -> None:
    for one in made[1:]:
        world.edit(one, inventory_quantity=2)
    world.edit(made[0], inventory_quantity=0)
    sold_out = world.listing("P0")["id"]
    for _ in range(6):
        before = calls(world, sold_out)
        live_on(world, 61)
        assert calls(world, sold_out) > before


def test_all_goes_out_soon_after_it_is_back(world: World, made: list[dict[str, Any]]) -> None:
    for one in made:
        world.edit(one, price="450.00")
    live_on(world, 300)
    world.reverb.ask("DELETE", "/faults")
    live_on(world, 200)
    assert {world.listing(f"P{n}")["price"]["amount"] for n in range(MANY)} == {"450.00"}
