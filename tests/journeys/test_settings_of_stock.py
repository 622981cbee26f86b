"""Stories of what the seller's settings do with stock: buffer, maximum, which side leads, what is switched off."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from listings import tasks
from listings.models import Product
from shops.models import Shop
from shops.models.settings import StockWay
from shops.reverb.client import ReverbClient
from shops.snapshots import ReverbListing
from tests.journeys.sales import buy, read_orders, receive
from tests.journeys.world import World
from tests.people import olivia

pytestmark = pytest.mark.live


def test_the_buffer_keeps_the_last_ones_for_the_store(world: World) -> None:
    world.set(stock_buffer=2)
    guitar = world.product(inventory_quantity=5)
    world.settle()
    assert world.listing()["inventory"] == 3
    buy(world)
    receive(world)
    assert (world.stock(guitar), world.listing()["inventory"]) == (4, 2)
    world.edit(guitar, inventory_quantity=2)
    world.settle()
    assert world.listing()["state"] == "sold"


def test_reverb_never_shows_more_than_the_maximum_and_is_filled_up_again(world: World) -> None:
    guitar = world.product(inventory_quantity=9)
    world.settle()
    Product.objects.update(stock_maximum=2)
    world.receive(guitar)
    world.settle()
    assert world.listing()["inventory"] == 2
    buy(world, quantity=2)
    receive(world)
    assert (world.stock(guitar), world.listing()["inventory"], world.listing()["state"]) == (7, 2, "live")


def test_only_from_store_to_reverb_writes_nothing_to_the_store(world: World) -> None:
    world.set(stock_way="store")
    guitar = world.product()
    world.settle()
    buy(world)
    receive(world)
    assert (world.stock(guitar), world.listing()["inventory"]) == (3, 2)
    world.edit(guitar, inventory_quantity=2)  # the store learnt of it by other means
    world.settle()
    assert (world.stock(guitar), world.listing()["inventory"]) == (2, 2)
    world.edit(guitar, inventory_quantity=6)
    world.settle()
    assert world.listing()["inventory"] == 6


def test_a_product_is_listed_once_a_smaller_buffer_leaves_a_unit(world: World) -> None:
    world.set(stock_buffer=3)
    world.product()
    world.settle()
    assert world.reverb.calls("POST", "/api/listings") == []
    world.set(stock_buffer=1)
    Shop.objects.update(recheck_requested=True)  # as saving the settings does
    tasks.review_shop(world.shop.pk)
    world.settle()
    assert world.listing()["inventory"] == 2


def test_a_setting_that_changes_while_a_worker_goes_by_the_old_one_counts(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    guitar = world.product(inventory_quantity=1)
    world.settle()
    world.edit(guitar, inventory_quantity=3)
    update = ReverbClient.update
    sent: list[int] = []

    def crossed(client: ReverbClient, listing: ReverbListing, body: dict[str, Any]) -> Any:
        if not sent:
            world.set(stock_maximum=1)
            Shop.objects.update(recheck_requested=True)
            tasks.review_shop(world.shop.pk)
        sent.append(body["inventory"])
        return update(client, listing, body)

    monkeypatch.setattr(ReverbClient, "update", crossed)
    world.settle()
    assert (sent, world.listing()["inventory"]) == ([3, 1], 1)


def test_where_the_store_leads_reverb_is_filled_up_again_once_the_store_knows_of_the_sale(world: World) -> None:
    world.set(stock_way="store", stock_maximum=1)
    guitar = world.product()
    world.settle()
    buy(world)
    receive(world)
    assert world.listing()["state"] == "sold"
    world.edit(guitar, inventory_quantity=2)
    world.settle()
    assert (world.listing()["inventory"], world.listing()["state"]) == (1, "live")


def test_where_the_store_leads_reverb_is_filled_up_again_though_the_store_has_its_old_number_again(
    world: World,
) -> None:
    world.set(stock_way="store")
    world.reverb.ask("POST", "/settings", {"restores_on_cancel": False})
    guitar = world.product()
    world.settle()
    world.wait(60)
    number = buy(world)
    receive(world)
    world.set(auto_sync=False)
    world.edit(guitar, inventory_quantity=2)
    world.reverb.ask("POST", f"/orders/{number}/cancel")
    world.wait(5)
    world.set(auto_sync=True)
    world.edit(guitar, inventory_quantity=3)
    world.settle()
    assert world.listing()["inventory"] == 3


@pytest.mark.parametrize(("sold_again", "shown"), [(False, 3), (True, 1)])
def test_where_the_store_leads_units_of_a_cancelled_order_that_the_store_never_knew_of_are_on_sale_again(
    world: World, sold_again: bool, shown: int
) -> None:
    world.set(stock_way="store")
    world.reverb.ask("POST", "/settings", {"restores_on_cancel": False})
    world.product()
    world.settle()
    world.wait(60)
    number = buy(world)
    receive(world)
    world.reverb.ask("POST", f"/orders/{number}/cancel")
    if sold_again:
        buy(world)
    read_orders(world)
    world.step()
    assert world.listing()["inventory"] == (1 if sold_again else 2)  # another order may still appear
    world.settle()
    assert world.listing()["inventory"] == shown


def test_where_the_store_leads_a_number_set_by_hand_on_reverb_stays_until_the_store_changes(world: World) -> None:
    world.set(stock_way="store", stock_maximum=2)
    guitar = world.product(inventory_quantity=9)
    world.settle()
    world.edit(guitar, inventory_quantity=8)
    world.settle()
    world.at_reverb("PUT", f"/listings/{world.listing()['id']}", {"inventory": 1})
    world.receive(guitar)
    world.settle()
    assert world.listing()["inventory"] == 1
    world.edit(guitar, inventory_quantity=7)
    world.settle()
    assert world.listing()["inventory"] == 2


def test_where_the_store_leads_units_that_reverb_puts_back_by_itself_are_not_too_many(world: World) -> None:
    world.set(stock_way="store")
    guitar = world.product()
    world.settle()
    number = buy(world)
    world.edit(guitar, inventory_quantity=2)  # the store learnt of it by other means
    world.settle()
    world.reverb.ask("POST", f"/orders/{number}/cancel")
    assert world.listing()["inventory"] == 3
    world.receive(guitar)
    world.settle()
    assert world.listing()["inventory"] == 2
    world.edit(guitar, inventory_quantity=3)
    world.settle()
    assert world.listing()["inventory"] == 3


def test_where_the_store_leads_a_later_buffer_is_kept_too(world: World) -> None:
    world.set(stock_way="store")
    guitar = world.product(inventory_quantity=5)
    world.settle()
    world.set(stock_buffer=2)
    world.receive(guitar)
    world.settle()
    assert (world.stock(guitar), world.listing()["inventory"]) == (5, 3)


def test_where_the_store_leads_a_sale_after_a_met_maximum_is_not_put_back(world: World) -> None:
    world.set(stock_way="store")
    guitar = world.product(inventory_quantity=5)
    world.settle()
    buy(world)
    world.set(stock_maximum=4)  # which is what Reverb shows already
    world.receive(guitar)
    world.settle()
    buy(world)
    world.receive(guitar)
    world.settle()
    assert world.listing()["inventory"] == 3


@pytest.mark.parametrize("way", list(StockWay))
def test_a_listing_stays_when_the_store_stops_counting_its_product(world: World, way: StockWay) -> None:
    world.set(stock_way=way)
    guitar = world.product(inventory_quantity=3)
    world.settle()
    variant = f"/variants/{guitar['variants'][0]['id']}"
    world.store.ask("PUT", variant, {"tracked": False, "inventory_quantity": 0})
    world.edit(guitar, title="Fender Stratocaster")
    world.settle()
    kept = world.listing()
    assert (kept["title"], kept["state"], kept["inventory"]) == ("Fender Stratocaster", "live", 3)
    world.store.ask("PUT", variant, {"tracked": True, "inventory_quantity": 2})
    world.receive(guitar)
    world.settle()
    assert world.listing()["inventory"] == 2
    world.edit(guitar, status="ARCHIVED")
    world.settle()
    assert world.listing()["state"] == "sold"


def test_stock_that_is_switched_off_moves_neither_side(world: World) -> None:
    world.set(sync_stock=False)
    guitar = world.product()
    world.settle()
    buy(world)
    world.edit(guitar, inventory_quantity=1)
    receive(world)
    assert (world.stock(guitar), world.listing()["inventory"]) == (1, 2)


def test_a_product_that_was_switched_off_still_gives_what_sold_on_reverb(world: World) -> None:
    guitar = world.product()
    world.settle()
    Product.objects.update(choice="off")
    buy(world)
    receive(world)
    assert (world.stock(guitar), world.listing()["inventory"]) == (2, 2)


def test_a_changed_buffer_reaches_all_listings(world: World) -> None:
    world.product(inventory_quantity=5)
    world.settle()
    seller = Client()
    seller.force_login(olivia())
    page = reverse("shops:settings", args=[world.shop.pk])
    form = {"auto_sync": "on", "auto_publish": "on", "create_listings": "on", "stock": "both", "stock_buffer": "2"}
    assert (
        seller.post(page, {**form, "default_condition": world.shop.sync_settings.default_condition}).status_code == 302
    )
    tasks.review_shop(world.shop.pk)
    world.settle()
    assert world.listing()["inventory"] == 3


def test_what_was_left_undone_when_the_sync_was_switched_off_is_done_when_it_is_on_again(world: World) -> None:
    guitar = world.product()
    world.settle()
    world.reverb.fault("status", status=503, times=1)
    world.edit(guitar, inventory_quantity=2)
    world.wait(2)
    assert world.step()
    assert world.last().outcome == "failed"
    world.set(auto_sync=False)
    world.settle()
    assert world.last().reason == "auto_sync_off"
    world.set(auto_sync=True)
    Shop.objects.update(recheck_requested=True)  # as saving the settings does
    tasks.review_shop(world.shop.pk)
    world.settle()
    assert world.listing()["inventory"] == 2
