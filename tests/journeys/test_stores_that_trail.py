"""The store's answers are some seconds or minutes old: no unit that is gone is on sale, and no change stays unseen."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from listings.intake import crawl_slices, crawls, refresh, scheduled_reads, stale_answers
from listings.models import Ledger, Product
from sandbox.stack.stores import STORES
from shops.events import ProductChanged, ProductDeleted, StockChanged
from shops.platforms import client_of
from tests.journeys.sales import buy, read_orders
from tests.journeys.world import StandIn, World, at, running

pytestmark = pytest.mark.live
WITH_WEBHOOKS = ("shopify", "woocommerce", "bigcommerce")


@pytest.fixture(scope="session")
def stand_ins() -> Iterator[dict[str, StandIn]]:
    """Run a stand-in of each platform."""
    with ExitStack() as stack:
        yield {kind: StandIn(stack.enter_context(running(f"sandbox.{kind}.app"))) for kind in WITH_WEBHOOKS}


@pytest.fixture
def world(
    request: pytest.FixtureRequest,
    reverb_process: StandIn,
    stand_ins: dict[str, StandIn],
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    db: None,
) -> Iterator[World]:
    """Return a world whose store is on a platform of choice; its clock goes with ours."""
    kind = getattr(request, "param", "shopify")
    store = stand_ins[kind]
    settings.REVERB_API_URL, settings.REVERB_WEB_URL = f"{reverb_process.url}/api", reverb_process.url
    settings.ALLOWED_PRIVATE_HOSTS = [store.url.partition("//")[2]]
    settings.SHOPIFY_ADMIN_URL = settings.BIGCOMMERCE_API_URL = store.url
    monkeypatch.setattr("reverbsync.ratelimit.budget.BURST_SHARE", 50.0)  # the rate limiter has tests of its own
    store.ask("POST", "/reset")
    made = World(reverb_process, store, f"token-{uuid.uuid4().hex}", STORES[kind])
    made.set(auto_publish=True)
    really = made.wait

    def wait(seconds: float) -> None:
        really(seconds)
        store.ask("POST", "/clock", {"advance_s": seconds})

    monkeypatch.setattr(made, "wait", wait)
    with at(made):
        crawls.plan(made.shop)
        if kind in ("shopify", "bigcommerce"):
            store.ask("POST", "/limits", {"size": 100_000, "restore": 100_000, "quota": 100_000})
        if kind == "bigcommerce":
            store.ask("POST", "/settings", {"lag_s": 0.0})
        answers_are_old(made, 1)  # from now on it remembers how things were
        answers_are_old(made, 0)
        yield made
        answers_are_old(made, 0)


def on(*kinds: str) -> pytest.MarkDecorator:
    """Run the story once for each platform."""
    return pytest.mark.parametrize("world", kinds, indirect=True)


def answers_are_old(world: World, seconds: float, *, every: int = 1) -> None:
    """Let the store's answers be so old from now on, or only each so-manieth."""
    world.store.ask("POST", "/settings", {"reads_lag_s": seconds, "reads_lag_every": every})


def change(world: World, guitar: dict[str, Any], **wish: Any) -> None:
    """Change the variant in the store, and receive it."""
    world.store.ask("PUT", f"/variants/{guitar['variants'][0]['id']}", wish)
    receive_stock(world, guitar)
    receive(world, guitar)


def sell(world: World, guitar: dict[str, Any]) -> None:
    """Sell one in the store, and receive it."""
    world.store.ask("POST", "/orders", {"variant_id": guitar["variants"][0]["id"], "quantity": 1})
    receive_stock(world, guitar)
    receive(world, guitar)


def receive_stock(world: World, guitar: dict[str, Any]) -> None:
    """Receive its stock, where the platform has a webhook for that."""
    if world.shop.store.platform in ("shopify", "bigcommerce"):
        product = Product.objects.get(shop=world.shop, store_parent_id=str(guitar["id"]))
        refresh.take(world.shop, {StockChanged(product.store_stock_id): "test"})


def receive(world: World, guitar: dict[str, Any]) -> None:
    """Receive a change as the inbox does; from Magento nothing comes."""
    if world.shop.store.platform != "magento2":
        refresh.take(world.shop, {ProductChanged(str(guitar["id"])): "test"})


def work(world: World, guitar: dict[str, Any], *, seconds: int, step: int = 5) -> list[tuple[int, int]]:
    """Let time pass as it does at work; return the units of the store and of the listing whenever they changed."""
    seen: list[tuple[int, int]] = []
    for _ in range(0, seconds, step):
        turns_of_workers(world)
        now = (world.stock(guitar), world.listing()["inventory"])
        seen += [now] if seen[-1:] != [now] else []
        world.wait(step)
    return seen


def turns_of_workers(world: World) -> None:
    """Do what is due by now."""
    read_orders(world)
    if (product := scheduled_reads.due(world.shop.pk)) is not None:
        scheduled_reads.run_slice(product)
    if (crawl := crawls.due(world.shop.pk)) is not None:
        crawl_slices.run_slice(crawl)
    while world.step():
        pass


