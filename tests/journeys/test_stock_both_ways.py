"""Stories of stock: what sells on one side is gone on the other, once, whatever gets lost on the way."""

from __future__ import annotations

from typing import Any

import pytest

from listings.intake import refresh
from listings.models import Ledger, Order, Product
from listings.orders import order_poll
from listings.stock.agreed import GAIN_SETTLES_AFTER
from listings.sync import apply
from shops.events import ProductChanged
from shops.platforms.shopify.client import ShopifyClient
from shops.platforms.values import Count
from tests.journeys.sales import buy, read_orders, receive
from tests.journeys.world import World
from tests.listings.sync.test_decide import VERY_GOOD

pytestmark = pytest.mark.live


def test_a_unit_that_sold_on_reverb_leaves_the_store_too(world: World) -> None:
    guitar = world.product()
    world.settle()
    buy(world)
    receive(world)
    assert (world.stock(guitar), world.listing()["inventory"]) == (2, 2)
    assert world.last().changes == [{"field": "Stock in your store", "before": "3", "after": "2"}]
    assert world.last().reason == "stock_to_store"


def test_the_last_one_sold_on_reverb_is_gone_in_the_store(world: World) -> None:
    guitar = world.used()
    world.settle()
    buy(world, "U1")
    receive(world)
    assert world.stock(guitar) == 0


def test_what_sells_in_the_store_while_reverb_is_still_publishing_it_is_taken_off_sale(world: World) -> None:
    world.reverb.ask("POST", "/settings", {"publish_delay_s": 6})
    guitar = world.used()
    world.step()
    world.edit(guitar, inventory_quantity=0)
    world.settle()
    world.wait(60)
    assert world.listing("U1")["state"] == "ended"


def test_the_same_order_seen_again_takes_nothing_more(world: World) -> None:
    guitar = world.product()
    world.settle()
    buy(world)
    for _ in range(3):
        receive(world)
        world.receive(guitar)
        world.settle()
    assert (world.stock(guitar), world.listing()["inventory"]) == (2, 2)


def test_a_cancelled_sale_comes_back_on_both_sides(world: World) -> None:
    guitar = world.product()
    world.settle()
    number = buy(world, quantity=2)
    receive(world)
    world.reverb.ask("POST", f"/orders/{number}/cancel")
    receive(world)
    assert (world.stock(guitar), world.listing()["inventory"]) == (3, 3)


def test_a_sale_seen_in_the_number_alone_comes_back_when_its_order_first_shows_as_cancelled(world: World) -> None:
    world.reverb.ask("POST", "/settings", {"orders_lag_s": 8, "restores_on_cancel": False})
    guitar = world.product()
    world.settle()
    number = buy(world, quantity=3)
    world.edit(guitar, price="99.00")
    world.wait(2)
    world.step()
    assert (world.stock(guitar), Order.objects.count()) == (0, 0)
    world.reverb.ask("POST", f"/orders/{number}/cancel")
    world.wait(10)
    receive(world)
    assert (world.stock(guitar), world.listing()["inventory"]) == (3, 3)


def test_sales_on_both_sides_meet_in_the_middle(world: World) -> None:
    guitar = world.product(inventory_quantity=9)
    world.settle()
    buy(world, quantity=2)
    world.edit(guitar, inventory_quantity=6)
    receive(world)
    assert (world.stock(guitar), world.listing()["inventory"]) == (4, 4)


def test_what_sold_on_reverb_is_known_before_a_new_number_is_pushed(world: World) -> None:
    """No webhook and no poll reported the sale: the attempt itself asks."""
    guitar = world.product(inventory_quantity=9)
    world.settle()
    buy(world, quantity=2)
    world.edit(guitar, inventory_quantity=8)
    world.settle()
    assert (world.stock(guitar), world.listing()["inventory"]) == (6, 6)
    assert Order.objects.get().counted == 2


