"""Whether a change of the store's stock whose answer was lost was made."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from listings.stock.lost_adjustment import Sold, decided_by_count, sold_between, was_applied
from reverbsync import clock
from shops.orders import OrderLine, OrderStatus, StoreOrder
from shops.platforms import StoreClient
from shops.platforms.errors import TransientStoreError
from shops.platforms.values import Count
from shops.platforms.woocommerce import orders as woocommerce
from tests.people import NOON, olivia, product_of, shop_of

NOTHING, ONE, PERHAPS_ONE = Sold(), Sold(1, 1), Sold(0, 1)


@pytest.mark.parametrize(
    ("units", "by", "sold", "made"),
    [
        # Of three that there were; what the store's orders took explains the rest.
        (3, -1, NOTHING, False),
        (2, -1, NOTHING, True),
        (2, -1, ONE, False),
        (1, -1, ONE, True),
        (2, -1, PERHAPS_ONE, False),  # either way: the one that leaves fewer units
        (1, -1, PERHAPS_ONE, True),
        (3, -1, PERHAPS_ONE, False),
        (4, 1, NOTHING, True),
        (3, 1, NOTHING, False),
        (3, 1, ONE, True),
        (2, 1, ONE, False),
        (3, 1, PERHAPS_ONE, True),
        # An edit by hand of about then may blur it.
        (9, -1, NOTHING, False),
        (0, -1, NOTHING, True),
        (1, 1, NOTHING, True),
        (9, 1, NOTHING, True),
    ],
)
def test_what_explains_the_number_is_true_and_else_what_leaves_fewer_units(
    units: int, by: int, sold: Sold, made: bool
) -> None:
    assert was_applied(units, before=3, by=by, sold=sold) is made


@pytest.mark.parametrize(
    ("count", "by", "made"),
    [
        (Count(3, there=3), -1, False),
        (Count(2, there=2), -1, None),
        (Count(4, there=4), 1, True),
        (Count(3, there=3), 1, None),
        (Count(2, there=2), 1, None),
        # Where orders reserve units, what lies there moves by our change alone.
        (Count(1, there=5, apart=True), -1, False),
        (Count(2, there=4, apart=True), -1, None),  # or a parcel left
        (Count(3, there=4, apart=True), -1, False),
        (Count(1, there=5, apart=True), 1, False),
        (Count(3, there=6, apart=True), 1, True),
        (Count(4, there=5, apart=True), 1, True),
    ],
)
def test_a_number_speaks_for_itself_where_no_sale_can_be_in_it(count: Count, by: int, made: bool | None) -> None:
    assert decided_by_count(count, before=3, there=5 if count.apart else 3, by=by) is made


class Orders:
    """A store that lists these orders, or fails to."""

    def __init__(self, *found: StoreOrder, error: Exception | None = None) -> None:
        self.found, self.error = list(found), error

    def orders(self, since: datetime, cursor: str) -> tuple[list[StoreOrder], str | None]:
        """Return one order a page."""
        if self.error is not None:
            raise self.error
        assert since < NOON
        at = int(cursor or 0)
        return self.found[at : at + 1], str(at + 1) if at + 1 < len(self.found) else None


def order(after_s: float | None = 30, *, status: OrderStatus = OrderStatus.OPEN, **line: Any) -> StoreOrder:
    """Return an order that was placed so many seconds after noon; None: it does not say when."""
    placed = None if after_s is None else NOON + timedelta(seconds=after_s)
    said = {"id": "1", "store_product_id": "", "sku": "", "title": "", "quantity": 1, **line}
    return StoreOrder("1", "1", status, NOON, (OrderLine(**said),), "", "", placed)


@pytest.mark.parametrize(
    ("found", "sold"),
    [
        ([], Sold()),
        ([order()], Sold()),  # of something else
        ([order(store_product_id="ours")], Sold(1, 1)),
        ([order(sku=" OURS ")], Sold(1, 1)),  # a translation of it
        ([order(store_product_id="ours", quantity=3, refunded=1)], Sold(2, 2)),
        ([order(store_product_id="ours"), order(40, store_product_id="ours")], Sold(2, 2)),
        ([order(-9, store_product_id="ours")], Sold()),
        ([order(9, store_product_id="ours")], Sold(1, 1)),
        ([order(51, store_product_id="ours")], Sold(0, 1)),  # of about the time of the number
        ([order(53, store_product_id="ours")], Sold()),  # after it
        ([replace(order(30, store_product_id="ours"), paid_at=NOON + timedelta(seconds=55))], Sold(0, 1)),
        ([order(store_product_id="ours"), order(9999, store_product_id="ours")], Sold()),  # its clock is wrong
        ([order(None, store_product_id="ours")], Sold()),
        # Perhaps before and perhaps after, since clocks differ.
        ([order(-1, store_product_id="ours"), order(1, store_product_id="ours")], Sold(0, 2)),
        # An older one that was paid since: whether it took its units when it was placed is each platform's rule.
        ([replace(order(-60, store_product_id="ours"), paid_at=NOON + timedelta(seconds=30))], Sold(0, 1)),
        ([replace(order(-60, store_product_id="ours"), paid_at=NOON - timedelta(seconds=30))], Sold()),
        # Whether it has units in hand is each platform's rule, unless the store says so.
        ([order(store_product_id="ours", status=OrderStatus.WAITING)], Sold(0, 1)),
        ([order(store_product_id="ours", status=OrderStatus.WAITING, taken=0)], Sold()),
        ([order(store_product_id="ours", quantity=5, taken=2)], Sold(2, 2)),
        ([order(store_product_id="ours", status=OrderStatus.CANCELLED)], Sold()),
        ([order(store_product_id="ours", status=OrderStatus.REFUNDED)], Sold()),
        # Made for a sale on Reverb, whose units we take ourselves.
        ([replace(order(store_product_id="ours"), reverb_number="9")], Sold()),
    ],
)
def test_what_the_stores_orders_took_since_then(db: None, found: list[StoreOrder], sold: Sold) -> None:
    ours = product_of(shop_of(olivia()), store_product_id="ours", sku="OURS")
    with clock.running_by(lambda: NOON + timedelta(seconds=60)):
        assert sold_between(cast("StoreClient", Orders(*found)), ours, NOON, NOON + timedelta(seconds=50)) == sold


def test_where_the_orders_cannot_be_read_nothing_is_known_to_have_sold(db: None) -> None:
    ours = product_of(shop_of(olivia()), store_product_id="ours", sku="OURS")
    assert sold_between(cast("StoreClient", Orders(error=TransientStoreError("away"))), ours, NOON, NOON) == Sold()


@pytest.mark.parametrize(
    ("status", "mark", "taken"),
    [("pending", "", 0), ("on-hold", "", None), ("processing", "", None), ("pending", "2", 2), ("processing", "1", 1)],
)
def test_an_order_that_is_not_paid_of_woocommerce_has_no_units_in_hand(
    status: str, mark: str, taken: int | None
) -> None:
    marks = [{"key": "_reduced_stock", "value": mark}] if mark else []
    lines = [{"id": 1, "product_id": 7, "quantity": 2, "meta_data": marks}]
    order = woocommerce.read(
        {"id": 5, "status": status, "line_items": lines, "date_created_gmt": "2026-11-02T12:00:00"}
    )
    found = woocommerce.store_order(order, admin="")
    assert [line.taken for line in found.lines] == [taken]
    assert found.placed_at == datetime(2026, 11, 2, 12, tzinfo=UTC)
