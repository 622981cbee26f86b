"""Reverb's lists of categories and conditions are empty or unreadable: stock goes all the same, and all else later."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.cache import cache

from shops.models import ReverbConnection
from shops.reverb import reference
from shops.reverb.client import ReverbClient
from shops.reverb.errors import TransientError
from tests.journeys.sales import buy, receive
from tests.journeys.world import World

pytestmark = pytest.mark.live

LISTS = "/categories/flat|/listing_conditions|/api/shop$"
ODD: list[dict[str, Any]] = [
    {"categories": [], "conditions": [], "shipping_profiles": []},
    {"categories": {}, "conditions": {}, "shipping_profiles": {}},
    {"categories": None, "conditions": None, "shipping_profiles": None},
    {"categories": "none", "conditions": 7, "shipping_profiles": False},
    {"categories": [None, ""], "conditions": [None], "shipping_profiles": [0]},
    {"": {}},
    {"": {"message": "Please wait"}},
]


@pytest.mark.parametrize("odd", ODD, ids=str)
def test_a_lower_stock_and_an_end_need_no_list(world: World, odd: dict[str, Any]) -> None:
    guitar = world.product(inventory_quantity=5)
    bass = world.product("B1", title="Fender Bass", inventory_quantity=5)
    world.settle()
    _forget(world)
    world.reverb.fault("edited", path=LISTS, edits=odd, times=999)
    world.edit(guitar, inventory_quantity=2, price="450.00")
    world.edit(bass, inventory_quantity=0)
    world.wait(3)
    while world.step():
        pass
    assert (world.listing()["inventory"], world.listing("B1")["state"]) == (2, "sold")
    buy(world)
    world.wait(60)
    world.edit(guitar, inventory_quantity=3)
    world.wait(3)
    while world.step():
        pass
    world.reverb.ask("DELETE", "/faults")
    receive(world)
    assert (world.stock(guitar), world.listing()["inventory"]) == (2, 2)
    assert world.listing()["price"]["amount"] == "450.00"


@pytest.mark.parametrize("odd", ODD, ids=str)
def test_a_known_list_outlives_an_odd_one_and_a_new_listing_waits_for_it(world: World, odd: dict[str, Any]) -> None:
    world.product()
    world.settle()
    connection = ReverbConnection.objects.get(shop=world.shop)
    client, budget = ReverbClient.of(connection), connection.budget
    known = reference.lists(client, budget)
    world.wait(25 * 3600)
    world.reverb.fault("edited", path=LISTS, edits=odd, times=999)
    reference.forget()
    again = reference.lists(client, budget)
    assert (again.categories, again.conditions) == (known.categories, known.conditions)
    _forget(world)
    with pytest.raises(TransientError):
        reference.lists(client, budget)
    world.product("B1", title="Fender Bass")
    world.wait(3)
    while world.step():
        pass
    assert world.reverb.ask("GET", "/listings", sku="B1") == []
    world.reverb.ask("DELETE", "/faults")
    world.settle()
    assert world.listing("B1")["state"] == "live"


def _forget(world: World) -> None:
    """Know no list any more."""
    reference.forget()
    cache.clear()
