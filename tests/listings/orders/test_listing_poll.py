"""The regular look at listings goes round all pages, also where Reverb fails at one of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.core.cache import cache

from listings.orders import listing_poll
from reverbsync import clock
from shops.models import ReverbConnection
from shops.reverb.errors import RateLimited, TransientError
from shops.snapshots import ReverbListing
from tests.people import NOON, olivia, shop_of

pytestmark = pytest.mark.django_db


class Reverb:
    """Five pages of listings, some of which fail."""

    def __init__(self, connection: ReverbConnection) -> None:
        self.connection = connection
        self.fails: dict[int, TransientError] = {}
        self.requested: list[int] = []
        self.now = NOON

    def listings_page(self, number: int) -> tuple[list[ReverbListing], int]:
        """Return one page."""
        self.requested.append(number)
        if number in self.fails:
            raise self.fails[number]
        row = ReverbListing(id=str(number), sku="", state="live", self_url="", web_url="")
        return ([row] if number <= 5 else []), 5

    def slices(self, count: int) -> list[int]:
        """Return the pages that are asked for in so many slices. One asks for several where some are late."""
        self.requested = []
        for _ in range(count):
            self.now += timedelta(minutes=2)
            with clock.running_by(lambda: self.now):
                try:
                    listing_poll.run_slice(self.connection, self)  # type: ignore[arg-type]
                except TransientError:
                    continue
        return self.requested


@pytest.fixture
def reverb() -> Iterator[Reverb]:
    """Return a Reverb that works."""
    cache.clear()
    yield Reverb(ReverbConnection.objects.select_related("shop__sync_settings").get(shop=shop_of(olivia())))
    cache.clear()


@pytest.mark.parametrize("page", [1, 2, 5])
def test_a_page_that_always_fails_is_passed_over_at_its_second_try_and_asked_for_in_each_round(
    reverb: Reverb, page: int
) -> None:
    reverb.fails = {page: TransientError("no")}
    rounds = "".join(map(str, reverb.slices(14)))
    assert rounds.count(f"{page}{page}") >= 2
    assert f"{page}" * 3 not in rounds
    assert all(rounds.count(other) >= 2 for other in "12345")


def test_a_page_that_fails_once_is_asked_for_again_and_no_page_is_passed_over(reverb: Reverb) -> None:
    reverb.slices(1)
    reverb.fails = {2: TransientError("no")}
    assert reverb.slices(1) == [2]
    reverb.fails = {}
    assert reverb.slices(4)[:4] == [2, 3, 4, 5]


def test_while_all_pages_fail_none_is_passed_over(reverb: Reverb) -> None:
    reverb.slices(1)
    reverb.fails = dict.fromkeys(range(1, 7), TransientError("no"))
    reverb.slices(5)
    reverb.fails = {}
    assert reverb.slices(4)[:4] == [2, 3, 4, 5]


def test_a_page_for_which_the_budget_has_no_room_is_not_passed_over(reverb: Reverb) -> None:
    reverb.fails = {1: RateLimited("no")}
    assert reverb.slices(4) == [1, 1, 1, 1]
