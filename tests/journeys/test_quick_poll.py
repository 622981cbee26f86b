"""Sales on Reverb are found within seconds where it sends no webhooks: one conditional request, seldom answered."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.cache import cache
from pytest_django.fixtures import Settings

from listings.models import Job, Order, Rank
from listings.orders import quick_poll, tasks
from shops.models import ReverbConnection
from shops.reverb.client import ReverbClient
from shops.reverb.errors import ReverbError
from synclog.models import Entry
from tests.journeys.test_orders_of_reverb import ALL_ORDERS, _many, buy, connection, with_ledger
from tests.journeys.world import World

pytestmark = pytest.mark.live


@pytest.fixture
def guitar(world: World) -> World:
    """Return a world with three guitars on sale, whose orders were read just now."""
    cache.clear()
    world.product()
    world.settle()
    with_ledger(world)
    tasks.orders(world.shop.pk)
    world.reverb.ask("DELETE", "/requests")
    return world


def calls(world: World) -> list[int]:
    """Return the status of each request of orders so far."""
    return [call["status"] for call in world.reverb.calls("GET", ALL_ORDERS)]


def run(world: World) -> None:
    """Work as the sweeper and a worker do."""
    if world.shop.pk in quick_poll.shops_with_due_ones():
        tasks.orders(world.shop.pk)


def test_a_look_is_planned_ten_seconds_after_a_whole_poll(guitar: World) -> None:
    assert connection(guitar).quick_poll_due_at == guitar.now + timedelta(seconds=10)
    assert quick_poll.shops_with_due_ones() == []
    guitar.wait(10)
    assert quick_poll.shops_with_due_ones() == [guitar.shop.pk]


def test_nothing_new_is_a_304_and_no_work(guitar: World) -> None:
    for _ in range(4):
        guitar.wait(10)
        run(guitar)
    assert calls(guitar) == [200, 304, 304, 304]
    assert connection(guitar).quick_poll_due_at == guitar.now + timedelta(seconds=10)


def test_a_sale_is_found_within_ten_seconds_and_its_product_is_due_at_once(guitar: World) -> None:
    guitar.wait(10)
    run(guitar)
    number = buy(guitar, quantity=3)
    guitar.wait(10)
    run(guitar)
    assert Order.objects.get().number == number
    assert Job.objects.get().rank == Rank.STOCK_TO_ZERO
    assert calls(guitar) == [200, 200]
    guitar.wait(10)
    run(guitar)
    assert calls(guitar) == [200, 200, 304]


def test_the_page_is_requested_anew_every_five_minutes(guitar: World) -> None:
    for _ in range(31):
        guitar.wait(10)
        quick_poll.run(connection(guitar), ReverbClient.of(connection(guitar)), now=guitar.now)
    assert (calls(guitar).count(200), calls(guitar).count(304)) == (2, 29)


def test_a_cancelled_sale_is_found_too(guitar: World) -> None:
    number = buy(guitar)
    guitar.wait(10)
    run(guitar)
    guitar.reverb.ask("POST", f"/orders/{number}/cancel")
    guitar.wait(10)
    run(guitar)
    assert Order.objects.get().status == "cancelled"


def test_more_sales_than_a_page_shows_are_read_by_a_whole_poll_at_once(guitar: World) -> None:
    for one in [_many(guitar, n) for n in range(60)]:
        guitar.reverb.ask("POST", "/buy", {"listing_id": one})
    guitar.wait(10)
    run(guitar)
    assert connection(guitar).orders_due_at == guitar.now
    tasks.orders(guitar.shop.pk)
    assert Order.objects.count() == 60


def test_whole_polls_alone_record_until_when_all_orders_are_known(guitar: World) -> None:
    read_at = connection(guitar).orders_read_at
    guitar.wait(10)
    run(guitar)
    assert connection(guitar).orders_read_at == read_at


def test_nothing_is_looked_for_while_webhooks_arrive(guitar: World) -> None:
    there = {"there": ["orders/create", "orders/update"]}
    ReverbConnection.objects.update(hooks=there, order_called_at=guitar.now)
    guitar.wait(10)
    run(guitar)
    assert connection(guitar).quick_poll_due_at is None
    guitar.wait(300)
    tasks.orders(guitar.shop.pk)
    assert connection(guitar).quick_poll_due_at is None


def test_an_operator_switches_it_off(guitar: World, settings: Settings) -> None:
    settings.REVERB_QUICK_POLL_SECONDS = 0
    guitar.wait(10)
    run(guitar)
    assert connection(guitar).quick_poll_due_at is None


def test_a_shop_without_an_attempt_for_six_hours_is_looked_at_every_half_minute(guitar: World) -> None:
    Entry.objects.update(at=guitar.now - timedelta(hours=7))
    cache.clear()
    guitar.wait(10)
    run(guitar)
    assert connection(guitar).quick_poll_due_at == guitar.now + timedelta(seconds=30)


@pytest.mark.parametrize("fault", [{"status": 503}, {"status": 500, "page": "oops"}, {"status": 200, "page": "oops"}])
def test_a_failing_look_waits_a_minute_and_the_whole_polls_go_on(guitar: World, fault: dict[str, object]) -> None:
    guitar.reverb.fault("status", path=ALL_ORDERS, times=1, **fault)
    guitar.wait(10)
    run(guitar)
    assert connection(guitar).quick_poll_due_at == guitar.now + quick_poll.AFTER_A_FAILURE
    buy(guitar)
    guitar.wait(60)
    tasks.orders(guitar.shop.pk)
    assert Order.objects.count() == 1


def test_an_order_that_cannot_be_read_hides_no_other_and_a_whole_poll_follows(guitar: World) -> None:
    guitar.wait(10)
    run(guitar)
    buy(guitar)
    guitar.product("B2")
    guitar.settle()
    number = buy(guitar, "B2")
    edits = {"orders.1.order_number": None}
    guitar.reverb.fault("edited", path=ALL_ORDERS, times=1, edits=edits)
    guitar.wait(60)
    quick_poll.run(connection(guitar), ReverbClient.of(connection(guitar)), now=guitar.now)
    assert [row.number for row in Order.objects.all()] == [number]
    assert connection(guitar).orders_due_at == guitar.now


def test_orders_of_a_former_account_are_not_saved(guitar: World) -> None:
    buy(guitar)
    guitar.wait(10)
    row = connection(guitar)
    ReverbConnection.objects.update(clearing_since=guitar.now)
    quick_poll.run(row, ReverbClient.of(row), now=guitar.now)
    assert not Order.objects.exists()
    assert quick_poll.due(guitar.shop.pk) is None


def test_a_look_that_was_planned_by_a_wrong_clock_is_planned_again(guitar: World) -> None:
    ReverbConnection.objects.update(quick_poll_due_at=guitar.now + timedelta(days=30))
    guitar.wait(60)
    tasks.orders(guitar.shop.pk)
    assert connection(guitar).quick_poll_due_at == guitar.now + timedelta(seconds=10)


def test_a_dead_token_is_noticed(guitar: World) -> None:
    guitar.reverb.ask("POST", "/uninstall", {"token": guitar.token})
    guitar.wait(10)
    with pytest.raises(ReverbError):
        quick_poll.run(connection(guitar), ReverbClient.of(connection(guitar)), now=guitar.now)
