"""Status × body × call × platform: what stands between us and a store decides nothing.

Each row of the table comes instead of the store's answer. No call takes it for the store's word, and nothing follows
from it: no product is gone, no order cancelled, no key dead, and a sale on Reverb is still taken off the store, once.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from listings.intake import crawl_slices, crawls, refresh
from listings.models import Crawl, Ledger, Listing, Order, Product, StoreOrderState
from listings.orders import shipment_poll
from listings.stock import adjust
from reverbsync import clock
from shops import breaker_snapshot
from shops.connect import upkeep
from shops.models import Breaker, Shop, StoreConnection
from shops.platforms import PLATFORMS
from shops.platforms.errors import StoreError, TransientStoreError
from tests.shops.platforms.answers_table import COMMON, ODD_SUCCESS, Row, own_rows
from tests.shops.platforms.conftest import Store, wait_for
from tests.shops.platforms.test_contract import an_hour_ago, reverb_order

pytestmark = pytest.mark.live

#: Platform → what recognises its calls that change something.
WRITES: dict[str, dict[str, Any]] = {
    "bigcommerce": {"method": "PUT|POST"},
    "custom": {"text": "stock.adjust"},
    "magento2": {"method": "PUT|POST"},
    "shopify": {"text": "inventoryAdjust"},
    "woocommerce": {"method": "PUT|POST"},
}
PULLED = sorted(kind for kind, platform in PLATFORMS.items() if not platform.push_only)
OFTEN = 10**6


def each_row(rows: Callable[[str], list[Row]], kinds: list[str]) -> pytest.MarkDecorator:
    """Return the parameters of a test: every row of every platform."""
    pairs = [(kind, row) for kind in kinds for row in rows(kind)]
    ids = [f"{kind}: {row}" for kind, row in pairs]
    return pytest.mark.parametrize(("store", "row"), pairs, ids=ids, indirect=["store"])


def all_rows(kind: str) -> list[Row]:
    """Return the rows that say nothing on a platform."""
    return COMMON + own_rows(kind)


def close_the_breaker() -> None:
    """Let calls go out again: when they pause after failures has tests of its own."""
    Breaker.objects.all().delete()
    breaker_snapshot.forget()


@dataclass
class World:
    """A store with one product that is linked to a listing, and one order that was made for a sale."""

    store: Store
    shop: Shop
    product: Product
    ledger: Ledger
    order: Order
    later: timedelta = timedelta(0)


def world_of(store: Store) -> World:
    """Return the world; the store has three units, and one of them has sold on Reverb."""
    store.product()
    unit = store.unit()
    made = store.client.create_order(reverb_order(store, takes_stock=False))
    shop = Shop.objects.select_related("store", "sync_settings").get(pk=store.shop.pk)
    now = clock.now()
    refresh.refresh(shop, unit.store_parent_id, store.client, trigger="test")
    product = Product.objects.select_related("shop__store", "shop__sync_settings").get()
    listing = Listing.objects.create(product=product, shop=shop, sku=unit.sku, reverb_id="7", state="live")
    ledger = Ledger.objects.create(listing=listing, units=2, store=3, reverb=2, linked_at=now)
    order = Order.objects.create(
        shop=shop,
        number="R-1",
        product=product,
        quantity=1,
        status="paid",
        decided_on="paid",
        placed_at=now,
        updated_at=now,
        seen_at=now,
        store_state=StoreOrderState.CREATED,
        store_order_id=made.id,
        store_status=made.status.value,
        made_at=now,
        parcels_due_at=now,
    )
    StoreConnection.objects.update(hooks_due_at=now)
    return World(store, shop, product, ledger, order)


@each_row(all_rows, PULLED)
def test_no_reading_takes_it_for_the_stores_word_and_nothing_is_gone_cancelled_or_dead(store: Store, row: Row) -> None:
    world, client, began = world_of(store), store.client, clock.now()
    unit, order, status = world.product.seen, world.order, world.order.store_status
    store.control.fault("status", times=OFTEN, **row.fault)
    readings: dict[str, Callable[[], object]] = {
        "check": client.check,
        "crawl": lambda: client.crawl(""),
        "products": lambda: client.products(unit.store_parent_id),
        "count": lambda: client.count(unit),
        "order": lambda: client.order(order.store_order_id),
        "orders": lambda: client.orders(an_hour_ago(), ""),
        "order_products": lambda: client.order_products(order.store_order_id),
    }
    if store.platform.topics:
        readings["ensure_webhooks"] = lambda: client.ensure_webhooks(store.hooks.url)
    for name, read in readings.items():
        close_the_breaker()
        with pytest.raises(StoreError) as raised:
            read()
        assert isinstance(raised.value, TransientStoreError), f"{name}: {type(raised.value).__name__} {raised.value}"

    close_the_breaker()
    with contextlib.suppress(TransientStoreError):
        refresh.refresh(world.shop, unit.store_parent_id, client, trigger="test")
    crawls.begin(world.shop, Crawl.Kind.CATALOGUE)
    crawl_slices.run_slice(
        Crawl.objects.select_related("shop__store", "shop__sync_settings").get(kind=Crawl.Kind.CATALOGUE)
    )
    shipment_poll.look(order)
    upkeep.check(store.connection)
    world.product.refresh_from_db()
    order.refresh_from_db()
    connection = store.connection
    assert world.product.gone_at is None
    assert (order.store_status, order.store_state) == (status, StoreOrderState.CREATED)
    assert order.parcels_due_at is not None
    assert order.parcels_due_at < began + timedelta(minutes=15)
    assert connection.removed_at is None
    assert connection.token.get_secret_value()
    assert connection.problem
    assert connection.hooks_due_at is not None
    assert connection.hooks_due_at < began + timedelta(minutes=15)

    store.control.ask("DELETE", "/faults")
    close_the_breaker()
    upkeep.check(connection)
    assert store.connection.problem == ""


@each_row(lambda _: ODD_SUCCESS, PULLED)
def test_no_product_or_order_is_gone_for_a_success_that_says_something_else(store: Store, row: Row) -> None:
    store.product()
    unit, client = store.unit(), store.client
    order = client.create_order(reverb_order(store))
    store.control.fault("status", times=OFTEN, **row.fault)
    for read in (lambda: client.products(unit.store_parent_id), lambda: client.order(order.id)):
        close_the_breaker()
        with pytest.raises(TransientStoreError):
            read()


@each_row(lambda kind: all_rows(kind) + ODD_SUCCESS[1:], ["custom"])
def test_an_odd_answer_of_a_store_that_pushes_leaves_open_whether_it_was_done(store: Store, row: Row) -> None:
    world, client = world_of(store), store.client
    store.control.fault("status", times=OFTEN, **row.fault)
    messages: dict[str, Callable[[], object]] = {
        "ping": client.check,
        "order.create": lambda: client.create_order(reverb_order(store)),
        "order.cancel": lambda: client.cancel_order(
            world.order.store_order_id, reverb_number="R-1", gives_back=True, note="It is off."
        ),
    }
    if row.name == "200 an empty object":  # all that these two ask for
        del messages["ping"], messages["order.cancel"]
    for name, send in messages.items():
        close_the_breaker()
        with pytest.raises(StoreError) as raised:
            send()
        assert isinstance(raised.value, TransientStoreError), f"{name}: {type(raised.value).__name__} {raised.value}"
        assert raised.value.may_have_applied


@pytest.fixture
def prompt(store: Store) -> Iterator[Store]:
    """Return a store that shows a change at once: time goes by here, and not there."""
    trails = {"lag_s"} & set(store.control.ask("GET", "/settings"))
    for name in trails:
        store.control.ask("POST", "/settings", {name: 0})
    yield store
    for name in trails:
        store.control.ask("POST", "/settings", {name: 0.1})


@each_row(lambda kind: all_rows(kind) + (ODD_SUCCESS if kind == "custom" else []), sorted(WRITES))
def test_a_sale_on_reverb_is_taken_off_once_whatever_answers_first(store: Store, row: Row, prompt: Store) -> None:
    """Once nothing was applied when it came, once the change was."""
    world = world_of(prompt)
    for kind, left in (("status", 2), ("instead", 1)):
        store.control.fault(kind, times=2, **WRITES[store.platform.kind], **row.fault)
        world.ledger.units = left
        world.ledger.save(update_fields=["units"])
        for _ in range(6):
            assert isinstance(_bring(world), TransientStoreError | None)
        store.control.ask("DELETE", "/faults")
        wait_for(lambda left=left: _bring(world) is None and store.stock() == left)


def _bring(world: World) -> StoreError | None:
    """Bring the store what it lacks, as a worker does a minute later; return why it still lacks something."""
    world.later += timedelta(minutes=1)
    if world.store.platform.kind in ("custom", "magento2"):  # a signature's date is of now
        world.store.control.ask("POST", "/clock", {"advance_s": 60})
    with clock.running_by(lambda: datetime.now(UTC) + world.later):
        return _brought(world)


def _brought(world: World) -> StoreError | None:
    world.ledger.refresh_from_db()
    world.product.refresh_from_db()
    return adjust.bring(world.ledger, world.product, world.shop.sync_settings, before=lambda: None).error
