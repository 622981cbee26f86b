"""After settings or a connection changed, a shop is gone through in batches, in the background."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from datetime import timedelta

import pytest

from listings import tasks
from listings.models import Job, Ledger, Listing, Product, Rank, Review
from listings.queue import jobs
from listings.sync import recover
from listings.upkeep import review
from reverbsync import clock
from reverbsync.dispatch import wake
from shops import recheck
from shops.models import Shop, SyncSettings
from tests.listings.woken import Woken
from tests.people import NOON, nora, olivia, product_of, shop_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def woken(monkeypatch: pytest.MonkeyPatch) -> Iterator[Woken]:
    """Run what follows a commit at once, and collect wake-ups."""
    monkeypatch.setattr("django.db.transaction.on_commit", lambda run: run())
    made = Woken()
    with wake.carried_by(made):
        yield made


@pytest.fixture
def shop() -> Shop:
    """Return Olivia's shop."""
    return shop_of(olivia())


def products(shop: Shop, count: int) -> list[Product]:
    """Return products that nobody has looked at."""
    return [product_of(shop, store_product_id=f"{n}", store_parent_id=f"{n}", sku=f"S{n}") for n in range(count)]


def listed(product: Product, *, units: int = 3) -> None:
    """Let a product be live on Reverb with the number of units that both sides agreed on."""
    row = Listing.objects.create(
        product=product, shop=product.shop, sku=product.sku, reverb_id=f"{product.pk}", state="live", read_at=NOON
    )
    row.snapshot = {"has_inventory": True}
    row.save()
    Ledger.objects.create(listing=row, units=units, store=units, reverb=units, linked_at=NOON)


def through(shop: Shop) -> int:
    """Go through the shop; return how many slices that took."""
    for slices in range(1, 100):
        tasks.review_shop(shop.pk)
        if review.due(shop.pk) is None:
            return slices
    raise AssertionError("the review does not end")


def ranks(shop: Shop) -> list[int]:
    """Return the ranks of the shop's jobs, in the order of its products."""
    return list(Job.objects.filter(shop=shop).order_by("product").values_list("rank", flat=True))


def test_the_sweep_only_wakes_the_review_and_touches_no_product(woken: Woken, shop: Shop) -> None:
    products(shop, 3)
    recheck.look_again(shop)
    tasks.sweep()
    assert (review.REVIEW, shop.pk) in woken.found
    assert not Job.objects.exists()
    assert Shop.objects.get(pk=shop.pk).recheck_requested


def test_a_review_waits_on_the_queue_of_bulk_work() -> None:
    assert wake.queue_of(review.REVIEW) == "sync"


def test_products_that_changed_come_at_the_rank_of_a_mass_sync_and_those_whose_stock_is_at_stake_before(
    woken: Woken, shop: Shop
) -> None:
    edited, fewer, last, _ = products(shop, 4)
    for product in (edited, fewer, last):
        listed(product)
    for product, stock in ((fewer, 2), (last, 0)):
        product.snapshot["stock"] = stock
        product.save()
    recheck.look_again(shop)
    through(shop)
    assert ranks(shop) == [Rank.CATALOGUE, Rank.STOCK, Rank.STOCK_TO_ZERO, Rank.CATALOGUE]


def test_a_buffer_that_was_saved_is_a_matter_of_stock(woken: Woken, shop: Shop) -> None:
    [product] = products(shop, 1)
    listed(product)
    Product.objects.update(looked_at=clock.now())
    SyncSettings.objects.filter(shop=shop).update(stock_buffer=1)
    recheck.look_again(shop)
    through(shop)
    assert ranks(shop) == [Rank.STOCK]


def test_a_product_that_the_store_does_not_sell_and_that_has_no_listing_is_left_alone(woken: Woken, shop: Shop) -> None:
    sold, unsold = products(shop, 2)
    unsold.snapshot["for_sale"] = False
    unsold.save()
    Product.objects.update(looked_at=clock.now())
    recheck.look_again(shop)
    through(shop)
    assert [job.product for job in Job.objects.all()] == [sold]


