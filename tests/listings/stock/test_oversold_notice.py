"""Whether the owners of an oversold product get a mail, and which."""

from __future__ import annotations

import pytest

from listings.stock.oversold_notice import BOTH, FIRST, MORE_IS_KNOWN, Oversold, asks_store, news

#: Units, notified, hidden on Reverb, unnamed and unanswered in the last mail → whether the store is asked, and the news
#: if it answers and if it does not.
CASES = [
    # nothing is oversold, or nothing is new
    ((0, 0, False, False, False), (False, None, None)),
    ((0, 1, False, True, True), (False, None, None)),
    ((1, 1, False, False, False), (False, None, None)),
    ((1, 2, False, False, False), (False, None, None)),
    # a unit that no mail has named
    ((1, 0, False, False, False), (True, FIRST, FIRST)),
    ((1, 0, True, False, False), (True, FIRST, FIRST)),
    ((3, 2, False, True, True), (True, FIRST, FIRST)),
    # Reverb's order was not known, and still is not
    ((1, 1, True, True, False), (False, None, None)),
    # Reverb's order is known now
    ((1, 1, False, True, False), (True, BOTH, MORE_IS_KNOWN)),
    ((1, 1, False, True, True), (True, BOTH, MORE_IS_KNOWN)),
    # the store's order was not known
    ((1, 1, False, False, True), (True, BOTH, None)),
    ((1, 1, True, True, True), (True, MORE_IS_KNOWN, None)),
]


@pytest.mark.parametrize(("given", "expected"), CASES)
def test_a_mail_is_sent_for_each_unit_and_again_once_an_order_is_known(
    given: tuple[int, int, bool, bool, bool], expected: tuple[bool, str | None, str | None]
) -> None:
    units, notified, hidden, unnamed, unanswered = given
    oversold = Oversold(units, notified, hidden=hidden, unnamed=unnamed, unanswered=unanswered)
    asks, answered, silent = expected
    assert asks_store(oversold) is asks
    if asks:
        assert news(oversold, store_answered=True) == answered
        assert news(oversold, store_answered=False) == silent
