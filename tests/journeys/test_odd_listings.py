"""Reverb answers oddly about one listing, a few times: it sells no unit that is gone, and no other listing notices.

Whatever the answers hold, in the end each product has the one listing that it had, which shows what the store has.
"""

from __future__ import annotations

from typing import Any

import pytest

from listings.models import Job
from listings.orders import listing_poll
from shops.models import ReverbConnection
from shops.reverb.client import ReverbClient
from tests.journeys.sales import buy, read_orders
from tests.journeys.world import World

pytestmark = pytest.mark.live
case = pytest.mark.parametrize

#: Changes of a listing's JSON, by its path.
SHAPES: list[dict[str, Any]] = [
    {"state": None},
    {"state": "live"},
    {"state": {}},
    {"state": {"slug": None}},
    {"state": {"description": "Live"}},
    {"state": {"slug": "suspended"}},
    {"state": {"slug": "seller_unavailable"}},
    {"state": {"slug": "draft"}},
    {"state": {"slug": "sold"}},
    {"state": {"slug": "ended"}},
    {"state": []},
    {"inventory": None},
    {"inventory": "five"},
    {"inventory": "5"},
    {"inventory": -1},
    {"inventory": {"count": 5}},
    {"has_inventory": None},
    {"has_inventory": False},
    {"has_inventory": "yes"},
    {"condition": None},
    {"condition": "Brand New"},
    {"condition": {"uuid": None}},
    {"price": None},
    {"price": "500.00"},
    {"price": {"amount": "1.500,00", "currency": "EUR"}},
    {"price": {"amount": None, "currency": None}},
    {"sku": None},
    {"sku": "ZZZ"},
    {"sku": ""},
    {"sku": 17},
    {"id": None},
    {"id": 999999},
    {"id": "abc"},
    {"_links": None},
    {"_links": []},
    {"_links": {"self": {"href": "https://reverb.com/item/1-other"}, "web": {"href": "javascript:alert(1)"}}},
    {"_links": {"self": {"href": "/api/listings/1"}}},
    {"photos": None, "categories": {}, "title": None, "description": None},
    {"": {}},
    {"": []},
    {"": None},
    {"": {"listing": None}},
    {"": {"message": "Please wait"}},
    {"": {"errors": {"base": ["Please wait"]}}},
]
#: So often in a row Reverb answers so.
TIMES = 4


@pytest.fixture(autouse=True)
def enough_points(world: World) -> None:
    """Let the store answer as often as it is asked: what happens at its limits has tests of its own."""
    world.store.ask("POST", "/limits", {"size": 100_000, "restore": 100_000})


def odd(shape: dict[str, Any], *before: str) -> dict[str, Any]:
    """Return the shape of a part of the answer."""
    return {".".join([*before, name]) if name else name: value for name, value in shape.items()}


def come_to_rest(world: World) -> None:
    """Work until nothing is open, with the regular look at all listings that finds what none reported."""
    world.settle(80)
    world.wait(300)
    connection = ReverbConnection.objects.select_related("shop__sync_settings").get(shop=world.shop)
    listing_poll.run_slice(connection, ReverbClient.of(connection))
    world.settle(80)


def listings(world: World, sku: str) -> list[tuple[str, int]]:
    """Return state and units of all listings with a SKU."""
    return [(one["state"], one["inventory"]) for one in world.reverb.ask("GET", "/listings", sku=sku)]


@case("shape", SHAPES, ids=str)
def test_a_sold_out_listing_ends_whatever_reverb_first_says_of_it(world: World, shape: dict[str, Any]) -> None:
    guitar = world.product(inventory_quantity=5)
    bass = world.product("B1", title="Fender Bass", inventory_quantity=5)
    world.settle()
    path = rf"/listings/{world.listing()['id']}(-[^/]*)?$"
    for method, before in (("GET", ()), ("PUT", ("listing",))):
        world.reverb.fault("edited", method=method, path=path, edits=odd(shape, *before), times=TIMES)
    world.edit(guitar, inventory_quantity=2)
    world.edit(bass, inventory_quantity=1)
    world.wait(3)
    while world.step():
        pass
    assert listings(world, "B1") == [("live", 1)]
    world.edit(guitar, inventory_quantity=0)
    come_to_rest(world)
    assert listings(world, "A1") == [("sold", 0)]
    assert listings(world, "B1") == [("live", 1)]
    assert (world.stock(guitar), world.stock(bass)) == (0, 1)


