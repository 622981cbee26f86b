"""Orders on Reverb become one row each, and a job where our stock has still to count them."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import TestCase

from listings import tasks
from listings.models import Job, Ledger, Listing, Order, Product, Rank
from listings.orders import precedence
from listings.orders.ingest import take
from listings.orders.uncounted import uncounted
from reverbsync import clock
from shops.models import Shop, SyncSettings
from shops.snapshots import ReverbOrder
from synclog.models import Entry
from tests.people import NOON, nora, olivia, product_of, shop_of

BUYER = {"buyer": "Bob Buyer", "buyer_id": "7", "address": {"name": "Bob Buyer", "city": "Chicago"}}


def order(**changes: Any) -> ReverbOrder:
    """Return what Reverb says of an order of one unit of listing 501, placed at noon."""
    said: dict[str, Any] = {
        "number": "9001",
        "listing_id": "501",
        "sku": "A1",
        "title": "Fender Strat",
        "quantity": 1,
        "status": "paid",
        "placed_at": NOON,
        "updated_at": NOON,
        "total": Decimal("849.90"),
        **BUYER,
    }
    return ReverbOrder(**{**said, **changes})


def listed(
    shop: Shop, *, units: int | None = 3, linked_at: datetime = NOON - timedelta(days=1), **more: Any
) -> Product:
    """Return a product whose listing is 501; `units` None: its stock has no ledger yet."""
    product = product_of(shop, **more)
    listing = Listing.objects.create(product=product, shop=shop, sku=product.sku, reverb_id="501")
    if units is not None:
        Ledger.objects.create(listing=listing, units=units, store=units, reverb=units, linked_at=linked_at)
    return product


def ranks() -> list[int]:
    """Return the ranks of all open jobs."""
    return list(Job.objects.values_list("rank", flat=True))


def later(minutes: float = 1) -> datetime:
    """Return a moment after noon."""
    return NOON + timedelta(minutes=minutes)


# -- which snapshot is the newer one --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "known", "newer"),
    [
        ("shipped", "paid", True),
        ("cancelled", "paid", True),
        ("cancelled", "refunded", True),
        ("paid", "unpaid", True),
        ("blocked", "paid", True),
        ("paid", "blocked", True),
        ("paid", "cancelled", False),
        ("unpaid", "paid", False),
        ("something new", "paid", True),
    ],
)
def test_of_two_snapshots_of_one_second_the_one_that_is_further_along_counts(
    status: str,
    known: str,
    newer: bool,
) -> None:
    assert precedence.is_newer(order(status=status), status=known, updated_at=NOON) is newer


def test_an_older_snapshot_is_never_newer_and_a_newer_one_always() -> None:
    assert not precedence.is_newer(order(status="cancelled"), status="unpaid", updated_at=later())
    assert precedence.is_newer(order(status="unpaid"), status="cancelled", updated_at=NOON - timedelta(seconds=1))


@pytest.mark.parametrize("status", ["unpaid", "payment_pending", "pending_review", "paid", "shipped", "never heard of"])
def test_an_order_takes_its_units_from_the_moment_it_is_placed(status: str) -> None:
    assert precedence.wanted(status, 2) == 2


@pytest.mark.parametrize("status", ["cancelled", "refunded", "blocked"])
def test_an_order_that_is_off_takes_none(status: str) -> None:
    assert precedence.wanted(status, 2) == 0


# -- rows and jobs -------------------------------------------------------------------------------------------------


@pytest.mark.django_db
class TestTaking:
    """A shop of Olivia's, at noon."""

    @pytest.fixture
    def shop(self) -> Any:
        """Return the shop."""
        with clock.running_by(lambda: NOON):
            yield Shop.objects.select_related("sync_settings").get(pk=shop_of(olivia()).pk)

    def test_a_sale_opens_a_job_for_its_product(self, shop: Shop) -> None:
        product = listed(shop)
        take(shop, [order()], trigger="test")
        row = Order.objects.get()
        assert (row.product, row.counts, row.counted, row.status) == (product, True, 0, "paid")
        assert ranks() == [Rank.STOCK]

    def test_a_sale_that_may_sell_out_comes_before_everything_else(self, shop: Shop) -> None:
        listed(shop, units=2)
        take(shop, [order(), order(number="9002")], trigger="test")
        assert ranks() == [Rank.STOCK_TO_ZERO]

    def test_the_same_order_read_again_is_one_row_and_no_job(self, shop: Shop) -> None:
        listed(shop)
        take(shop, [order(), order()], trigger="test")
        Job.objects.all().delete()
        take(shop, [order()], trigger="test")
        assert Order.objects.count() == 1
        assert ranks() == []

    def test_a_sale_without_dates_is_of_when_it_was_first_read_and_changes_with_its_status_only(
        self, shop: Shop
    ) -> None:
        listed(shop)
        take(shop, [order(dated=False)], trigger="test")
        assert Order.objects.get().counts
        for minute, status in ((5, "paid"), (10, "cancelled"), (15, "paid")):
            now = later(minute)
            take(shop, [order(dated=False, status=status, placed_at=now, updated_at=now)], trigger="test")
        row = Order.objects.get()
        assert (row.placed_at, row.updated_at, row.status) == (NOON, later(10), "cancelled")

    def test_a_shipped_order_is_saved_but_moves_no_stock(self, shop: Shop) -> None:
        listed(shop)
        take(shop, [order()], trigger="test")
        Order.objects.update(counted=1, reckoned="paid")
        Job.objects.all().delete()
        take(shop, [order(status="shipped", updated_at=later())], trigger="test")
        assert Order.objects.get().status == "shipped"
        assert ranks() == []

    def test_a_cancelled_order_gives_back_what_was_counted(self, shop: Shop) -> None:
        listed(shop)
        take(shop, [order()], trigger="test")
        Order.objects.update(counted=1)
        Job.objects.all().delete()
        take(shop, [order(status="cancelled", updated_at=later())], trigger="test")
        assert ranks() == [Rank.STOCK]

    def test_what_an_order_that_was_cancelled_before_we_knew_of_it_did_to_the_number_is_looked_at(
        self, shop: Shop
    ) -> None:
        listed(shop)
        take(shop, [order(status="cancelled")], trigger="test")
        assert Order.objects.get().counts
        assert ranks() == [Rank.STOCK]

    def test_an_older_snapshot_never_replaces_a_newer_one(self, shop: Shop) -> None:
        listed(shop)
        take(shop, [order(status="cancelled", updated_at=later())], trigger="test")
        take(shop, [order()], trigger="test")
        assert Order.objects.get().status == "cancelled"

    def test_a_listing_is_found_by_its_sku_where_its_id_is_unknown(self, shop: Shop) -> None:
        product = listed(shop)
        take(shop, [order(listing_id="777")], trigger="test")
        assert Order.objects.get().product == product

    def test_an_order_of_an_unknown_listing_is_kept_and_linked_once_the_listing_is_known(self, shop: Shop) -> None:
        take(shop, [order()], trigger="test")
        assert (Order.objects.get().product, Order.objects.get().counts) == (None, False)
        product = listed(shop, linked_at=later(0.5))
        take(shop, [order()], trigger="test")
        assert (Order.objects.get().product, Order.objects.get().counts) == (product, True)
        assert len(ranks()) == 1

    def test_an_order_from_before_its_listing_was_linked_is_none_of_our_stocks_business(self, shop: Shop) -> None:
        listed(shop, linked_at=later(61))
        take(shop, [order()], trigger="test")
        assert not Order.objects.get().counts
        assert ranks() == []

    def test_while_auto_sync_is_off_orders_are_kept_and_counted_when_it_is_on_again(self, shop: Shop) -> None:
        product = listed(shop)
        shop.sync_settings.auto_sync = False
        take(shop, [order()], trigger="test")
        assert ranks() == []
        assert uncounted(shop) == [product]
        Shop.objects.update(recheck_requested=True)
        tasks.review_shop(shop.pk)
        assert ranks() == [Rank.STOCK]
        assert uncounted(shop) == []  # its job is open

    def test_names_and_addresses_are_not_kept(self, shop: Shop) -> None:
        listed(shop)
        take(shop, [order()], trigger="test")
        kept = ReverbOrder.from_json(Order.objects.get().snapshot)
        assert (kept.buyer, kept.buyer_id, kept.address) == ("", "", None)
        assert kept.total == Decimal("849.90")

    def test_names_and_addresses_are_kept_while_orders_are_made_in_the_store(self, shop: Shop) -> None:
        SyncSettings.objects.filter(shop=shop).update(take_orders=True)
        shop.refresh_from_db()
        take(shop, [order()], trigger="test")
        assert ReverbOrder.from_json(Order.objects.get().snapshot).address == BUYER["address"]

    def test_orders_of_another_shop_are_left_alone(self, shop: Shop) -> None:
        take(shop_of(nora()), [order()], trigger="test")
        listed(shop)
        take(shop, [order(status="cancelled", updated_at=later())], trigger="test")
        assert sorted(Order.objects.values_list("status", flat=True)) == ["cancelled", "paid"]

    def test_a_job_is_woken_only_with_its_order(self, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
        listed(shop)
        sent: list[Any] = []
        monkeypatch.setattr("reverbsync.dispatch.wake._Celery.send", lambda _, *args: sent.append(args))
        with TestCase.captureOnCommitCallbacks(execute=True):
            take(shop, [order()], trigger="test")
            assert sent == []
        assert sent == [("listings.drain_urgent", shop.pk)]


# -- an odd order hides no other -----------------------------------------------------------------------------------

ODD: list[dict[str, Any]] = [
    {"title": "Strat\0"},
    {"title": "Strat \ud83c"},
    {"buyer": "Bob \ud83c"},
    {"sku": "A1\0"},
    {"currency": ["USD"]},
    {"address": {"name": float("nan")}},
    {"listing_id": "5" * 40},
    {"placed_at": None},
    {"quantity": 10**12},
    {"quantity": -1},
    {"number": "9" * 80},
]


@pytest.mark.django_db
class TestOddOrders:
    """A page of three orders of which one is odd."""

    @pytest.mark.parametrize("odd", ODD, ids=lambda odd: next(iter(odd)))
    def test_an_odd_order_hides_no_other_and_is_taken_or_reported(self, odd: dict[str, Any]) -> None:
        with clock.running_by(lambda: NOON):
            shop = Shop.objects.select_related("sync_settings").get(pk=shop_of(olivia()).pk)
            take(shop, [order(number="1"), order(**{"number": "2", **odd}), order(number="3")], trigger="test")
            take(shop, [order(number="1"), order(**{"number": "2", **odd}), order(number="3")], trigger="test")
        taken = set(Order.objects.values_list("number", flat=True))
        assert {"1", "3"} <= taken
        logged = list(Entry.objects.values_list("reason", "title"))
        assert (len(taken) == 3) != (logged == [("sale_not_readable", "Order 2")])

    def test_of_an_order_whose_side_fields_are_odd_the_units_count(self) -> None:
        with clock.running_by(lambda: NOON):
            shop = Shop.objects.select_related("sync_settings").get(pk=shop_of(olivia()).pk)
            listed(shop)
            take(shop, [order(title="Strat \0", quantity=2)], trigger="test")
        assert (Order.objects.get().quantity, Job.objects.count()) == (2, 1)

    def test_one_odd_order_alone_raises_so_that_its_webhook_is_counted(self) -> None:
        shop = Shop.objects.select_related("sync_settings").get(pk=shop_of(olivia()).pk)
        with pytest.raises(TypeError):
            take(shop, [order(placed_at=None)], trigger="test")
