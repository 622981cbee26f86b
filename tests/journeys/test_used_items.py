"""Stories of used items: there is one of each, and what sold on Reverb is sold for good."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from listings.models import Product
from tests.journeys.sales import buy, receive
from tests.journeys.world import World
from tests.people import olivia

pytestmark = pytest.mark.live


def test_a_refunded_used_item_waits_for_the_seller_who_has_a_new_listing_made(world: World) -> None:
    guitar = world.used()
    world.settle()
    sold = world.listing("U1")["id"]
    number = buy(world, "U1")
    receive(world)
    world.reverb.ask("POST", f"/orders/{number}/refund")
    receive(world)
    assert (world.stock(guitar), world.waits_for("U1")) == (1, "used_listing_sold")
    seller = Client()
    seller.force_login(olivia())
    product = Product.objects.get()
    assert (
        "Make a new listing"
        in seller.get(reverse("listings:product", args=[world.shop.pk, product.pk])).content.decode()
    )
    seller.post(reverse("listings:relist_as_new", args=[world.shop.pk, product.pk]))
    world.settle()
    assert (world.listing("U1")["state"], world.listing("U1")["id"] == sold) == ("live", False)
    buy(world, "U1")
    receive(world)
    assert (world.stock(guitar), world.listing("U1")["state"]) == (0, "ordered")


def test_a_new_listing_is_only_made_where_one_sold(world: World) -> None:
    world.used()
    world.settle()
    seller = Client()
    seller.force_login(olivia())
    answer = seller.post(reverse("listings:relist_as_new", args=[world.shop.pk, Product.objects.get().pk]), follow=True)
    world.settle()
    assert "has not sold" in answer.content.decode()
    assert len(world.reverb.calls("POST")) == 1


def test_an_item_whose_ending_got_no_answer_is_put_on_sale_again_when_it_comes_back(world: World) -> None:
    guitar = world.used()
    world.settle()
    world.reverb.fault("lost_answer", method="PUT")
    world.edit(guitar, inventory_quantity=0)
    world.settle()
    assert world.listing("U1")["state"] == "ended"
    world.edit(guitar, inventory_quantity=1)
    world.settle()
    assert world.listing("U1")["state"] == "live"


def test_an_item_of_an_unpaid_order_that_was_cancelled_before_we_ended_it_is_put_on_sale_again(world: World) -> None:
    world.reverb.ask("POST", "/settings", {"unpaid_takes_stock": False})
    guitar = world.used()
    world.settle()
    number = buy(world, "U1", status="unpaid")
    world.reverb.ask("POST", f"/orders/{number}/cancel")
    world.edit(guitar, inventory_quantity=0)  # which ends it before any order is read
    world.settle()
    assert world.listing("U1")["state"] == "ended"
    world.wait(60)
    receive(world)
    world.edit(guitar, inventory_quantity=1)
    world.settle()
    assert world.listing("U1")["state"] == "live"


def test_an_item_that_the_seller_ended_on_reverb_stays_ended(world: World) -> None:
    guitar = world.used()
    world.settle()
    world.at_reverb("PUT", f"/listings/{world.listing('U1')['id']}", {"inventory": 0})
    world.edit(guitar, price="99.00")
    world.settle()
    assert world.listing("U1")["state"] == "ended"
