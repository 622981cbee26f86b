"""A store that sends its products: a sale does not wait for edits before it, unless they introduce what it counts."""

from __future__ import annotations

import pytest

from listings.models import Product
from shops.models import Shop
from tests.webhooks.pushing import guitar, push_shop, send, sold, states, stocks
from webhooks.store_handover import hand_over

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop() -> Shop:
    """Return a shop with a store of its seller's own."""
    return push_shop()


def test_a_sale_does_not_wait_for_the_edits_before_it(shop: Shop) -> None:
    guitar(shop, 0)
    hand_over(shop)
    for minute in range(1, 6):
        guitar(shop, minute)
    sold(shop, 6)
    assert hand_over(shop, sales=True) is False
    assert states() == ["done", *["open"] * 5, "done"]
    assert stocks() == {"1": 0}
    hand_over(shop, sales=False)
    assert stocks() == {"1": 0}
    assert Product.objects.get().title == "Guitar 5"


def test_a_sale_of_a_variant_that_an_open_edit_introduces_is_worked_off_after_that_edit(shop: Shop) -> None:
    guitar(shop, 0)
    hand_over(shop)
    guitar(shop, 1, variants="12")
    sold(shop, 2, "2")
    hand_over(shop, sales=True)
    assert states() == ["done", "done", "done"]
    assert stocks() == {"1": 3, "2": 0}


def test_sales_that_stand_alone_go_before_one_that_does_not(shop: Shop) -> None:
    guitar(shop, 0)
    hand_over(shop)
    guitar(shop, 1, variants="12")
    sold(shop, 2, "2")
    sold(shop, 3, "1")
    assert hand_over(shop, sales=True) is True
    assert states() == ["done", "open", "open", "done"]
    hand_over(shop, sales=True)
    assert stocks() == {"1": 0, "2": 0}


def test_a_count_that_cannot_be_read_is_put_aside_by_itself(shop: Shop) -> None:
    guitar(shop, 0)
    send(shop, "stock.updated", 1, product_id=None, items="none")
    hand_over(shop, sales=True)
    assert states() == ["open", "unreadable"]
