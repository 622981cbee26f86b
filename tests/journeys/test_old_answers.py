"""Reverb's answers are some seconds or minutes old: what they hide is found again, and nothing of ours is undone."""

from __future__ import annotations

from typing import Any

import pytest

from listings.models import Listing, Order, Product, Rank
from listings.orders import listing_poll, reverb_events
from listings.queue import jobs
from shops.events import ReverbListingChanged, ReverbOrderChanged
from shops.models import ReverbConnection
from shops.reverb import hooks
from shops.reverb.client import ReverbClient
from tests.journeys.mass import seed, through
from tests.journeys.sales import buy, read_orders
from tests.journeys.test_cached_numbers import linked, work
from tests.journeys.world import World

pytestmark = pytest.mark.live


@pytest.fixture(autouse=True)
def enough_points(world: World) -> None:
    """Let the store answer as often as it is asked: what happens at its limits has tests of its own."""
    world.store.ask("POST", "/limits", {"size": 100_000, "restore": 100_000})


def answers_are_old(world: World, **settings: float) -> None:
    """Let some of Reverb's answers be so many seconds old from now on."""
    world.reverb.ask("POST", "/settings", settings)


def all_due(world: World) -> None:
    """Make all attempts that are due now."""
    while world.step():
        pass


def connection(world: World) -> ReverbConnection:
    """Return the connection as it is saved now."""
    return ReverbConnection.objects.select_related("shop__sync_settings").get(shop=world.shop)


# -- the state of a listing ----------------------------------------------------------------------------------------


USED = {"tags": ["condition: Very Good"], "barcode": ""}


def back_on_sale(world: World, gone: str, **more: Any) -> dict[str, Any]:
    """Return a product whose listing sold out or was ended, and is on sale again."""
    guitar = linked(world, 1, **more)
    if gone == "sold":
        world.edit(guitar, inventory_quantity=0)
        world.settle()
    else:
        ReverbClient.of(connection(world)).end(str(world.listing()["id"]))
    world.wait(700)
    world.edit(guitar, inventory_quantity=2)
    world.settle()
    return guitar


@pytest.mark.parametrize(("gone", "more"), [("sold", {}), ("sold", USED), ("ended", {})])
def test_a_listing_whose_answer_still_shows_it_off_sale_ends_when_the_store_sells_the_last_unit(
    world: World, gone: str, more: dict[str, Any]
) -> None:
    guitar = back_on_sale(world, gone, **more)
    assert world.listing()["state"] == "live"
    answers_are_old(world, listing_lag_s=100)
    world.edit(guitar, inventory_quantity=0)
    all_due(world)
    assert world.listing()["state"] != "live"


@pytest.mark.parametrize(("gone", "seconds"), [("sold", 20), ("ended", 100)])
def test_an_edit_is_not_lost_while_the_answer_shows_the_listing_off_sale(world: World, gone: str, seconds: int) -> None:
    guitar = back_on_sale(world, gone)
    answers_are_old(world, listing_lag_s=seconds)
    world.edit(guitar, title="Another title")
    work(world, guitar, seconds=200)
    assert (world.listing()["state"], world.listing()["title"]) == ("live", "Another title")


def test_a_new_listing_is_live_and_logged_as_live_though_the_answer_shows_a_draft(world: World) -> None:
    answers_are_old(world, listing_lag_s=20)
    guitar = world.product(inventory_quantity=2)
    work(world, guitar, seconds=300)
    assert Listing.objects.get().state == world.listing()["state"] == "live"
    assert "not_published" not in world.entries()


# -- its fields ----------------------------------------------------------------------------------------------------


FIELDS = [("title", "Fender Strat", "B"), ("price", "500.00", "600.00"), ("sku", "A1", "B1")]


@pytest.mark.parametrize(("name", "first", "other"), FIELDS)
def test_a_field_that_the_store_changes_back_is_changed_back_on_reverb(
    world: World, name: str, first: str, other: str
) -> None:
    guitar = linked(world, 2)
    answers_are_old(world, listing_lag_s=60)
    world.edit(guitar, **{name: other})
    all_due(world)
    world.wait(5)
    world.edit(guitar, **{name: first})
    for _ in range(30):
        all_due(world)
        world.wait(10)
    [found] = world.reverb.ask("GET", "/listings")
    assert (found["price"]["amount"] if name == "price" else found[name]) == first


@pytest.mark.parametrize(("name", "first", "other"), FIELDS)
@pytest.mark.parametrize("every", [1, 2])
def test_our_own_edit_stays_whatever_old_answers_show(
    world: World, every: int, name: str, first: str, other: str
) -> None:
    guitar = linked(world, 2)
    answers_are_old(world, listing_lag_s=60, listing_lag_every=every)
    world.edit(guitar, **{name: other})
    all_due(world)
    world.wait(5)
    world.edit(guitar, inventory_quantity=1)
    for _ in range(30):
        all_due(world)
        world.wait(10)
    [found] = world.reverb.ask("GET", "/listings")
    assert (found["price"]["amount"] if name == "price" else found[name]) == other
    assert found["inventory"] == 1


