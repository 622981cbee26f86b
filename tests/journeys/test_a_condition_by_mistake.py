"""Stories of a listing of several units that is called used on Reverb by mistake, and new again."""

from __future__ import annotations

from typing import Any

import pytest

from listings.models import Ledger
from shops.reverb.lists import BRAND_NEW
from tests.journeys.sales import buy, receive
from tests.journeys.world import World

pytestmark = pytest.mark.live
VERY_GOOD = "ae4d9114-1bd7-4ec5-a4ba-6653af5ac84d"


def call(world: World, condition: str, **more: Any) -> None:
    """Let the seller choose a condition on Reverb."""
    world.at_reverb("PUT", f"/listings/{world.listing()['id']}", {"condition": {"uuid": condition}, **more})


def come_to_rest(world: World, guitar: dict[str, Any]) -> None:
    """Receive everything, and let all delays pass: what rose on Reverb counts after some minutes."""
    for _ in range(3):
        world.receive(guitar)
        receive(world)
        world.wait(900)


def begin_used(world: World) -> dict[str, Any]:
    """List three units of a product, and call its listing used."""
    guitar = world.product()
    world.settle()
    receive(world)
    call(world, VERY_GOOD)
    come_to_rest(world, guitar)
    return guitar


@pytest.mark.parametrize("shows", [{}, {"inventory": 1}], ids=["the number of before", "one"])
@pytest.mark.parametrize(("meanwhile", "left"), [(None, 3), (2, 2), (5, 5)])
def test_nobody_has_more_units_for_it(world: World, meanwhile: int | None, left: int, shows: dict[str, Any]) -> None:
    guitar = begin_used(world)
    assert Ledger.objects.get().single_unit
    if meanwhile is not None:
        world.edit(guitar, inventory_quantity=meanwhile)
        world.settle()
    call(world, BRAND_NEW, **shows)
    come_to_rest(world, guitar)
    assert (world.stock(guitar), world.listing()["inventory"]) == (left, left)


def test_a_sale_after_it_counts_once(world: World) -> None:
    guitar = begin_used(world)
    call(world, BRAND_NEW, has_inventory=True)
    come_to_rest(world, guitar)
    buy(world)
    come_to_rest(world, guitar)
    assert (world.stock(guitar), world.listing()["inventory"]) == (2, 2)
    assert not Ledger.objects.get().single_unit


def test_units_that_the_seller_adds_once_it_is_new_again_count(world: World) -> None:
    guitar = begin_used(world)
    call(world, BRAND_NEW, has_inventory=True)
    come_to_rest(world, guitar)
    call(world, BRAND_NEW, inventory=4, has_inventory=True)
    come_to_rest(world, guitar)
    assert (world.stock(guitar), world.listing()["inventory"]) == (4, 4)
