"""Reverb's answer about a listing is some seconds or minutes old: no unit that is gone is put on sale again."""

from __future__ import annotations

from typing import Any

import pytest

from listings.models import Job, Ledger, Product
from listings.orders import listing_poll
from listings.stock import writes
from shops.models import ReverbConnection, SyncSettings
from shops.models.settings import StockWay
from shops.reverb.client import ReverbClient
from shops.reverb.lists import BRAND_NEW
from tests.journeys.sales import buy, read_orders
from tests.journeys.world import World

pytestmark = pytest.mark.live
Seen = list[tuple[int, int]]


@pytest.fixture(autouse=True)
def enough_points(world: World) -> None:
    """Let the store answer as often as it is asked: what happens at its limits has tests of its own."""
    world.store.ask("POST", "/limits", {"size": 100_000, "restore": 100_000})


def answers_are_old(world: World, seconds: float, *, every: int = 1) -> None:
    """Let Reverb's answers about one listing be so old from now on, or only each so-manieth."""
    world.reverb.ask("POST", "/settings", {"listing_lag_s": seconds, "listing_lag_every": every})


def work(world: World, guitar: dict[str, Any], *, seconds: int, step: int = 10) -> Seen:
    """Let time pass as it does at work; return the units of the store and of the listing after each step."""
    seen: Seen = []
    connection = ReverbConnection.objects.select_related("shop__sync_settings").get(shop=world.shop)
    for at in range(0, seconds, step):
        read_orders(world)
        if at % 60 == 0:
            listing_poll.run_slice(connection, ReverbClient.of(connection))
        while world.step():
            seen.append(both(world, guitar))
        seen.append(both(world, guitar))
        world.wait(step)
    return seen


def both(world: World, guitar: dict[str, Any]) -> tuple[int, int]:
    """Return the units of the store and those of the listing."""
    return world.stock(guitar), world.listing()["inventory"]


def linked(world: World, units: int, **more: Any) -> dict[str, Any]:
    """Return a product in sync, whose number on Reverb did not move for a while."""
    guitar = world.product(inventory_quantity=units, **more)
    world.settle()
    read_orders(world)
    world.wait(700)
    return guitar


@pytest.mark.parametrize(("units", "seconds", "every"), [(2, 2, 1), (5, 20, 2), (2, 100, 1), (2, 100, 3)])
def test_a_sale_on_reverb_takes_one_unit_while_answers_are_old(
    world: World, units: int, seconds: int, every: int
) -> None:
    guitar = linked(world, units)
    answers_are_old(world, seconds, every=every)
    buy(world)
    seen = work(world, guitar, seconds=300)
    answers_are_old(world, 0)
    seen += work(world, guitar, seconds=1500, step=30)
    assert {stock for stock, _ in seen} == {units - 1}
    assert {number for _, number in seen} == {units - 1}


def test_a_one_off_that_sold_on_reverb_stays_sold_while_answers_are_old(world: World) -> None:
    guitar = linked(world, 1, condition="Used")
    answers_are_old(world, 100)
    buy(world)
    seen = work(world, guitar, seconds=300)
    answers_are_old(world, 0)
    seen += work(world, guitar, seconds=1500, step=30)
    assert set(seen) == {(0, 0)}
    assert len(world.reverb.ask("GET", "/listings", sku="A1")) == 1


@pytest.mark.parametrize(
    ("before", "after", "seconds", "every"),
    [(5, 4, 20, 2), (2, 1, 100, 1), (4, 5, 20, 1), (1, 5, 20, 1), (0, 2, 100, 1), (0, 2, 100, 2)],
)
def test_an_edit_in_the_store_is_not_undone_while_answers_are_old(
    world: World, before: int, after: int, seconds: int, every: int
) -> None:
    guitar = linked(world, before or 1)
    world.edit(guitar, inventory_quantity=before)
    world.settle()
    world.wait(700)
    answers_are_old(world, seconds, every=every)
    world.edit(guitar, inventory_quantity=after)
    seen = work(world, guitar, seconds=40)
    world.edit(guitar, title="Another title")
    seen += work(world, guitar, seconds=300)
    answers_are_old(world, 0)
    seen += work(world, guitar, seconds=1500, step=60)
    assert set(seen) - {(after, before)} == {(after, after)}
    assert (world.listing()["state"], world.listing()["title"]) == ("live", "Another title")


def test_the_last_one_sold_in_the_store_ends_the_listing_while_an_old_answer_shows_fewer(world: World) -> None:
    guitar = linked(world, 1)
    answers_are_old(world, 20)
    world.edit(guitar, inventory_quantity=5)
    work(world, guitar, seconds=10, step=5)
    world.edit(guitar, inventory_quantity=0)
    while world.step():
        pass
    assert world.listing()["inventory"] == 0
    assert Ledger.objects.get().units == 0


