"""Whether a job must process an order's units."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from listings.models import Order
from listings.orders.uncounted import owes
from tests.people import NOON

PRODUCT = 1

#: Status, counts, counted, the status that was reckoned with, linked → whether a job must process one unit.
CASES = [
    # an order of a linked listing
    (("paid", True, 0, "", True), True),
    (("paid", True, 1, "paid", True), False),
    (("paid", True, 1, "", True), True),
    (("shipped", True, 1, "paid", True), False),
    # it was released, with its unit deducted or not
    (("cancelled", True, 1, "paid", True), True),
    (("cancelled", True, 0, "cancelled", True), False),
    (("refunded", True, 0, "", True), True),
    # only a paid order lowers Reverb's number
    (("unpaid", True, 1, "unpaid", True), False),
    (("paid", True, 1, "unpaid", True), True),
    # an order of before the link
    (("paid", False, 0, "", True), False),
    (("paid", False, 0, "paid", True), False),
    # a listing that is not linked yet
    (("paid", False, 0, "", False), True),
    (("cancelled", False, 0, "", False), False),
    (("paid", False, 0, "paid", False), False),
]


def order(status: str, counts: bool, counted: int, reckoned: str, placed_at: datetime = NOON) -> Order:
    """Return an unsaved order of one unit."""
    return Order(
        product_id=PRODUCT,
        status=status,
        quantity=1,
        counts=counts,
        counted=counted,
        reckoned=reckoned,
        placed_at=placed_at,
    )


@pytest.mark.parametrize(("given", "expected"), CASES)
def test_a_job_processes_units_that_the_stock_has_not_counted(
    given: tuple[str, bool, int, str, bool], expected: bool
) -> None:
    status, counts, counted, reckoned, linked = given
    row = order(status, counts, counted, reckoned)
    assert owes(row, {PRODUCT} if linked else (), {PRODUCT: NOON}) is expected


@pytest.mark.parametrize(("minutes", "expected"), [(-11, False), (-9, True), (0, True)])
def test_sales_of_an_unlinked_listing_are_history_until_shortly_before_the_stores_number(
    minutes: int, expected: bool
) -> None:
    row = order("paid", False, 0, "", NOON + timedelta(minutes=minutes))
    assert owes(row, (), {PRODUCT: NOON}) is expected
