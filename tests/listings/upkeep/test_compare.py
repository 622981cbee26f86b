"""The regular comparison finds what Reverb shows wrongly without a due job, and agrees with what attempts compare."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from django.core.cache import cache

from listings.models import Job, Ledger, Listing, Product, Rank
from listings.sync import oversell_check
from listings.upkeep import compare
from reverbsync import clock
from shops.models import ReverbConnection, Shop, StoreConnection, SyncSettings
from shops.reverb.lists import BRAND_NEW
from shops.snapshots import ReverbListing
from tests.people import nora, olivia, product_of, shop_of

pytestmark = pytest.mark.django_db

USED = "ae4d9114-1bd7-4ec5-a4ba-6653af5ac84d"
LONG_AGO = timedelta(days=3)


@pytest.fixture(autouse=True)
def from_the_first() -> None:
    """Begin the round again."""
    cache.delete(compare._CURSOR_KEY)


@pytest.fixture
def shop() -> Shop:
    """Return Olivia's shop."""
    return shop_of(olivia())


def on_reverb(
    shop: Shop, number: int, *, stock: int | None, shown: int, ledger: bool = True, **changes: Any
) -> Product:
    """Return a product with a live listing of some units; `changes` are fields of product, listing or ledger."""
    product = product_of(shop, store_product_id=f"u{number}", sku=f"SKU-{number}", stock=stock)
    of_product = {"read_at": clock.now() - LONG_AGO, "looked_at": clock.now() - LONG_AGO, **changes.pop("product", {})}
    Product.objects.filter(pk=product.pk).update(**of_product)
    listing = ReverbListing(
        id=str(1000 + number),
        sku=product.sku,
        state="live",
        self_url="",
        web_url="",
        condition=BRAND_NEW,
        inventory=shown,
    )
    kept = replace(listing, **changes.pop("listing", {})).to_json()
    row = Listing.objects.create(product=product, shop=shop, sku=product.sku, reverb_id=listing.id, snapshot=kept)
    if ledger:
        units = stock or 0
        given = {
            "units": units,
            "store": units,
            "reverb": shown,
            "linked_at": clock.now(),
            **changes.pop("ledger_of", {}),
        }
        Ledger.objects.create(listing=row, **given)
    return Product.objects.get(pk=product.pk)


def opened() -> dict[int, int]:
    """Return the rank of each product's job after a slice."""
    compare.run_slice()
    return dict(Job.objects.values_list("product_id", "rank"))


def test_what_agrees_is_left_alone(shop: Shop) -> None:
    on_reverb(shop, 1, stock=3, shown=3)
    on_reverb(shop, 2, stock=0, shown=0, listing={"state": "sold"})
    assert opened() == {}


def test_what_is_gone_and_still_on_sale_is_urgent(shop: Shop) -> None:
    gone = on_reverb(shop, 1, stock=0, shown=5, ledger_of={"reverb": 0})
    fewer = on_reverb(shop, 2, stock=2, shown=5)
    more = on_reverb(shop, 3, stock=9, shown=5)
    assert opened() == {gone.pk: Rank.STOCK_TO_ZERO, fewer.pk: Rank.STOCK, more.pk: Rank.STOCK}
    assert set(Job.objects.values_list("trigger", flat=True)) == {"regular comparison"}


def test_a_job_that_waits_for_ever_is_woken_where_too_many_are_on_sale(shop: Shop) -> None:
    product = on_reverb(shop, 1, stock=0, shown=5)
    now = clock.now()
    Job.objects.create(product=product, shop=shop, rank=Rank.EDIT, due_at=now, opened_at=now, blocked=True)
    assert opened() == {product.pk: Rank.STOCK_TO_ZERO}
    assert not Job.objects.get().blocked


def test_what_has_a_job_that_comes_back_by_itself_is_left_to_it(shop: Shop) -> None:
    product = on_reverb(shop, 1, stock=0, shown=5)
    later = clock.now() + timedelta(minutes=5)
    Job.objects.create(product=product, shop=shop, rank=Rank.STOCK, due_at=later, opened_at=later)
    assert opened() == {product.pk: Rank.STOCK}


def test_what_was_compared_just_now_is_not_compared_again(shop: Shop) -> None:
    recent = {"looked_at": clock.now() - timedelta(minutes=5)}
    on_reverb(shop, 1, stock=0, shown=5, product=recent)
    on_reverb(shop, 2, stock=9, shown=5, product={"looked_at": clock.now() - timedelta(hours=5)})
    assert opened() == {}


def test_what_does_not_go_to_reverb_only_ends_there(shop: Shop) -> None:
    on_reverb(shop, 1, stock=2, shown=5, product={"pending_first_sync": True})
    on_reverb(shop, 2, stock=2, shown=5, product={"choice": "off"})
    gone = on_reverb(shop, 3, stock=0, shown=5, product={"pending_first_sync": True})
    assert opened() == {gone.pk: Rank.STOCK_TO_ZERO}