@pytest.mark.parametrize("way", StockWay.values[:2])
def test_a_number_that_an_old_answer_already_shows_is_set_where_we_raised_it_a_moment_ago(
    world: World, way: str
) -> None:
    SyncSettings.objects.filter(shop=world.shop).update(stock_way=way)
    guitar = linked(world, 3)
    answers_are_old(world, 20)
    world.edit(guitar, inventory_quantity=4)
    work(world, guitar, seconds=5, step=5)
    assert both(world, guitar) == (4, 4)
    world.edit(guitar, inventory_quantity=3)
    seen = work(world, guitar, seconds=10, step=5)
    assert seen[-1] == (3, 3)
    seen = work(world, guitar, seconds=900, step=60)
    assert set(seen) == {(3, 3)}


def test_a_refused_number_leaves_open_whether_the_lost_one_before_it_was_taken(world: World) -> None:
    linked(world, 5)
    ledger = Ledger.objects.get()
    writes.setting_reverb(ledger, 3)  # no answer
    not_set = writes.setting_reverb(ledger, 2)
    assert (ledger.pending_put, ledger.before[-1]) == (2, 3)
    not_set()
    ledger.refresh_from_db()
    assert ledger.pending_put == 3
    assert 3 not in ledger.before


@pytest.mark.parametrize(("status", "more"), [(429, {"retry_after": 5}), (422, {"body": {"message": "No such make"}})])
def test_a_refused_field_beside_a_lower_number_leaves_that_number_as_it_was_set(
    world: World, status: int, more: dict[str, Any]
) -> None:
    guitar = linked(world, 5)
    answers_are_old(world, 20)
    world.edit(guitar, inventory_quantity=3, title="Another title")
    world.reverb.fault("status", method="PUT", path="/listings/", text="Another title", status=status, **more)
    while world.step():
        pass
    ledger = Ledger.objects.get()
    assert (ledger.reverb, ledger.before[-1], ledger.pending_put) == (3, 5, None)
    world.wait(15)
    seen = work(world, guitar, seconds=300)
    assert set(seen) == {(3, 3)}


def test_a_new_listing_that_an_old_answer_does_not_know_is_not_made_twice(world: World) -> None:
    answers_are_old(world, 20)
    world.reverb.ask("POST", "/settings", {"index_lag_s": 60, "sku_lag_s": 60, "refuses_second_sku": False})
    guitar = world.product(inventory_quantity=2)
    work(world, guitar, seconds=5, step=5)
    world.edit(guitar, inventory_quantity=1)
    work(world, guitar, seconds=600)
    listings = world.reverb.ask("GET", "/listings", sku="A1")
    assert [(one["state"], one["inventory"]) for one in listings] == [("live", 1)]


def test_a_unit_that_reverb_puts_back_behind_an_old_answer_is_not_taken_for_another_one(world: World) -> None:
    guitar = linked(world, 1)
    world.reverb.ask("POST", "/settings", {"restores_on_cancel": True})
    number = buy(world)
    world.edit(guitar, inventory_quantity=0)  # it sold on both sides
    work(world, guitar, seconds=300, step=60)
    answers_are_old(world, 90)
    world.reverb.ask("POST", f"/orders/{number}/cancel")
    read_orders(world)
    for _ in range(20):  # nothing reports the listing
        while world.step():
            pass
        world.wait(60)
    answers_are_old(world, 0)
    assert both(world, guitar) == (0, 0)
    world.wait(7200)
    work(world, guitar, seconds=300, step=60)
    assert both(world, guitar) == (0, 0)


@pytest.mark.parametrize("seconds", [5, 60])
def test_a_sale_counts_once_where_an_old_answer_is_the_first_that_is_read_of_its_listing(
    world: World, seconds: int
) -> None:
    guitar = world.product(inventory_quantity=2)
    Job.objects.all().delete()
    Product.objects.update(pending_first_sync=True)
    row: dict[str, Any] = {
        "sku": "A1",
        "title": "By hand",
        "make": "Fender",
        "model": "Strat",
        "condition": {"uuid": BRAND_NEW},
    }
    row |= {"price": {"amount": "450.00", "currency": "USD"}, "photos": ["http://store.test/1.jpg"], "state": "live"}
    row |= {"upc_does_not_apply": True, "has_inventory": True, "inventory": 2}
    world.reverb.ask("POST", "/listings", {"token": world.token, "listings": [row]})
    world.wait(700)
    answers_are_old(world, seconds)
    buy(world)
    read_orders(world)
    while world.step():
        pass
    assert both(world, guitar) == (1, 1)
    world.wait(130)
    world.receive(guitar)
    world.settle()
    assert both(world, guitar) == (1, 1)
