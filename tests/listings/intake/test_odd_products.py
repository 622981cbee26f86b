"""One odd product hides no other one: pages and readings are taken without it, and it is asked for again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from listings import tasks
from listings.intake import crawl_slices, crawls, read_again, rechecks, refresh, responses, stock_levels
from listings.models import Crawl, Job, Product, Rank, Recheck
from listings.upkeep.unprocessed import changed_while_off
from reverbsync import clock
from shops.events import ProductChanged
from shops.models import Shop
from shops.platforms.errors import TooLarge, TransientStoreError
from shops.platforms.values import Unread
from synclog.models import Entry
from tests.listings.catalogue import Catalogue
from tests.people import NOON, olivia, product_of, shop_of, snapshot

pytestmark = pytest.mark.django_db


class Now:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.at = NOON

    def __call__(self) -> datetime:
        return self.at

    def on(self, **span: float) -> None:
        """Move on."""
        self.at += timedelta(**span)


@pytest.fixture
def now() -> Iterator[Now]:
    """Stand at noon."""
    moment = Now()
    with clock.running_by(moment):
        yield moment


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Catalogue:
    """Answer in place of a store."""
    made = Catalogue()
    for module in (refresh, crawl_slices, read_again):
        monkeypatch.setattr(module, "client_of", lambda _: made)
    return made


@pytest.fixture
def shop(now: Now) -> Shop:
    """Return Olivia's shop."""
    return shop_of(olivia())


def crawl(shop: Shop, kind: str = "catalogue") -> Crawl:
    """Return a crawl as it is saved now."""
    return Crawl.objects.select_related("shop__store", "shop__sync_settings").get(shop=shop, kind=kind)


def through(shop: Shop, now: Now, kind: str = "catalogue", slices: int = 100) -> Crawl:
    """Crawl until it is through, waiting as long as it wants to."""
    crawls.begin(shop, kind)
    for _ in range(slices):
        found = crawl(shop, kind)
        if found.state != Crawl.State.RUNNING:
            break
        now.at = max(now.at, found.due_at or now.at)
        crawl_slices.run_slice(found)
    return crawl(shop, kind)


def skus(shop: Shop) -> set[str]:
    """Return the SKUs of all products that are known and not gone."""
    return set(Product.objects.filter(shop=shop, gone_at=None).values_list("sku", flat=True))


# -- rows of a page that cannot be read ----------------------------------------------------------------------------


def test_the_other_products_of_a_page_are_taken_and_the_odd_one_is_reported_once(
    shop: Shop, store: Catalogue, now: Now
) -> None:
    for number in (1, 2, 3):
        store.add(number)
    store.unreadable = {2}
    assert through(shop, now).state == Crawl.State.DONE
    through(shop, now)
    assert skus(shop) == {"SKU-1", "SKU-3"}
    entry = Entry.objects.get()
    assert (entry.reason, entry.outcome, entry.message) == ("not_readable", "skipped", "It could not be read at price.")
    assert crawl(shop).unread == 1


def test_a_product_that_became_unreadable_is_neither_changed_nor_gone(shop: Shop, store: Catalogue, now: Now) -> None:
    for number in (1, 2):
        store.add(number)
    through(shop, now)
    now.on(hours=24)
    store.unreadable = {2}
    done = through(shop, now)
    assert (done.state, done.vanished) == (Crawl.State.DONE, 0)
    assert skus(shop) == {"SKU-1", "SKU-2"}
    assert "product 2" not in store.requested


def test_what_could_not_be_read_is_asked_for_ever_more_rarely_and_forgotten_once_it_is_read(
    shop: Shop, store: Catalogue, now: Now
) -> None:
    store.add(2)
    store.unreadable = {2}
    through(shop, now)
    waits = []
    for _ in range(12):
        row = Recheck.objects.get()
        assert row.due_at is not None
        waits.append((row.due_at - now.at).total_seconds())
        now.at = row.due_at
        tasks.recheck(shop.pk)
    assert waits[:5] == [60, 60, 120, 240, 480]
    assert max(waits) == rechecks.LONGEST_DELAY.total_seconds()
    store.unreadable = set()
    now.on(hours=7)
    tasks.recheck(shop.pk)
    assert not Recheck.objects.exists()
    assert skus(shop) == {"SKU-2"}


