"""Numbers beyond what a database holds, and SKUs that Reverb does not like, cost one entry and no loop."""

from __future__ import annotations

from datetime import timedelta

import pytest

from listings.models import Ledger, Listing
from tests.journeys.world import World

pytestmark = pytest.mark.live


@pytest.mark.parametrize("units", [10**9, 2**31 - 1])
def test_a_stock_of_billions_is_synced_like_any_other(world: World, units: int) -> None:
    guitar = world.product(inventory_quantity=3)
    world.settle()
    world.edit(guitar, inventory_quantity=units)
    world.settle()
    assert "our_fault" not in world.entries()
    assert (Ledger.objects.get().units, world.listing()["inventory"]) == (units, units)
    world.edit(guitar, inventory_quantity=2)
    world.settle()
    assert world.listing()["inventory"] == 2


def test_sums_that_no_column_holds_are_saved_as_far_as_it_does(world: World) -> None:
    world.product()
    world.settle()
    ledger = Ledger.objects.get()
    ledger.units, ledger.store = 2**33, -(2**33)
    ledger.save()
    assert Ledger.objects.filter(units=2**31 - 1, store=1 - 2**31).exists()


def test_a_refusal_for_the_sku_is_asked_about_once_and_then_reported_in_reverbs_words(world: World) -> None:
    words = "SKU can't contain emojis"
    world.reverb.ask("POST", "/refuse", {"field": "sku", "words": words, "times": 10**6})
    world.product()
    began = world.now
    world.settle()
    entry = world.last()
    assert (entry.reason, entry.field_errors) == ("refused", {"sku": [words]})
    assert world.now - began < timedelta(minutes=2)
    assert len(world.reverb.calls("POST", "/listings")) == 2
    assert len(world.entries()) <= 8
    assert Listing.objects.get().post_started_at is None
    world.reverb.ask("DELETE", "/requests")
    world.wait(600)
    assert not world.step()  # it is a refusal like any other, and tried again ever more rarely


def test_a_listing_with_that_sku_which_the_search_shows_late_is_found(world: World) -> None:
    world.reverb.ask("POST", "/settings", {"sku_lag_s": 20})
    body = {"sku": "A1", "title": "Made by hand", "inventory": 1, "state": "live", "has_inventory": True}
    world.reverb.ask("POST", "/settings", {"refuses_second_sku": True})
    made = world.at_reverb("POST", "/listings", {name: value for name, value in body.items() if name != "state"})
    world.product()
    world.settle()
    assert str(world.known().reverb_id) == str(made["listing"]["id"])
