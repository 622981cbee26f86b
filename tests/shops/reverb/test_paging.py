"""Reverb's lists are read to their end, whatever their links lose, and around rows at which Reverb itself fails."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import pytest

from shops.reverb.errors import SlowDown, TransientError
from shops.reverb.paging import MAX_PAGES, MOST_CALLS, PAGE, Around, Short
from shops.reverb.read import Rows
from tests.shops.reverb.test_read import NOW, Pages, listing, numbers, sale

LIST = "https://api.reverb.com/api/my/orders/selling/all"
SALES = [f"N{n}" for n in range(120)]
#: The links of a list that loses something of what it was asked for.
LINKS = {
    "filter and size": "?page={next}",
    "size": "?updated_start_date={since}&page={next}",
    "filter": "?per_page={size}&page={next}",
    "leads to its own page": "?updated_start_date={since}&per_page={size}&page={page}",
    "leads to its own page, in another order": "?page={page}&per_page={size}&updated_start_date={since}",
    "leads to the first page": "?updated_start_date={since}&per_page={size}&page=1",
    "escaped twice": "?updated_start_date={since}&amp;per_page={size}&amp;page={next}",
}


def a_list(link: str = "", rows: Collection[str] = SALES) -> Callable[[str, Mapping[str, list[str]]], Any]:
    """Return a list of sales whose links look like `link`; without the filter it shows old ones only."""

    def answer(_: str, query: Mapping[str, list[str]]) -> Any:
        size, page = int(query.get("per_page", ["24"])[0]), int(query.get("page", ["1"])[0])
        since = query.get("updated_start_date", [""])[0]
        every = list(rows) if since else [f"OLD{n}" for n in range(900)]
        said: dict[str, Any] = {"total": len(every), "orders": list(map(sale, every[(page - 1) * size : page * size]))}
        if link and page * size < len(every):
            href = LIST + link.format(next=page + 1, page=page, since=since, size=size)
            said["_links"] = {"next": {"href": href}}
        return said

    return answer


@pytest.mark.parametrize("link", LINKS.values(), ids=LINKS)
def test_all_sales_are_read_whatever_a_link_loses(link: str) -> None:
    client = Pages(a_list(link))
    assert numbers(client) == SALES
    assert len(client.requested) == 3


def test_a_full_page_that_counts_nothing_and_links_nowhere_is_not_the_last() -> None:
    def answer(path: str, query: Mapping[str, list[str]]) -> Any:
        return {"orders": a_list()(path, query)["orders"]}

    assert numbers(Pages(answer)) == SALES


@pytest.mark.parametrize("shown", [0, 50])
def test_a_list_that_shows_less_than_it_counts_is_no_whole_reading(shown: int) -> None:
    client = Pages(lambda path, query: a_list(rows=SALES[:shown])(path, query) | {"total": 120})
    found: list[str] = []
    with pytest.raises(Short, match=f"shows {shown} of 120"):
        found.extend(one.number for one in client.orders(NOW))
    assert found == SALES[:shown]


def test_a_list_with_more_pages_than_are_read_is_no_whole_reading() -> None:
    rows = [f"N{n}" for n in range(PAGE * MAX_PAGES + 1)]
    with pytest.raises(Short):
        numbers(Pages(a_list(rows=rows)))


def test_a_search_that_ends_early_is_not_taken_for_none_but_what_it_found_is_found() -> None:
    others = [listing(id=n, sku=f"B{n}") for n in range(50)]
    early = Pages(lambda _, query: {"total": 51, "listings": [] if "page" in query else others})
    with pytest.raises(TransientError):
        early.listings_with_sku("A1")
    assert [one.sku for one in early.listings_with_sku("B7")] == ["B7"]


def test_pages_of_listings_go_on_while_a_link_or_the_count_says_so() -> None:
    def page(**said: Any) -> tuple[int, bool]:
        client = Listings({"listings": [listing(id=n) for n in range(50)], **said})
        return client.listings_page(2)[1], client.index_page(2)[2]

    assert page(total=100) == (2, False)
    assert page(total=101) == (3, True)
    assert page(_links={"next": {"href": "?page=2"}}) == (3, True)
    assert page() == (3, True)
    assert page(listings=[]) == (2, False)


class Listings(Pages):
    """A client to whom Reverb answers each question for listings with this."""

    def __init__(self, said: dict[str, Any]) -> None:
        super().__init__(lambda *_: said)
        self.said = said

    def get(self, path: str, query: Mapping[str, str | int] | None = None) -> dict[str, Any]:
        return self.said


# -- rows at which Reverb fails ------------------------------------------------------------------------------------


class Failing:
    """A list of sales at some of which Reverb fails."""

    def __init__(
        self, bad: Collection[str], rows: Collection[str] = SALES, *, error: TransientError | None = None
    ) -> None:
        self.bad, self.rows, self.calls = bad, list(rows), 0
        self.error = error or TransientError("Reverb answered with a page instead of data (status 500).", status=500)

    def ask(self, number: int, size: int) -> Rows:
        """Answer one call."""
        self.calls += 1
        shown = self.rows[(number - 1) * size : number * size]
        if set(shown) & set(self.bad):
            raise self.error
        return Rows([sale(one) for one in shown], len(self.rows), "")

    def page(self, number: int) -> tuple[list[str], int]:
        """Return the numbers on a page, and how many rows of it are hidden."""
        found = Around(self.ask).page(number)
        return [row["order_number"] for row in found.rows], found.hidden


@pytest.mark.parametrize(
    "bad", [["N0"], ["N49"], ["N9", "N10"], ["N23"], ["N3", "N30", "N48"], ["N4", "N5", "N6", "N7"]]
)
def test_a_page_at_which_reverb_fails_is_read_without_the_rows_that_it_fails_at(bad: list[str]) -> None:
    reverb = Failing(bad)
    assert reverb.page(1) == ([one for one in SALES[:50] if one not in bad], len(bad))
    assert reverb.calls <= 1 + MOST_CALLS


@pytest.mark.parametrize("rows", [SALES[:1], SALES[:7], SALES[:10], SALES[:12], SALES[:51]])
@pytest.mark.parametrize("where", [0, -1])
def test_the_only_row_or_the_last_one_may_be_the_one(rows: list[str], where: int) -> None:
    bad = rows[where]
    reverb = Failing([bad], rows)
    pages = [reverb.page(number) for number in (1, 2)]
    assert [one for found, _ in pages for one in found] == [one for one in rows if one != bad]
    assert sum(hidden for _, hidden in pages) == 1


def test_where_reverb_is_away_few_calls_are_made() -> None:
    away = Failing(SALES)
    with pytest.raises(TransientError):
        away.page(1)
    assert away.calls <= 6


@pytest.mark.parametrize(
    "error",
    [
        TransientError("no", status=500, retry_after=30.0),
        TransientError("no", status=503),
        TransientError("no", status=403),
        TransientError("no"),
        SlowDown("no", status=429, retry_after=1.0),
    ],
)
def test_what_says_nothing_of_a_row_is_not_asked_for_again(error: TransientError) -> None:
    reverb = Failing(["N0"], error=error)
    with pytest.raises(TransientError):
        reverb.page(1)
    assert reverb.calls == 1


def test_rows_that_are_scattered_over_many_pages_take_a_bounded_number_of_calls() -> None:
    rows = [f"N{n}" for n in range(600)]
    reverb = Failing(rows[7::50], rows)
    around = Around(reverb.ask)
    with pytest.raises(TransientError):
        [around.page(number) for number in range(1, 13)]
    assert reverb.calls <= 12 + MOST_CALLS


def test_sales_behind_one_at_which_reverb_fails_are_read_and_it_is_named() -> None:
    class Reverb(Pages):
        def get(self, path: str, query: Mapping[str, str | int] | None = None) -> dict[str, Any]:
            found = super().get(path, query)
            if any(one["order_number"] == "N60" for one in found["orders"]):
                raise TransientError("Reverb answered with a page instead of data (status 500).", status=500)
            return found

    left_out: list[tuple[str, str]] = []
    assert numbers(Reverb(a_list()), left_out=lambda *said: left_out.append(said)) == [n for n in SALES if n != "N60"]
    assert left_out == [("", "Reverb's list of sales fails at this sale.")]
