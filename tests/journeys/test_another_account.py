"""A seller connects another Reverb account: listings of the former one are neither written, nor ended, nor doubled."""

from __future__ import annotations

from typing import Any

import pytest

from listings import tasks
from listings.models import Job, Ledger, Listing, MassSync
from listings.orders import order_poll
from listings.upkeep import former_account
from shops import reverb_connection
from shops.models import ReverbConnection, Shop
from shops.reverb.client import ReverbClient
from shops.reverb.errors import TransientError
from tests.journeys.sales import buy, read_orders
from tests.journeys.world import World

pytestmark = pytest.mark.live


@pytest.fixture
def guitar(world: World) -> dict[str, Any]:
    """A guitar with three units, live on Reverb."""
    world.set(auto_publish=True)
    made = world.product()
    world.settle()
    assert world.listing()["state"] == "live"
    return made


def switch(world: World, token: str = "another-token", **account: Any) -> str:
    """Connect another account; return what the seller reads."""
    world.reverb.ask("POST", "/accounts", {"token": token, "shop_name": "Basses", **account})
    found = reverb_connection.connect_reverb(world.shop, token)
    world.shop.refresh_from_db()
    assert found.usable
    return reverb_connection.connected_words(world.shop, found)


def let_go(world: World) -> None:
    """Let the background do its work."""
    former_account.run_slice(world.shop.pk)
    assert not ReverbConnection.objects.filter(clearing_since__isnull=False).exists()


def test_the_former_listing_stays_as_it_is_and_the_new_account_gets_its_own(
    world: World, guitar: dict[str, Any]
) -> None:
    former = world.listing()
    words = switch(world)
    assert "This is another Reverb shop than before (Demo Guitars)" in words
    assert "end those that you sell here now" in words
    let_go(world)
    world.reverb.ask("DELETE", "/requests")
    world.edit(guitar, inventory_quantity=1)
    world.settle()
    both = world.reverb.ask("GET", "/listings", sku="A1")
    assert [one["inventory"] for one in both] == [3, 1]
    assert both[0]["id"] == former["id"]
    assert not [call for call in world.writes() if str(former["id"]) in call["path"]]
    world.edit(guitar, inventory_quantity=0)
    world.settle()
    assert [one["state"] for one in world.reverb.ask("GET", "/listings", sku="A1")] == ["live", "sold"]


def test_a_listing_that_the_new_account_has_is_found_by_its_sku_and_not_doubled(
    world: World, guitar: dict[str, Any]
) -> None:
    switch(world)
    mine = {"sku": "A1", "title": "By hand", "condition": {"uuid": "7c3f45de-2ae0-4c81-8400-fdb6b1d74890"}}
    there = {**mine, "has_inventory": True, "inventory": 5, "state": "live"}
    world.reverb.ask("POST", "/listings", {"token": "another-token", "listings": [there]})
    let_go(world)
    world.receive(guitar)
    world.settle()
    both = world.reverb.ask("GET", "/listings", sku="A1")
    assert [one["inventory"] for one in both] == [3, 3]
    assert world.stock(guitar) == 3


def test_all_products_are_looked_at_for_the_new_account_by_itself(world: World, guitar: dict[str, Any]) -> None:
    switch(world)
    let_go(world)
    tasks.review_shop(world.shop.pk)
    world.settle()
    assert [one["inventory"] for one in world.reverb.ask("GET", "/listings", sku="A1")] == [3, 3]


def test_nothing_is_written_before_the_former_listings_are_let_go_of(world: World, guitar: dict[str, Any]) -> None:
    switch(world)
    world.reverb.ask("DELETE", "/requests")
    world.edit(guitar, inventory_quantity=0)
    assert world.step()
    tasks.drain_urgent(world.shop.pk)
    assert world.writes() == []
    assert "try_later" not in world.entries()
    connection = ReverbConnection.objects.get()
    with pytest.raises(TransientError):
        order_poll.read(connection, ReverbClient.of(connection), now=world.now)
    assert order_poll.shops_with_due_orders() == []


def test_an_attempt_that_began_before_ends_first(world: World, guitar: dict[str, Any]) -> None:
    world.edit(guitar, price="400.00")
    Job.objects.update(lease_until=world.now.replace(year=2200))
    switch(world)
    assert not former_account.run_slice(world.shop.pk)
    assert Listing.objects.exclude(reverb_id="").exists()
    Job.objects.update(lease_until=None)
    let_go(world)
    assert not Listing.objects.exclude(reverb_id="").exists()


def test_a_sale_of_the_former_account_that_the_store_lacks_still_leaves_it(
    world: World, guitar: dict[str, Any]
) -> None:
    buy(world)
    read_orders(world)
    switch(world)
    let_go(world)
    assert Ledger.objects.exists()
    world.settle()
    assert world.stock(guitar) == 2
    assert [one["inventory"] for one in world.reverb.ask("GET", "/listings", sku="A1")] == [2, 2]


def test_an_open_mass_sync_ends(world: World, guitar: dict[str, Any]) -> None:
    MassSync.objects.create(shop=world.shop, begun_at=world.now, due_at=world.now)
    switch(world)
    let_go(world)
    assert MassSync.objects.get().state == MassSync.State.CANCELLED


def test_who_disconnects_in_between_connects_another_account_all_the_same(world: World, guitar: dict[str, Any]) -> None:
    reverb_connection.disconnect_reverb(world.shop)
    assert "another Reverb shop than before (Demo Guitars)" in switch(world)
    reverb_connection.disconnect_reverb(world.shop)
    assert "another Reverb shop than before (Demo Guitars)" in switch(world)
    let_go(world)
    assert "another" not in switch(world)


def test_another_token_of_the_same_account_keeps_all_links(world: World, guitar: dict[str, Any]) -> None:
    known = world.reverb.ask("POST", "/accounts", {"token": world.token})
    reverb_connection.disconnect_reverb(world.shop)
    assert "another" not in switch(world, id=known["id"])
    assert Listing.objects.exclude(reverb_id="").exists()


def test_an_account_that_shows_another_kind_of_id_is_known_by_its_name(world: World, guitar: dict[str, Any]) -> None:
    world.reverb.fault("edited", path="/my/account", edits={"uuid": "5e0f", "user_id": None})
    assert reverb_connection.connect_reverb(world.shop, world.token).usable
    assert ReverbConnection.objects.get().clearing_since is None


def test_a_token_is_not_kept_while_reverb_does_not_say_whose_it_is(world: World, guitar: dict[str, Any]) -> None:
    world.reverb.ask("POST", "/accounts", {"token": "another-token"})
    world.reverb.fault("status", status=503, path="/my/account", times=3)
    assert not reverb_connection.connect_reverb(world.shop, "another-token").usable
    assert ReverbConnection.objects.get().token.get_secret_value() == world.token
    assert Shop.objects.get().reverb_account["name"] == "Demo Guitars"
