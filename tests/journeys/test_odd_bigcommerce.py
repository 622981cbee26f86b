"""BigCommerce answers oddly, some times in a row: each unit counts once on both sides, and so do the next product's."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from listings import tasks
from listings.intake import refresh, scheduled_reads
from listings.models import Job, Product
from sandbox.stack.stores import STORES
from shops.events import Event, ProductChanged, StockChanged
from tests.journeys.sales import buy, read_orders, sell_on_both_sides
from tests.journeys.world import StandIn, World, at, running

pytestmark = pytest.mark.live
case = pytest.mark.parametrize

#: So often in a row the store answers so.
TIMES = 3
KIND = STORES["bigcommerce"]
READS = [r"/catalog/products/\d+$", "/catalog/variants", "/inventory/items", "/inventory/locations", "/v2/store$"]
CHANGE = "/inventory/adjustments/"
TYPE = "https://developer.bigcommerce.com/api-docs/getting-started/api-status-codes"

#: Changes of the JSON of an answer.
SHAPES: list[dict[str, Any]] = [
    {"": {}},
    {"": []},
    {"": None},
    {"": {"data": None}},
    {"": {"data": {}}},
    {"": {"data": []}},
    {"": {"data": "none"}},
    {"": {"message": "Please wait"}},
    {"": [{"status": 404, "message": "The requested resource was not found."}]},
    {"data.id": None},
    {"data.id": "x"},
    {"data.variants": []},
    {"data.variants": {}},
    {"data.variants.0": None},
    {"data.variants.0.inventory_level": None, "data.inventory_level": None},
    {"data.variants.0.inventory_level": "", "data.inventory_level": ""},
    {"data.variants.0.inventory_level": -7, "data.inventory_level": -7},
    {"data.variants.0.sku": None},
    {"data.variants.0.price": "free", "data.price": None},
    {"data.inventory_tracking": None},
    {"data.inventory_tracking": "sku"},
    {"data.is_visible": "maybe"},
    {"data.availability": 7},
    {"data.0.locations": None},
    {"data.0.locations": []},
    {"data.0.locations.0.available_to_sell": "many"},
    {"data.0.locations.0.available_to_sell": None, "data.0.locations.0.total_inventory_onhand": None},
    {"data.0.locations.0.location_id": None},
    {"data.0.locations.0.location_enabled": None},
    {"data.0.identity": None},
    {"data.0.identity.product_id": None},
    {"data.0": None},
    {"meta": None},
    {"meta.pagination": {"total": 0}},
    {"currency": None},
    {"currency": 7},
]
#: Answers that come instead; the change that they answer was applied, or not.
ANSWERS: list[dict[str, Any]] = [
    {"status": 200, "raw": ""},
    {"status": 204, "raw": ""},
    {"status": 207, "body": {"data": [], "errors": [{"status": 422, "title": "no"}]}},
    {"status": 409, "body": {"status": 409, "title": "Conflict", "type": TYPE}},
    {"status": 422, "body": [{"field": "x", "message": "no"}]},
    {"status": 422, "body": {"errors": [{"code": 422, "message": "no"}]}},
    {"status": 423, "body": {"status": 423, "title": "Locked", "type": TYPE}},
    {"status": 429, "body": {"status": 429, "title": "Too many requests", "type": "about:blank"}},
    {"status": 429, "raw": "", "headers": {"X-Rate-Limit-Time-Reset-Ms": "-1", "Retry-After": "soon"}},
    {"status": 500, "body": {"status": 500, "title": "Internal Error", "type": TYPE}},
    {"status": 503, "body": [{"status": 503, "message": "The store is down for maintenance."}]},
    {"status": 404, "body": {"status": 404, "title": "The route is not found, check the URL", "type": TYPE}},
    {"status": 401, "body": {"status": 401, "title": "Unauthorized", "type": TYPE}},
    {"status": 403, "body": {"status": 403, "title": "You don't have a required scope", "type": TYPE}},
]
#: Those that may come though it was applied.
UNSURE = [one for one in ANSWERS if one["status"] not in (401, 403, 429)]


@pytest.fixture(scope="module")
def big() -> Iterator[StandIn]:
    """Run the stand-in store."""
    with running("sandbox.bigcommerce.app") as url:
        yield StandIn(url)


@pytest.fixture
def world(reverb_process: StandIn, big: StandIn, settings: Settings, db: None) -> Iterator[World]:
    """Return a world with a store on BigCommerce of two locations, the second of which is hidden."""
    settings.REVERB_API_URL, settings.REVERB_WEB_URL = f"{reverb_process.url}/api", reverb_process.url
    for name, value in KIND.environment(big.url).items():
        setattr(settings, name, value)
    made = World(reverb_process, big, f"token-{uuid.uuid4().hex}", KIND)
    locations = [{"id": 1}, {"id": 2, "storefront_visibility": False}]
    big.ask("POST", "/shops", {"domain": KIND.domain, "locations": locations})
    big.ask("POST", "/limits", {"calls": 100_000})
    big.ask("POST", "/settings", {"lag_s": 0})  # it applies changes by the machine's clock, which no story moves
    made.set(auto_publish=True)
    with at(made):
        yield made


def receive(world: World, product: dict[str, Any]) -> None:
    """Receive a product, as often as the store has to be asked, as the inbox does; and look again at what is unread."""
    variant = str(product["variants"][0]["id"])
    events: dict[Event, str] = {ProductChanged(str(product["id"])): "test", StockChanged(variant): "test"}
    for _ in range(2 * TIMES + 2):
        if not refresh.take(world.shop, events):
            break
        world.wait(60)
    for _ in range(TIMES + 1):
        world.wait(3600)
        tasks.recheck(world.shop.pk)
    world.settle(80)


def sell(world: World, fault: str, paths: list[str], **more: Any) -> None:
    """Sell on both sides while the store answers oddly."""

    def spoil() -> None:
        for path in paths:
            world.store.fault(fault, path=path, times=TIMES, **more)

    sell_on_both_sides(world, spoil=spoil, receive_product=receive)


@case("shape", SHAPES, ids=str)
def test_what_sells_on_both_sides_counts_once_whatever_the_store_says(world: World, shape: dict[str, Any]) -> None:
    sell(world, "edited", [*READS, CHANGE], edits=shape)


@case(("fault", "answer"), [*(("status", one) for one in ANSWERS), *(("instead", one) for one in UNSURE)], ids=str)
def test_a_change_of_stock_is_made_once_whatever_answers_it(world: World, fault: str, answer: dict[str, Any]) -> None:
    sell(world, fault, [CHANGE], **answer)


@case("answer", ANSWERS, ids=str)
def test_a_reading_is_made_again_whatever_answers_it(world: World, answer: dict[str, Any]) -> None:
    sell(world, "status", READS, **answer)


def change_that_loses_its_answer(world: World) -> None:
    """Sell one on Reverb; the store answers our change of its stock with a page, and does not apply it yet."""
    world.settle()
    read_orders(world)
    buy(world)
    world.store.fault("status", path=CHANGE, status=502, page="oops")
    read_orders(world)
    while world.step():
        pass


@case(("units", "repeated_s"), [(5, 121), (1, 31)])
def test_a_change_whose_answer_was_lost_is_made_again_the_later_the_more_units_are_left(
    world: World, units: int, repeated_s: int
) -> None:
    guitar = world.product(inventory_quantity=units)
    change_that_loses_its_answer(world)
    sent_at = world.now
    world.settle()
    assert world.stock(guitar) == units - 1
    assert repeated_s - 1 <= (world.now - sent_at).total_seconds() <= repeated_s + 60


def test_a_change_that_is_applied_late_though_its_answer_was_lost_is_made_once(world: World) -> None:
    guitar = world.product(inventory_quantity=5)
    change_that_loses_its_answer(world)
    world.wait(45)
    while world.step():
        pass
    assert world.stock(guitar) == 5
    world.store.ask("PUT", f"/variants/{guitar['variants'][0]['id']}", {"inventory_quantity": 4})  # so late
    world.settle()
    world.receive(guitar)
    world.settle()
    assert (world.stock(guitar), world.listing()["inventory"]) == (4, 4)


@pytest.fixture
def one_clock(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the store's clock go with ours."""
    really, began = world.wait, world.now

    def wait(seconds: float) -> None:
        really(seconds)
        world.store.ask("POST", "/clock", {"advance_s": seconds})

    monkeypatch.setattr(world, "wait", wait)
    yield
    world.store.ask("POST", "/clock", {"advance_s": (began - world.now).total_seconds()})


