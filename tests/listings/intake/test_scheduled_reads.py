"""Products that change by a date of their own: read again at that date, whatever the store does."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from listings.intake import observe, refresh, responses, scheduled_reads
from listings.models import Job, Product
from reverbsync import clock
from shops.models import Shop
from shops.platforms.dates import next_change
from shops.platforms.errors import TransientStoreError
from shops.snapshots import StoreProduct
from tests.people import NOON, olivia, shop_of, snapshot

pytestmark = pytest.mark.django_db
END = NOON + timedelta(hours=2)


class Store:
    """A store with one product on sale until END; the time is set by hand."""

    def __init__(self) -> None:
        self.now, self.requested, self.away = NOON, 0, False

    def products(self, parent_id: str) -> list[StoreProduct]:
        """Return the product as it is now."""
        self.requested += 1
        if self.away:
            raise TransientStoreError("The store answered 503.")
        on_sale = self.now < END
        price = Decimal("80.00") if on_sale else Decimal("100.00")
        return [snapshot(store_parent_id=parent_id, price=price, changes_at=END if on_sale else None)]


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """Return the store, with time going by it."""
    made = Store()
    monkeypatch.setattr(scheduled_reads, "client_of", lambda _: made)
    with clock.running_by(lambda: made.now, sleeping=lambda _: None):
        yield made


@pytest.fixture
def shop(store: Store) -> Shop:
    """Return a shop that has read the product."""
    shop = shop_of(olivia())
    refresh.refresh(shop, "11", store, trigger="test")  # type: ignore[arg-type]
    Job.objects.all().delete()
    return shop


def run_slice(shop: Shop) -> None:
    """Do what a worker does in a slice of the shop."""
    assert scheduled_reads.shops_with_due_ones() == [shop.pk]
    found = scheduled_reads.due(shop.pk)
    assert found is not None
    scheduled_reads.run_slice(found)


def at(store: Store, moment: datetime) -> None:
    """Let it be this moment, and some seconds, since clocks differ."""
    store.now = moment + timedelta(seconds=20)


def test_a_price_that_changes_by_its_date_is_read_at_that_date(store: Store, shop: Shop) -> None:
    at(store, END - timedelta(minutes=1))
    assert scheduled_reads.shops_with_due_ones() == []
    at(store, END)
    run_slice(shop)
    assert Product.objects.get().seen.price == Decimal("100.00")
    assert Job.objects.count() == 1
    assert scheduled_reads.shops_with_due_ones() == []


def test_a_store_that_is_away_at_the_date_is_asked_each_minute_until_it_is_back(store: Store, shop: Shop) -> None:
    at(store, END)
    store.away = True
    for _ in range(3):
        run_slice(shop)
        assert scheduled_reads.shops_with_due_ones() == []
        store.now += scheduled_reads.AGAIN
    store.away = False
    run_slice(shop)
    assert Product.objects.get().seen.price == Decimal("100.00")


def test_a_failure_of_ours_does_not_come_back_at_once(
    store: Store, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(refresh, "refresh", broken)
    at(store, END)
    run_slice(shop)
    assert scheduled_reads.shops_with_due_ones() == []


def test_a_new_date_is_taken_over_though_nothing_else_is_news(store: Store, shop: Shop) -> None:
    later = snapshot(price=Decimal("80.00"), changes_at=END + timedelta(days=1))
    store.now += timedelta(minutes=1)
    kept = responses.keep(shop, [later], parent_ids=["11"], requested_at=store.now, trigger="test")
    assert kept.news == 0
    assert Product.objects.get().next_change_at == END + timedelta(days=1) + observe.CLOCKS_DIFFER


def test_a_product_that_is_gone_is_not_asked_for_at_its_date(store: Store, shop: Shop) -> None:
    store.now += timedelta(minutes=1)
    responses.keep(shop, [], parent_ids=["11"], requested_at=store.now, trigger="test")
    store.now += timedelta(minutes=2)  # the answer was no old one
    responses.keep(shop, [], parent_ids=["11"], requested_at=store.now, trigger="test")
    at(store, END)
    assert scheduled_reads.shops_with_due_ones() == []


def test_the_first_date_to_come_counts() -> None:
    dates = [NOON - timedelta(days=3), None, END, END + timedelta(days=1)]
    assert next_change(dates, now=NOON) == END
    assert next_change([None], now=NOON) is None


def test_a_store_whose_scheduler_is_late_is_asked_again_ever_more_rarely_for_a_day() -> None:
    looks, now = 0, NOON + timedelta(seconds=15)
    while (following := next_change([NOON], now=now, settled=False)) is not None:
        looks, now = looks + 1, following
    assert 8 <= looks <= 14
    assert now >= NOON + timedelta(hours=12)
