"""A linked listing is known by its id and its variant: an unclear SKU stops creating and linking, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from listings.models import Listing
from listings.sync.find import SEEN_LATELY
from tests.journeys.sales import buy, read_orders
from tests.journeys.world import World

pytestmark = pytest.mark.live


@pytest.fixture
def guitar(world: World) -> dict[str, Any]:
    """A guitar of which five are on sale."""
    made = world.product(inventory_quantity=5)
    world.settle()
    assert world.listing()["inventory"] == 5
    return made


def duplicate(world: World, guitar: dict[str, Any]) -> None:
    """The seller presses "Duplicate": a draft with the same SKU and a stock of its own."""
    world.product("A1", title="Copy of Fender Strat", status="DRAFT", inventory_quantity=5)


def translate(world: World, guitar: dict[str, Any]) -> None:
    """A plug-in keeps a copy in another language, for sale as well."""
    world.product("A1", title="Guitare Fender", inventory_quantity=5)


def empty(world: World, guitar: dict[str, Any]) -> None:
    """The SKU is emptied."""
    world.edit(guitar, sku="")


def take_anothers(world: World, guitar: dict[str, Any]) -> None:
    """The guitar gets the SKU of another product, which has a listing too."""
    world.product("B2", title="Bass", inventory_quantity=1)
    world.settle()
    world.edit(guitar, sku="B2")


WAYS = pytest.mark.parametrize("make_unclear", [duplicate, translate, empty, take_anothers])


@WAYS
def test_its_stock_goes_down_to_zero_and_comes_back(world: World, guitar: dict[str, Any], make_unclear: Any) -> None:
    make_unclear(world, guitar)
    world.settle()
    for units, state in ((2, "live"), (0, "sold"), (4, "live")):
        world.edit(guitar, inventory_quantity=units)
        world.settle()
        assert (world.listing()["inventory"], world.listing()["state"]) == (units, state)


@WAYS
def test_what_sells_on_reverb_is_taken_from_its_own_stock(
    world: World, guitar: dict[str, Any], make_unclear: Any
) -> None:
    make_unclear(world, guitar)
    world.settle()
    buy(world)
    read_orders(world)
    world.settle()
    assert (world.stock(guitar), world.listing()["inventory"]) == (4, 4)


@WAYS
def test_its_other_fields_are_kept_in_step_but_not_its_sku(
    world: World, guitar: dict[str, Any], make_unclear: Any
) -> None:
    make_unclear(world, guitar)
    world.settle()
    world.edit(guitar, price="7.00", title="Another title")
    world.settle()
    listing = world.listing()
    assert (listing["price"]["amount"], listing["title"], listing["sku"]) == ("7.00", "Another title", "A1")


@WAYS
def test_no_second_listing_is_made_of_it(world: World, guitar: dict[str, Any], make_unclear: Any) -> None:
    world.reverb.ask("POST", "/settings", {"refuses_second_sku": False})
    make_unclear(world, guitar)
    world.settle()
    made = [row for row in world.reverb.ask("GET", "/listings") if row["title"] != "Bass"]
    assert len(made) == 1
    assert Listing.objects.filter(reverb_id=made[0]["id"]).count() == 1


def test_the_copy_waits_for_the_seller_with_the_reason(world: World, guitar: dict[str, Any]) -> None:
    translate(world, guitar)
    world.settle()
    assert "sku_twice" in world.entries()


def test_when_the_sku_is_clear_again_the_listing_takes_it(world: World, guitar: dict[str, Any]) -> None:
    world.edit(guitar, sku="")
    world.settle()
    world.edit(guitar, sku="A2")
    world.settle()
    assert world.listing("A2")["inventory"] == 5


def test_the_deletion_of_the_copy_ends_nothing(world: World, guitar: dict[str, Any]) -> None:
    copy = world.product("A1", title="Copy")
    world.settle()
    world.delete(copy)
    world.settle()
    assert world.listing()["state"] == "live"


def test_a_sku_that_the_seller_moves_on_reverb_freezes_nothing(world: World, guitar: dict[str, Any]) -> None:
    """The listing shows another listing's SKU: that is no reason to lose sight of either."""
    world.reverb.ask("POST", "/settings", {"refuses_second_sku": False})
    world.product("B2", title="Bass", inventory_quantity=1)
    world.settle()
    world.at_reverb("PUT", f"/listings/{world.listing()['id']}", {"sku": "B2"})
    world.edit(guitar, inventory_quantity=2)
    world.settle()
    assert world.listing()["inventory"] == 2  # and it has its own SKU again


def test_a_listing_that_reverb_loses_sight_of_for_a_moment_is_not_made_again(
    world: World, guitar: dict[str, Any]
) -> None:
    gone = {"message": "The listing could not be found"}
    world.reverb.ask("POST", "/settings", {"refuses_second_sku": False})
    world.reverb.fault("status", status=404, method="GET", path=r"/api/listings/\d+$", body=gone)
    world.edit(guitar, inventory_quantity=2)
    world.settle()
    assert world.listing()["inventory"] == 2
    assert "try_later" in world.entries()


def test_a_listing_that_is_gone_is_made_again_but_not_while_its_sku_is_unclear(
    world: World, guitar: dict[str, Any]
) -> None:
    draft = world.product("D1", title="Draft", status="ACTIVE", images=[])
    world.settle()
    world.at_reverb("DELETE", f"/listings/{world.listing('D1')['id']}")
    copy = world.product("D1", title="Copy", images=[])
    world.settle()
    assert world.reverb.ask("GET", "/listings", sku="D1") == []
    world.wait(SEEN_LATELY.total_seconds())
    world.delete(copy)
    world.receive(draft)
    world.settle()
    assert world.listing("D1")["title"] == "Draft"
