"""Reverb's orders come oddly, some times in a row: each sale leaves the store once, and the next one does too."""

from __future__ import annotations

from typing import Any

import pytest

from listings.orders import listing_poll
from shops.models import ReverbConnection
from shops.reverb.client import ReverbClient
from shops.reverb.errors import ReverbError
from tests.journeys.sales import buy, read_orders
from tests.journeys.world import World

pytestmark = pytest.mark.live
case = pytest.mark.parametrize

#: So often in a row the list, and the order by itself, come so.
TIMES = 3
#: Changes of an order.
SHAPES: list[dict[str, Any]] = [
    {"sku": None},
    {"sku": ["A1"]},
    {"sku": "another"},
    {"product_id": None},
    {"product_id": 999},
    {"product_id": {"id": 1}},
    {"sku": None, "product_id": None},
    {"sku": None, "product_id": None, "_links": None},
    {"sku": "", "product_id": "", "_links": [], "title": None},
    {"status": None},
    {"status": ""},
    {"status": "a_word_of_next_year"},
    {"status": "PAID"},
    {"status": {"slug": "paid"}},
    {"status": 7},
    {"quantity": None},
    {"quantity": "1"},
    {"quantity": "one"},
    {"quantity": 0},
    {"quantity": -1},
    {"quantity": {"units": 1}},
    {"created_at": None},
    {"created_at": "yesterday", "updated_at": None, "paid_at": None},
    {"updated_at": "9999-12-31T23:59:59Z"},
    {"updated_at": "2001-01-01T00:00:00Z"},
    {"order_number": None},
    {"order_number": ["x"]},
    {"amount_product": "free", "total": None, "shipping": 7},
    {"shipping_address": "Main Street", "buyer_name": None},
    {"": None},
    {"": "order"},
    {"": {}},
]
#: Changes of the list that holds it.
LISTS: list[dict[str, Any]] = [
    {"": {}},
    {"": []},
    {"": None},
    {"orders": None},
    {"orders": []},
    {"orders": {}},
    {"orders": "none"},
    {"total": None, "_links": None},
    {"total": 10**30},
    {"_links": {"next": {"href": "https://elsewhere.test/api/my/orders/selling/all?page=2"}}},
    {"_links": {"next": {"href": "?page=1"}}},
    {"_links": {"next": "page 2"}},
    {"_links": {"next": {"href": "/api/my/orders/buying?page=2"}}},
]


@pytest.fixture
def guitar(world: World) -> dict[str, Any]:
    """A guitar of five, one of which is sold on Reverb in a moment."""
    world.store.ask("POST", "/limits", {"size": 100_000, "restore": 100_000})
    made = world.product(inventory_quantity=5)
    world.settle()
    read_orders(world)
    return made


def listen(world: World) -> None:
    """Read the orders again and again, whatever comes of it, and look at all listings in between."""
    for _ in range(TIMES + 2):
        try:
            read_orders(world)
            connection = ReverbConnection.objects.select_related("shop__sync_settings").get(shop=world.shop)
            listing_poll.run_slice(connection, ReverbClient.of(connection))
        except ReverbError:
            pass
        world.settle(80)
        world.wait(300)


def both_sides(world: World, guitar: dict[str, Any]) -> tuple[int, int]:
    """Return the units that the store and Reverb have."""
    return world.stock(guitar), int(world.listing()["inventory"])


@case("shape", SHAPES, ids=str)
def test_a_sale_leaves_the_store_once_however_its_order_comes(
    world: World, guitar: dict[str, Any], shape: dict[str, Any]
) -> None:
    number = buy(world)
    rows = {f"orders.[order_number={number}]{'.' if name else ''}{name}": value for name, value in shape.items()}
    world.reverb.fault("edited", path="/my/orders/selling/all", edits=rows, times=TIMES)
    world.reverb.fault("edited", path=f"/my/orders/selling/{number}", edits=shape, times=TIMES)
    listen(world)
    assert both_sides(world, guitar) == (4, 4)
    buy(world)
    listen(world)
    assert both_sides(world, guitar) == (3, 3)


