"""Reading the sync log: filters, and pages by key."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext

from shops.models import Shop
from synclog.browse import PAGE_SIZE, Filters, key, page
from synclog.models import Entry
from synclog.record import Attempt, record
from tests.people import NOON, nora, olivia, shop_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop() -> Shop:
    """Return Olivia's shop."""
    return shop_of(olivia())


def tell(shop: Shop, number: int = 0, **changes: object) -> Entry:
    """Write an entry, `number` hours after noon."""
    told = {"outcome": Entry.Outcome.SYNCED, "reason": "updated", "sku": f"A{number}", "title": f"Guitar {number}"}
    return record(Attempt(shop_id=shop.pk, at=NOON + timedelta(hours=number), **{**told, **changes}))  # type: ignore[arg-type]


def asked(query: str) -> Filters:
    """Read filters from an address."""
    return Filters.read(QueryDict(query))


def skus(shop: Shop, query: str) -> list[str]:
    """Return the SKUs of the entries that an address shows."""
    return [entry.sku for entry in page(shop, asked(query)).entries]


def test_the_newest_entry_comes_first(shop: Shop) -> None:
    tell(shop, 1)
    tell(shop, 2)
    assert skus(shop, "") == ["A2", "A1"]


def test_a_shop_shows_its_own_entries_only(shop: Shop) -> None:
    tell(shop_of(nora()), 1)
    assert skus(shop, "") == []


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("outcome=failed", ["B1"]),
        ("outcome=nonsense", ["B1", "A1"]),
        ("q=a1", ["A1"]),
        ("q=telecaster", ["B1"]),
        ("q=%25", []),  # a percent sign is a percent sign
        ("from=2026-11-03", ["B1"]),
        ("to=2026-11-02", ["A1"]),
        ("from=2026-11-02&to=2026-11-03", ["B1", "A1"]),
        ("from=yesterday", ["B1", "A1"]),
        ("outcome=failed&q=a1", []),
    ],
)
def test_filters(shop: Shop, query: str, found: list[str]) -> None:
    tell(shop, 1)
    tell(shop, 24, sku="B1", title="Blonde Telecaster", outcome=Entry.Outcome.FAILED, reason="refused")
    assert skus(shop, query) == found


def test_the_address_of_a_filtered_page_can_be_shared() -> None:
    query = "outcome=failed&q=A%26B+1&from=2026-11-02&to=2026-11-03"
    assert asked(asked(query).query) == asked(query)


def test_pages_follow_each_other_without_gaps_in_both_directions(shop: Shop) -> None:
    for number in range(PAGE_SIZE * 2 + 10):
        tell(shop, number)
    first = page(shop, Filters())
    second = page(shop, Filters(), before=first.older)
    third = page(shop, Filters(), before=second.older)
    numbers = [entry.pk for found in (first, second, third) for entry in found.entries]
    assert numbers == sorted(numbers, reverse=True)
    assert len(set(numbers)) == PAGE_SIZE * 2 + 10
    assert first.newer is None
    assert third.older is None
    assert page(shop, Filters(), after=third.newer).entries == second.entries
    assert page(shop, Filters(), after=second.newer).entries == first.entries


def test_a_page_is_found_by_key_and_not_by_counting(shop: Shop) -> None:
    with CaptureQueriesContext(connection) as queries:
        page(shop, Filters(), before=10**9)
    [query] = queries
    assert "OFFSET" not in query["sql"]


@pytest.mark.parametrize(("text", "found"), [("12", 12), ("", None), ("-1", None), ("9" * 30, None), ("²", None)])
def test_a_key_in_an_address_is_a_number_or_nothing(text: str, found: int | None) -> None:
    assert key(text) == found


def test_an_entry_keeps_reverbs_words_without_anything_like_a_secret(shop: Shop) -> None:
    entry = tell(shop, message="Authorization: Bearer abcdef123456 is wrong", warnings=["x" * 900])
    assert "abcdef123456" not in entry.message
    assert len(entry.warnings[0]) == 500