def test_jobs_that_wait_for_the_seller_are_due_at_once(woken: Woken, shop: Shop) -> None:
    for product in products(shop, 3):
        jobs.look_again([product], rank=Rank.EDIT, trigger="test", now=NOON)
    Job.objects.update(blocked=True, attempts=7)
    Product.objects.update(looked_at=clock.now())
    recheck.look_again(shop)
    through(shop)
    assert list(Job.objects.values_list("blocked", "attempts")) == [(False, 0)] * 3


def test_a_shop_of_any_size_is_gone_through_in_short_turns_that_others_come_between(
    woken: Woken, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(review, "BATCH_SIZE", 2)
    monkeypatch.setattr(review, "SLICE_S", 1e-9)
    products(shop, 7)
    recheck.look_again(shop)
    assert through(shop) > 4
    assert len(ranks(shop)) == 7
    assert (review.REVIEW, shop.pk) in woken.found
    assert not Review.objects.exists()


def test_a_worker_that_dies_in_the_middle_loses_nothing(
    woken: Woken, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(review, "BATCH_SIZE", 2)
    products(shop, 5)
    recheck.look_again(shop)
    look_at, spans = review._look_at, []

    def dies(of: Shop, span: object) -> None:
        spans.append(span)
        if len(spans) == 2:
            raise KeyboardInterrupt
        look_at(of, span)  # type: ignore[arg-type]

    monkeypatch.setattr(review, "_look_at", dies)
    with pytest.raises(KeyboardInterrupt):
        tasks.review_shop(shop.pk)
    assert len(ranks(shop)) == 2
    through(shop)
    assert len(ranks(shop)) == 5
    assert spans[2] == spans[1]  # it goes on from where it was


def test_settings_that_are_saved_meanwhile_start_it_over(
    woken: Woken, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(review, "BATCH_SIZE", 1)
    monkeypatch.setattr(review, "SLICE_S", 1e-9)
    first, _ = products(shop, 2)
    Product.objects.filter(pk=first.pk).update(looked_at=clock.now())
    recheck.look_again(shop)
    while not Job.objects.exists():
        tasks.review_shop(shop.pk)
    Product.objects.filter(pk=first.pk).update(looked_at=None)
    recheck.look_again(shop)
    through(shop)
    assert len(ranks(shop)) == 2


def test_a_review_that_breaks_is_tried_again_later_and_keeps_no_other_shop_from_its_own(
    woken: Woken, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = shop_of(nora())
    products(shop, 1), products(other, 1)
    look_at = review._look_at

    def breaks(of: Shop, span: object) -> None:
        if of.pk == shop.pk:
            raise ValueError("a row that cannot be read")
        look_at(of, span)  # type: ignore[arg-type]

    monkeypatch.setattr(review, "_look_at", breaks)
    now = clock.now()
    with clock.running_by(lambda: now):
        for one in (shop, other):
            recheck.look_again(one)
            tasks.review_shop(one.pk)
        assert (ranks(shop), ranks(other)) == ([], [Rank.CATALOGUE])
        assert review.due(shop.pk) is None
    monkeypatch.setattr(review, "_look_at", look_at)
    with clock.running_by(lambda: now + timedelta(minutes=1)):
        through(shop)
    assert ranks(shop) == [Rank.CATALOGUE]


def test_a_step_of_the_sweep_that_breaks_stops_no_other_step(
    woken: Woken, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks() -> None:
        raise ValueError("one row")

    jobs.look_again(products(shop, 1), rank=Rank.STOCK, trigger="test", now=NOON)
    woken.found.clear()
    monkeypatch.setattr(recover, "free", breaks)
    with pytest.raises(ValueError, match="one row"):
        tasks.sweep()
    assert (jobs.DRAIN_URGENT, shop.pk) in woken.found


def test_a_second_worker_does_not_wait_for_the_one_that_is_at_it(
    woken: Woken, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    products(shop, 1)
    recheck.look_again(shop)
    monkeypatch.setattr("reverbsync.dispatch.slices.try_lock", lambda *_: nullcontext(False))
    tasks.review_shop(shop.pk)
    assert not Job.objects.exists()
    assert Shop.objects.get(pk=shop.pk).recheck_requested