# -- what calls report ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [3, 8])
def test_an_edit_on_reverb_that_a_call_reports_before_the_answer_shows_it_is_found(world: World, number: int) -> None:
    guitar = linked(world, 5)
    answers_are_old(world, listing_lag_s=20)
    world.at_reverb("PUT", f"/listings/{world.listing()['id']}", {"inventory": number})
    reverb_events.follow(
        connection(world), {ReverbListingChanged(str(world.listing()["id"]), "live", number): "Reverb call"}
    )
    for _ in range(30):
        all_due(world)
        world.wait(10)
    assert (world.stock(guitar), world.listing()["inventory"]) == (number, number)


def test_a_sale_whose_order_is_not_found_yet_is_asked_for_again(world: World) -> None:
    guitar = linked(world, 2)
    answers_are_old(world, order_lag_s=20, orders_lag_s=100)
    event = ReverbOrderChanged(buy(world))
    assert reverb_events.follow(connection(world), {event: "Reverb call"}).keys() == {event}  # its delivery stays open
    world.wait(30)
    assert not reverb_events.follow(connection(world), {event: "Reverb call"})
    all_due(world)
    assert world.stock(guitar) == 1


def test_the_orders_are_read_soon_after_a_call_whose_order_was_no_news(world: World) -> None:
    guitar = linked(world, 2)
    number = buy(world)
    read_orders(world)
    world.wait(30)
    answers_are_old(world, order_lag_s=5, orders_lag_s=5)
    world.reverb.ask("POST", f"/orders/{number}/refund")
    reverb_events.follow(connection(world), {ReverbOrderChanged(number): "Reverb call"})
    due_at = connection(world).orders_due_at
    assert due_at is not None
    assert due_at <= world.now + reverb_events.AGAIN
    world.wait(reverb_events.AGAIN.total_seconds())
    read_orders(world)
    all_due(world)
    assert Order.objects.get().status == "refunded"
    assert world.stock(guitar) == 2


def test_an_order_that_flips_between_now_and_before_counts_once(world: World) -> None:
    guitar = linked(world, 3)
    number = buy(world, status="unpaid")
    steps: list[Any] = [None, "pay", "refund"]
    seen: list[int] = []
    for step in steps:
        if step:
            world.wait(5)
            world.reverb.ask("POST", f"/orders/{number}/{step}")
        for lag in (0, 4, 0, 4, 0):
            answers_are_old(world, order_lag_s=lag, orders_lag_s=lag)
            reverb_events.follow(connection(world), {ReverbOrderChanged(number): "Reverb call"})
            read_orders(world)
            all_due(world)
            seen += [world.stock(guitar)] if seen[-1:] != [world.stock(guitar)] else []
    assert seen == [2, 3]


# -- lists ---------------------------------------------------------------------------------------------------------


def test_webhooks_that_were_just_removed_are_not_taken_for_registered(world: World) -> None:
    client = ReverbClient.of(connection(world))
    made = hooks.keep(client, connection(world))
    ReverbConnection.objects.update(hooks={"there": list(made.there), "refused": {}, "repaired": []})
    world.wait(200)
    answers_are_old(world, registrations_lag_s=30)
    hooks.keep(client, connection(world), gone=hooks.drop(connection(world)))
    assert sorted(row["topic"] for row in world.reverb.ask("GET", "/registrations")) == sorted(made.there)


def test_an_old_page_of_listings_undoes_nothing(world: World) -> None:
    guitar = linked(world, 5)
    answers_are_old(world, listing_lag_s=100, index_lag_s=100)
    world.edit(guitar, inventory_quantity=2)
    all_due(world)
    for _ in range(20):
        world.wait(30)
        listing_poll.run_slice(connection(world), ReverbClient.of(connection(world)))
        all_due(world)
        assert (world.stock(guitar), world.listing()["inventory"]) == (2, 2)


def test_a_sold_listing_that_the_search_still_shows_under_its_sku_is_not_linked_in_the_place_of_the_new_one(
    world: World,
) -> None:
    guitar = linked(world, 1, **USED)
    buy(world)
    work(world, guitar, seconds=60)
    world.edit(guitar, inventory_quantity=1)
    world.settle()
    sold = world.known().reverb_id
    answers_are_old(world, sku_lag_s=40)
    world.reverb.fault("lost_answer", method="POST", path="/listings$", times=1)
    Listing.objects.update(relist_as_new=True)
    jobs.look_again(Product.objects.all(), rank=Rank.EDIT, trigger=jobs.BY_HAND, now=world.now)
    for _ in range(40):
        all_due(world)
        world.wait(5)
    found = {str(one["id"]): one["state"] for one in world.reverb.ask("GET", "/listings") if str(one["id"]) != sold}
    assert found == {world.known().reverb_id: "live"}


def test_a_draft_that_an_old_list_of_drafts_does_not_show_is_reported_by_the_regular_look(world: World) -> None:
    seed(world, 1, listed=0)
    Product.objects.update(overrides={"upc": ""}, snapshot=Product.objects.get().snapshot | {"barcode": ""})
    answers_are_old(world, index_lag_s=60)
    through(world)
    world.wait(120)
    listing_poll.run_slice(connection(world), ReverbClient.of(connection(world)))
    world.settle()
    assert world.waits_for("M0000") == "kept_as_draft"
