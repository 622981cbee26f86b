"""Stories of a change of the store's stock whose answer was lost, while the store sells by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from shops.platforms.woocommerce.client import WooCommerceClient
from synclog.models import Entry
from tests.journeys.sales import buy, receive
from tests.journeys.world import World

pytestmark = pytest.mark.live


@pytest.fixture
def world(on_woocommerce: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """Return a world whose store is on WooCommerce, which knows no keys against repeats; its clock goes with ours."""
    really = on_woocommerce.wait

    def wait(seconds: float) -> None:
        really(seconds)
        on_woocommerce.store.ask("POST", "/clock", {"advance_s": seconds})

    monkeypatch.setattr(on_woocommerce, "wait", wait)
    return on_woocommerce


def sell_in_store(world: World, guitar: dict[str, Any], **wish: Any) -> None:
    """Sell one in the store."""
    world.store.ask("POST", "/orders", {"variant_id": guitar["variants"][0]["id"], "quantity": 1, **wish})


def crossing(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], object]) -> None:
    """Let something happen once, right after we have asked for the stock to be set and received nothing."""
    real = WooCommerceClient._set
    done: list[object] = []

    def then(client: WooCommerceClient, path: str, units: int) -> None:
        try:
            real(client, path, units)
        finally:
            if not done:
                done.append(happens())

    monkeypatch.setattr(WooCommerceClient, "_set", then)


def begin(world: World, units: int) -> dict[str, Any]:
    """List a product, and let a unit of it sell on Reverb."""
    guitar = world.product(inventory_quantity=units)
    world.settle()
    receive(world)
    buy(world)
    return guitar


def come_to_rest(world: World, guitar: dict[str, Any]) -> None:
    """Receive everything, and let all delays pass."""
    receive(world)
    for _ in range(3):
        world.wait(120)
        world.receive(guitar)
        receive(world)


@pytest.mark.parametrize("fault", ["lost_request", "lost_answer"])
def test_a_sale_in_the_store_beside_a_change_that_got_lost_counts_once(
    world: World, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    guitar = begin(world, 3)
    world.store.fault(fault, method="PUT", path="/products")
    crossing(monkeypatch, lambda: sell_in_store(world, guitar))
    come_to_rest(world, guitar)
    assert (world.stock(guitar), world.listing()["inventory"]) == (1, 1)


def test_a_one_off_that_sold_on_both_sides_while_our_change_got_lost_is_reported(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    guitar = begin(world, 1)
    world.store.fault("lost_request", method="PUT", path="/products")
    crossing(monkeypatch, lambda: sell_in_store(world, guitar))
    come_to_rest(world, guitar)
    assert Entry.objects.filter(reason="oversold").count() == 1


def test_a_one_off_that_sold_on_reverb_alone_is_not_reported_as_sold_twice(world: World) -> None:
    guitar = begin(world, 1)
    world.store.fault("lost_answer", method="PUT", path="/products")
    come_to_rest(world, guitar)
    assert world.stock(guitar) == 0
    assert not Entry.objects.filter(reason="oversold").exists()


@pytest.mark.parametrize("fault", ["lost_request", "lost_answer"])
def test_an_older_order_that_is_paid_while_our_change_is_lost_counts(
    world: World, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    guitar = world.product(inventory_quantity=3)
    world.settle()
    receive(world)
    order = world.store.ask("POST", "/orders", {"variant_id": guitar["variants"][0]["id"], "takes_stock": False})
    world.store.ask("PUT", f"/woo/orders/{order['id']}", {"status": "pending"})
    world.wait(60)
    receive(world)
    buy(world)
    world.store.fault(fault, method="PUT", path="/products")
    paid = {"status": "processing", "takes_stock": True}
    crossing(monkeypatch, lambda: world.store.ask("PUT", f"/woo/orders/{order['id']}", paid))
    come_to_rest(world, guitar)
    assert (world.stock(guitar), world.listing()["inventory"]) == (1, 1)


def test_a_unit_that_is_given_back_beside_a_sale_is_given_back_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    guitar = begin(world, 3)
    receive(world)
    assert world.stock(guitar) == 2
    [number] = [one["order_number"] for one in world.reverb.ask("GET", "/orders")]
    world.reverb.ask("POST", f"/orders/{number}/cancel")
    world.store.fault("lost_answer", method="PUT", path="/products")
    crossing(monkeypatch, lambda: sell_in_store(world, guitar))
    come_to_rest(world, guitar)
    assert (world.stock(guitar), world.listing()["inventory"]) == (2, 2)


def test_where_the_orders_cannot_be_read_the_number_alone_counts(world: World) -> None:
    guitar = begin(world, 3)
    world.store.fault("lost_answer", method="PUT", path="/products")
    world.store.fault("status", method="GET", path="/orders", status=500, times=99)
    come_to_rest(world, guitar)
    assert (world.stock(guitar), world.listing()["inventory"]) == (2, 2)
