"""Stories of stores on Shopify and BigCommerce whose units lie at several locations, some of which do not sell."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from listings.models import Ledger
from sandbox.stack.stores import STORES
from shops.platforms.shopify import store_calls
from tests.journeys.sales import buy, receive
from tests.journeys.world import StandIn, World, at, running
from tests.shops.platforms.conftest import wait_for

pytestmark = pytest.mark.live

#: Platform → its first location, and a location of each kind that does not sell.
FIRST = {"shopify": 75_500_000_001, "bigcommerce": 1}
AWAY = {
    "shopify": [{"fulfillsOnlineOrders": False}, {"isActive": False}],
    "bigcommerce": [{"enabled": False}, {"storefront_visibility": False}],
}


@pytest.fixture(scope="module")
def stores() -> Iterator[dict[str, StandIn]]:
    """Run the two stand-in stores."""
    with running("sandbox.shopify.app") as shopify, running("sandbox.bigcommerce.app") as bigcommerce:
        yield {"shopify": StandIn(shopify), "bigcommerce": StandIn(bigcommerce)}


@pytest.fixture(params=sorted(FIRST))
def world(
    request: pytest.FixtureRequest, reverb_process: StandIn, stores: dict[str, StandIn], settings: Settings, db: None
) -> Iterator[World]:
    """Return a world whose store has four locations; the last two do not sell."""
    kind, control = STORES[request.param], stores[request.param]
    settings.REVERB_API_URL = f"{reverb_process.url}/api"
    settings.REVERB_WEB_URL = reverb_process.url
    for name, value in kind.environment(control.url).items():
        setattr(settings, name, value)
    store_calls._known.clear()
    made = World(reverb_process, control, f"token-{uuid.uuid4().hex}", kind)
    locations = [{"id": FIRST[kind.kind]}, {"id": 2}, *({"id": n, **away} for n, away in enumerate(AWAY[kind.kind], 3))]
    control.ask("POST", "/shops", {"domain": kind.domain, "locations": locations})
    # Their limits have tests of their own; all of these stories call within the same minute.
    control.ask("POST", "/limits", {"size": 100_000, "restore": 100_000, "calls": 100_000})
    if kind.kind == "bigcommerce":  # it applies changes by the machine's clock, which the stories do not move
        control.ask("POST", "/settings", {"lag_s": 0})
    made.set(auto_publish=True)
    with at(made):
        yield made


def guitar(world: World, here: int, **elsewhere: int) -> dict[str, Any]:
    """Make a product with units at the first location and at others, and list it."""
    there = {name[1:]: units for name, units in elsewhere.items()}
    row = {"sku": "A1", "price": "500.00", "barcode": "885978110803", "inventory_quantity": here, "elsewhere": there}
    wish = {"domain": world.domain, "title": "Fender Strat", "vendor": "Fender", "variants": [row]}
    wish |= {"product_type": "Electric Guitars / Solid Body", "images": ["http://store.test/1.jpg"]}
    made: dict[str, Any] = world.store.ask("POST", "/products", {**wish, "description_html": "<p>Nice</p>"})
    world.receive(made)
    world.settle()
    return made


def lying(world: World, product: dict[str, Any]) -> dict[str, int]:
    """Return the units at each location, as the store has them."""
    [found] = [one for one in world.store.ask("GET", "/products") if one["id"] == product["id"]]
    row = found["variants"][0]
    return {"1": int(row["inventory_quantity"]), **row["elsewhere"]}


def sell(world: World, product: dict[str, Any], units: int, *, leaves: dict[str, int]) -> None:
    """Sell on Reverb, and wait until the store has what it is left with."""
    buy(world, quantity=units)
    receive(world)
    wait_for(lambda: lying(world, product) == leaves)
    world.wait(60)
    world.receive(product)
    world.settle()


def test_a_buyer_takes_two_units_that_lie_at_two_locations(world: World) -> None:
    product = guitar(world, 1, _2=1, _3=4, _4=5)
    assert world.listing()["inventory"] == 2
    sell(world, product, 2, leaves={"1": 0, "2": 0, "3": 4, "4": 5})
    assert (Ledger.objects.get().units, Ledger.objects.get().store) == (0, 0)
    assert world.listing()["state"] in ("sold", "ended")


def test_a_sale_lowers_reverbs_number_and_units_that_are_not_sold_never_come_up(world: World) -> None:
    product = guitar(world, 2, _3=4)
    assert world.listing()["inventory"] == 2
    sell(world, product, 1, leaves={"1": 1, "3": 4})
    assert (world.listing()["inventory"], Ledger.objects.get().store) == (1, 1)


def test_what_sells_in_the_store_at_any_location_leaves_reverb(world: World) -> None:
    product = guitar(world, 1, _2=1)
    row = product["variants"][0]["id"]
    for left in (1, 0):
        world.store.ask("POST", "/orders", {"variant_id": row})
        world.receive(product)
        world.settle()
        assert (world.listing()["inventory"] if left else 0) == left
    assert world.listing()["state"] != "live"


PAGES = [
    {"status": 404, "page": "cloudflare"},
    {"status": 403, "page": "oops"},
    {"status": 402, "body": {"errors": "Unavailable Shop"}},
    {"status": 404, "body": {"status": 404, "title": "The route is not found, check the URL", "type": "x"}},
    {
        "status": 200,
        "body": {"errors": [{"message": "Internal error", "extensions": {"code": "INTERNAL_SERVER_ERROR"}}]},
    },
]


@pytest.mark.parametrize("answer", PAGES, ids=str)
def test_a_sale_is_taken_off_the_store_once_whatever_stands_before_it_for_a_while(
    world: World, answer: dict[str, Any]
) -> None:
    product = guitar(world, 5, _2=4)
    # Our clock is moved on at once, which a change that is applied later is not.
    if "lag_s" in world.store.ask("GET", "/settings"):
        world.store.ask("POST", "/settings", {"lag_s": 0.0})
    for kind in ("status", "instead"):
        world.store.fault(kind, method="POST", path="graphql|adjustments", text="uantit", **answer)
    sell(world, product, 1, leaves={"1": 4, "2": 4})
    assert (world.listing()["inventory"], Ledger.objects.get().store) == (8, 8)


@pytest.mark.parametrize("answer", PAGES, ids=str)
def test_a_page_about_a_product_ends_nothing_and_its_news_is_taken_later(world: World, answer: dict[str, Any]) -> None:
    product = guitar(world, 3)
    world.store.fault("status", path=r"graphql|catalog/products", **answer)
    with pytest.raises(AssertionError):
        world.receive(product)
    assert world.listing()["state"] == "live"
    world.store.ask("PUT", f"/variants/{product['variants'][0]['id']}", {"inventory_quantity": 0})
    world.receive(product)
    world.settle()
    assert world.listing()["state"] != "live"
