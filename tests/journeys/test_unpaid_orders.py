"""Stories of orders that wait for payment, where Reverb takes their units only once they are paid."""

from __future__ import annotations

from typing import Any

import pytest

from listings.orders import order_poll
from tests.journeys.sales import buy, read_orders, receive
from tests.journeys.world import World

pytestmark = pytest.mark.live


def test_an_order_that_is_paid_between_reading_the_listing_and_the_orders_counts_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.reverb.ask("POST", "/settings", {"unpaid_takes_stock": False})
    guitar = world.product(inventory_quantity=5)
    world.settle()
    world.wait(10)
    waiting = buy(world, status="unpaid")
    cancelled = buy(world)
    receive(world)
    assert (world.stock(guitar), world.listing()["inventory"]) == (3, 3)
    world.wait(10)
    world.reverb.ask("POST", f"/orders/{cancelled}/cancel")
    fresh = order_poll.fresh

    def paid_first(*args: Any, **named: Any) -> Any:
        monkeypatch.setattr(order_poll, "fresh", fresh)
        world.wait(1)
        world.reverb.ask("POST", f"/orders/{waiting}/pay")
        return fresh(*args, **named)

    monkeypatch.setattr(order_poll, "fresh", paid_first)
    world.edit(guitar, price="99.00")
    world.settle()
    assert order_poll.fresh is fresh
    receive(world)
    assert (world.stock(guitar), world.listing()["inventory"]) == (4, 4)


def test_a_unit_that_reverb_takes_only_when_its_order_is_paid_is_put_back_at_once(world: World) -> None:
    world.reverb.ask("POST", "/settings", {"unpaid_takes_stock": False})
    guitar = world.product()
    world.settle()
    number = buy(world, status="unpaid")
    receive(world)
    assert (world.stock(guitar), world.listing()["inventory"]) == (2, 2)
    world.wait(60)
    world.reverb.ask("POST", f"/orders/{number}/pay")
    receive(world)
    assert (world.stock(guitar), world.listing()["inventory"]) == (2, 2)


def test_a_number_lowered_by_hand_for_an_order_that_waits_for_payment_is_not_lost(world: World) -> None:
    world.reverb.ask("POST", "/settings", {"unpaid_takes_stock": False})
    guitar = world.product()
    world.settle()
    number = buy(world, status="unpaid")
    world.at_reverb("PUT", f"/listings/{world.listing()['id']}", {"inventory": 2})
    receive(world)
    assert world.stock(guitar) == 2
    world.wait(60)
    world.reverb.ask("POST", f"/orders/{number}/pay")
    read_orders(world)
    world.step()
    assert (world.stock(guitar), world.listing()["inventory"]) == (1, 1)  # for all that is known, another one was sold
    world.settle()
    assert (world.stock(guitar), world.listing()["inventory"]) == (2, 2)