def test_a_row_without_an_id_is_reported_and_asked_for_by_nobody(shop: Shop, store: Catalogue, now: Now) -> None:
    rechecks.unread(shop, [Unread("", "odd"), Unread("x" * 65, "odd")], now=NOON, trigger="a test")
    assert Recheck.objects.get().due_at is None
    assert rechecks.due(shop.pk) is None
    store.add(1)
    through(shop, now)
    assert not Recheck.objects.exists()


def test_a_store_that_is_away_says_nothing_about_a_product(shop: Shop, store: Catalogue, now: Now) -> None:
    store.add(2)
    store.unreadable = {2}
    through(shop, now)
    now.on(minutes=2)
    store.down = True
    for _ in range(3):
        tasks.recheck(shop.pk)
        now.on(seconds=61)
    row = Recheck.objects.get()
    assert (row.tries, row.words) == (0, "It could not be read at price.")


def test_an_event_of_an_unreadable_product_fails_no_other_event(shop: Shop, store: Catalogue) -> None:
    store.add(1)
    store.unreadable = {2}
    assert refresh.take(shop, {ProductChanged("2"): "a", ProductChanged("1"): "b"}) == {}
    assert skus(shop) == {"SKU-1"}
    assert Recheck.objects.get().store_parent_id == "2"


def test_a_mistake_of_ours_about_one_event_fails_no_other_event(
    shop: Shop, store: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = store.products

    def broken(parent_id: str) -> Any:
        if parent_id == "2":
            raise ZeroDivisionError
        return real(parent_id)

    store.add(1)
    monkeypatch.setattr(store, "products", broken)
    failed = refresh.take(shop, {ProductChanged("2"): "a", ProductChanged("1"): "b"})
    assert list(failed) == [ProductChanged("2")]
    assert skus(shop) == {"SKU-1"}


def test_a_product_of_the_first_import_that_is_read_late_waits_for_the_seller_like_all_others(
    shop: Shop, store: Catalogue, now: Now
) -> None:
    for number in (1, 2):
        store.add(number)
    store.unreadable = {2}
    through(shop, now)
    store.unreadable = set()
    now.on(minutes=2)
    tasks.recheck(shop.pk)
    assert skus(shop) == {"SKU-1", "SKU-2"}
    assert Product.objects.filter(pending_first_sync=True).count() == 2
    assert not Job.objects.exists()


def test_a_product_that_no_page_showed_waits_for_the_seller_still(shop: Shop, store: Catalogue, now: Now) -> None:
    store.add(1)
    through(shop, now)
    now.on(hours=24)
    hidden = store.rows.pop(1)
    store.crawl = _and_then(store.crawl, lambda: store.rows.update({1: hidden}))  # type: ignore[method-assign]
    through(shop, now)
    assert Product.objects.get().pending_first_sync
    assert not Job.objects.exists()


def _and_then(real: Any, then: Any) -> Any:
    def crawl(*args: Any, **named: Any) -> Any:
        found = real(*args, **named)
        then()
        return found

    return crawl


# -- rows that the database refuses --------------------------------------------------------------------------------

ODD: dict[str, dict[str, Any]] = {
    "a long id": {"store_product_id": "9" * 65},
    "a long parent id": {"store_parent_id": "9" * 65},
    "half a pair in an id": {"store_product_id": "\ud83c"},
    "NUL in an id": {"store_stock_id": "3\0"},
    "no id": {"store_product_id": ""},
    "a price of 29 digits": {"price": Decimal("9" * 29)},
    "no number as a price": {"price": Decimal("NaN")},
    "no number as an attribute": {"attributes": {"weight": float("nan")}},
    "bytes as an attribute": {"attributes": {"weight": b"5"}},
    "a list as a title": {"title": ["Strat"]},
    "a number as an id": {"store_product_id": 9},
}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_a_row_that_cannot_be_kept_hides_no_other_row(shop: Shop, odd: dict[str, Any]) -> None:
    good = [snapshot(store_product_id=f"u{n}", store_parent_id=f"{n}", sku=f"GOOD-{n}") for n in (1, 2)]
    bad = snapshot(**{"store_product_id": "bad", "store_parent_id": "7", "sku": "BAD", **odd})
    kept = responses.keep(
        shop, [good[0], bad, good[1]], parent_ids=["1", "7", "2"], requested_at=NOON, trigger="a test"
    )
    assert skus(shop) == {"GOOD-1", "GOOD-2"}
    assert (kept.news, len(kept.unread)) == (2, 1)
    assert Job.objects.count() == 2
    assert Recheck.objects.count() == 1


FITTING: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "half a pair in a title": ({"title": "Strat \ud83c"}, {"title": "Strat \ufffd"}),
    "NUL in a SKU": ({"sku": "A\0" + "1"}, {"sku": "A1"}),
    "a title of 40,000 letters": ({"title": "é" * 40_000}, {"title": "é" * 600}),
    "a SKU of 300 letters": ({"sku": "A" * 300}, {"sku": "A" * 255}),
    "NUL in a collection": ({"collections": ("a\0",)}, {}),
    "half a pair in the name of an attribute": ({"attributes": {"\udc00": "x"}}, {}),
    "more stock than a number holds": ({"stock": 10**12}, {}),
}


