"""How many units a listing has for sale, by its state and its number."""

from __future__ import annotations

import pytest

from shops.reverb.availability import is_news, may_sell, number_of
from shops.snapshots import ReverbListing
from tests.listings.sync.test_decide import listing, used

NUMBERS = [
    (listing(inventory=3), 3),
    (listing(inventory=0), 0),
    (listing(state="sold", inventory=0), 0),
    (listing(state="sold", inventory=2), 2),  # being put on sale again
    (listing(state="sold", inventory=None), 0),
    (listing(state="ended", inventory=3), None),
    (listing(state="draft", inventory=3), None),
    (used(), 1),
    (used(state="ordered"), 0),
    (None, None),
]


@pytest.mark.parametrize(("one", "number"), NUMBERS)
def test_the_number_that_is_for_sale(one: ReverbListing | None, number: int | None) -> None:
    assert number_of(one) == number


def test_a_live_listing_without_a_number_says_nothing_of_sales() -> None:
    """Taken for none, the store's units would go for a sale that never was."""
    assert number_of(listing(inventory=None)) is None


@pytest.mark.parametrize(
    ("one", "may"),
    [
        (listing(), True),
        (used(inventory=0), True),  # Reverb says that it is live
        (used(state="seller_unavailable", inventory=1), True),
        (used(state="seller_unavailable", inventory=None), True),
        (used(state="seller_unavailable", inventory=0), False),
        (listing(state="seller_unavailable", inventory=0), False),
        (listing(state="draft", inventory=2), True),
        (listing(state="draft", inventory=None), False),
        (listing(state="ended", inventory=2), False),
    ],
)
def test_what_may_still_sell_is_to_be_ended(one: ReverbListing, may: bool) -> None:
    assert may_sell(one) is may


def test_a_number_that_a_single_unit_stands_for_is_no_news() -> None:
    assert not is_news(used(), 5, both=True)
    assert is_news(used(state="sold"), 5, both=True)
