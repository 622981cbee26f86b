"""The rule of stock where Reverb's responses are stale or lost: stories in numbers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from listings.stock.agreed import Agreed, store_adjustment
from listings.stock.merge import merge
from tests.listings.stock.test_merge import LONG_AGO, NOON, START, reckon, s, sale


@pytest.mark.parametrize("number", [0, 1])
def test_a_number_that_a_sale_has_not_moved_yet_is_no_rise(number: int) -> None:
    agreed, sales = reckon(START, sale(), reverb=5)
    assert (agreed.units, agreed.unexplained_gain, agreed.reverb) == (4, 0, 5)
    agreed = agreed.moved(4, s(1)) if number else agreed  # written here in the meantime, or not
    for seconds in (60, 599):
        agreed, sales = reckon(agreed, *sales, reverb=5, at=s(seconds))
    assert (agreed.units, agreed.unexplained_gain) == (4, 0)
    agreed, sales = reckon(agreed, *sales, reverb=4, at=s(600))
    assert (agreed.units, agreed.unexplained_gain, agreed.unexplained_drop, sales[0].shown) == (4, 0, 0, 1)


def test_a_number_that_stays_up_for_ten_minutes_after_our_own_call_was_raised_by_hand() -> None:
    agreed = START.moved(4, NOON)
    agreed = replace(agreed, units=4, store=4)
    agreed, _ = reckon(agreed, store=4, reverb=5, at=s(600))
    assert (agreed.units, agreed.unexplained_gain) == (4, 0)
    agreed, _ = reckon(agreed, store=4, reverb=5, at=s(601))
    assert (agreed.units, agreed.unexplained_gain) == (4, 1)


def test_a_number_above_all_of_before_is_a_rise_at_once() -> None:
    agreed = replace(START.moved(4, NOON), units=4, store=4)
    agreed, _ = reckon(agreed, store=4, reverb=6, at=s(10))
    assert (agreed.units, agreed.unexplained_gain) == (4, 2)


def test_a_lower_number_of_before_our_own_call_waits_but_not_what_the_store_sells() -> None:
    written = replace(START.moved(9, NOON), units=9, store=9)
    assert merge(written, (), store=9, reverb=5, now=s(10), orders_at=s(10)).undecided
    sold_out = merge(written, (), store=0, reverb=5, now=s(10), orders_at=s(10))
    assert (sold_out.undecided, sold_out.agreed.units, sold_out.agreed.unexplained_drop) == (False, 0, 0)
    agreed, _ = reckon(written, store=9, reverb=5, at=s(31))
    assert (agreed.units, agreed.unexplained_drop) == (5, 4)


def test_a_sale_of_a_listing_that_is_known_at_zero_is_no_rise() -> None:
    agreed, [sold] = reckon(replace(START, units=0, store=0, reverb=0), sale(), store=0, reverb=0)
    assert (agreed.units, agreed.unexplained_gain, sold.new) == (-1, 0, False)


def test_a_unit_that_came_back_and_went_again_behind_old_answers_is_no_rise() -> None:
    agreed, [counted] = reckon(START, sale(quantity=2), reverb=3)
    freed = replace(counted, released=True, new=True, updated_at=s(20))
    agreed, _ = reckon(agreed, freed, sale("2", at=s(30)), reverb=5, at=s(32))
    assert (agreed.units, agreed.unexplained_gain) == (4, 0)


def test_a_number_below_all_of_before_counts_at_once() -> None:
    agreed, _ = reckon(replace(START.moved(9, NOON), units=9, store=9), store=9, reverb=4, at=s(1))
    assert (agreed.units, agreed.unexplained_drop) == (4, 5)


def test_what_undoes_a_fall_counts_once_no_answer_shows_the_lower_number_any_more() -> None:
    fell, _ = reckon(START, reverb=4)
    waiting = merge(fell, (), store=5, reverb=5, now=s(5), orders_at=s(5))
    assert waiting.undecided
    again, _ = reckon(waiting.agreed, reverb=4, at=s(20))
    assert (again.units, again.unexplained_gain, again.undecided_at) == (4, 0, None)
    rose, _ = reckon(waiting.agreed, reverb=5, at=s(35))
    assert (rose.units, rose.unexplained_gain) == (4, 1)


def test_units_that_an_old_answer_seemed_to_put_back_are_not_taken_for_sold() -> None:
    gone = replace(START.moved(3, NOON), units=3, store=3)
    agreed, [counted] = reckon(gone, replace(sale(quantity=2), counted=2, shown=2, new=False), store=3, reverb=3)
    freed = replace(counted, released=True, new=True, updated_at=s(20))
    agreed, [back] = reckon(agreed.moved(3, s(30)), freed, store=3, reverb=5, at=s(32))
    assert (agreed.units, agreed.reverb, back.restocked) == (5, 5, True)
    agreed, [off] = reckon(agreed, back, store=3, reverb=3, at=s(40))
    assert (agreed.units, agreed.reverb, agreed.unexplained_drop, off.shown, off.restocked) == (5, 3, 0, 2, False)


def test_units_that_were_put_back_before_our_own_call_are_not_put_back_again_by_an_old_answer() -> None:
    sold = replace(START, units=0, store=0, reverb=0).moved(0, s(1))
    freed = replace(sale(released=True), counted=1, shown=1, updated_at=s(20))
    agreed, [back] = reckon(sold, freed, store=0, reverb=1, at=s(40))
    assert (agreed.units, agreed.reverb, back.restocked) == (1, 1, True)
    agreed = replace(agreed.moved(0, s(41)), store=1)  # Reverb got 0 while the store did not have the unit yet
    agreed, [back] = reckon(agreed, back, store=1, reverb=1, at=s(48))
    assert (agreed.units, agreed.reverb) == (1, 0)  # so 1 is sent
    agreed, _ = reckon(agreed.moved(1, s(49)), back, store=1, reverb=1, at=s(90))
    assert (agreed.units, agreed.reverb, agreed.unexplained_gain) == (1, 1, 0)


def test_an_order_that_explains_a_fall_takes_back_the_rise_that_seemed_to_undo_it() -> None:
    fell, _ = reckon(START, reverb=4)
    rose = replace(fell, unexplained_gain=1, gained_at=s(5), reverb=5).moved(4, s(6))
    agreed, _ = reckon(rose, sale(at=s(-1)), reverb=4, at=s(20))
    assert (agreed.units, agreed.unexplained_drop, agreed.unexplained_gain) == (4, 0, 0)
    assert reckon(agreed, reverb=4, at=s(100))[0].units == 4


def test_a_number_that_is_explained_without_the_sale_of_a_moment_ago_may_be_older_than_that_sale() -> None:
    merged = merge(
        START, [sale(quantity=2, sure=False), sale("2")], store=5, reverb=3, now=s(1), orders_at=s(1)
    )  # only the first one is in it
    assert (merged.agreed.units, merged.agreed.reverb, merged.agreed.unexplained_drop) == (2, 5, 0)
    agreed, _ = reckon(merged.agreed, *merged.sales, store=5, reverb=2, at=s(20))
    assert (agreed.units, agreed.unexplained_drop) == (2, 0)


@pytest.mark.parametrize("seconds_before_our_call", [1, 0, -2])
def test_a_sale_beside_our_own_call_that_a_stale_number_does_not_show_yet_counts_once(
    seconds_before_our_call: int,
) -> None:
    agreed = replace(START, units=7, store=7).moved(1, s(10))
    sold = sale(at=s(10 - seconds_before_our_call))
    agreed, sales = reckon(agreed, sold, store=7, reverb=1, at=s(12))
    assert (agreed.units, store_adjustment(agreed)) == (6, -1)
    agreed, sales = reckon(replace(agreed, store=6), *sales, store=6, reverb=0, at=s(16))
    assert (agreed.units, agreed.unexplained_drop, agreed.reverb, sales[0].shown) == (6, 0, 0, 1)


def test_a_doubtful_sale_does_not_explain_why_the_number_does_not_show_the_next_one_yet() -> None:
    agreed, sales = reckon(START.moved(5, s(10)), sale(at=s(9)), reverb=4, at=s(12))
    assert sales[0].doubtful
    agreed, sales = reckon(replace(agreed, store=4), *sales, sale("2", at=s(40)), store=4, reverb=4, at=s(41))
    assert (agreed.units, [one.new for one in sales]) == (3, [False, True])
    agreed, sales = reckon(replace(agreed, store=3), *sales, store=3, reverb=3, at=s(50))
    assert (agreed.units, agreed.unexplained_drop, [one.shown for one in sales]) == (3, 0, [1, 1])


def test_a_sale_beside_our_own_call_that_never_shows_was_overwritten_and_does_not_hide_the_next_one() -> None:
    agreed, sales = reckon(replace(START, units=4, store=4).moved(4, s(10)), sale(at=s(9)), store=4, reverb=4, at=s(12))
    agreed, sales = reckon(replace(agreed, store=3), *sales, store=3, reverb=4, at=s(60))
    assert (agreed.units, sales[0].new) == (3, False)
    agreed, _ = reckon(agreed, *sales, store=3, reverb=3, at=s(70))
    assert (agreed.units, agreed.unexplained_drop) == (2, 1)


def test_a_number_that_is_higher_than_before_a_sale_of_a_moment_ago_adds_nothing() -> None:
    agreed, sales = reckon(START, sale(), reverb=6)  # units of a cancellation that shows late came back before it
    assert agreed.units == 4
    agreed, _ = reckon(agreed, *sales, reverb=5, at=s(90))
    assert agreed.units == 4


def test_a_lost_number_that_seemed_not_to_be_applied_adds_nothing_when_an_old_answer_shows_it() -> None:
    pending_put = replace(START, units=8, store=8, reverb=5, set_at=s(-30), pending_put=8)
    agreed, _ = reckon(pending_put, store=8, reverb=5, at=s(10))
    assert (agreed.pending_put, agreed.reverb) == (None, 5)
    agreed, _ = reckon(agreed, store=8, reverb=8, at=s(20))
    agreed, _ = reckon(agreed, store=8, reverb=8, at=s(100))
    assert agreed.units == 8


def test_a_number_that_got_no_answer_may_show_only_once_the_listing_is_on_sale() -> None:
    ended = Agreed(units=1, store=1, reverb=0, set_at=LONG_AGO, pending_put=1)
    assert merge(ended, (), store=1, reverb=0, off_sale=True, now=s(1), orders_at=s(1)).undecided
    agreed = merge(ended, (), store=1, reverb=1, now=s(1), orders_at=s(1)).agreed
    assert (agreed.units, agreed.reverb, agreed.unexplained_gain, agreed.pending_put) == (1, 1, 0, None)


def test_a_sale_that_hid_a_lost_number_still_counts_and_is_no_rise() -> None:
    sent = replace(START, units=6, store=6, pending_put=6)
    agreed, _ = reckon(sent, store=6, reverb=5)  # applied, and one sold at once: it looks as before
    agreed, _ = reckon(agreed, sale(), store=6, reverb=5, at=s(9))
    assert (agreed.units, agreed.unexplained_gain) == (5, 0)


@pytest.mark.parametrize(("reverb", "units"), [(5, 3), (3, 3), (4, 2), (2, 2)])
def test_a_number_whose_answer_was_lost_was_applied_or_not_and_a_sale_beside_it_counts(reverb: int, units: int) -> None:
    sent = replace(START, units=3, store=3, pending_put=3)
    sales = [] if units == 3 else [sale(at=s(1))]
    agreed, _ = reckon(sent, *sales, store=3, reverb=reverb, at=s(2))
    assert (agreed.units, agreed.reverb, agreed.pending_put, agreed.unexplained_gain) == (units, reverb, None, 0)