@case("shape", SHAPES, ids=str)
def test_a_listing_is_made_once_whatever_reverb_first_says_of_it(world: World, shape: dict[str, Any]) -> None:
    world.reverb.fault("edited", method="POST", path="/listings$", edits=odd(shape, "listing"), times=TIMES)
    world.reverb.fault("edited", method="GET", path=r"/listings/\d+", edits=odd(shape), times=TIMES)
    guitar = world.product(inventory_quantity=5)
    come_to_rest(world)
    assert [units for _, units in listings(world, "A1")] == [5]
    world.edit(guitar, inventory_quantity=0)
    come_to_rest(world)
    [(state, units)] = listings(world, "A1")
    assert (state in ("sold", "ended", "draft"), units) == (True, 0)


@case("shape", SHAPES, ids=str)
def test_a_sale_leaves_the_store_once_whatever_reverb_first_says_of_its_listing(
    world: World, shape: dict[str, Any]
) -> None:
    guitar = world.product(inventory_quantity=5)
    world.settle()
    read_orders(world)
    buy(world)
    path = rf"/listings/{world.listing()['id']}(-[^/]*)?$"
    said = {name: "4" if name == "inventory" and value == "5" else value for name, value in shape.items()}
    world.reverb.fault("edited", method="GET", path=path, edits=odd(said), times=2)
    read_orders(world)
    come_to_rest(world)
    world.wait(3600)
    read_orders(world)
    come_to_rest(world)
    assert (world.stock(guitar), listings(world, "A1")) == (4, [("live", 4)])


# -- for good ------------------------------------------------------------------------------------------------------

UNREADABLE: list[dict[str, Any]] = [
    {"inventory": "five"},
    {"state": {"description": "Live"}},
    {"id": 999999},
    {"": None},
]


def unreadable(world: World, shape: dict[str, Any], *methods: str) -> dict[str, Any]:
    """Return a product whose listing cannot be read in any answer to these methods from now on."""
    guitar = world.product(inventory_quantity=5)
    world.settle()
    path = rf"/listings/{world.listing()['id']}(-[^/]*)?$"
    for method in methods:
        before = ("listing",) if method == "PUT" else ()
        world.reverb.fault("edited", method=method, path=path, edits=odd(shape, *before), times=10**6)
    world.reverb.ask("DELETE", "/requests")
    return guitar


def work(world: World, minutes: int) -> None:
    """Work off what is due each ten seconds."""
    for _ in range(6 * minutes):
        while world.step():
            pass
        world.wait(10)


@case("shape", UNREADABLE, ids=str)
def test_a_sold_out_listing_that_stays_unreadable_is_ended_by_its_id(world: World, shape: dict[str, Any]) -> None:
    guitar = unreadable(world, shape, "GET", "PUT")
    world.edit(guitar, inventory_quantity=0)
    work(world, 1)
    assert listings(world, "A1") == [("sold", 0)]
    before = len(world.writes())
    work(world, 5)
    assert 4 <= len(world.writes()) - before <= 6  # whether it took cannot be seen
    world.reverb.ask("DELETE", "/faults")
    work(world, 2)
    assert not Job.objects.exists()
    world.edit(guitar, inventory_quantity=3)
    come_to_rest(world)
    assert (world.stock(guitar), listings(world, "A1")) == (3, [("live", 3)])


def test_an_end_whose_answer_can_be_read_is_done(world: World) -> None:
    guitar = unreadable(world, {"inventory": "five"}, "GET")
    world.edit(guitar, inventory_quantity=0)
    work(world, 2)
    assert listings(world, "A1") == [("sold", 0)]
    assert (world.last().reason, len(world.writes())) == ("ended", 1)
    assert not Job.objects.exists()


def test_a_listing_that_cannot_be_read_is_left_alone_while_units_are_left(world: World) -> None:
    """What sold on Reverb meanwhile is not known: a number that is too high would put it on sale again."""
    guitar = unreadable(world, {"inventory": "five"}, "GET")
    world.edit(guitar, inventory_quantity=2)
    work(world, 3)
    assert world.writes() == []
