"""Stories of stock below zero: what the store sold knowingly is a backorder, what both sides sold is sold twice."""

from __future__ import annotations

from typing import Any

import pytest
from django.core import mail

from listings.models import Ledger
from shops.models.settings import StockWay
from shops.platforms.shopify.client import ShopifyClient
from shops.platforms.values import Count
from shops.snapshots import StoreProduct
from tests.journeys.sales import buy, receive
from tests.journeys.world import World

pytestmark = pytest.mark.live


def nothing_said(world: World) -> bool:
    """Return whether nobody was notified that something sold twice."""
    return (
        mail.outbox == []
        and "oversold" not in world.entries()
        and all(one.oversold == 0 for one in Ledger.objects.all())
    )


@pytest.mark.parametrize("way", list(StockWay))
def test_backorders_of_a_product_that_never_was_on_reverb_say_nothing(world: World, way: str) -> None:
    world.set(stock_way=way)
    guitar = world.product(inventory_quantity=-1)
    for units in (-2, -3, -5):
        world.settle()
        world.edit(guitar, inventory_quantity=units)
    world.settle()
    assert nothing_said(world)
    assert world.stock(guitar) == -5


def test_a_backorder_of_a_listed_product_that_is_sold_out_says_nothing(world: World) -> None:
    guitar = world.product(inventory_quantity=1)
    world.settle()
    for units in (0, -1, -2):
        world.wait(100)
        world.edit(guitar, inventory_quantity=units)
        world.settle()
    assert nothing_said(world)
    assert (world.listing()["state"], world.stock(guitar)) == ("sold", -2)


def test_a_backorder_after_the_store_knew_of_the_sale_on_reverb_says_nothing(world: World) -> None:
    guitar = world.product(inventory_quantity=1)
    world.settle()
    buy(world)
    receive(world)
    world.wait(100)
    world.edit(guitar, inventory_quantity=-1)
    world.settle()
    assert nothing_said(world)


def test_only_the_unit_that_both_sides_sold_is_reported_where_the_store_sells_on_below_zero(world: World) -> None:
    guitar = world.product(inventory_quantity=1)
    world.settle()
    buy(world)
    world.edit(guitar, inventory_quantity=-1)  # two, one of them as a backorder
    receive(world)
    assert Ledger.objects.get().oversold == 1
    [message] = mail.outbox
    assert "1 more sold than there were" in message.body


def test_the_last_one_sold_in_the_store_while_we_took_it_off_there_is_sold_twice(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store that does not compare before it changes goes below zero by our change; that is no backorder."""
    guitar = world.product(inventory_quantity=1)
    world.settle()
    variant = guitar["variants"][0]["id"]
    adjust = ShopifyClient.adjust

    def crossed(client: ShopifyClient, product: StoreProduct, count: Count, **change: Any) -> Count:
        adjust(client, product, count, **change)
        world.store.ask("PUT", f"/variants/{variant}", {"inventory_quantity": -1})
        return Count(-1, count.location, -1)

    monkeypatch.setattr(ShopifyClient, "adjust", crossed)
    buy(world)
    receive(world)
    monkeypatch.undo()
    [message] = mail.outbox
    assert message.subject.startswith("Sold twice")
    assert (Ledger.objects.get().oversold, world.stock(guitar)) == (1, -1)
    world.wait(1000)
    world.edit(guitar, inventory_quantity=0)  # the store's sale is cancelled
    world.settle()
    assert (Ledger.objects.get().oversold, Ledger.objects.get().units, len(mail.outbox)) == (0, 0, 1)