@case("said", [None, 0, "1", 2])
def test_a_sale_of_three_leaves_the_store_once_however_many_units_its_order_says_at_first(
    world: World, guitar: dict[str, Any], said: Any
) -> None:
    number = buy(world, quantity=3)
    rows = {f"orders.[order_number={number}].quantity": said}
    world.reverb.fault("edited", path="/my/orders/selling/all", edits=rows, times=TIMES)
    listen(world)
    assert both_sides(world, guitar) == (2, 2)
    world.reverb.ask("POST", f"/orders/{number}/cancel")
    listen(world)
    assert both_sides(world, guitar) == (5, 5)


@case("dates", [["updated_at"], ["created_at"], ["created_at", "updated_at"]], ids=str)
def test_a_sale_whose_order_was_dated_years_ahead_gives_back_what_it_took(
    world: World, guitar: dict[str, Any], dates: list[str]
) -> None:
    number = buy(world)
    rows = {f"orders.[order_number={number}].{name}": "2040-01-01T00:00:00Z" for name in dates}
    world.reverb.fault("edited", path="/my/orders/selling/all", edits=rows, times=2)
    listen(world)
    assert both_sides(world, guitar) == (4, 4)
    world.reverb.ask("POST", f"/orders/{number}/cancel")
    listen(world)
    assert both_sides(world, guitar) == (5, 5)


def test_a_sale_of_three_keeps_its_units_when_a_later_answer_says_none(world: World, guitar: dict[str, Any]) -> None:
    number = buy(world, quantity=3)
    listen(world)
    world.reverb.ask("POST", f"/orders/{number}/ship", {"provider": "UPS", "tracking_number": "1Z"})
    rows = {f"orders.[order_number={number}].quantity": None}
    world.reverb.fault("edited", path="/my/orders/selling/all", edits=rows, times=100)
    listen(world)
    assert both_sides(world, guitar) == (2, 2)


@case("shape", LISTS, ids=str)
def test_a_sale_leaves_the_store_once_however_the_list_comes(
    world: World, guitar: dict[str, Any], shape: dict[str, Any]
) -> None:
    buy(world)
    world.reverb.fault("edited", path="/my/orders/selling/all", edits=shape, times=TIMES)
    listen(world)
    assert both_sides(world, guitar) == (4, 4)


@case("word", ["cancel", "refund"])
@case("shape", [{"quantity": 5}, {"status": "Cancelled"}, {"status": "CANCELED"}, {"quantity": None}], ids=str)
def test_a_sale_that_is_off_gives_back_what_it_took(
    world: World, guitar: dict[str, Any], shape: dict[str, Any], word: str
) -> None:
    number = buy(world)
    listen(world)
    assert both_sides(world, guitar) == (4, 4)
    world.reverb.ask("POST", f"/orders/{number}/{word}")
    rows = {f"orders.[order_number={number}].{name}": value for name, value in shape.items()}
    world.reverb.fault("edited", path="/my/orders/selling/all", edits=rows, times=TIMES)
    listen(world)
    assert both_sides(world, guitar) == (5, 5)


@case("said", [None, "1 Dec", "Mon, 30 Nov 2026 08:00:00 GMT"])
def test_a_sale_whose_dates_are_odd_for_good_leaves_the_store_once_and_comes_back_when_it_is_cancelled(
    world: World, guitar: dict[str, Any], said: object
) -> None:
    odd = dict.fromkeys(("created_at", "updated_at", "paid_at"), said)
    world.reverb.fault("edited", path=r"/my/orders/selling/\d+$", edits=odd, times=10**6)
    listed = {f"orders.*.{name}": value for name, value in odd.items()}
    world.reverb.fault("edited", path="/my/orders/selling/all$", edits=listed, times=10**6)
    number = buy(world)
    listen(world)
    assert (world.stock(guitar), world.listing()["inventory"]) == (4, 4)
    world.wait(3600)
    world.reverb.ask("POST", f"/orders/{number}/cancel")
    listen(world)
    assert (world.stock(guitar), world.listing()["inventory"]) == (5, 5)
