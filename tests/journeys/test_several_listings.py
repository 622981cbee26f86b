"""Stories of a SKU that several listings on Reverb have: made again by hand, imported twice, sold before."""

from __future__ import annotations

from typing import Any

import pytest

from listings.models import Line
from tests.journeys.mass import NEW, through
from tests.journeys.world import World

pytestmark = pytest.mark.live

#: States of two listings, and which of them is the product's; None: that is unclear.
PAIRS = [
    ("live", "sold", 0),
    ("ended", "live", 1),
    ("draft", "live", 1),
    ("live", "suspended", 0),
    ("sold", "draft", 1),
    ("live", "live", None),
    ("draft", "draft", None),
    ("ended", "sold", None),
]


def two(world: World, *states: str) -> list[dict[str, Any]]:
    """Make listings with one SKU by hand."""
    known = {"sku": "A1", "title": "By hand", "make": "Fender", "model": "Strat", "condition": NEW}
    more = {"price": {"amount": "450.00", "currency": "USD"}, "photos": ["http://store.test/1.jpg"]}
    stock = {"has_inventory": True, "inventory": 5, "upc": "885978110803"}
    rows = [{**known, **more, **stock, "state": state} for state in states]
    world.reverb.ask("POST", "/listings", {"token": world.token, "listings": rows})
    return listings(world)


def listings(world: World) -> list[dict[str, Any]]:
    """Return all listings, oldest first."""
    found: list[dict[str, Any]] = world.reverb.ask("GET", "/listings")
    return sorted(found, key=lambda one: int(one["id"]))


@pytest.mark.parametrize(("first", "second", "own"), PAIRS)
def test_the_only_one_on_sale_is_kept_in_step_and_the_others_are_left_alone(
    world: World, first: str, second: str, own: int | None
) -> None:
    before = two(world, first, second)
    guitar = world.product(inventory_quantity=2)
    world.settle()
    for units in (1, 0):
        world.edit(guitar, inventory_quantity=units)
        world.settle()
        after = listings(world)
        assert len(after) == 2
        for number, (was, now) in enumerate(zip(before, after, strict=True)):
            assert now["inventory"] == (units if number == own else was["inventory"])
    assert ("two_listings" in world.entries()) == (own is None)


@pytest.mark.parametrize(("first", "second", "own"), PAIRS)
def test_a_mass_sync_distinguishes_them_as_well(world: World, first: str, second: str, own: int | None) -> None:
    before = two(world, first, second)
    world.set(auto_sync=False)
    world.product(inventory_quantity=2)
    through(world)
    for number, (was, now) in enumerate(zip(before, listings(world), strict=True)):
        assert now["inventory"] == (2 if number == own else was["inventory"])
    assert (Line.objects.get().reason == "two_listings") == (own is None)