def linked(world: World, units: int, **more: Any) -> dict[str, Any]:
    """Return a listed product whose number did not move for a while."""
    guitar = world.product(inventory_quantity=units, **more)
    world.settle()
    read_orders(world)
    for _ in range(10):
        world.wait(70)
        while (crawl := crawls.due(world.shop.pk)) is not None:
            crawl_slices.run_slice(crawl)
        world.settle()
    assert (world.stock(guitar), world.listing()["inventory"]) == (units, units)
    return guitar


@on(*WITH_WEBHOOKS)
@pytest.mark.parametrize(("units", "seconds", "every"), [(1, 3, 1), (1, 100, 2), (3, 100, 1)])
def test_a_sale_in_the_store_that_an_old_answer_hid_is_found_within_minutes(
    world: World, units: int, seconds: int, every: int
) -> None:
    guitar = linked(world, units)
    answers_are_old(world, seconds, every=every)
    sell(world, guitar)
    seen = work(world, guitar, seconds=300)
    assert seen[-1] == (units - 1, units - 1)
    assert {stock for stock, _ in seen} == {units - 1}


@on(*WITH_WEBHOOKS)
@pytest.mark.parametrize("units", [1, 3])
def test_a_sale_on_reverb_counts_once_where_an_old_answer_follows_our_own_change(world: World, units: int) -> None:
    guitar = linked(world, units)
    answers_are_old(world, 3)
    buy(world)
    seen = work(world, guitar, seconds=10)
    receive_stock(world, guitar)
    seen += work(world, guitar, seconds=300)
    assert seen[-1] == (units - 1, units - 1)
    assert min(stock for stock, _ in seen) == units - 1
    assert Ledger.objects.get().units == units - 1


@on(*WITH_WEBHOOKS)
@pytest.mark.parametrize("seconds", [3, 100])
def test_a_product_that_was_deleted_leaves_reverb_while_an_old_answer_still_shows_it(
    world: World, seconds: int
) -> None:
    guitar = linked(world, 2)
    answers_are_old(world, seconds)
    world.store.ask("DELETE", f"/products/{guitar['id']}")
    refresh.take(world.shop, {ProductDeleted(str(guitar["id"])): "test"})
    seen = work_without_store(world, seconds=240)
    assert seen[-1] == 0
    assert seen.index(0) == len(seen) - 1
    assert Product.objects.get().gone_at is not None


@on("shopify", "woocommerce")
@pytest.mark.parametrize("every", [1, 2])
def test_a_one_off_that_was_seen_sold_does_not_come_back_with_an_old_answer(world: World, every: int) -> None:
    guitar = linked(world, 1)
    sell(world, guitar)
    seen = work(world, guitar, seconds=10)
    answers_are_old(world, 100, every=every)
    for _ in range(6):
        change(world, guitar, price="479.00")
        seen += work(world, guitar, seconds=15)
    seen += work(world, guitar, seconds=300)
    assert set(seen) == {(0, 0)}


@on("shopify")
def test_a_store_that_was_set_back_is_believed_after_some_minutes(world: World) -> None:
    guitar = linked(world, 2)
    read = partial(refresh.refresh, world.shop, str(guitar["id"]), client_of(world.shop.store), trigger="test")
    read()
    Product.objects.update(
        snapshot={**Product.objects.get().snapshot, "stock": 1, "dated": "2100-01-01T00:00:00+00:00"}
    )
    with pytest.raises(refresh.Late):
        read()
    assert Product.objects.get().seen.stock == 1
    world.wait(stale_answers.SET_BACK_AFTER.total_seconds())
    read()
    assert Product.objects.get().seen.stock == 2


@on(*WITH_WEBHOOKS)
def test_a_unit_that_comes_back_at_once_is_on_sale_at_once(world: World) -> None:
    guitar = linked(world, 2)
    change(world, guitar, inventory_quantity=0)
    assert work(world, guitar, seconds=5)[-1] == (0, 0)
    change(world, guitar, inventory_quantity=1)
    assert work(world, guitar, seconds=5)[-1] == (1, 1)


@on("shopify")
@pytest.mark.parametrize("known_first", [False, True])
def test_a_new_product_that_an_old_answer_does_not_know_is_listed_once_and_stays(
    world: World, known_first: bool
) -> None:
    linked(world, 1)
    made = world.store.ask("POST", "/products", wish_of(world))
    if known_first:
        receive(world, made)
        work_without_store(world, seconds=10)
    answers_are_old(world, 100)
    receive(world, made)
    seen = []
    for _ in range(60):
        work_without_store(world, seconds=5)
        seen.append([one["state"] for one in world.reverb.ask("GET", "/listings", sku="N1")])
    assert seen[-1] == ["live"]


def wish_of(world: World) -> dict[str, Any]:
    """Return what makes a new product."""
    row = {"sku": "N1", "price": "300.00", "inventory_quantity": 2, "barcode": "885978110803"}
    words = {"title": "Fender Jazzmaster", "vendor": "Fender", "product_type": "Electric Guitars / Solid Body"}
    images = ["http://store.test/1.jpg"]
    return {"domain": world.domain, **words, "description_html": "Nice", "images": images, "variants": [row]}


def work_without_store(world: World, *, seconds: int, step: int = 5) -> list[int]:
    """Let time pass as it does at work; return the units of the listing whenever they changed."""
    seen: list[int] = []
    for _ in range(0, seconds, step):
        turns_of_workers(world)
        now = int(world.listing()["inventory"])
        seen += [now] if seen[-1:] != [now] else []
        world.wait(step)
    return seen
