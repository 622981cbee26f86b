"""Reading others' JSON: odd values take nothing else with them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from shops.platforms.errors import TransientStoreError
from shops.platforms.reading import LONGEST_TITLE, each, title_of, valid
from shops.schema_text import storable
from shops.schemas import Money, Part, Side, SideRows, Text, Units, money_of, number_in, units_of


class _Photo(Part):
    src: str


class _Row(Part):
    id: Text
    brand: Side[str] = ""
    photos: SideRows[_Photo] = []
    stock: Units = None
    price: Money = Decimal(0)


@pytest.mark.parametrize(
    ("said", "units"),
    [
        (3, 3),
        ("3", 3),
        (2.5, 2),
        ("2.9999", 2),
        (-0.5, -1),
        ("", None),
        (None, None),
        (2**31, 2**31 - 1),
        ("1e400", 2**31 - 1),
        (10**400, 2**31 - 1),
        (-(10**400), -(2**31 - 1)),
    ],
)
def test_units_are_whole_and_within_what_the_database_holds(said: Any, units: int | None) -> None:
    assert units_of(said) == units


@pytest.mark.parametrize("said", ["many", True, float("nan"), float("inf"), [3], {"qty": 3}])
def test_what_is_no_number_of_units_is_neither_none_nor_uncounted(said: Any) -> None:
    with pytest.raises(ValueError, match="no number"):
        units_of(said)


@pytest.mark.parametrize(
    ("said", "price"),
    [
        ("849.90", "849.90"),
        (7.989999999999999, "7.99"),
        (" 12 ", "12.00"),
        ("", "0"),
        (None, "0"),
        ("on request", "0"),
        (-5, "0"),
        ("NaN", "0"),
        ("Infinity", "0"),
        ("9" * 29, "0"),
        ([1], "0"),
    ],
)
def test_what_is_no_price_is_none_and_never_an_error(said: Any, price: str) -> None:
    assert money_of(said) == Decimal(price)


def test_side_fields_that_cannot_be_read_hide_neither_price_nor_stock() -> None:
    photos = {"0": {"src": "a.jpg"}, "2": {"src": False}, "3": "b.jpg"}
    row = _Row.model_validate({"id": 7, "brand": ["odd"], "photos": photos, "stock": "2.5", "price": "10"})
    assert (row.id, row.brand, [photo.src for photo in row.photos]) == ("7", "", ["a.jpg"])
    assert (row.stock, row.price) == (2, Decimal("10.00"))


@pytest.mark.parametrize("photos", [None, False, "", 5, "a.jpg"])
def test_a_list_that_is_none_is_empty(photos: Any) -> None:
    assert _Row.model_validate({"id": "7", "photos": photos}).photos == []


def test_a_row_that_cannot_be_read_is_left_out_and_named() -> None:
    rows = [{"id": 1}, {"id": [2]}, "a page", {"id": 3, "stock": 4}]
    found, unread = each(rows, lambda row: valid(_Row, row, "A product"))
    assert [row.id for row in found] == ["1", "3"]
    assert [one.store_parent_id for one in unread] == ["", ""]
    assert unread[0].words == "A product could not be read at id."


@pytest.mark.parametrize(("text", "kept"), [("a\0b", "ab"), ("a\ud83d", "a\ufffd"), ("\ud83d\ude00", "\U0001f600")])
def test_texts_hold_only_what_the_database_can_hold(text: str, kept: str) -> None:
    assert storable({"title": [text]}) == {"title": [kept]}


def test_a_long_title_keeps_the_variants_name() -> None:
    black, red = title_of("A" * 40_000, "Black / 24"), title_of("A" * 40_000, "Red / 24")
    assert black != red
    assert black.endswith("… – Black / 24")
    assert len(black) == LONGEST_TITLE


def test_variants_with_long_names_that_differ_in_the_end_have_titles_of_their_own() -> None:
    one, two = title_of("Strap", "b" * 300 + " 1"), title_of("Strap", "b" * 300 + " 2")
    assert one != two
    assert max(len(one), len(two)) <= LONGEST_TITLE


@pytest.mark.parametrize(
    ("product", "variant", "title"),
    [("Fender  Strat", "", "Fender Strat"), ("Strat", " Black ", "Strat – Black"), ("", "Black", " – Black")],
)
def test_a_title_names_product_and_variant(product: str, variant: str, title: str) -> None:
    assert title_of(product, variant) == title


def test_a_row_whose_reading_breaks_hides_no_other_row() -> None:
    def read(row: dict[str, Any]) -> int:
        return 10 // int(row["n"])

    found, unread = each([{"id": 7, "n": 0}, {"id": True}, {"id": "9", "n": 5}], read)
    assert found == [2]
    assert [one.store_parent_id for one in unread] == ["7", ""]


def test_a_store_that_stops_answering_fails_the_page_and_leaves_no_row_out() -> None:
    def read(row: Any) -> None:
        raise TransientStoreError("The store is down.")

    with pytest.raises(TransientStoreError):
        each([{"id": 1}], read)


@pytest.mark.parametrize("value", ["²", "٣", "9" * 5000, "-1", "1.0", " 1", "", True, None, 1.5, [], {}])
def test_what_is_no_plain_count_is_no_number(value: object) -> None:
    assert number_in(value) is None


def test_a_count_may_come_as_a_text() -> None:
    assert [number_in(value) for value in ("0", "007", 12)] == [0, 7, 12]
