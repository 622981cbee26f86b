"""What a response says of a product against what is known: whether it is accepted, is news, and how urgent that is."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from listings.intake.observe import disappear, observe
from listings.intake.saving import Seen
from listings.models import Product, Rank
from shops.models import Shop, SyncSettings
from tests.people import NOON, snapshot

LATER = NOON + timedelta(minutes=1)
EARLIER = NOON - timedelta(minutes=1)


@pytest.fixture(autouse=True)
def at_noon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fix our clock, by which a read in the future is ignored."""
    monkeypatch.setattr("listings.models.product.clock.now", lambda: LATER)


def shop(**settings: Any) -> Shop:
    """Return an unsaved shop with its settings."""
    made = Shop(pk=1)
    SyncSettings(shop=made, **settings)
    return made


def known(**changes: Any) -> Product:
    """Return an unsaved product that was read at noon, with three units unless given."""
    rest = {name: changes.pop(name) for name in ("gone_at", "pending_first_sync", "reported_at") if name in changes}
    seen = snapshot(**{"stock": 3, **changes})
    return Product(pk=1, shop_id=1, store_product_id="21", snapshot=seen.to_json(), read_at=NOON, **rest)


def read(product: Product | None, at: datetime = LATER, *, first_import: bool = False, **said: Any) -> Seen:
    """Observe a response; it shows three units unless given."""
    response = snapshot(**{"stock": 3, **said})
    return observe(shop(), response, product, requested_at=at, reported_at=None, first_import=first_import)


@pytest.mark.parametrize(
    ("said", "news", "rank"),
    [
        ({}, False, Rank.EDIT),
        ({"title": "Fender Tele"}, True, Rank.EDIT),
        ({"stock": 2}, True, Rank.STOCK),
        ({"stock": 4}, True, Rank.STOCK),
        ({"stock": 0}, True, Rank.STOCK_TO_ZERO),
        ({"stock": -2}, True, Rank.STOCK_TO_ZERO),
        ({"stock": None}, True, Rank.STOCK_TO_ZERO),
        ({"for_sale": False}, True, Rank.STOCK_TO_ZERO),
        ({"stock": 0, "title": "Fender Tele"}, True, Rank.STOCK_TO_ZERO),
    ],
    ids=str,
)
def test_what_differs_is_news_and_its_urgency_is_that_of_its_units(
    said: dict[str, Any], news: bool, rank: Rank
) -> None:
    seen = read(known(), **said)
    assert (seen.read, seen.news, seen.rank, seen.new) == (True, news, rank, False)


def test_a_new_product_is_news_and_waits_if_the_first_import_found_it() -> None:
    for first in (True, False):
        seen = read(None, first_import=first)
        assert (seen.read, seen.news, seen.new, seen.rank) == (True, True, True, Rank.EDIT)
        assert seen.product.pending_first_sync is first


def test_a_change_ends_the_wait_for_the_first_sync() -> None:
    assert read(known(pending_first_sync=True)).product.pending_first_sync
    assert not read(known(pending_first_sync=True), title="Fender Tele").product.pending_first_sync


def test_an_earlier_read_changes_nothing() -> None:
    seen = read(known(), EARLIER, stock=0)
    assert (seen.read, seen.news, seen.product.seen.stock) == (False, False, 3)


@pytest.mark.parametrize(
    ("was", "stock", "dated", "at", "accepted"),
    [
        (NOON, 4, EARLIER, LATER, False),
        (NOON, 4, EARLIER, NOON + timedelta(minutes=6), True),
        (NOON, 2, EARLIER, LATER, True),
        (NOON, 4, LATER, LATER, True),
        (NOON, 4, None, LATER, True),
        (None, 4, EARLIER, LATER, True),
    ],
)
def test_more_units_are_not_believed_for_five_minutes_from_a_response_dated_before_the_known_one(
    was: datetime | None, stock: int, dated: datetime | None, at: datetime, accepted: bool
) -> None:
    product = known(dated=was)
    assert read(product, at, stock=stock, dated=dated).read is accepted
    assert product.seen.stock == (stock if accepted else 3)


def test_a_product_that_is_back_is_news() -> None:
    seen = read(known(gone_at=NOON))
    assert (seen.news, seen.product.gone_at, seen.rank) == (True, None, Rank.EDIT)


@pytest.mark.parametrize(
    ("days", "again"),
    [(-1, None), (1, NOON + timedelta(days=1, seconds=15)), (400, None)],
)
def test_a_product_is_read_again_just_after_a_date_that_its_store_names(days: int, again: datetime | None) -> None:
    seen = read(known(), changes_at=NOON + timedelta(days=days))
    assert (seen.product.next_change_at, seen.moved) == (again, again is not None)


@pytest.mark.parametrize("sure", [True, False])
def test_a_product_that_is_gone_is_urgent_and_read_again_unless_its_store_said_so(sure: bool) -> None:
    seen = disappear(known(), LATER, None, sure=sure)
    assert (seen.news, seen.rank, seen.product.gone_at) == (True, Rank.STOCK_TO_ZERO, LATER)
    assert (seen.product.next_change_at is None) is sure


def test_it_is_gone_only_once_and_not_for_an_earlier_read() -> None:
    assert not disappear(known(gone_at=NOON), LATER, None, sure=True).news
    seen = disappear(known(), EARLIER, None, sure=True)
    assert (seen.read, seen.product.gone_at) == (False, None)
