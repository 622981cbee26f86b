"""The rule of stock: stories in numbers."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from listings.stock.agreed import FOLLOWS_WITHIN, GAIN_SETTLES_AFTER, Agreed, Sale, shown, store_adjustment
from listings.stock.merge import merge

NOON = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
LONG_AGO = NOON - timedelta(days=1)
START = Agreed(units=5, store=5, reverb=5, set_at=LONG_AGO)


def s(seconds: float) -> datetime:
    """Return a moment after noon."""
    return NOON + timedelta(seconds=seconds)


def sale(
    number: str = "1", quantity: int = 1, *, at: datetime = NOON, released: bool = False, sure: bool = True
) -> Sale:
    """Return a sale as it is first seen."""
    return Sale(number, quantity, released, sure, placed_at=at, updated_at=at)


def reckon(
    agreed: Agreed = START, *sales: Sale, store: int | None = 5, reverb: int | None = 5, at: datetime = NOON
) -> tuple[Agreed, tuple[Sale, ...]]:
    """Reckon, with orders that were read just now."""
    merged = merge(agreed, sales, store=store, reverb=reverb, now=at, orders_at=at)
    return merged.agreed, merged.sales


def test_nothing_changed_is_nothing_to_do() -> None:
    agreed, _ = reckon()
    assert agreed == START


def test_a_sale_in_the_store_and_one_on_reverb_both_count() -> None:
    agreed, [counted] = reckon(START, sale(quantity=2), store=4, reverb=3)
    assert (agreed.units, store_adjustment(agreed), counted.counted, counted.shown) == (2, -2, 2, 2)


def test_a_sale_counts_once_however_often_it_is_seen() -> None:
    agreed, sales = reckon(START, sale(), reverb=4)
    for _ in range(3):
        agreed, sales = reckon(agreed, *sales, reverb=4)
    assert agreed.units == 4


def test_a_cancelled_sale_comes_back_whether_reverb_puts_it_back_or_not() -> None:
    agreed, [counted] = reckon(START, sale(), reverb=4)
    freed = replace(counted, released=True, new=True, updated_at=s(60))
    for number in (4, 5):
        again, sales = reckon(agreed, freed, reverb=number, at=s(61))
        assert (again.units, again.unexplained_gain) == (5, 0)
        again, _ = reckon(again, *sales, reverb=5, at=s(62))
        assert (again.units, again.unexplained_gain) == (5, 0)


def test_a_sale_that_our_own_writing_overwrote_still_counts() -> None:
    written = replace(START, units=4, store=4, reverb=4, set_at=s(10))
    agreed, sales = reckon(written, sale(at=s(9)), store=4, reverb=4, at=s(12))
    assert (agreed.units, agreed.unexplained_gain, agreed.reverb) == (3, 0, 4)
    assert reckon(replace(agreed, reverb=3), *sales, store=4, reverb=3, at=s(500))[0].units == 3


def test_a_sale_whose_order_shows_late_counts_when_the_number_falls_and_not_again() -> None:
    agreed, _ = reckon(START, reverb=4)
    assert (agreed.units, agreed.unexplained_drop) == (4, 1)
    agreed, sales = reckon(agreed, sale(at=s(-1)), reverb=4, at=s(5))
    assert (agreed.units, agreed.unexplained_drop, sales[0].counted) == (4, 0, 1)


def test_a_number_lowered_by_hand_on_reverb_counts() -> None:
    agreed, _ = reckon(START, reverb=2)
    assert (agreed.units, store_adjustment(agreed)) == (2, -3)


def test_a_number_raised_by_hand_counts_when_no_order_explains_it() -> None:
    agreed, _ = reckon(START, reverb=8)
    assert (agreed.units, agreed.unexplained_gain) == (5, 3)
    agreed, _ = reckon(agreed, reverb=8, at=NOON + GAIN_SETTLES_AFTER)
    assert (agreed.units, agreed.unexplained_gain) == (8, 0)


def test_a_unit_put_back_before_its_cancellation_shows_is_not_counted_twice() -> None:
    agreed, [counted] = reckon(START, sale(), reverb=4)
    agreed, [counted] = reckon(agreed, counted, reverb=5, at=s(10))
    assert (agreed.units, agreed.unexplained_gain) == (4, 0)
    freed = replace(counted, released=True, new=True, updated_at=s(9))
    agreed, sales = reckon(agreed, freed, reverb=5, at=s(15))
    assert (agreed.units, agreed.unexplained_gain) == (5, 0)
    assert reckon(agreed, *sales, reverb=5, at=s(200))[0].units == 5


def test_a_refund_that_reverb_settles_after_its_units_came_back_is_not_counted_twice() -> None:
    agreed, [counted] = reckon(START, sale(quantity=2), reverb=3)
    agreed, [counted] = reckon(replace(agreed, store=3), counted, store=3, reverb=5, at=s(60))
    assert (agreed.units, agreed.unexplained_gain) == (3, 0)
    settled = replace(counted, released=True, new=True, updated_at=s(70))
    agreed, _ = reckon(agreed, settled, store=3, reverb=5, at=s(130))
    assert (agreed.units, agreed.unexplained_gain) == (5, 0)


def test_of_two_sales_that_show_late_the_paid_one_is_what_the_number_fell_by() -> None:
    agreed, _ = reckon(START, reverb=4)
    agreed, sales = reckon(agreed, sale("1", sure=False), sale("2"), reverb=4, at=s(10))
    for seconds in (100, 200):
        agreed, sales = reckon(agreed, *sales, reverb=4, at=s(seconds))
    assert (agreed.units, agreed.unexplained_drop, agreed.unexplained_gain) == (3, 0, 0)


def test_what_fell_for_a_sale_that_is_off_comes_back_once_no_other_order_can_explain_it() -> None:
    agreed, [waiting] = reckon(START, sale(sure=False))
    written = replace(agreed, store=4, reverb=4, set_at=s(1))
    off = replace(waiting, released=True, sure=True, new=True, updated_at=s(20))  # paid and cancelled between two looks
    agreed, sales = reckon(written, off, store=4, reverb=3, at=s(30))
    assert (agreed.units, agreed.unexplained_drop) == (4, 1)
    agreed, _ = reckon(agreed, *sales, store=4, reverb=3, at=s(30) + FOLLOWS_WITHIN + GAIN_SETTLES_AFTER)
    assert (agreed.units, agreed.unexplained_drop) == (5, 0)


def test_what_fell_when_an_old_answer_hid_that_a_unit_did_not_come_back_comes_back_once_all_orders_are_known() -> None:
    agreed, [sold] = reckon(START, sale(), reverb=4)
    off = replace(sold, released=True, new=True, updated_at=s(300))
    again, agreed = sale("2", at=s(310)), replace(agreed, store=4)
    agreed, sales = reckon(agreed, off, again, store=4, reverb=4, at=s(320))  # as before: it seems to have come back
    agreed, sales = reckon(agreed, *sales, store=4, reverb=3, at=s(360))
    assert (agreed.units, agreed.unexplained_drop) == (3, 1)
    for seconds in (400, 300 + 601, 300 + 660 + 2):
        agreed, sales = reckon(agreed, *sales, store=4, reverb=3, at=s(seconds))
    assert (agreed.units, agreed.unexplained_drop) == (4, 0)


def test_what_fell_when_an_order_in_doubt_was_paid_comes_back_once_no_other_order_can_explain_it() -> None:
    agreed, [waiting] = reckon(START, sale(sure=False), reverb=4)  # for it, or for one that does not show yet
    paid = replace(waiting, sure=True, new=True, updated_at=s(60))
    agreed, sales = reckon(agreed, paid, reverb=3, at=s(61))
    assert (agreed.units, agreed.unexplained_drop) == (3, 1)
    agreed, _ = reckon(agreed, *sales, reverb=3, at=s(61) + FOLLOWS_WITHIN + GAIN_SETTLES_AFTER)
    assert (agreed.units, agreed.unexplained_drop) == (4, 0)


def test_what_fell_after_the_payment_of_an_order_of_before_comes_back_once_no_other_order_can_explain_it() -> None:
    written = replace(START, units=4, store=4, reverb=4, set_at=s(5))
    waiting = replace(sale(sure=False), new=False, counted=1)
    paid = replace(waiting, sure=True, new=True, updated_at=s(60))
    agreed, sales = reckon(written, paid, store=4, reverb=4, at=s(62))  # an answer of before, perhaps
    agreed, sales = reckon(agreed, *sales, store=4, reverb=3, at=s(80))
    assert (agreed.units, agreed.unexplained_drop) == (3, 1)
    agreed, _ = reckon(agreed, *sales, store=4, reverb=3, at=s(63) + FOLLOWS_WITHIN + GAIN_SETTLES_AFTER)
    assert (agreed.units, agreed.unexplained_drop) == (4, 0)


def test_what_fell_after_our_own_writing_was_for_a_sale_that_it_cannot_have_overwritten() -> None:
    written = replace(START, set_at=NOON)
    agreed, _ = reckon(written, reverb=4, at=s(10))
    agreed, sales = reckon(agreed, sale("1", at=NOON), sale("2", at=s(10)), reverb=4, at=s(20))
    assert (agreed.units, agreed.unexplained_drop, agreed.unexplained_gain) == (3, 0, 0)
    assert reckon(agreed, *sales, reverb=4, at=s(200))[0].units == 3


def test_a_cancelled_sale_that_came_back_does_not_stand_for_an_unpaid_one_that_moved_nothing() -> None:
    agreed, [counted] = reckon(START, sale(quantity=3), reverb=2)
    freed = replace(counted, released=True, new=True, updated_at=s(60))
    agreed, sales = reckon(agreed, freed, reverb=5, at=s(61))
    agreed = replace(agreed, set_at=s(62))
    agreed, sales = reckon(agreed, *sales, sale("2", at=s(70), sure=False), at=s(71))
    assert [(one.number, one.shown, one.doubtful) for one in sales if not one.released] == [("2", 0, False)]


def test_of_several_explanations_of_a_lower_number_the_one_counts_that_explains_all() -> None:
    agreed, _ = reckon(START, reverb=3)  # two for an unpaid order that shows late
    agreed, _ = reckon(agreed, sale("1", 2, sure=False), sale("2", at=s(1)), reverb=2, at=s(10))
    assert (agreed.units, agreed.unexplained_drop, agreed.unexplained_gain) == (2, 0, 0)


def test_a_sale_that_explains_what_the_number_fell_by_now_need_not_explain_what_it_fell_by_before() -> None:
    agreed, _ = reckon(reverb=4)  # its order shows late
    agreed = replace(agreed, reverb=4, set_at=s(0))
    now, [second] = reckon(agreed, sale("2", 2, at=s(1)), reverb=2, at=s(3))
    assert (now.units, now.unexplained_drop) == (2, 1)
    first = sale("1")
    later, _ = reckon(now, replace(first, released=True, updated_at=s(10)), second, reverb=2, at=s(12))
    assert (later.units, later.unexplained_drop) == (3, 0)


@pytest.mark.parametrize("freed_too", [True, False])
def test_a_sale_that_an_earlier_reading_held_already_does_not_have_to_move_the_number_again(freed_too: bool) -> None:
    # One went and came back, and the next one went: for all that is seen, the first one went and stays away.
    agreed, [first] = reckon(START, sale("1", released=True), reverb=4, at=s(20))
    assert agreed.units == 5
    later = s(20) + FOLLOWS_WITHIN + GAIN_SETTLES_AFTER
    second = sale("2", at=s(10), released=freed_too)
    number = 5 if freed_too else 4
    agreed, _ = reckon(agreed, first, second, reverb=number, at=later)
    assert (agreed.units, agreed.unexplained_gain) == (5 if freed_too else 4, 0)


def test_a_sale_that_went_and_came_back_unseen_does_not_hide_the_next_one() -> None:
    fell, _ = reckon(START, reverb=4)
    rose, _ = reckon(fell, store=5, reverb=5)
    assert (rose.units, rose.unexplained_drop, rose.unexplained_gain) == (4, 1, 0)
    agreed, _ = reckon(rose, sale(released=True), sale("2"), reverb=4, at=NOON + GAIN_SETTLES_AFTER)
    assert (agreed.units, agreed.unexplained_drop, agreed.unexplained_gain) == (4, 0, 0)


def test_a_cancelled_sale_that_came_back_does_not_hide_the_next_one() -> None:
    agreed, [counted] = reckon(START, sale(quantity=3), reverb=2)
    freed = replace(counted, released=True, new=True, updated_at=s(60))
    agreed, sales = reckon(agreed, freed, reverb=5, at=s(61))
    agreed = replace(agreed, reverb=1, set_at=s(62))  # no more are to be shown
    agreed, sales = reckon(agreed, *sales, reverb=1, at=s(70))
    agreed, sales = reckon(agreed, *sales, reverb=0, at=s(80))
    assert (agreed.units, agreed.unexplained_drop) == (4, 1)
    agreed, _ = reckon(agreed, *sales, sale("2", at=s(79)), reverb=0, at=s(90))
    assert (agreed.units, agreed.unexplained_drop, agreed.unexplained_gain) == (4, 0, 0)


def test_a_sale_that_came_and_went_does_not_explain_what_fell_before_when_its_refund_is_settled() -> None:
    there = START.reverb or 0
    agreed, _ = reckon(START, reverb=there - 2, at=s(10))  # lowered by hand
    agreed, _ = reckon(agreed, reverb=there - 3, at=s(101))
    agreed, [sold] = reckon(agreed, sale(at=s(100)), reverb=there - 3, at=s(110))
    refunded = replace(sold, released=True, new=True, updated_at=s(200))
    agreed, [back] = reckon(agreed, refunded, reverb=there - 2, at=s(201))
    assert (agreed.units, agreed.unexplained_drop) == (START.units - 2, 2)
    settled = replace(back, new=True, updated_at=s(810))
    agreed, _ = reckon(agreed, settled, reverb=there - 3, at=s(820))  # sold: its order does not show yet
    assert (agreed.units, agreed.unexplained_drop) == (START.units - 3, 3)


def test_when_both_sides_sold_the_last_one_a_unit_is_oversold_and_nothing_goes_below_zero() -> None:
    last = replace(START, units=1, store=1, reverb=1)
    agreed, [counted] = reckon(last, sale(), store=0, reverb=0)
    assert (agreed.units, store_adjustment(agreed), shown(agreed.units)) == (-1, 0, 0)
    freed = replace(counted, released=True, new=True, updated_at=s(60))
    agreed, _ = reckon(agreed, freed, store=0, reverb=0, at=s(60))
    assert (agreed.units, store_adjustment(agreed)) == (0, 0)


def test_a_unit_that_comes_back_covers_what_is_oversold_first() -> None:
    agreed, _ = reckon(replace(START, units=-1, store=0, reverb=0), store=1, reverb=0)
    assert (agreed.units, store_adjustment(agreed)) == (0, -1)


def test_a_store_that_counts_below_zero_is_left_so() -> None:
    agreed, _ = reckon(replace(START, units=1, store=1, reverb=1), store=-1, reverb=1)
    assert (agreed.units, store_adjustment(agreed)) == (-1, 0)


def test_an_order_that_waits_for_payment_is_taken_and_the_number_may_follow_later() -> None:
    agreed, [waiting] = reckon(START, sale(sure=False), reverb=5)
    assert agreed.units == 4
    paid = replace(waiting, sure=True, new=True, updated_at=s(60))
    agreed, _ = reckon(agreed, paid, reverb=4, at=s(61))
    assert (agreed.units, agreed.unexplained_drop, agreed.unexplained_gain) == (4, 0, 0)


def test_an_order_moves_the_number_for_all_of_its_units_or_for_none() -> None:
    agreed, [waits] = reckon(START, sale(quantity=3, sure=False), reverb=5)
    agreed, _ = reckon(agreed, waits, reverb=3, at=s(5))  # two sold, whose order does not show yet
    assert (agreed.units, agreed.unexplained_drop) == (0, 2)


def test_a_number_that_went_up_by_a_part_of_an_order_in_doubt_rose_and_did_not_fall() -> None:
    written = replace(START, units=3, store=3, reverb=3, set_at=NOON)
    doubtful = replace(sale(quantity=2, sure=False), new=False, counted=2, shown=2, doubtful=True)
    agreed, _ = reckon(written, doubtful, store=3, reverb=4, at=s(2))  # a cancellation shows late
    assert (agreed.units, agreed.unexplained_drop) == (3, 0)


def test_an_order_of_more_units_than_the_number_had_takes_it_to_zero() -> None:
    written = replace(START, units=5, store=5, reverb=2, set_at=s(10))  # we set two when three had just sold
    agreed, [counted] = reckon(written, sale(quantity=3), reverb=0, at=s(12))
    assert (agreed.units, agreed.unexplained_drop, counted.shown) == (2, 0, 3)


def test_an_order_that_waits_for_payment_and_explains_a_part_does_not_hide_one_that_shows_late() -> None:
    agreed, [waits] = reckon(START, sale(quantity=2, sure=False), reverb=5)
    agreed, [waits] = reckon(agreed, waits, reverb=4, at=s(5))
    agreed, _ = reckon(agreed, waits, sale("2", at=s(4)), reverb=4, at=s(9))
    assert (agreed.units, agreed.unexplained_gain) == (2, 0)


def test_an_order_that_shows_only_after_a_long_time_is_not_hidden_by_one_that_waits_for_payment() -> None:
    agreed, [unpaid] = reckon(START, sale(sure=False), reverb=4, at=s(2))  # it was the other one that moved the number
    agreed, sales = reckon(agreed, unpaid, sale("2", at=s(1)), reverb=4, at=s(1200))
    assert (agreed.units, agreed.unexplained_gain) == (3, 0)
    assert not any(one.doubtful for one in sales)


@pytest.mark.parametrize("seen_before", [True, False])
def test_a_freed_unit_that_the_number_never_went_down_for_is_no_rise(seen_before: bool) -> None:
    agreed, [waits] = reckon(START, sale(sure=False), reverb=5)
    agreed = replace(agreed, store=4, reverb=4, set_at=s(5))  # written, and with it the unit that was sold
    freed = replace(waits, released=True, new=True, updated_at=s(60))
    if seen_before:
        agreed, _ = reckon(agreed, waits, store=4, reverb=5, at=s(61))
        assert (agreed.units, agreed.unexplained_gain) == (4, 0)
    agreed, sales = reckon(agreed, freed, store=4, reverb=5, at=s(62))
    assert (agreed.units, agreed.unexplained_gain) == (5, 0)
    assert reckon(agreed, *sales, store=4, reverb=5, at=s(200))[0].units == 5


def test_an_order_that_waits_for_payment_does_not_hide_one_that_shows_late() -> None:
    agreed, [waits] = reckon(START, sale(quantity=2, sure=False), reverb=3)
    agreed, sales = reckon(agreed, waits, sale("2", 2, at=s(1)), reverb=3, at=s(9))
    assert (agreed.units, agreed.unexplained_gain) == (1, 0)
    paid = replace(sales[0], sure=True, new=True, updated_at=s(20))
    agreed, _ = reckon(agreed, paid, sales[1], reverb=1, at=s(21))
    assert (agreed.units, agreed.unexplained_drop) == (1, 0)


def test_a_sale_of_a_listing_that_is_only_found_later_counts_once() -> None:
    lost = replace(START, reverb=None, pending_put=5)  # the answer to the POST was lost, and the search trails
    agreed, sales = reckon(lost, sale(quantity=2), reverb=None, at=s(10))
    assert agreed.units == 3
    found, _ = reckon(agreed, *sales, reverb=3, at=s(40))
    assert (found.units, found.unexplained_drop, found.unexplained_gain) == (3, 0, 0)


def test_a_sale_that_was_cancelled_before_the_listing_was_found_comes_back_whether_reverb_puts_it_back_or_not() -> None:
    lost = replace(START, reverb=None, pending_put=5)
    agreed, [counted] = reckon(lost, sale(quantity=2), reverb=None, at=s(10))
    freed = replace(counted, released=True, new=True, updated_at=s(30))
    for number in (3, 5):
        found, sales = reckon(agreed, freed, reverb=number, at=s(40))
        assert (found.units, found.unexplained_drop, found.unexplained_gain) == (5, 0, 0)
        assert reckon(found, *sales, reverb=number, at=s(1000))[0].units == 5


def test_a_sale_that_was_cancelled_and_known_before_is_not_what_the_number_fell_by_later() -> None:
    agreed, sales = reckon(START, sale(quantity=2, released=True))
    fell, sales = reckon(agreed, *sales, reverb=3, at=s(900))
    assert (fell.units, fell.unexplained_drop) == (3, 2)
    agreed, _ = reckon(replace(fell, store=3), *sales, store=3, reverb=3, at=s(905))
    assert agreed.units == 3


@pytest.mark.parametrize("days", [0, 14])
@pytest.mark.parametrize("back", [4, 5])
def test_a_number_that_is_silent_for_a_while_loses_and_brings_nothing(days: int, back: int) -> None:
    agreed, [counted] = reckon(START, sale(), reverb=4)
    agreed = replace(agreed, store=4, set_at=s(10))
    sales: tuple[Sale, ...] = (replace(counted, released=True, new=True, updated_at=s(60)),)
    for seconds in (61, 70, 80, 90):
        agreed, sales = reckon(agreed, *sales, store=4, reverb=None, at=s(seconds))
        assert (agreed.units, agreed.reverb) == (5, 4)
    agreed, _ = reckon(agreed, *sales, store=4, reverb=back, at=s(100) + timedelta(days=days))
    assert (agreed.units, agreed.unexplained_drop, agreed.unexplained_gain) == (5, 0, 0)


def test_all_units_of_an_order_may_be_put_back_in_a_silence_also_where_not_all_were_seen_to_go() -> None:
    known = replace(sale(quantity=2), new=False, counted=2, shown=1)
    agreed = Agreed(units=3, store=3, reverb=3, set_at=NOON)
    freed = replace(known, released=True, new=True, updated_at=s(10))
    silent, [waiting] = reckon(agreed, freed, store=3, reverb=None, at=s(20))
    assert silent.units == 5
    written = replace(silent, store=5)
    after, _ = reckon(written, replace(waiting, new=True), store=5, reverb=5, at=s(30))
    assert (after.units, after.unexplained_gain) == (5, 0)


def test_a_listing_that_was_ended_by_hand_is_no_loss_of_stock() -> None:
    agreed, _ = reckon(START, reverb=None)
    assert (agreed.units, agreed.reverb) == (5, 5)


@pytest.mark.parametrize(
    ("units", "limits", "number"),
    [
        (5, {}, 5),
        (5, {"buffer": 2}, 3),
        (1, {"buffer": 2}, 0),
        (5, {"maximum": 2}, 2),
        (-1, {}, 0),
        (9, {"buffer": 3, "maximum": 4}, 4),
    ],
)
def test_what_reverb_shows_is_cut(units: int, limits: dict[str, int], number: int) -> None:
    assert shown(units, **limits) == number
