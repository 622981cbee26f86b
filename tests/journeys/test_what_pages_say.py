"""What pages say of the store's stock and of Reverb is true at that moment."""

from __future__ import annotations

import html

import pytest
from django.test import Client
from django.urls import reverse

from shops import health
from shops.models import ReverbConnection
from shops.platforms.errors import Away
from tests.journeys.sales import buy, read_orders, receive
from tests.journeys.world import World
from tests.people import olivia

pytestmark = pytest.mark.live


def said(world: World, page: str = "orders:list") -> str:
    """Return a page, that of sales by default, as Olivia reads it."""
    client = Client()
    client.force_login(olivia())
    return html.unescape(client.get(reverse(page, args=[world.shop.pk])).content.decode())


def test_a_unit_is_called_taken_only_once_the_store_gave_it(world: World) -> None:
    guitar = world.product()
    world.settle()
    buy(world)
    receive(world)
    assert "1 unit taken from your store's stock." in said(world)
    world.store.fault("status", status=503, times=99)
    buy(world, quantity=2)
    read_orders(world)
    world.step()
    shown = said(world)
    assert "2 units not taken from your store's stock yet. We retry automatically." in shown
    assert "1 unit taken from your store's stock." in shown  # that of before
    assert world.stock(guitar) == 2
    health.did_not_answer(world.shop.pk, Away("Shopify answered 503."))
    assert "Your store hasn't answered since" in said(world)
    world.store.ask("DELETE", "/faults")
    world.wait(3600)
    world.settle()
    shown = said(world)
    assert world.stock(guitar) == 0
    assert "2 units taken from your store's stock." in shown
    assert "yet" not in shown


def test_each_sale_that_the_store_does_not_know_of_says_so(world: World) -> None:
    world.product()
    world.settle()
    world.store.fault("status", status=503, times=99)
    first, second = buy(world), buy(world)
    read_orders(world)
    for _ in range(3):
        world.wait(5)
        world.step()
    assert first != second
    assert said(world).count("1 unit not taken from your store's stock yet.") == 2


def test_no_live_listing_is_said_only_until_there_is_one(world: World) -> None:
    ReverbConnection.objects.update(problem="no_live_listing", checked_at=world.now)
    assert "has no live listing yet" in said(world, "shops:reverb")
    world.product()
    world.settle()
    assert world.listing()["state"] == "live"
    assert "has no live listing yet" not in said(world, "shops:reverb")