def test_our_own_change_of_the_store_comes_back_and_is_not_acted_on(world: World) -> None:
    guitar = world.product()
    world.settle()
    buy(world)
    receive(world)
    before = len(world.reverb.calls()) + len(world.store.calls())
    failed = refresh.take(world.shop, {ProductChanged(str(guitar["id"])): "echo"})
    assert (failed, world.step()) == ({}, False)
    assert len(world.reverb.calls()) + len(world.store.calls()) == before + 1  # the store was asked, no more


def test_an_adjustment_whose_answer_was_lost_is_not_made_twice(world: World) -> None:
    guitar = world.product()
    world.settle()
    buy(world)
    world.store.fault("lost_answer", text="inventoryAdjustQuantities")
    receive(world)
    assert (world.stock(guitar), world.listing()["inventory"]) == (2, 2)
    assert "store_later" in world.entries()


def raise_without_answer(world: World, lost: str) -> dict[str, Any]:
    """Let a sale come and go, and lose the call that raises the store's stock again, or its answer."""
    guitar = world.product()
    world.settle()
    number = buy(world)
    receive(world)
    world.reverb.ask("POST", f"/orders/{number}/cancel")
    world.store.fault(lost, text="inventoryAdjustQuantities")
    read_orders(world)
    world.wait(5)
    world.step()
    assert world.last().reason == "store_later"
    return guitar


@pytest.mark.parametrize("lost", ["lost_request", "lost_answer"])
def test_an_adjustment_without_an_answer_is_not_given_up_when_its_repeat_is_turned_away(
    world: World, lost: str
) -> None:
    guitar = world.product()
    world.settle()
    buy(world)
    world.store.fault(lost, text="inventoryAdjustQuantities")
    world.store.fault("status", text="inventoryAdjustQuantities", status=429)
    receive(world)
    assert (world.stock(guitar), world.listing()["inventory"]) == (2, 2)
    assert world.entries().count("store_later") == 2


def test_a_raise_without_an_answer_is_not_made_twice_after_days_without_the_store(world: World) -> None:
    guitar = raise_without_answer(world, "lost_answer")
    assert (world.last().reason, world.stock(guitar)) == ("store_later", 3)
    world.store.ask("POST", "/clock", {"advance_s": 50 * 3600})  # longer than it knows a change that comes again
    world.wait(50 * 3600)
    receive(world)
    assert (world.stock(guitar), world.listing()["inventory"]) == (3, 3)


def test_what_overtakes_a_raise_is_not_given_up_when_its_repeat_is_turned_away(world: World) -> None:
    guitar = raise_without_answer(world, "lost_request")
    buy(world, quantity=2)
    world.store.fault("lost_answer", text="inventoryAdjustQuantities")
    world.store.fault("status", text="inventoryAdjustQuantities", status=429)
    receive(world)
    assert (world.stock(guitar), world.listing()["inventory"]) == (1, 1)
    assert world.entries().count("store_later") == 3


@pytest.mark.parametrize("lost", ["lost_request", "lost_answer"])
@pytest.mark.parametrize("sold", [1, 2])
def test_a_raise_that_got_no_answer_puts_up_for_sale_nothing_that_sold_since(
    world: World, monkeypatch: pytest.MonkeyPatch, lost: str, sold: int
) -> None:
    guitar = raise_without_answer(world, lost)
    buy(world, quantity=sold)
    there = [world.stock(guitar)]
    adjust = ShopifyClient.adjust

    def watched(*args: Any, **named: Any) -> Count:
        try:
            return adjust(*args, **named)
        finally:
            there.append(world.stock(guitar))

    monkeypatch.setattr(ShopifyClient, "adjust", watched)
    receive(world)
    assert (world.stock(guitar), world.listing()["inventory"]) == (3 - sold, 3 - sold)
    assert max(there) == there[0]