@pytest.mark.usefixtures("one_clock")
@case("fault", ["lost_request", "lost_answer"])
@case("gives_back", [True, False])
def test_a_sale_whose_order_shows_late_counts_once_beside_a_change_whose_answer_was_lost(
    world: World, *, fault: str, gives_back: bool
) -> None:
    world.store.ask("POST", "/shops", {"domain": KIND.domain, "orders_lag_s": 30})
    guitar = world.product(inventory_quantity=2)
    world.settle()
    read_orders(world)
    order = buy(world)
    if gives_back:
        read_orders(world)
        world.settle()
        world.reverb.ask("POST", f"/orders/{order}/cancel", {})
    world.wait(5)
    world.store.fault(fault, path=CHANGE)
    read_orders(world)
    while world.step():
        pass
    assert world.last().reason == "store_later"
    world.wait(35)
    world.store.ask("POST", "/orders", {"variant_id": guitar["variants"][0]["id"], "quantity": 1})
    for _ in range(8):
        while world.step():
            pass
        world.wait(31)
    world.receive(guitar)
    world.settle()
    left = 1 if gives_back else 0
    assert (world.stock(guitar), world.listing()["inventory"]) == (left, left)


def test_what_comes_back_for_a_product_that_is_gone_without_a_word_waits_for_nothing(world: World) -> None:
    guitar = world.product(inventory_quantity=1)
    world.settle()
    order = buy(world)
    read_orders(world)
    world.settle()
    world.store.ask("DELETE", f"/products/{guitar['id']}")
    world.reverb.ask("POST", f"/orders/{order}/cancel", {})
    world.wait(60)
    read_orders(world)
    world.step()
    assert world.last().reason == "store_behind"
    due = scheduled_reads.due(world.shop.pk)
    assert due is not None
    scheduled_reads.run_slice(due)
    world.settle()
    assert Product.objects.get().gone_at is not None
    assert not Job.objects.exists()
    assert world.listing()["state"] != "live"
