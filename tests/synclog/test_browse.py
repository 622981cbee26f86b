"""Reading the sync log: filters, and pages by key."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext

from shops.models import Shop
from synclog import search
from synclog.browse import PAGE_SIZE, Filters, key, page
from synclog.models import Entry
from synclog.record import Attempt, record
from tests.people import NOON, nora, olivia, shop_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop() -> Shop:
    """Return Olivia's shop."""
    return shop_of(olivia())


def log_entry(shop: Shop, number: int = 0, **changes: object) -> Entry:
    """Write an entry, `number` hours after noon."""
    fields = {"outcome": Entry.Outcome.SYNCED, "reason": "updated", "sku": f"A{number}", "title": f"Guitar {number}"}
    return record(Attempt(shop_id=shop.pk, at=NOON + timedelta(hours=number), **{**fields, **changes}))  # type: ignore[arg-type]


def filters_of(query: str) -> Filters:
    """Read filters from an address."""
    return Filters.read(QueryDict(query))


def skus(shop: Shop, query: str) -> list[str]:
    """Return the SKUs of the entries that an address shows."""
    return [entry.sku for entry in page(shop, filters_of(query)).entries]


def test_the_newest_entry_comes_first(shop: Shop) -> None:
    log_entry(shop, 1)
    log_entry(shop, 2)
    assert skus(shop, "") == ["A2", "A1"]


def test_a_shop_shows_its_own_entries_only(shop: Shop) -> None:
    log_entry(shop_of(nora()), 1)
    assert skus(shop, "") == []


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("outcome=failed", ["B1"]),
        ("outcome=nonsense", ["B1", "A1"]),
        ("q=a1", ["A1"]),
        ("q=telecaster", ["B1"]),
        ("q=tele", ["B1"]),  # the beginning of a word
        ("q=blonde+TELE", ["B1"]),  # all words, in any order and case
        ("q=tele+red", []),
        ("q=%25", []),  # a percent sign is no word
        ("q=tele+%26", ["B1"]),
        ("q=')+%3A*+%7C+!'", []),  # nor is what means something to the search
        ("from=2026-11-03", ["B1"]),
        ("to=2026-11-02", ["A1"]),
        ("from=2026-11-02&to=2026-11-03", ["B1", "A1"]),
        ("from=yesterday", ["B1", "A1"]),
        ("outcome=failed&q=a1", []),
    ],
)
def test_filters(shop: Shop, query: str, found: list[str]) -> None:
    log_entry(shop, 1)
    log_entry(shop, 24, sku="B1", title="Blonde Telecaster", outcome=Entry.Outcome.FAILED, reason="refused")
    assert skus(shop, query) == found


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("FEN-12", True),
        ("fen-1", True),
        ("FEN", True),
        ("12", True),
        ("12-FEN", False),
        ("fen/12", True),
        ("EN-12", False),
    ],
)
def test_a_sku_is_found_by_its_beginning_and_by_its_parts(shop: Shop, typed: str, found: bool) -> None:
    log_entry(shop, sku="FEN-12", title="A strap")
    assert bool(page(shop, Filters(words=typed)).entries) == found


def test_entries_of_the_same_moment_are_neither_lost_nor_shown_twice(shop: Shop) -> None:
    for number in range(PAGE_SIZE + 20):
        log_entry(shop, 0, sku=f"A{number}")
    first = page(shop, Filters())
    second = page(shop, Filters(), before=first.older)
    assert len({entry.pk for entry in first.entries + second.entries}) == PAGE_SIZE + 20


def test_a_page_goes_on_behind_an_entry_that_was_pruned_meanwhile(shop: Shop) -> None:
    entries = [log_entry(shop, number) for number in range(4)]
    Entry.objects.filter(pk=entries[2].pk).delete()
    assert [entry.sku for entry in page(shop, Filters(), before=entries[2].pk).entries] == ["A1", "A0"]


@pytest.mark.parametrize(
    "query", ["", "outcome=failed", "from=2026-11-02&to=2026-11-02", "outcome=failed&from=2026-11-03"]
)
def test_each_page_is_read_in_the_order_of_an_index(shop: Shop, query: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_bitmapscan = off")
        cursor.execute("SET LOCAL enable_sort = off")  # a plan sorts only where no index has the order
    for before in (None, 10):
        with CaptureQueriesContext(connection) as queries:
            page(shop, filters_of(query), before=before)
        with connection.cursor() as cursor:
            cursor.execute("EXPLAIN " + queries[0]["sql"])
            plan = "\n".join(row[0] for row in cursor.fetchall())
        assert "Sort" not in plan
        assert "Index Scan" in plan


@pytest.mark.parametrize("few", [0, 1, 1000])
@pytest.mark.parametrize("often", [True, False])
def test_words_are_found_whichever_way_is_gone(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, few: int, often: bool
) -> None:
    monkeypatch.setattr(search, "FEW", few)
    monkeypatch.setattr(search, "_often", lambda _: often)
    for number in range(PAGE_SIZE + 5):
        log_entry(shop, number, title="Blonde Telecaster" if number % 2 else "Strap")
    first = page(shop, filters_of("q=tele"))
    assert [entry.sku for entry in first.entries] == [f"A{n}" for n in range(PAGE_SIZE + 4, 0, -1) if n % 2]
    older = page(shop, filters_of("q=tele"), before=first.entries[3].pk)
    assert older.entries == first.entries[4:]
    assert page(shop, filters_of("q=tele"), after=first.entries[3].pk).entries == first.entries[:3]
    with connection.cursor() as cursor:
        cursor.execute("SHOW enable_bitmapscan")
        assert cursor.fetchone() == ("on",)


@pytest.mark.parametrize(
    ("typed", "often"),
    [
        ("fender", True),
        ("fen", True),
        ("Fender strat", True),
        ("wandre", False),
        ("fender wandre", False),
        ("gtr-1", True),
    ],
)
def test_words_that_the_database_met_often_are_known(monkeypatch: pytest.MonkeyPatch, typed: str, often: bool) -> None:
    counts = {"fender": 0.3, "stratocaster": 0.1, "wandre": 0.0005, "gtr": 1.0, "17": 0.01}
    monkeypatch.setattr(search, "_counts", lambda: counts)
    assert search._often(typed) == often


def test_what_the_database_counted_is_read(shop: Shop) -> None:
    for number in range(20):
        log_entry(shop, number)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE synclog_entry")
    search._counted = (0.0, {})
    assert search._counts()["guitar"] == 1.0
    search._counted = (0.0, {})


def test_the_address_of_a_filtered_page_can_be_shared() -> None:
    query = "outcome=failed&q=A%26B+1&from=2026-11-02&to=2026-11-03"
    assert filters_of(filters_of(query).query) == filters_of(query)


def test_pages_follow_each_other_without_gaps_in_both_directions(shop: Shop) -> None:
    for number in range(PAGE_SIZE * 2 + 10):
        log_entry(shop, number)
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
    entry = log_entry(shop, message="Authorization: Bearer abcdef123456 is wrong", warnings=["x" * 900])
    assert "abcdef123456" not in entry.message
    assert len(entry.warnings[0]) == 500