@pytest.mark.parametrize(("odd", "shown"), FITTING.values(), ids=FITTING)
def test_texts_are_cut_and_cleaned_to_what_the_database_holds(
    shop: Shop, odd: dict[str, Any], shown: dict[str, Any]
) -> None:
    kept = responses.keep(shop, [snapshot(**odd)], parent_ids=["11"], requested_at=NOON, trigger="a test")
    assert not kept.unread
    row = Product.objects.get()
    assert {name: getattr(row, name) for name in shown} == shown
    assert (row.seen.stock or 0) < 2**31


def test_of_two_rows_with_one_id_the_one_with_fewer_units_counts(shop: Shop) -> None:
    rows = [snapshot(stock=4), snapshot(stock=1), snapshot(stock=3)]
    responses.keep(shop, rows, parent_ids=["11"], requested_at=NOON, trigger="a test")
    assert Product.objects.get().seen.stock == 1


def test_a_variant_is_not_gone_because_its_sibling_could_not_be_kept(shop: Shop) -> None:
    product_of(shop, store_product_id="21", sku="A1")
    product_of(shop, store_product_id="22", sku="A2")
    rows = [snapshot(store_product_id="21", price=Decimal("NaN"))]
    responses.keep(shop, rows, parent_ids=["11"], requested_at=NOON + timedelta(minutes=1), trigger="a test")
    assert skus(shop) == {"A1", "A2"}


def test_a_snapshot_that_cannot_be_read_any_more_is_replaced_by_the_next_reading(shop: Shop) -> None:
    broken = product_of(shop)
    Product.objects.filter(pk=broken.pk).update(snapshot={"price": "?"})
    rows = [snapshot(), snapshot(store_product_id="22", sku="A2")]
    kept = responses.keep(shop, rows, parent_ids=["11"], requested_at=NOON, trigger="a test")
    assert (kept.news, kept.unread) == (2, ())
    assert Product.objects.get(sku="A1").seen == snapshot()


def test_an_odd_id_in_a_stock_poll_hides_no_other(shop: Shop) -> None:
    product_of(shop)
    said: Any = {"21": 1, "\0": 5, "\ud800": 5, "9" * 9000: 7}
    assert stock_levels.keep(shop, said, requested_at=NOON + timedelta(minutes=1), trigger="a test") == 1
    assert Product.objects.get().seen.stock == 1


# -- pages of any size ---------------------------------------------------------------------------------------------


def test_a_page_that_is_too_large_is_read_in_smaller_ones_and_one_product_left_out_at_worst(
    shop: Shop, store: Catalogue, now: Now
) -> None:
    for number in range(1, 151):
        store.add(number)
    store.large = {30}
    done = through(shop, now)
    assert (done.state, done.failures, done.unread, done.page_size) == (Crawl.State.DONE, 0, 1, 0)
    assert skus(shop) == {f"SKU-{number}" for number in range(1, 151) if number != 30}
    assert Recheck.objects.get().words == "The store: its answer is too large."
    assert [one for one in store.requested if one.startswith("skip")] == ["skip after 29"]


