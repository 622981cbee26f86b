"""Which of several listings with one SKU goes with the product."""

from __future__ import annotations

import pytest

from listings.sync.find import the_one


@pytest.mark.parametrize(
    ("states", "found"),
    [
        (["sold"], 0),
        (["ended"], 0),
        (["sold", "live"], 1),
        (["live", "ended"], 0),
        (["ended", "sold", "draft"], 2),
        (["draft", "live"], 1),
        (["suspended", "sold_out"], 0),
        (["sold", "ordered", "LIVE"], 2),
        (["live", "suspended", "draft"], 0),
        (["live", "live"], None),
        (["draft", "draft"], None),
        (["sold", "ended"], None),
        (["sold", "sold"], None),
        (["", "ended"], 0),
        ([], None),
    ],
)
def test_the_only_one_that_is_on_sale_or_may_still_be(states: list[str], found: int | None) -> None:
    chosen = the_one({str(number): state for number, state in enumerate(states)})
    assert chosen == ("" if found is None else str(found))
