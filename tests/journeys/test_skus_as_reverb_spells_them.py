"""Reverb makes another SKU of the one that it was sent: the listing is the product's all the same, and ends with it."""

from __future__ import annotations

import unicodedata

import pytest

from tests.journeys.world import World

pytestmark = pytest.mark.live

#: What Reverb does to a SKU (sandbox/reverb/rules.py), and one that it is another one after.
SKUS = {
    "upper": "abc-1",
    "squeezed": "AB  12",
    "composed": unicodedata.normalize("NFD", "Gitärre"),
    "plain": "GTR-ü🎸1",
    "cut": "X" * 60,
    "unmarked": "A<b>1",
}


def listings(world: World) -> list[tuple[str, int]]:
    """Return state and units of all listings."""
    return [(one["state"], one["inventory"]) for one in world.reverb.ask("GET", "/listings")]


@pytest.mark.parametrize("how", SKUS)
@pytest.mark.parametrize("twice", [False, True], ids=["one a shop", "any number a shop"])
def test_a_listing_whose_sku_comes_back_otherwise_is_linked_and_ends_with_its_product(
    world: World, how: str, twice: bool
) -> None:
    world.reverb.ask("POST", "/settings", {"spells_sku": how, "refuses_second_sku": not twice})
    guitar = world.product(SKUS[how])
    world.settle()
    world.receive(guitar)
    world.settle()
    assert listings(world) == [("live", 3)]
    assert len(world.writes()) == 1  # the SKU is not sent again and again
    world.edit(guitar, inventory_quantity=0)
    world.settle()
    assert listings(world) == [("sold", 0)]


@pytest.mark.parametrize("how", SKUS)
def test_a_changed_sku_that_comes_back_otherwise_is_sent_once(world: World, how: str) -> None:
    guitar = world.product()
    world.settle()
    world.reverb.ask("POST", "/settings", {"spells_sku": how})
    world.reverb.ask("DELETE", "/requests")
    world.edit(guitar, sku=SKUS[how])
    world.settle()
    world.receive(guitar)
    world.settle()
    assert len(world.writes()) == 1
    world.edit(guitar, inventory_quantity=0)
    world.settle()
    assert listings(world) == [("sold", 0)]


def test_a_listing_whose_answer_was_lost_is_found_in_reverbs_own_spelling(world: World) -> None:
    world.reverb.ask("POST", "/settings", {"spells_sku": "upper", "refuses_second_sku": False})
    world.reverb.fault("lost_answer", method="POST", path="/listings$")
    guitar = world.product("abc-1")
    world.settle()
    assert listings(world) == [("live", 3)]
    world.edit(guitar, inventory_quantity=0)
    world.settle()
    assert listings(world) == [("sold", 0)]


def test_a_listing_that_is_another_products_is_not_linked_for_a_sku_in_another_case(world: World) -> None:
    world.product("ABC-1")
    world.settle()
    world.reverb.fault("lost_answer", method="POST", path="/listings$")
    world.product("abc-1", inventory_quantity=5)
    world.settle()
    assert [(one["sku"], one["inventory"]) for one in world.reverb.ask("GET", "/listings")] == [
        ("ABC-1", 3),
        ("abc-1", 5),
    ]
    assert world.known("ABC-1").reverb_id != world.known("abc-1").reverb_id


def test_an_answer_that_shows_another_products_sku_links_nothing(world: World) -> None:
    world.product("B1")
    world.settle()
    world.reverb.fault("edited", method="POST", path="/listings$", edits={"listing.sku": "B1", "listing.id": 1})
    world.product("A1", inventory_quantity=5)
    world.settle()
    assert str(world.known("A1").reverb_id) == str(world.listing("A1")["id"])
    assert len(world.reverb.ask("GET", "/listings")) == 2