@pytest.mark.parametrize(
    "ledger",
    [
        {"units": 0, "store": 1},
        {"units": 2, "store": 1},
        {"units": -1, "store": 1},
        {"units": 1, "store": 1, "pending_adjustment": {"by": -1, "units": 2}},
    ],
)
def test_what_the_store_still_lacks_is_brought_to_it_whatever_goes_to_reverb(
    shop: Shop, ledger: dict[str, Any]
) -> None:
    shown: dict[str, Any] = {"shown": 0, "listing": {"state": "sold"}, "ledger_of": {"reverb": None, **ledger}}
    lacking = [
        on_reverb(shop, number, stock=ledger["store"], product=way, **deepcopy(shown))
        for number, way in enumerate([{}, {"pending_first_sync": True}, {"choice": "off"}])
    ]
    on_reverb(shop, 7, stock=None, **deepcopy(shown))  # not counted in the store
    on_reverb(shop, 8, stock=1, product={"gone_at": clock.now()}, **deepcopy(shown))
    on_reverb(shop, 9, stock=1, product={"looked_at": clock.now() - timedelta(minutes=5)}, **deepcopy(shown))
    rank = Rank.STOCK if ledger["units"] > 0 else Rank.STOCK_TO_ZERO
    assert opened() == {one.pk: rank for one in lacking}


@pytest.mark.parametrize("ledger", [{"units": 0, "store": 0}, {"units": -2, "store": -1}])
def test_a_store_that_has_what_it_is_to_have_is_left_alone(shop: Shop, ledger: dict[str, Any]) -> None:
    on_reverb(shop, 1, stock=ledger["store"], shown=0, listing={"state": "sold"}, ledger_of={"reverb": None, **ledger})
    assert opened() == {}


def test_a_store_that_leads_or_is_not_connected_lacks_nothing(shop: Shop) -> None:
    lacks: dict[str, Any] = {
        "stock": 1,
        "shown": 0,
        "listing": {"state": "sold"},
        "ledger_of": {"reverb": None, "units": 0, "store": 1},
    }
    other = shop_of(nora())
    on_reverb(shop, 1, **deepcopy(lacks))
    on_reverb(other, 2, **deepcopy(lacks))
    SyncSettings.objects.filter(shop=shop).update(stock_way="store")
    StoreConnection.objects.filter(shop=other).update(removed_at=clock.now())
    assert opened() == {}


@pytest.mark.parametrize("switch", ["auto_sync", "sync_stock"])
def test_where_the_seller_has_switched_it_off_nothing_is_compared(shop: Shop, switch: str) -> None:
    SyncSettings.objects.filter(shop=shop).update(**{switch: False})
    on_reverb(shop, 1, stock=0, shown=5)
    assert opened() == {}


def test_a_shop_without_a_working_account_is_left_out_and_others_are_not(shop: Shop) -> None:
    other = shop_of(nora())
    ReverbConnection.objects.filter(shop=other).update(problem="token_refused")
    on_reverb(other, 1, stock=0, shown=5)
    mine = on_reverb(shop, 2, stock=0, shown=5)
    assert list(opened()) == [mine.pk]


def test_turns_go_round_all_listings(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compare, "BATCH", 2)
    monkeypatch.setattr(compare, "SLICE_S", -1.0)
    products = [on_reverb(shop, n, stock=0, shown=1) for n in range(5)]
    assert [len(opened()) for _ in range(3)] == [2, 4, 5]
    Job.objects.all().delete()
    assert len(opened()) == 0  # the end of the round
    assert [len(opened()) for _ in range(3)] == [2, 4, 5]
    assert len(products) == 5


def test_it_agrees_with_what_an_attempt_compares(shop: Shop) -> None:
    """A few hundred listings by chance: both find the same of them to show too many."""
    luck = Random(7)
    SyncSettings.objects.filter(shop=shop).update(stock_buffer=1, stock_maximum=6)
    settings = SyncSettings.objects.get(shop=shop)
    wrote = clock.now() - timedelta(days=2)
    for number in range(300):
        units = luck.randint(-2, 8)
        on_reverb(
            shop,
            number,
            stock=luck.choice([None, 0, 1, 2, 3, 7, 2**31 - 1]),
            shown=luck.randint(0, 7),
            ledger=luck.random() < 0.8,
            listing={
                "state": luck.choice(
                    ["live", "live", "live", "sold", "ended", "draft", "suspended", "seller_unavailable"]
                ),
                "condition": luck.choice([BRAND_NEW, USED]),
                "has_inventory": luck.choice([None, True, False]),
                "inventory": luck.choice([None, 0, 1, 5]),
            },
            product={
                "gone_at": luck.choice([None, None, None, wrote]),
                "stock_buffer": luck.choice([None, None, 0, 3]),
                "stock_maximum": luck.choice([None, None, 0, 2]),
                "read_at": luck.choice([wrote - timedelta(days=1), wrote + timedelta(days=1)]),
            },
            ledger_of={
                "units": units,
                "store": luck.choice([units, units + 1, 0]),
                "reverb": None,
                "pending_adjustment": luck.choice(
                    [None, None, {"by": luck.choice([-1, 2]), "units": luck.randint(0, 7)}]
                ),
                "wrote_store_at": luck.choice([None, wrote]),
            },
        )
    expected = {}
    for row in Listing.objects.select_related("product", "ledger"):
        found = oversell_check.of(row, row.product, Ledger.of(row), settings)
        if found:
            expected[row.product_id] = found == oversell_check.Excess.ALL
    many = [one for one in compare.find(0, 1000) if one.product_id in expected or not one.store_lacks]
    assert {one.product_id: one.sold_out for one in many} == expected
    assert len(expected) > 50
