"""Stories of a number that somebody edits by hand on Reverb, of a listing that a mass sync found or published."""

from __future__ import annotations

from typing import Any

import pytest

from listings.mass_sync import plan, starting
from listings.models import Ledger, Listing, Order
from listings.stock import linking
from listings.stock.linking import Read
from tests.journeys.mass import learn, planned, seed, through, work
from tests.journeys.sales import buy, read_orders, receive
from tests.journeys.world import World

pytestmark = pytest.mark.live


def by_hand(world: World, number: int, sku: str = "M0000") -> None:
    """Set the number on Reverb's own site."""
    world.at_reverb("PUT", f"/listings/{world.listing(sku)['id']}", {"inventory": number})


def in_store(world: World, sku: str = "M0000") -> int:
    """Return the store's number."""
    return world.stock(product(world, sku))


def product(world: World, sku: str = "M0000") -> dict[str, Any]:
    """Return the store's product with this SKU."""
    return next(one for one in world.store.ask("GET", "/products") if one["variants"][0]["sku"] == sku)


def taken_off(world: World, left: int) -> None:
    """Let the seller set the store's number by hand, which nobody reports."""
    world.store.ask("PUT", f"/variants/{product(world)['variants'][0]['id']}", {"inventory_quantity": left})


@pytest.mark.parametrize("number", [2, 5])
def test_an_edit_of_what_a_mass_sync_found_in_step_counts(world: World, number: int) -> None:
    seed(world, 1, listed=1)
    sync = planned(world)
    assert plan.counts(sync)["nothing"] == 1
    world.wait(120)
    by_hand(world, number)
    world.receive(product(world))
    world.settle()
    assert (in_store(world), world.listing("M0000")["inventory"]) == (number, number)


@pytest.mark.parametrize(("number", "left"), [(1, 7), (0, 6), (4, 10)])
def test_an_edit_that_the_page_of_a_mass_sync_does_not_show_counts_beside_a_rise_in_the_store(
    world: World, number: int, left: int
) -> None:
    seed(world, 1, listed=1)
    through(world)
    world.wait(7 * 3600)
    world.set(auto_sync=False)  # so that nobody but the mass sync brings it to Reverb
    taken_off(world, 9)
    learn(world)
    planned(world)
    world.wait(120)
    by_hand(world, number)
    starting.start(world.shop)
    work(world)
    world.set(auto_sync=True)
    world.settle()
    assert (in_store(world), world.listing("M0000")["inventory"]) == (left, left)


@pytest.mark.parametrize("number", [2, 5])
def test_an_edit_of_a_draft_that_a_mass_sync_published_counts(world: World, number: int) -> None:
    seed(world, 1, listed=1, state="draft")
    through(world)
    assert world.listing("M0000")["state"] == "live"
    world.wait(120)
    by_hand(world, number)
    world.receive(product(world))
    world.settle()
    assert (in_store(world), world.listing("M0000")["inventory"]) == (number, number)


def test_a_mass_sync_looks_at_a_listing_whose_number_is_not_the_agreed_one(world: World) -> None:
    seed(world, 1, listed=0)
    through(world)
    by_hand(world, 1)
    world.wait(7 * 3600)
    assert plan.counts(planned(world))["look"] == 1
    starting.start(world.shop)
    work(world)
    assert (in_store(world), world.listing("M0000")["inventory"]) == (1, 1)


def test_an_edit_and_a_sale_in_the_store_after_a_preview_count_both(world: World) -> None:
    seed(world, 1, listed=1)
    planned(world)
    world.wait(120)
    by_hand(world, 2)
    guitar = product(world)
    world.edit(guitar, inventory_quantity=2)
    world.settle()
    assert (in_store(world), world.listing("M0000")["inventory"]) == (1, 1)


def test_what_sold_before_it_was_found_in_step_is_history(world: World) -> None:
    seed(world, 1, listed=1)
    buy(world, "M0000")
    taken_off(world, 2)
    world.wait(3600)
    learn(world)
    read_orders(world)
    assert plan.counts(planned(world))["nothing"] == 1
    assert (Ledger.objects.get().units, Order.objects.get().counts) == (2, False)
    receive(world)
    assert (in_store(world), world.listing("M0000")["inventory"]) == (2, 2)


def test_a_preview_begins_no_ledger_beside_a_sale_that_is_to_count(world: World) -> None:
    seed(world, 1, listed=1)
    world.set(auto_sync=False)
    buy(world, "M0000")
    taken_off(world, 2)
    learn(world)
    read_orders(world)
    planned(world)
    assert not Ledger.objects.exists()  # the store's number is of just now: the sale has an attempt of its own


def test_where_the_store_leads_a_preview_begins_no_ledger(world: World) -> None:
    world.set(stock_way="store")
    seed(world, 1, listed=1)
    planned(world)
    assert not Ledger.objects.exists()


def test_an_attempt_that_finds_its_ledger_begun_meanwhile_goes_by_that(world: World) -> None:
    seed(world, 1, listed=1)
    planned(world)
    row, begun = Listing.objects.select_related("product").get(), Ledger.objects.get()
    read = Read(7, None, world.now, orders_at=None)
    assert linking.begin(row, row.product, read, world.shop.sync_settings) == begun
    assert Ledger.objects.get().units == 3
