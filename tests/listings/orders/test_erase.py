"""Buyers are people: who they are is kept only while it is needed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from listings import tasks
from listings.models import Order
from listings.orders import descriptions, erase
from listings.orders import tasks as order_tasks
from reverbsync import clock
from shops import recheck
from shops.models import SyncSettings
from shops.snapshots import ReverbOrder
from tests.people import nora, olivia, shop_of

pytestmark = pytest.mark.django_db
BOB = {"name": "Bob Buyer", "street": "1 Main St", "city": "Austin", "postal_code": "78701", "country": "US"}


def order(number: str = "9001", *, status: str = "paid", days: int = 0, person: object = None) -> Order:
    """Return a sale to Bob that last changed so many days ago, of a shop that takes orders."""
    shop = shop_of(nora() if person else olivia(), f"Shop {number}")
    SyncSettings.objects.filter(shop=shop).update(take_orders=True)
    at = clock.now() - timedelta(days=days)
    seen = ReverbOrder(number, "701", "A1", "Strat", 1, status, at, at, buyer="Bob Buyer", buyer_id="7", address=BOB)
    return Order.objects.create(
        shop=shop,
        number=number,
        title="Strat",
        quantity=1,
        status=status,
        placed_at=at,
        updated_at=at,
        seen_at=at,
        snapshot=seen.to_json(),
    )


def knows_bob(row: Order) -> bool:
    """Return whether anything of Bob is kept."""
    row.refresh_from_db()
    return bool({"buyer", "buyer_id", "address"} & set(row.snapshot))


def test_a_buyer_is_forgotten_sixty_days_after_the_order_is_done() -> None:
    done, fresh, open_one = (
        order("1", status="received", days=61),
        order("2", status="received", days=59),
        order("3", status="paid", days=90),
    )
    erase.old_buyers()
    assert [knows_bob(one) for one in (done, fresh, open_one)] == [False, True, True]
    assert done.seen.title == "Strat"  # what is left can be read
    assert (done.seen.buyer, done.seen.address) == ("", None)


def test_all_buyers_are_forgotten_as_soon_as_orders_are_no_longer_taken_and_only_that_shops() -> None:
    mine, other = order("1"), order("2", person="nora")
    SyncSettings.objects.filter(shop=mine.shop).update(take_orders=False)
    recheck.look_again(mine.shop)  # as the settings page does
    tasks.review_shop(mine.shop_id)
    assert [knows_bob(one) for one in (mine, other)] == [False, True]


def test_a_name_that_came_in_between_is_forgotten_at_the_next_look() -> None:
    late = order("1")
    SyncSettings.objects.update(take_orders=False)
    order_tasks.forget_buyers()
    assert not knows_bob(late)


def test_the_words_of_each_state_say_something() -> None:
    row = order("1")
    for state in Order._meta.get_field("store_state").choices or ():
        row.store_state = str(state[0])
        assert descriptions.in_store(row, takes_orders=True).label
    for status in (*descriptions.ON_REVERB, "word_of_tomorrow"):
        row.status = status
        assert descriptions.on_reverb(row).label
