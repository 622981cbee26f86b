"""Crawls of a store of each platform: complete, few calls, stopped and gone on with, and safe to repeat."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from listings import tasks
from listings.intake import crawl_slices, crawls
from listings.mapping import selection
from listings.models import Crawl, Job, Product, Recheck
from reverbsync import clock
from reverbsync.http import answer_body
from shops.models import StoreConnection, SyncSettings
from shops.platforms import StoreClient
from shops.platforms.values import Page
from tests.people import olivia
from tests.shops.platforms.conftest import Store, wrong

pytestmark = pytest.mark.live

MANY = 260
#: Platform → products on a page, and calls beside the pages that a whole crawl may need at most.
SIZES = {"shopify": (15, 2), "bigcommerce": (250, 6), "magento2": (100, 12), "woocommerce": (100, 3)}


@pytest.fixture
def full(store: Store) -> Store:
    """Return a store with many products that can be asked for them."""
    if store.platform.push_only:
        pytest.skip("this platform pushes its products by itself")
    store.control.ask("POST", "/seed", {"domain": store.stand_in.domain, "many": MANY})
    store.control.ask("DELETE", "/requests")
    crawls.plan(store.shop)
    return store


def the_crawl(store: Store, kind: str = "catalogue") -> Crawl:
    """Return a crawl as it is saved now."""
    return Crawl.objects.select_related("shop__store", "shop__sync_settings").get(shop=store.shop, kind=kind)


def through(store: Store, kind: str = "catalogue") -> Crawl:
    """Begin a crawl, or go on with it, and run slices until it is through."""
    crawls.begin(store.shop, kind)
    for _ in range(200):
        crawl = the_crawl(store, kind)
        if crawl.state != Crawl.State.RUNNING:
            break
        crawl_slices.run_slice(crawl)
    crawl = the_crawl(store, kind)
    assert (crawl.state, crawl.note) == (Crawl.State.DONE, "")
    return crawl


def skus(store: Store) -> set[str]:
    """Return the SKUs of all products that are known and not gone."""
    return set(Product.objects.filter(shop=store.shop, gone_at=None).values_list("sku", flat=True))


ALL = {f"MANY-{number}" for number in range(MANY)}


# -- the first import ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("store", ["magento2"], indirect=True)
def test_a_crawl_ends_quietly_when_another_store_is_connected_meanwhile(
    full: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    crawls.begin(full.shop, "catalogue")
    real = type(full.client).crawl

    def replaced(*args: Any, **more: Any) -> Page:
        page = real(*args, **more)
        Crawl.objects.filter(shop=full.shop).delete()
        return page

    monkeypatch.setattr(type(full.client), "crawl", replaced)
    crawl_slices.run_slice(the_crawl(full))
    assert caplog.records == []
    assert not Crawl.objects.filter(shop=full.shop).exists()


def test_the_first_import_learns_everything_with_as_many_calls_as_there_are_pages(full: Store) -> None:
    crawl = through(full)
    assert skus(full) == ALL
    page, beside = SIZES[full.platform.kind]
    pages = -(-MANY // page)
    assert crawl.pages == pages
    extra = {"magento2": 3}.get(full.platform.kind, 1)  # Magento's stock and its sources are calls of their own
    assert len(full.control.calls()) <= pages * extra + beside


def test_the_first_import_sends_nothing_to_reverb_until_the_seller_says_so(full: Store) -> None:
    through(full)
    assert Product.objects.filter(pending_first_sync=True).count() == MANY
    assert not Job.objects.exists()


def test_a_repeated_crawl_changes_nothing(full: Store) -> None:
    through(full)
    before = list(Product.objects.order_by("pk").values_list("pk", "sku", "snapshot"))
    crawl = through(full)
    assert (crawl.news, crawl.vanished) == (0, 0)
    assert list(Product.objects.order_by("pk").values_list("pk", "sku", "snapshot")) == before
    assert not Job.objects.exists()


# -- odd and large products ----------------------------------------------------------------------------------------


def test_a_page_that_is_too_large_is_read_in_smaller_ones(full: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = 2 * len(json.dumps(full.control.ask("GET", "/products", sku="MANY-1"))) * MANY
    monkeypatch.setattr(answer_body, "MAX_ANSWER_BYTES", whole // 8)
    crawl = through(full)
    assert skus(full) == ALL
    assert crawl.unread == 0


def test_of_a_product_that_is_too_large_alone_all_others_are_read_and_the_seller_is_notified(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    if store.platform.push_only:
        pytest.skip("this platform pushes its products by itself")
    for sku in ("A1", "B1", "C1"):
        store.product(sku)
    large = store.product("LARGE", description_html="<p>" + "0123456789abcdef" * 20_000)
    for sku in ("D1", "E1"):
        store.product(sku)
    crawls.plan(store.shop)
    monkeypatch.setattr(answer_body, "MAX_ANSWER_BYTES", 200_000)
    assert through(store).unread == 1
    assert skus(store) == {"A1", "B1", "C1", "D1", "E1"}
    assert Recheck.objects.get().store_parent_id == str(large["id"])
    monkeypatch.undo()
    monkeypatch.setattr("reverbsync.ratelimit.budget.BURST_SHARE", 50.0)
    Recheck.objects.update(due_at=clock.now())
    tasks.recheck(store.shop.pk)
    assert "LARGE" in skus(store)
    assert not Recheck.objects.exists()


# -- stopped, killed -----------------------------------------------------------------------------------------------


class Killed(BaseException):
    """The worker is gone, without a word."""


def killing(client: StoreClient, after: int) -> Any:
    """Return a way to read pages that dies at one of them."""
    left = [after]
    real = client.crawl

    def crawl(cursor: str, *, since: Any = None) -> Page:
        left[0] -= 1
        if left[0] < 0:
            raise Killed
        return real(cursor, since=since)

    client.crawl = crawl  # type: ignore[method-assign]
    return client


def test_a_worker_that_is_killed_half_way_loses_no_product(full: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    crawls.begin(full.shop, "catalogue")
    monkeypatch.setattr(crawl_slices, "client_of", lambda connection: killing(full.client, 1))
    with pytest.raises(Killed):
        crawl_slices.run_slice(the_crawl(full))
    known = len(skus(full))
    assert 0 < known < MANY
    monkeypatch.undo()
    monkeypatch.setattr("reverbsync.ratelimit.budget.BURST_SHARE", 50.0)
    seen_before = the_crawl(full).seen
    crawl = through(full)
    assert skus(full) == ALL
    assert crawl.seen == MANY > seen_before  # it went on where it was


def test_a_seller_stops_an_import_and_goes_on_later(full: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client()
    client.force_login(olivia())
    crawls.begin(full.shop, "catalogue")
    monkeypatch.setattr(crawl_slices, "SLICE_S", 0.0001)
    crawl_slices.run_slice(the_crawl(full))
    client.post(reverse("listings:act_on_crawl", args=[full.shop.pk, "catalogue", "stop"]))
    crawl = the_crawl(full)
    assert (crawl.state, crawl.due_at) == (Crawl.State.STOPPED, None)
    due = crawls.due(full.shop.pk)
    assert due is None or due.kind != "catalogue"
    assert "Stopped after" in client.get(reverse("listings:import", args=[full.shop.pk])).content.decode()
    monkeypatch.undo()
    monkeypatch.setattr("reverbsync.ratelimit.budget.BURST_SHARE", 50.0)
    assert through(full).seen == MANY


# -- what webhooks missed ------------------------------------------------------------------------------------------


def test_the_nightly_crawl_finds_what_changed_what_is_new_and_what_vanished(store: Store) -> None:
    if store.platform.push_only:
        pytest.skip("this platform pushes its products by itself")
    changed, gone, same = store.product("CHANGED"), store.product("GONE"), store.product("SAME")
    assert same
    crawls.plan(store.shop)
    through(store)
    Product.objects.update(pending_first_sync=False)
    store.set(changed, price="10.00")
    store.product("NEW")
    store.control.ask("DELETE", f"/products/{gone['id']}")
    crawl = through(store)
    assert (crawl.news, crawl.vanished) == (2, 1)
    assert set(Job.objects.values_list("product__sku", flat=True)) == {"CHANGED", "NEW", "GONE"}
    assert skus(store) == {"CHANGED", "NEW", "SAME"}


def test_a_product_that_no_page_showed_is_asked_for_before_it_counts_as_vanished(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    if store.platform.push_only:
        pytest.skip("this platform pushes its products by itself")
    store.product("A1")
    store.product("B1")
    crawls.plan(store.shop)
    through(store)
    client = store.client
    real = client.crawl

    def shifting(cursor: str, *, since: Any = None) -> Page:
        page = real(cursor, since=since)
        return Page(tuple(one for one in page.products if one.sku != "B1"), page.next, page.total)

    client.crawl = shifting  # type: ignore[method-assign]
    monkeypatch.setattr(crawl_slices, "client_of", lambda connection: client)
    assert through(store).vanished == 0
    assert skus(store) == {"A1", "B1"}


def test_a_change_that_no_webhook_reported_is_found_by_the_next_look(store: Store) -> None:
    if not store.platform.poll_every_s:
        pytest.skip("this platform pushes everything by itself")
    made = store.product()
    crawls.plan(store.shop)
    through(store)
    store.set(made, price="10.00")
    through(store, "changes")
    assert str(Product.objects.get().seen.price) == "10.00"
    assert Job.objects.count() == 1


def test_stock_that_moves_without_a_trace_is_found_by_the_stock_poll(store: Store) -> None:
    if not store.platform.stock_poll_every_s:
        pytest.skip("this platform dates or reports each change of stock")
    made = store.product()
    crawls.plan(store.shop)
    through(store)
    store.set(made, inventory_quantity=0)
    through(store, "stock")
    assert Product.objects.get().seen.stock == 0
    assert Job.objects.count() == 1


# -- limits and refusals -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("status", "body"), [(429, {"message": "Too Many Requests"}), (503, None), (500, None)])
def test_a_store_that_is_overloaded_is_left_alone_and_asked_again(
    full: Store, status: int, body: dict[str, str] | None
) -> None:
    full.control.fault("status", status=status, body=body, retry_after=2, times=1)
    crawls.begin(full.shop, "catalogue")
    crawl_slices.run_slice(the_crawl(full))
    crawl = the_crawl(full)
    assert crawl.failures == 1
    assert crawl.due_at is not None
    assert crawl.due_at > clock.now()
    assert skus(full) == set()


def test_a_store_that_refuses_our_keys_says_so_on_the_page_and_is_left_alone(full: Store) -> None:
    known = full.platform.keys(full.stand_in.token("contract"), full.stand_in.secret("contract"))
    StoreConnection.objects.update(token=wrong(known).token)
    crawls.begin(full.shop, "catalogue")
    crawl_slices.run_slice(the_crawl(full))
    crawl = the_crawl(full)
    assert crawl.note
    assert crawl.due_at is not None
    assert crawl.due_at > clock.now() + timedelta(hours=20)


def test_a_product_that_is_not_chosen_is_learnt_and_sent_nowhere(full: Store) -> None:
    SyncSettings.objects.filter(shop=full.shop).update(selection="chosen")
    full.shop.sync_settings.refresh_from_db()
    through(full)
    assert skus(full) == ALL
    assert selection.chosen(full.shop, Product.objects.all()) == []
    assert not Job.objects.exists()
