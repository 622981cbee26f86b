"""Two shops of a seller, each with a store of its own, and one Reverb account."""

from __future__ import annotations

import pytest

from listings.mass_sync import run, starting
from listings.models import Line, Listing, MassSync, Order
from listings.orders import due_store_orders
from listings.upkeep import review
from shops import lifecycle, reverb_connection, store_connection
from shops.models import Shop
from shops.platforms import PLATFORMS
from tests.journeys.sales import buy, read_orders
from tests.journeys.world import SHOPIFY, World
from tests.people import olivia

pytestmark = pytest.mark.live

OUTLET = "outlet.myshopify.com"


def outlet_of(world: World, *, domain: str = OUTLET) -> World:
    """Return another shop with the same Reverb account. `domain`: its store."""
    other = World.__new__(World)
    other.__dict__ |= {**world.__dict__, "domain": domain}
    keys = PLATFORMS["shopify"].keys(SHOPIFY.token(world.token if domain == world.domain else domain), "s")
    wish = {"domain": domain, "token": keys.token.get_secret_value(), "secret": "s", "webhooks": []}
    world.store.ask("POST", "/shops", wish)
    other.shop = lifecycle.create_shop(olivia(), "Outlet")
    store_connection.connect_store(other.shop, platform="shopify", address=domain, keys=keys)
    reverb_connection.connect_reverb(other.shop, world.token)
    other.shop = Shop.objects.select_related("store", "reverb", "sync_settings").get(pk=other.shop.pk)
    other.set(auto_publish=True)
    return other


@pytest.fixture
def outlet(world: World) -> World:
    """Return the other shop, connected once the first one has a live listing of five."""
    world.product(inventory_quantity=5)
    world.settle()
    read_orders(world)
    return outlet_of(world)


def test_a_listing_stays_with_the_shop_that_linked_it_first(world: World, outlet: World) -> None:
    copy = outlet.product(inventory_quantity=0, price="700.00")
    world.settle(beside=outlet)
    shown = world.listing()
    assert (shown["state"], shown["inventory"], shown["price"]["amount"]) == ("live", 5, "500.00")
    assert outlet.entries() == ["another_shop"]
    assert outlet.waits_for() == "another_shop"
    outlet.edit(copy, inventory_quantity=9)
    world.settle(beside=outlet)
    assert world.listing()["inventory"] == 5


def test_the_seller_sees_the_other_shop_when_the_account_is_connected(world: World, outlet: World) -> None:
    account = reverb_connection.connect_reverb(outlet.shop, world.token)
    assert "Another shop here uses the same Reverb account" in reverb_connection.connected_words(outlet.shop, account)
    store_connection.disconnect_store(world.shop)
    assert "Another shop" not in reverb_connection.connected_words(outlet.shop, account)


def test_a_mass_sync_leaves_the_listings_of_the_other_shop_alone(world: World, outlet: World) -> None:
    outlet.product(inventory_quantity=2)
    world.wait(60)  # Reverb's lists trail
    mass = starting.begin(outlet.shop, olivia())
    for _ in range(20):
        run.run_slice(MassSync.objects.get(pk=mass.pk))
    assert Line.objects.get(sync=mass).reason == "another_shop"
    assert Listing.objects.get(shop=outlet.shop).reverb_id == ""


def test_a_sale_is_an_order_in_one_store_alone(world: World, outlet: World) -> None:
    for one in (world, outlet):
        one.set(take_orders=True)
    outlet.product(inventory_quantity=5)
    world.settle(beside=outlet)
    before = len(world.store.ask("GET", "/orders"))
    buy(world)
    for one in (world, outlet):
        read_orders(one)
        world.settle(beside=outlet)
        due_store_orders.run_slice(one.shop.pk)
    assert [order.shop_id for order in Order.objects.all()] == [world.shop.pk]
    assert len(world.store.ask("GET", "/orders")) == before + 1


def test_one_store_and_one_account_connected_twice_count_a_sale_once(world: World) -> None:
    guitar = world.product(inventory_quantity=5)
    world.settle()
    read_orders(world)
    twice = outlet_of(world, domain=world.domain)
    twice.receive(guitar)
    read_orders(twice)
    world.settle(beside=twice)
    buy(world)
    for _ in range(3):
        for one in (world, twice):
            read_orders(one)
            one.receive(guitar)
            world.settle(beside=twice)
    assert (world.stock(guitar), world.listing()["inventory"]) == (4, 4)


def test_the_other_shop_takes_the_listing_over_once_the_first_is_disconnected(world: World, outlet: World) -> None:
    outlet.product(inventory_quantity=2)
    world.settle(beside=outlet)
    store_connection.disconnect_store(world.shop)
    begun = review.due(outlet.shop.pk)
    assert begun is not None
    review.run_slice(begun)
    world.settle(beside=outlet)
    assert world.listing()["inventory"] == 2


def test_a_shop_that_comes_back_lets_go_of_what_the_other_took_over(world: World, outlet: World) -> None:
    test_the_other_shop_takes_the_listing_over_once_the_first_is_disconnected(world, outlet)
    keys = PLATFORMS["shopify"].keys(SHOPIFY.token(world.token), "s")
    store_connection.connect_store(world.shop, platform="shopify", address=world.domain, keys=keys)
    begun = review.due(world.shop.pk)
    assert begun is not None
    review.run_slice(begun)
    assert not Listing.objects.filter(shop=world.shop).exclude(reverb_id="").exists()
    world.settle(beside=outlet)
    assert world.last().reason == "another_shop"
    assert world.listing()["inventory"] == 2
