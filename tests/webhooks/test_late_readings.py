"""What was read comes too late where something newer is known; what reported it stays open until it counts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from listings.intake import crawl_slices, stock_levels
from listings.models import Crawl, Job, Product, Rank, Recheck
from listings.models.product import AHEAD
from reverbsync import clock
from shops.models import Shop
from shops.platforms.shopify.client import ShopifyClient
from shops.snapshots import StoreProduct
from synclog.models import Entry
from tests.people import NOON, olivia, product_of, shop_of, snapshot
from webhooks import inbox
from webhooks.models import Delivery
from webhooks.store_handover import hand_over

pytestmark = pytest.mark.django_db


class Time:
    """The present moment, which a story moves on."""

    def __init__(self) -> None:
        self.now = NOON

    def passes(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def time() -> Iterator[Time]:
    """Let it be noon."""
    made = Time()
    with clock.running_by(lambda: made.now):
        yield made


@pytest.fixture
def shop() -> Shop:
    """Return Olivia's shop."""
    shop = shop_of(olivia())
    return Shop.objects.select_related("store", "sync_settings").get(pk=shop.pk)


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> list[StoreProduct]:
    """Return what the store has; it may be changed."""
    there: list[StoreProduct] = [snapshot()]
    monkeypatch.setattr(ShopifyClient, "products", lambda *_: list(there))
    return there


def receive(shop: Shop) -> Delivery:
    """Receive from the store that its product changed."""
    inbox.keep(
        shop.pk,
        source="store",
        delivery_id="d-1",
        topic="products/update",
        body=b'{"id": 11, "admin_graphql_api_id": "gid://shopify/Product/11"}',
        state=Delivery.State.OPEN,
    )
    return Delivery.objects.get()


def read(product: Product, *, ahead_s: float) -> None:
    """Let the product have been read by a worker whose clock is ahead."""
    Product.objects.filter(pk=product.pk).update(read_at=clock.now() + timedelta(seconds=ahead_s))


@pytest.mark.parametrize("left", [[snapshot(stock=0)], []])
def test_a_delivery_is_not_done_before_its_news_is_taken(
    shop: Shop, time: Time, store: list[StoreProduct], left: list[StoreProduct]
) -> None:
    """The last one sold, or is gone; the worker that read it before has a clock that is five seconds ahead."""
    product = product_of(shop)
    read(product, ahead_s=5)
    store[:] = left
    delivery = receive(shop)
    hand_over(shop)
    delivery.refresh_from_db()
    assert delivery.state == Delivery.State.OPEN
    assert delivery.note == "It was read by another worker, or changed by us, each time that we read it."
    time.passes(6)
    hand_over(shop)
    delivery.refresh_from_db()
    product.refresh_from_db()
    assert delivery.state == Delivery.State.DONE
    assert (product.gone_at is not None) or product.seen.stock == 0
    assert Job.objects.get().rank == Rank.STOCK_TO_ZERO


def test_a_reading_of_the_far_future_keeps_nobody_from_reading(
    shop: Shop, time: Time, store: list[StoreProduct]
) -> None:
    """A machine's clock was a year ahead once."""
    product = product_of(shop)
    read(product, ahead_s=AHEAD.total_seconds() + 365 * 86400)
    store[:] = [snapshot(stock=0)]
    delivery = receive(shop)
    hand_over(shop)
    delivery.refresh_from_db()
    product.refresh_from_db()
    assert (delivery.state, product.seen.stock, product.read_at) == (Delivery.State.DONE, 0, NOON)


def test_a_reading_of_the_far_future_keeps_no_look_at_all_stock_from_counting(shop: Shop, time: Time) -> None:
    product = product_of(shop)
    read(product, ahead_s=86400)
    assert stock_levels.keep(shop, {"21": 0}, requested_at=NOON, trigger="test") == 1
    product.refresh_from_db()
    assert (product.seen.stock, product.read_at) == (0, NOON)


def test_a_look_at_all_stock_that_began_before_a_reading_counts_nothing(shop: Shop, time: Time) -> None:
    product = product_of(shop)
    read(product, ahead_s=-1)
    assert stock_levels.keep(shop, {"21": 0}, requested_at=NOON - timedelta(seconds=2), trigger="test") == 0
    product.refresh_from_db()
    assert product.seen.stock == 3


def test_a_product_that_no_page_showed_and_another_worker_reads_is_there(
    shop: Shop, time: Time, store: list[StoreProduct], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading it again says late; the crawl goes on, and nothing is logged of a product that could not be read."""
    product = product_of(shop)

    def products(*_: Any) -> list[StoreProduct]:
        read(product, ahead_s=5)
        return list(store)

    monkeypatch.setattr(ShopifyClient, "products", products)
    began = NOON + timedelta(seconds=1)
    time.passes(2)
    kind, state = Crawl.Kind.CATALOGUE, Crawl.State.RUNNING
    crawl = Crawl.objects.create(shop=shop, kind=kind, state=state, confirming=True, started_at=began, due_at=NOON)
    crawl_slices.run_slice(crawl)
    crawl.refresh_from_db()
    product.refresh_from_db()
    assert (crawl.state, crawl.failures, product.gone_at) == (Crawl.State.DONE, 0, None)
    assert (Recheck.objects.count(), Entry.objects.count()) == (0, 0)