def test_an_edit_that_arrives_while_we_write_to_the_store_is_not_lost(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    guitar = world.product()
    world.settle()
    buy(world)
    adjust = ShopifyClient.adjust

    def edited_meanwhile(*args: Any, **named: Any) -> Count:
        world.edit(guitar, price="99.00")
        return adjust(*args, **named)

    monkeypatch.setattr(ShopifyClient, "adjust", edited_meanwhile)
    receive(world)
    assert world.listing()["price"]["amount"] == "99.00"
    assert (world.stock(guitar), world.listing()["inventory"]) == (2, 2)


def test_a_store_that_does_not_answer_gets_its_stock_when_it_does(world: World) -> None:
    guitar = world.product()
    world.settle()
    buy(world)
    world.store.fault("status", status=503, times=4)
    receive(world)
    assert world.stock(guitar) == 2


def test_a_sale_in_the_store_while_we_write_to_it_is_not_overwritten(world: World) -> None:
    guitar = world.product(inventory_quantity=5)
    world.settle()
    buy(world)
    world.store.ask("PUT", f"/variants/{guitar['variants'][0]['id']}", {"inventory_quantity": 4})  # nobody reported it
    receive(world)
    assert (world.stock(guitar), world.listing()["inventory"]) == (3, 3)


def test_a_number_whose_answer_was_lost_settles_with_a_sale_beside_it(world: World) -> None:
    guitar = world.product(inventory_quantity=9)
    world.settle()
    world.reverb.fault("lost_answer", method="PUT")
    world.edit(guitar, inventory_quantity=7)
    world.step()
    buy(world)
    receive(world)
    assert (world.stock(guitar), world.listing()["inventory"]) == (6, 6)


def test_a_number_raised_by_hand_on_reverb_counts_after_a_while(world: World) -> None:
    guitar = world.product()
    world.settle()
    listing = world.listing()
    world.at_reverb("PUT", f"/listings/{listing['id']}", {"inventory": 5})
    world.receive(guitar)
    world.settle()
    assert world.stock(guitar) == 5
    gained_at = Ledger.objects.get().gained_at
    assert gained_at is not None
    assert world.now >= gained_at + GAIN_SETTLES_AFTER


def test_a_number_lowered_by_hand_on_reverb_counts_at_once(world: World) -> None:
    guitar = world.product()
    world.settle()
    world.at_reverb("PUT", f"/listings/{world.listing()['id']}", {"inventory": 1})
    world.receive(guitar)
    world.wait(2)
    world.step()
    assert world.stock(guitar) == 1


@pytest.mark.parametrize("sold", [0, 1])
def test_units_do_not_sell_by_a_condition_that_holds_a_single_one(world: World, sold: int) -> None:
    guitar = world.product()
    world.settle()
    if sold:
        buy(world)
    world.at_reverb("PUT", f"/listings/{world.listing()['id']}", {"condition": {"uuid": VERY_GOOD}})
    world.receive(guitar)
    world.wait(2)
    world.settle()
    assert world.stock(guitar) == 3 - sold
    world.wait(3600)
    receive(world)
    world.receive(guitar)
    world.settle()
    assert world.stock(guitar) == 3 - sold
    buy(world)
    receive(world)
    world.settle()
    assert world.stock(guitar) == 2 - sold


def test_a_sale_in_the_store_that_arrives_during_an_attempt_is_in_what_it_sends(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    guitar = world.product(inventory_quantity=5)
    world.settle()
    send = apply.update

    def after_a_sale(*given: Any) -> Any:
        monkeypatch.setattr(apply, "update", send)
        world.edit(guitar, inventory_quantity=2)
        return send(*given)

    monkeypatch.setattr(apply, "update", after_a_sale)
    world.edit(guitar, inventory_quantity=4)
    world.settle()
    sent = [call["body"]["inventory"] for call in world.writes() if call["method"] == "PUT"]
    assert (sent, world.listing()["inventory"]) == ([2], 2)


def test_an_order_that_was_there_before_the_listing_was_linked_takes_nothing(world: World) -> None:
    body = {"sku": "A1", "title": "By hand", "make": "Fender", "model": "X", "state": "live", "has_inventory": True}
    new = {"condition": {"uuid": "7c3f45de-2ae0-4c81-8400-fdb6b1d74890"}, "inventory": 4}
    world.reverb.ask("POST", "/listings", {"token": world.token, "listings": [{**body, **new}]})
    buy(world)
    read_orders(world)
    world.wait(3600)
    guitar = world.product()
    world.settle()
    receive(world)
    assert (world.stock(guitar), world.listing()["inventory"]) == (3, 3)


def test_a_sale_of_a_listing_that_is_not_linked_yet_is_taken_from_the_store_and_nothing_else_done(world: World) -> None:
    body = {"sku": "A1", "title": "By hand", "make": "Fender", "model": "X", "state": "live", "has_inventory": True}
    new = {"condition": {"uuid": "7c3f45de-2ae0-4c81-8400-fdb6b1d74890"}, "inventory": 4}
    world.reverb.ask("POST", "/listings", {"token": world.token, "listings": [{**body, **new}]})
    world.set(auto_sync=False)
    guitar = world.product()
    Product.objects.update(pending_first_sync=True)
    world.set(auto_sync=True)
    buy(world)
    receive(world)
    assert (world.stock(guitar), world.listing()["title"]) == (2, "By hand")


def test_a_store_read_while_our_change_of_it_is_unanswered_counts_once(world: World) -> None:
    guitar = world.product()
    world.settle()
    buy(world)
    world.store.fault("lost_answer", text="inventoryAdjustQuantities", times=2)
    read_orders(world)
    world.wait(3)
    world.step()
    world.receive(guitar)
    world.settle()
    assert (world.stock(guitar), world.listing()["inventory"]) == (2, 2)


def test_a_product_that_lost_its_sku_still_gives_what_sold_on_reverb(world: World) -> None:
    guitar = world.product()
    world.settle()
    buy(world)
    world.edit(guitar, sku="")
    receive(world)
    assert world.stock(guitar) == 2
    assert (world.listing()["inventory"], world.waits_for("")) == (2, "")


def test_a_sale_between_our_reading_of_the_listing_and_of_the_orders_counts_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    guitar = world.product()
    world.settle()
    fresh = order_poll.fresh

    def after_a_sale(*given: Any, **more: Any) -> Any:
        monkeypatch.setattr(order_poll, "fresh", fresh)
        world.wait(1)
        buy(world)
        return fresh(*given, **more)

    monkeypatch.setattr(order_poll, "fresh", after_a_sale)
    world.set(stock_maximum=1)
    world.receive(guitar)
    world.settle()
    world.wait(120)
    receive(world)
    assert (world.stock(guitar), world.listing()["inventory"]) == (2, 1)


def test_a_listing_that_is_still_sold_for_a_moment_after_it_was_raised_takes_nothing_from_the_store(
    world: World,
) -> None:
    world.reverb.ask("POST", "/settings", {"relist_delay_s": 6})
    guitar = world.product()
    world.settle()
    world.edit(guitar, inventory_quantity=0)
    world.settle()
    world.edit(guitar, inventory_quantity=2)
    world.step()
    world.edit(guitar, price="450.00")
    world.wait(3)
    world.step()
    assert (world.stock(guitar), world.listing()["state"]) == (2, "sold")
    world.settle()
    world.wait(60)
    world.settle()
    assert (world.stock(guitar), world.listing()["inventory"], world.listing()["state"]) == (2, 2, "live")


def test_a_unit_that_came_back_and_sold_again_is_not_given_to_the_store(world: World) -> None:
    world.set(stock_buffer=2)
    guitar = world.product()
    world.settle()
    number = buy(world)
    receive(world)
    world.edit(guitar, inventory_quantity=1)
    world.settle()
    world.reverb.ask("POST", f"/orders/{number}/cancel")
    read_orders(world)
    buy(world)
    world.wait(3)
    assert world.step()
    assert world.stock(guitar) == 1
