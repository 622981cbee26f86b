"""Shopify answers oddly, some times in a row: each unit is counted once, on both sides, and the next product is too."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from listings import tasks
from listings.intake import refresh
from listings.models import Product
from shops.events import Event, ProductChanged, StockChanged
from shops.platforms.shopify import store_calls
from tests.journeys.sales import sell_on_both_sides
from tests.journeys.world import World

pytestmark = pytest.mark.live
case = pytest.mark.parametrize

#: So often in a row the store answers so.
TIMES = 3
DOCUMENTS = ["query Product(", "query Count(", "query Locations(", "query StockOwner(", "mutation Adjust("]


def error(code: str = "", **more: Any) -> dict[str, Any]:
    """Return one of GraphQL's errors."""
    return {"message": "Something went wrong", **({"extensions": {"code": code}} if code else {}), **more}


ANSWERS: list[dict[str, Any]] = [
    {"errors": [error("INTERNAL_SERVER_ERROR")]},
    {"errors": [error("THROTTLED")]},
    {"errors": [error("ACCESS_DENIED", path=["product", "variants", "nodes", 0, "inventoryItem"])]},
    {"errors": [error("SHOP_INACTIVE"), error("THROTTLED")]},
    {"errors": [error(path=["product", "variants", "nodes", 0, "inventoryQuantity"])]},
    {"errors": [error(path=["inventoryAdjustQuantities"])]},
    {"errors": [error(locations=[{"line": 1}], extensions=None, path=None)]},
    {"errors": "Unavailable Shop"},
    {"errors": {"base": ["no"]}},
    {"errors": [None, "x", 7]},
    {"data": None},
    {"data": {}},
    {"data": []},
    {"data": "none"},
    {"data.shop": None},
    {"data.product": None, "data.inventoryItem": None, "data.shop": None, "data.inventoryAdjustQuantities": None},
    {"data.product.variants.nodes": None, "data.inventoryItem.inventoryLevels.nodes": None},
    {"data.product.variants.nodes.0": None, "data.inventoryItem.inventoryLevels.nodes.0": None},
    {"data.product.variants.nodes.0.inventoryItem": None, "data.inventoryItem.tracked": None},
    {"data.product.variants.nodes.0.inventoryQuantity": None, "data.inventoryItem.variants": None},
    {"data.product.variants.pageInfo": None, "data.inventoryItem.inventoryLevels.pageInfo": {"hasNextPage": True}},
    {"data.inventoryAdjustQuantities.userErrors": None},
    {"data.inventoryAdjustQuantities.userErrors": [None]},
    {"data.locations.nodes": None},
    {"data.locations.nodes": []},
    {"errors": [error("ACCESS_DENIED", path=["locations"])], "data.locations": None},
    {"data.locations.nodes.0": None},
    {"data.locations.nodes.0.isActive": None},
    {"extensions": None},
    {"extensions.cost": {"requestedQueryCost": "many", "throttleStatus": {"currentlyAvailable": -1}}},
    {"": []},
    {"": None},
    {"": {"message": "Please wait"}},
]
#: Why the store refuses a change of stock: codes of the schema, one that is not in it, and none.
REFUSALS = [
    "CHANGE_FROM_QUANTITY_STALE",
    "IDEMPOTENCY_CONCURRENT_REQUEST",
    "IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED",
    "ITEM_NOT_STOCKED_AT_LOCATION",
    "ADJUST_QUANTITIES_FAILED",
    "SERVICE_UNAVAILABLE",
    "INVALID_INVENTORY_ITEM",
    "NOT_FOUND",
    "A_CODE_OF_NEXT_YEAR",
    None,
]


#: What it may say of a change that it has applied all the same.
APPLIED = ["SERVICE_UNAVAILABLE", "ADJUST_QUANTITIES_FAILED"]
#: What Shopify says before it does anything.
TURNED_AWAY = [{"errors": [error(code)], "data": None} for code in ("THROTTLED", "MAX_COST_EXCEEDED", "SHOP_INACTIVE")]


@pytest.fixture(autouse=True)
def two_locations(world: World) -> Iterator[None]:
    """Let the store answer as often as it is asked. It has a second location, which sells in its shop only."""
    world.store.ask("POST", "/limits", {"size": 100_000, "restore": 100_000})
    locations = [{"id": 75_500_000_001}, {"id": 2, "fulfillsOnlineOrders": False}]
    world.store.ask("POST", "/shops", {"domain": world.domain, "locations": locations})
    store_calls._known.clear()
    yield
    world.store.ask("POST", "/shops", {"domain": world.domain, "locations": []})


def ask_for_locations_again() -> None:
    """Let what is known of the locations be old."""
    for address, (levels, _) in store_calls._known.items():
        store_calls._known[address] = levels, 0.0


def receive(world: World, product: dict[str, Any]) -> None:
    """Receive a product, as often as the store has to be asked, as the inbox does; and look again at what is unread."""
    number = product["variants"][0]["inventory_item_id"]
    events: dict[Event, str] = {ProductChanged(str(product["id"])): "test", StockChanged(str(number)): "test"}
    for _ in range(2 * TIMES + 2):
        if not refresh.take(world.shop, events):
            break
        world.wait(60)
    for _ in range(TIMES + 1):
        world.wait(3600)
        ask_for_locations_again()
        tasks.recheck(world.shop.pk)
    world.settle(80)


def sell(world: World, fault: str, *, documents: list[str], **more: Any) -> None:
    """Sell on both sides while the store answers oddly."""

    def spoil() -> None:
        ask_for_locations_again()
        for document in documents:
            world.store.fault(fault, text=document, times=TIMES, **more)

    sell_on_both_sides(world, spoil=spoil, receive_product=receive)


@case("answer", ANSWERS, ids=str)
def test_what_sells_on_both_sides_counts_once_whatever_the_store_says(world: World, answer: dict[str, Any]) -> None:
    sell(world, "edited", documents=DOCUMENTS, edits=answer)


@case("answer", TURNED_AWAY, ids=str)
def test_what_was_turned_away_is_asked_again(world: World, answer: dict[str, Any]) -> None:
    sell(world, "status", documents=DOCUMENTS, status=200, body=answer)


@case(("fault", "code"), [*(("status", code) for code in REFUSALS), *(("instead", code) for code in APPLIED)])
def test_a_refused_change_of_stock_is_made_in_the_end_and_once(world: World, fault: str, code: str | None) -> None:
    refused = {"userErrors": [{"code": code, "message": "No"}]}
    body = {"data": {"inventoryAdjustQuantities": refused}}
    sell(world, fault, documents=DOCUMENTS[-1:], status=200, body=body)


def test_a_bundle_has_no_listing_since_its_stock_is_that_of_its_parts(world: World) -> None:
    world.product("GUITAR", title="Fender Strat", inventory_quantity=1)
    bundle = world.product("SET", title="Fender Strat and amp", bundle=True, inventory_quantity=1)
    world.settle()
    assert [row["sku"] for row in world.reverb.ask("GET", "/listings")] == ["GUITAR"]
    assert not Product.objects.filter(store_parent_id=bundle["id"]).exists()


def test_a_product_that_becomes_a_bundle_is_taken_off_sale(world: World) -> None:
    guitar = world.product("GUITAR", inventory_quantity=1)
    world.settle()
    assert world.listing("GUITAR")["state"] == "live"
    world.edit(guitar, bundle=True)
    world.settle()
    assert world.listing("GUITAR")["state"] != "live"
