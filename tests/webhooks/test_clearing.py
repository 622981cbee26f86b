"""What is stored of a former store is deleted in the background, in batches, and nothing is synced meanwhile."""

from __future__ import annotations

from datetime import timedelta

import pytest

from listings import tasks as listing_tasks
from listings.models import Crawl, Job, Product, Rank
from listings.queue import jobs
from reverbsync import clock
from shops import store_connection
from shops.models import Shop, StoreConnection
from shops.platforms import client_of
from shops.platforms.errors import TransientStoreError
from shops.platforms.values import Keys
from synclog.models import Entry
from tests.pages.test_pages import log_entry
from tests.people import NOON, nora, olivia, product_of, shop_of
from webhooks import inbox, store_handover, tasks
from webhooks.models import Delivery
from webhooks.privacy import erase

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop() -> Shop:
    """Return Olivia's shop with five products; Nora has one in a shop of hers."""
    made = shop_of(olivia())
    for number in range(5):
        product_of(made, store_product_id=f"{number}", sku=f"S{number}")
    product_of(shop_of(nora()))
    jobs.look_again(Product.objects.filter(shop=made), rank=Rank.STOCK, trigger="test", now=NOON)
    return made


def replace(shop: Shop) -> Shop:
    """Connect another store."""
    store_connection.connect_store(shop, platform="shopify", address="others.myshopify.com", keys=Keys("t", "s"))
    return Shop.objects.select_related("store", "sync_settings").get(pk=shop.pk)


def left(shop: Shop) -> int:
    """Return how many products of the shop are known."""
    return Product.objects.filter(shop=shop).count()


def test_connecting_another_store_deletes_nothing_in_the_request(shop: Shop) -> None:
    replace(shop)
    assert left(shop) == 5


def test_it_is_deleted_in_short_turns_and_no_other_shop_loses_anything(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erase, "BATCH_SIZE", 2)
    monkeypatch.setattr(erase, "SLICE_S", -1.0)
    replace(shop)
    slices = 0
    while StoreConnection.objects.filter(shop=shop, clearing_since__isnull=False).exists():
        tasks.clear_store(shop.pk)
        slices += 1
        assert slices < 20
    assert slices > 3
    assert (left(shop), Product.objects.count()) == (0, 1)
    assert Shop.objects.get(pk=shop.pk).recheck_requested  # the new store's crawls are planned


def test_meanwhile_nothing_is_asked_of_the_new_store_by_the_old_ones_ids(shop: Shop) -> None:
    now = replace(shop)
    with pytest.raises(TransientStoreError, match="still forgetting"):
        client_of(now.store)
    Crawl.objects.create(shop=shop, kind="changes", due_at=NOON)
    listing_tasks.drain_urgent(shop.pk)
    listing_tasks.crawl(shop.pk)
    assert not Job.objects.filter(shop=shop, lease__isnull=False).exists()
    assert Crawl.objects.get(shop=shop).failures == 0


def receive(shop: Shop, number: str) -> None:
    """Keep a call of the shop's store."""
    body, state = b'{"id": 11}', Delivery.State.OPEN
    inbox.keep(shop.pk, source="store", delivery_id=number, topic="products/update", body=body, state=state)


def test_what_the_new_store_sends_meanwhile_waits_and_is_not_lost(shop: Shop) -> None:
    now = replace(shop)
    since = now.store.clearing_since
    assert since is not None
    with clock.running_by(lambda: since + timedelta(seconds=10)):
        receive(shop, "1")
    assert not store_handover.hand_over(now)
    tasks.clear_store(shop.pk)
    kept = Delivery.objects.get()
    assert (kept.state, kept.attempts) == (Delivery.State.OPEN, 0)


def test_what_the_former_store_sent_is_not_taken_for_the_new_ones(shop: Shop) -> None:
    receive(shop, "1")
    before = shop.store.hook_key
    now = replace(shop)
    receive(shop, "2")  # in the moment in which its address is still known
    tasks.clear_store(shop.pk)
    assert {(one.state, bytes(one.body)) for one in Delivery.objects.all()} == {(Delivery.State.IGNORED, b"")}
    assert now.store.hook_key != before
    store_connection.connect_store(
        shop, platform="shopify", address="https://Others.myshopify.com/", keys=Keys("t2", "s")
    )
    assert StoreConnection.objects.get(shop=shop).hook_key == now.store.hook_key  # the same store again


def test_a_third_store_that_is_connected_meanwhile_is_not_begun_before_all_is_gone(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erase, "BATCH_SIZE", 1)
    monkeypatch.setattr(erase, "SLICE_S", -1.0)
    replace(shop)
    for _ in range(4):
        tasks.clear_store(shop.pk)
    with clock.running_by(lambda: NOON):
        store_connection.connect_store(shop, platform="shopify", address="third.myshopify.com", keys=Keys("t", "s"))
    while erase.clear_store(shop.pk):
        pass
    assert left(shop) == 0
    assert StoreConnection.objects.get(shop=shop).clearing_since is None


def test_a_store_that_is_connected_again_while_it_is_forgotten_begins_from_nothing(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erase, "BATCH_SIZE", 1)
    log_entry(shop)
    store_connection.store_removed(shop)
    erase.ask_to_forget_store(shop)
    monkeypatch.setattr(erase, "SLICE_S", -1.0)
    for _ in range(4):
        tasks.clear_store(shop.pk)
    store_connection.connect_store(shop, platform="shopify", address="guitars.myshopify.com", keys=Keys("t", "s"))
    while erase.clear_store(shop.pk):
        pass
    assert left(shop) == 0
    assert StoreConnection.objects.get(shop=shop).clearing_since is None


def test_the_sweeper_goes_on_where_a_worker_died(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    replace(shop)
    woken: list[tuple[str, int]] = []
    monkeypatch.setattr(tasks, "wake_all", lambda task, shops: woken.extend((task, one) for one in shops))
    tasks.sweep()
    assert (store_connection.CLEAR_STORE, shop.pk) in woken


def test_a_shop_that_its_owner_deletes_goes_in_portions_and_entirely(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erase, "BATCH_SIZE", 2)
    log_entry(shop)
    Shop.objects.filter(pk=shop.pk).update(deletion_requested_at=NOON)
    tasks.delete_shops()
    assert not Shop.objects.filter(pk=shop.pk).exists()
    assert not Entry.objects.exists()
    assert Product.objects.count() == 1
