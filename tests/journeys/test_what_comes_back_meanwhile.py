"""Stories of WooCommerce: an order is cancelled there in the very moment in which we set its stock to a number."""

from __future__ import annotations

from typing import Any

import pytest

from shops.platforms.woocommerce.client import WooCommerceClient
from tests.journeys.sales import buy, read_orders
from tests.journeys.world import World

pytestmark = pytest.mark.live


@pytest.fixture
def world(on_woocommerce: World) -> World:
    """Return a world whose store is on WooCommerce."""
    return on_woocommerce


@pytest.fixture
def numbers(monkeypatch: pytest.MonkeyPatch, world: World) -> list[int]:
    """Cancel the store's newest order before the first number that we set; returns all numbers that we set."""
    found: list[int] = []
    really = WooCommerceClient._set

    def crossing(client: WooCommerceClient, path: str, units: int) -> None:
        if not found:
            world.store.ask("POST", f"/orders/{world.store.ask('GET', '/orders')[-1]['id']}/cancel")
        found.append(units)
        really(client, path, units)

    monkeypatch.setattr(WooCommerceClient, "_set", crossing)
    return found


def sell_in_store(world: World, guitar: dict[str, Any]) -> None:
    """Sell one in the store; we have not received it yet."""
    world.store.ask("POST", "/orders", {"variant_id": guitar["variants"][0]["id"], "quantity": 1})


def test_the_unit_is_for_sale_again_where_it_is_free(world: World, numbers: list[int]) -> None:
    guitar = world.product(inventory_quantity=3)
    world.settle()
    sell_in_store(world, guitar)
    world.receive(guitar)
    world.settle()
    buy(world)
    read_orders(world)
    world.settle()
    assert (world.stock(guitar), world.listing()["inventory"]) == (2, 2)
    assert numbers == [1, 2]


def test_the_unit_is_never_for_sale_again_where_it_is_oversold(world: World, numbers: list[int]) -> None:
    guitar = world.product(inventory_quantity=2)
    world.settle()
    buy(world, quantity=2)
    sell_in_store(world, guitar)
    read_orders(world)
    world.settle()
    assert (world.stock(guitar), world.listing()["state"]) == (0, "sold")
    assert max(numbers) == 0
