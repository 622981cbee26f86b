"""Stories of a store that takes less than it is asked for, or nothing: it is said, retried and mailed."""

from __future__ import annotations

from typing import Any

import pytest
from django.core import mail
from django.core.cache import cache

from listings.intake import scheduled_reads
from listings.models import Job, Ledger, Product
from listings.upkeep import compare
from shops.platforms.errors import Busy, Moved, StoreAuthError, StoreError, TransientStoreError, Unsupported
from shops.platforms.shopify.client import ShopifyClient
from shops.platforms.values import Count
from shops.snapshots import StoreProduct
from tests.journeys.sales import buy, read_orders, receive
from tests.journeys.world import World

pytestmark = pytest.mark.live
whole = ShopifyClient.adjust


@pytest.fixture
def locations(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Let the store take one row a change only, from locations that have so many units each; they may be changed."""
    there: list[int] = []

    def takes(client: ShopifyClient, product: StoreProduct, count: Count, *, by: int, reference: str) -> Count:
        most = max(there, default=0)
        done = max(by, -most)
        if not done:
            return Count(count.units, count.location, count.there, done=0)
        there[there.index(most)] += done
        after = whole(client, product, count, by=done, reference=reference)
        return Count(after.units, after.location, after.there, done=done)

    monkeypatch.setattr(ShopifyClient, "adjust", takes)
    return there


def sold(world: World, *, stock: int, quantity: int) -> dict[str, Any]:
    """Sell some of a new product on Reverb, and receive it."""
    guitar = world.product(inventory_quantity=stock)
    world.settle()
    buy(world, quantity=quantity)
    read_orders(world)
    world.wait(2)
    return guitar


def test_units_are_taken_from_several_locations_in_one_attempt(world: World, locations: list[int]) -> None:
    locations += [1, 1]
    guitar = sold(world, stock=2, quantity=2)
    world.step()
    assert (world.stock(guitar), world.last().reason) == (0, "stock_to_store")
    assert world.last().changes == [{"field": "Stock in your store", "before": "2", "after": "0"}]
    assert (Ledger.objects.get().units, Ledger.objects.get().store) == (0, 0)


def test_what_no_location_has_to_give_stays_due_and_is_said(world: World, locations: list[int]) -> None:
    locations += [1]
    guitar = sold(world, stock=3, quantity=3)
    world.step()
    ledger, entry = Ledger.objects.get(), world.last()
    assert (world.stock(guitar), ledger.units, ledger.store) == (2, 0, 2)
    assert (entry.outcome, entry.reason) == ("failed", "store_behind")
    assert entry.message == (
        "2 units sold on Reverb, and no place in your store that sells online has them. "
        "Please correct the stock in your store."
    )
    locations[0] = 2  # the seller moved them
    world.settle()
    assert (world.stock(guitar), Ledger.objects.get().store, world.last().reason) == (0, 0, "stock_to_store")


def test_a_turn_never_says_that_both_agree_while_the_store_has_a_unit_too_many(
    world: World, locations: list[int]
) -> None:
    guitar = sold(world, stock=3, quantity=1)
    for _ in range(6):
        world.step()
        world.receive(guitar)
        world.wait(100)
    assert world.entries().count("in_sync") == 0
    assert world.stock(guitar) == 3


def test_the_store_is_tried_again_after_a_growing_time(world: World, locations: list[int]) -> None:
    sold(world, stock=3, quantity=1)
    waits = []
    for _ in range(9):
        world.step()
        waits.append((Job.objects.get().due_at - world.now).total_seconds())
        world.wait(waits[-1])
    assert waits == sorted(waits)
    assert waits[0] <= 10
    assert waits[-1] == pytest.approx(300, abs=1)


def test_the_owner_is_mailed_once_when_it_has_lasted_fifteen_minutes(world: World, locations: list[int]) -> None:
    sold(world, stock=3, quantity=1)
    began = world.now
    while (world.now - began).total_seconds() < 3 * 3600:
        world.step()
        if (world.now - began).total_seconds() < 15 * 60:
            assert mail.outbox == []
        world.wait(30)
    [message] = mail.outbox
    assert message.subject == "Your store's stock is out of date: Fender Strat"
    assert "1 unit sold on Reverb, and no place in your store" in message.body
    locations += [1]
    world.settle()
    assert world.last().reason == "stock_to_store"
    assert Ledger.objects.get().behind_since is None


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (Unsupported("Shopify refused the new stock: no."), "store_takes_no_stock"),
        (StoreAuthError("Shopify refused our token."), "store_refused"),
        (TransientStoreError("Shopify answered 503."), "store_later"),
        (Moved("The stock in Shopify has moved."), "store_later"),
        (Busy("Another change is under way."), "store_busy"),
    ],
)
def test_whatever_keeps_the_store_from_taking_it_is_tried_again(
    world: World, monkeypatch: pytest.MonkeyPatch, error: StoreError, reason: str
) -> None:
    guitar = sold(world, stock=3, quantity=1)

    def fails(*_: Any, **__: Any) -> Count:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(ShopifyClient, "adjust", fails)
        for _ in range(3):
            assert world.step()
            assert world.last().reason == reason
            world.wait((Job.objects.get().due_at - world.now).total_seconds())
    world.settle()
    assert world.stock(guitar) == 2


def test_a_change_of_ours_that_holds_a_product_does_not_count_as_a_store_that_is_away(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    guitar = sold(world, stock=3, quantity=1)
    away, busy = TransientStoreError("Shopify answered 503."), Busy("Another change is under way.")
    errors: list[StoreError] = [*[away] * 7, busy]

    def fails(*_: Any, **__: Any) -> Count:
        raise errors.pop(0)

    with monkeypatch.context() as patch:
        patch.setattr(ShopifyClient, "adjust", fails)
        while errors:
            assert world.step()
            wait_s = (Job.objects.get().due_at - world.now).total_seconds()
            assert errors or wait_s <= 5
            world.wait(wait_s)
    world.settle()
    assert world.stock(guitar) == 2


def test_a_product_that_the_store_no_longer_counts_is_said(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    sold(world, stock=3, quantity=1)
    monkeypatch.setattr(ShopifyClient, "count", lambda *_: Count(None))
    world.step()
    assert world.last().reason == "store_takes_no_stock"
    assert world.last().message == (
        "1 unit sold on Reverb, and your store does not count this product's stock any more."
    )


def test_a_store_that_is_not_connected_any_more_has_its_units_still_to_give(world: World) -> None:
    guitar = sold(world, stock=3, quantity=1)
    world.shop.store.removed_at = world.now
    world.shop.store.save(update_fields=["removed_at"])
    world.step()
    assert (world.last().reason, world.last().message) == ("store_refused", "Your store is not connected.")
    assert world.stock(guitar) == 3


def test_units_that_were_read_while_we_counted_are_not_counted_twice(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another worker reads the product while this one counts: nobody knows which of the two numbers is newer."""
    guitar = sold(world, stock=3, quantity=1)
    count = ShopifyClient.count

    def counts(client: ShopifyClient, product: StoreProduct) -> Count:
        found = count(client, product)
        monkeypatch.setattr(ShopifyClient, "count", count)
        world.wait(1)
        world.edit(guitar, inventory_quantity=9)
        return Count(2, found.location, 2)  # an answer that was long under way

    monkeypatch.setattr(ShopifyClient, "count", counts)
    world.settle()
    receive(world)
    assert (world.stock(guitar), world.listing()["inventory"], Ledger.objects.get().units) == (8, 8, 8)


def test_a_product_that_was_deleted_unnoticed_is_found_gone_when_it_sells_on_reverb(world: World) -> None:
    guitar = world.product(inventory_quantity=3)
    world.settle()
    world.store.ask("DELETE", f"/products/{guitar['id']}")  # and its webhook is lost
    buy(world)
    read_orders(world)
    world.wait(2)
    world.step()
    first = scheduled_reads.due(world.shop.pk)
    assert first is not None
    scheduled_reads.run_slice(first)
    world.settle()
    assert Product.objects.get().gone_at is not None
    assert world.listing()["state"] == "sold"
    assert not Job.objects.exists()


@pytest.mark.parametrize("pending", [False, True])
def test_a_sale_whose_job_was_lost_still_reaches_the_store(world: World, pending: bool) -> None:
    guitar = world.product(inventory_quantity=2)
    world.settle()
    world.store.fault("status", text="inventoryAdjust", status=502, page="nginx", times=1)
    buy(world)
    read_orders(world)
    world.wait(2)
    world.step()
    assert (world.stock(guitar), Ledger.objects.get().units) == (2, 1)
    Product.objects.update(pending_first_sync=pending)
    Job.objects.all().delete()
    world.wait(compare.TOO_MANY_AFTER.total_seconds() + 1)
    cache.delete(compare._CURSOR_KEY)
    compare.run_slice()
    world.settle()
    assert (world.stock(guitar), Ledger.objects.get().store) == (1, 1)
