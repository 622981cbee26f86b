"""Prices by tier, date and rule."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from shops.platforms.magento2 import prices, sources
from shops.platforms.magento2.prices import Tier
from shops.platforms.magento2.sources import SourceItem
from tests.shops.platforms.conftest import Store

only = pytest.mark.parametrize("store", ["magento2"], indirect=True)


CHICAGO = ZoneInfo("America/Chicago")


def paid(special: str = "", begins: str = "", ends: str = "", *tiers: dict[str, Any], at: datetime) -> Decimal:
    """Return what a visitor of website 1 pays for a product of 500."""
    rows = [Tier.model_validate(one) for one in tiers]
    return prices.price(Decimal("500.00"), special, begins, ends, rows, website=1, now=at)


@pytest.mark.parametrize(
    ("at", "price"),
    [
        (datetime(2026, 11, 27, 23, 59, tzinfo=CHICAGO), 500),
        (datetime(2026, 11, 28, 0, 0, tzinfo=CHICAGO), 400),
        (datetime(2026, 11, 30, 23, 59, 59, tzinfo=CHICAGO), 400),
        (datetime(2026, 12, 1, 0, 0, tzinfo=CHICAGO), 500),
    ],
)
def test_a_special_price_holds_for_the_days_of_the_stores_own_clock(at: datetime, price: int) -> None:
    assert paid("400.0000", "2026-11-28 00:00:00", "2026-11-30 00:00:00", at=at) == price


def test_the_next_date_of_a_special_price_is_named() -> None:
    dates = ("400", "2026-11-28 00:00:00", "2026-11-30 00:00:00")
    before, within = datetime(2026, 11, 1, tzinfo=CHICAGO), datetime(2026, 11, 29, tzinfo=CHICAGO)
    assert prices.changes_at(*dates, now=before) == datetime(2026, 11, 28, 6, tzinfo=UTC)
    assert prices.changes_at(*dates, now=within) == datetime(2026, 12, 1, 6, tzinfo=UTC)
    assert prices.changes_at(*dates, now=within + timedelta(days=9)) is None
    assert prices.changes_at("", *dates[1:], now=before) is None


@pytest.mark.parametrize(
    ("tier", "price"),
    [
        ({"customer_group_id": 32000, "qty": 1, "value": 77}, 77),
        ({"customer_group_id": 0, "qty": 1, "value": 77, "extension_attributes": {"website_id": 1}}, 77),
        ({"customer_group_id": 32000, "qty": 5, "value": 66}, 500),
        ({"customer_group_id": 3, "qty": 1, "value": 66}, 500),
        ({"customer_group_id": 32000, "qty": 1, "value": 66, "extension_attributes": {"website_id": 2}}, 500),
        ({"customer_group_id": 32000, "qty": 1, "value": 0}, 500),
    ],
)
def test_a_tier_price_for_everybody_counts_from_one_unit_on(tier: dict[str, Any], price: int) -> None:
    assert paid("", "", "", tier, at=datetime(2026, 11, 28, tzinfo=CHICAGO)) == price


@pytest.mark.parametrize("special", ["", "0", "0.0000", "-5", "NaN", "free", "600"])
def test_a_special_price_that_is_none_leaves_the_usual_one(special: str) -> None:
    assert paid(special, at=datetime(2026, 11, 28, tzinfo=CHICAGO)) == 500


@pytest.mark.parametrize("day", ["soon", "0000-00-00 00:00:00", "9999-12-31 00:00:00"])
def test_a_date_that_is_none_ends_no_special_price(day: str) -> None:
    assert paid("400", "", day, at=datetime(2026, 11, 28, tzinfo=CHICAGO)) == 400


@only
def test_a_special_price_follows_the_zone_that_the_store_names(store: Store) -> None:
    store.product()
    today = datetime.now(ZoneInfo("Pacific/Kiritimati")).date().isoformat()  # a day ahead of UTC for most of the day
    custom = {
        "special_price": "99.00",
        "special_from_date": f"{today} 00:00:00",
        "special_to_date": f"{today} 00:00:00",
    }
    store.control.ask("PUT", "/entities/A1", {"custom": custom})
    for zone, price in (("Pacific/Kiritimati", "99.00"), ("Pacific/Pago_Pago", "849.90")):
        store.control.ask("POST", "/shops", {"domain": store.stand_in.domain, "timezone": zone})
        client = store.client
        client.check()  # reads the settings again
        [unit] = client.crawl("").products
        assert (unit.price, unit.changes_at is None) == (Decimal(price), False)


def test_fractions_of_a_source_are_left_where_they_are() -> None:
    items = [SourceItem("east", "A1", 2.5), SourceItem("west", "A1", 0.5)]
    assert sources.taken(items, 2) == [SourceItem("east", "A1", 0.5)]
    assert sources.taken(items, 3) == [SourceItem("east", "A1", 0.5)]