def test_many_descriptions_with_pasted_photos_need_smaller_pages_only(
    shop: Shop, store: Catalogue, now: Now, monkeypatch: pytest.MonkeyPatch
) -> None:
    def trouble(products: int) -> None:
        if products > 20:
            raise TooLarge("The store: its answer is too large.")

    for number in range(1, 101):
        store.add(number)
    store.trouble = trouble
    done = through(shop, now)
    assert (done.state, done.unread, done.failures) == (Crawl.State.DONE, 0, 0)
    assert len(skus(shop)) == 100


def test_a_store_that_fails_at_one_product_only_is_crawled_without_it(shop: Shop, store: Catalogue, now: Now) -> None:
    for number in range(1, 51):
        store.add(number)
    store.failing = {20}
    done = through(shop, now)
    assert (done.state, done.note) == (Crawl.State.DONE, "")
    assert len(skus(shop)) == 49
    assert Recheck.objects.get().store_parent_id == "20"


def test_a_store_that_is_away_loses_no_product_from_a_crawl(shop: Shop, store: Catalogue, now: Now) -> None:
    for number in range(1, 51):
        store.add(number)
    store.down = True
    assert through(shop, now, slices=8).state == Crawl.State.RUNNING
    store.down = False
    through(shop, now)
    assert len(skus(shop)) == 50
    assert not Recheck.objects.exists()


def test_a_page_of_many_calls_of_which_some_fail_makes_progress(shop: Shop, store: Catalogue, now: Now) -> None:
    calls = [0]

    def trouble(products: int) -> None:
        for _ in range(products + 1):
            calls[0] += 1
            if calls[0] % 33 == 0:
                raise TransientStoreError("The store answered 502.")

    for number in range(1, 201):
        store.add(number)
    store.trouble = trouble
    began = now.at
    assert through(shop, now).state == Crawl.State.DONE
    assert len(skus(shop)) == 200
    assert now.at - began < timedelta(minutes=2)


def test_a_product_at_which_the_store_always_fails_keeps_no_vanished_one_from_being_noticed(
    shop: Shop, store: Catalogue, now: Now
) -> None:
    for number in (1, 2, 3):
        store.add(number)
    through(shop, now)
    now.on(hours=24)
    del store.rows[3], store.rows[2]
    store.failing = {2}
    done = through(shop, now)
    assert (done.state, done.vanished) == (Crawl.State.DONE, 1)
    assert skus(shop) == {"SKU-1", "SKU-2"}


# -- what is news --------------------------------------------------------------------------------------------------


def test_a_crawl_that_brings_no_news_opens_no_job_when_settings_are_saved(
    shop: Shop, store: Catalogue, now: Now
) -> None:
    for number in (1, 2):
        store.add(number)
    through(shop, now)
    now.on(minutes=1)
    Product.objects.update(pending_first_sync=False, looked_at=now.at)
    now.on(hours=24)
    store.rows[2][0] = snapshot(**{**store.rows[2][0].__dict__, "title": "New"})
    shop.sync_settings.auto_sync = False
    shop.sync_settings.save()
    through(shop, now)
    assert [one.sku for one in changed_while_off(shop)] == ["SKU-2"]


def test_changes_that_came_while_auto_sync_was_off_wait_behind_edits(shop: Shop, store: Catalogue, now: Now) -> None:
    product_of(shop)
    Shop.objects.update(recheck_requested=True)
    tasks.review_shop(shop.pk)
    assert Job.objects.get().rank == Rank.CATALOGUE


# -- what the seller sees ------------------------------------------------------------------------------------------


def test_the_import_page_names_what_could_not_be_read_and_tries_again_at_a_press(
    shop: Shop, store: Catalogue, now: Now
) -> None:
    for number in (1, 2):
        store.add(number)
    store.unreadable = {2}
    crawls.plan(shop)
    through(shop, now)
    client = Client()
    client.force_login(olivia())
    shown = client.get(reverse("listings:import", args=[shop.pk])).content.decode()
    assert "1 product couldn't be read" in shown
    assert "Product 2: It could not be read at price." in shown
    store.unreadable = set()
    assert client.post(reverse("listings:read_again", args=[shop.pk])).status_code == 302
    tasks.recheck(shop.pk)
    assert "couldn't be read" not in client.get(reverse("listings:import", args=[shop.pk])).content.decode()
