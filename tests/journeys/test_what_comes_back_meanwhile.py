"""Stories of WooCommerce: an order is cancelled there in the very moment in which we set its stock to a number."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from reverbsync.stack.stores import STORES
from shops.platforms.woocommerce.client import WooCommerceClient
from tests.journeys.sales import buy, read_orders
from tests.journeys.world import StandIn, World, at, running

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def woo() -> Iterator[StandIn]:
    """Run the stand-in of WooCommerce."""
    with running("sandbox.woocommerce.app") as url:
        yield StandIn(url)


@pytest.fixture
def world(reverb_process: StandIn, woo: StandIn, settings: Settings, db: None) -> Iterator[World]:
    """Return a world with a store on WooCommerce."""
    settings.REVERB_API_URL, settings.REVERB_WEB_URL = f"{reverb_process.url}/api", reverb_process.url
    settings.ALLOWED_PRIVATE_HOSTS = [woo.url.partition("//")[2]]
    woo.ask("POST", "/reset")
    made = World(reverb_process, woo, f"token-{uuid.uuid4().hex}", STORES["woocommerce"])
    made.set(auto_publish=True)
    with at(made):
        yield made


@pytest.fixture
def numbers(monkeypatch: pytest.MonkeyPatch, world: World) -> list[int]:
    """Cancel the store's newest order before the first number that we set; returns all numbers that we set."""
    found: list[int] = []
    really = WooCommerceClient._set

    def crossing(client: WooCommerceClient, place: str, units: int) -> None:
        if not found:
            world.store.ask("POST", f"/orders/{world.store.ask('GET', '/orders')[-1]['id']}/cancel")
        found.append(units)
        really(client, place, units)

    monkeypatch.setattr(WooCommerceClient, "_set", crossing)
    return found


def sell_in_store(world: World, guitar: dict[str, Any]) -> None:
    """Sell one in the store; we have not heard of it yet."""
    world.store.ask("POST", "/orders", {"variant_id": guitar["variants"][0]["id"], "quantity": 1})


def test_the_unit_is_for_sale_again_where_it_is_free(world: World, numbers: list[int]) -> None:
    guitar = world.product(inventory_quantity=3)
    world.settle()
    sell_in_store(world, guitar)
    world.hear(guitar)
    world.settle()
    buy(world)
    read_orders(world)
    world.settle()
    assert (world.stock(guitar), world.listing()["inventory"]) == (2, 2)
    assert numbers == [1, 2]


def test_the_unit_is_never_for_sale_again_where_it_is_owed(world: World, numbers: list[int]) -> None:
    guitar = world.product(inventory_quantity=2)
    world.settle()
    buy(world, quantity=2)
    sell_in_store(world, guitar)
    read_orders(world)
    world.settle()
    assert (world.stock(guitar), world.listing()["state"]) == (0, "sold")
    assert max(numbers) == 0
