"""A sale whose row cannot be read is left out by itself, named in the log, and asked for by itself until it can be."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from listings.models import Order
from listings.orders import order_poll, tasks
from shops.models import ReverbConnection
from shops.reverb.client import ReverbClient
from shops.reverb.errors import NeedsSeller, NotFound, ReverbError, TransientError
from synclog.models import Entry
from tests.people import NOON, olivia, shop_of

pytestmark = pytest.mark.django_db

GOOD = {
    "order_number": "1",
    "status": "paid",
    "product_id": 7,
    "created_at": "2026-11-02T11:59:00Z",
    "updated_at": "2026-11-02T11:59:00Z",
}
ODD = {**GOOD, "order_number": "2", "quantity": "many"}


class Reverb:
    """Answers with a list of orders, and with each by itself."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.listed: list[Any] = [GOOD, ODD]
        self.alone: dict[str, Any] = {"2": ODD}
        self.requested: list[str] = []
        #: What the list counts, where that is not what it shows; and numbers at which it fails.
        self.counts: int | None = None
        self.fails_at: set[str] = set()
        self.looks = 0
        monkeypatch.setattr(ReverbClient, "get", lambda _, path, query=None: self.get(path))

    def get(self, path: str) -> Any:
        number = path.rpartition("/")[2]
        if path == "/my/listings":
            self.looks += 1
            return {"total": 0, "listings": []}
        if "?" in path:
            return self.page(parse_qs(urlsplit(path).query))
        self.requested.append(number)
        found = self.alone.get(number)
        if isinstance(found, Exception):
            raise found
        return found

    def page(self, query: dict[str, list[str]]) -> Any:
        size, page = int(query["per_page"][0]), int(query.get("page", ["1"])[0])
        shown = self.listed[(page - 1) * size : page * size]
        if any(one["order_number"] in self.fails_at for one in shown):
            raise TransientError("Reverb answered with a page instead of data (status 500).", status=500)
        return {"total": len(self.listed) if self.counts is None else self.counts, "orders": shown}


@pytest.fixture
def reverb(monkeypatch: pytest.MonkeyPatch) -> Reverb:
    """Return a Reverb with one good and one odd order."""
    return Reverb(monkeypatch)


@pytest.fixture
def connection() -> ReverbConnection:
    """Return the account of Olivia's shop."""
    return ReverbConnection.objects.get(shop=shop_of(olivia()))


def read(connection: ReverbConnection, after: timedelta, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read the account's orders some time after noon."""
    from reverbsync import clock

    with clock.running_by(lambda: NOON + after):
        order_poll.read(connection, ReverbClient.of(connection), now=NOON + after)


def numbers() -> list[str]:
    """Return the orders that are known."""
    return sorted(Order.objects.values_list("number", flat=True))


def test_the_others_of_its_page_are_taken_and_it_is_named_once(
    reverb: Reverb, connection: ReverbConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    for minute in range(3):
        read(connection, timedelta(minutes=minute), monkeypatch)
    assert numbers() == ["1"]
    assert Entry.objects.filter(reason="sale_not_readable", title="Order 2").count() == 1


def test_it_is_taken_as_soon_as_it_can_be_read_though_no_list_shows_it_any_more(
    reverb: Reverb, connection: ReverbConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    read(connection, timedelta(0), monkeypatch)
    reverb.listed = []
    read(connection, timedelta(minutes=2), monkeypatch)
    assert numbers() == ["1"]
    reverb.alone["2"] = {**ODD, "quantity": 2}
    read(connection, timedelta(minutes=30), monkeypatch)
    assert numbers() == ["1", "2"]
    assert ReverbConnection.objects.get().orders_unread == {}


@pytest.mark.parametrize("answer", [ODD, TransientError("no"), {}, [], None])
def test_it_is_asked_for_ever_more_rarely(
    reverb: Reverb, connection: ReverbConnection, monkeypatch: pytest.MonkeyPatch, answer: Any
) -> None:
    reverb.alone["2"] = answer
    for minute in range(0, 24 * 60, 5):
        read(connection, timedelta(minutes=minute), monkeypatch)
    assert 8 <= len(reverb.requested) <= 13
    assert numbers() == ["1"]


def test_one_that_is_none_of_this_accounts_is_forgotten(
    reverb: Reverb, connection: ReverbConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    read(connection, timedelta(0), monkeypatch)
    reverb.listed, reverb.alone["2"] = [], NotFound("The order could not be found")
    read(connection, timedelta(minutes=5), monkeypatch)
    assert ReverbConnection.objects.get().orders_unread == {}


# -- lists that fail, or show less than they count -----------------------------------------------------------------


def entries() -> list[str]:
    """Return the titles of the entries about sales that could not be read."""
    return list(Entry.objects.filter(reason="sale_not_readable").order_by("id").values_list("title", flat=True))


def test_one_sale_at_which_reverbs_list_fails_keeps_no_other_from_being_read(
    reverb: Reverb, connection: ReverbConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    reverb.listed, reverb.fails_at = [GOOD, {**GOOD, "order_number": "2"}, {**GOOD, "order_number": "3"}], {"2"}
    for minute in range(3):
        read(connection, timedelta(minutes=minute), monkeypatch)
    assert numbers() == ["1", "3"]
    assert ReverbConnection.objects.get().orders_read_at == NOON + timedelta(minutes=2)
    assert entries() == ["An order without a number"]


def test_a_known_sale_at_which_the_list_fails_from_now_on_is_read_by_itself(
    reverb: Reverb, connection: ReverbConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    reverb.listed = [{**GOOD, "status": "unpaid"}, {**GOOD, "order_number": "3", "status": "shipped"}]
    read(connection, timedelta(0), monkeypatch)
    paid = {**GOOD, "updated_at": "2026-11-02T12:01:00Z"}
    reverb.listed, reverb.fails_at, reverb.alone = [paid], {"1"}, {"1": paid}
    for minute in (2, 4):
        read(connection, timedelta(minutes=minute), monkeypatch)
    assert Order.objects.get(number="1").status == "paid"
    assert set(reverb.requested) == {"1"}


def test_another_sale_at_which_the_list_fails_is_named_a_day_later(
    reverb: Reverb, connection: ReverbConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    reverb.fails_at = {"1"}
    for hour in (0, 1, 25):
        read(connection, timedelta(hours=hour), monkeypatch)
    assert entries().count("An order without a number") == 2


def test_a_list_that_shows_less_than_it_counts_is_read_again_and_taken_as_it_is_after_an_hour(
    reverb: Reverb, connection: ReverbConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    reverb.listed = []
    read(connection, timedelta(0), monkeypatch)
    reverb.listed, reverb.counts = [GOOD], 2
    for minute in (5, 30, 59):
        with pytest.raises(TransientError):
            read(connection, timedelta(minutes=minute), monkeypatch)
    assert (numbers(), entries()) == (["1"], [])
    assert ReverbConnection.objects.get().orders_read_at == NOON
    read(connection, timedelta(minutes=61), monkeypatch)
    assert ReverbConnection.objects.get().orders_read_at == NOON + timedelta(minutes=61)
    assert entries() == ["An order without a number"]


@pytest.mark.parametrize(
    ("error", "looks"), [(None, 1), (TransientError("no", status=500), 1), (NeedsSeller("no", status=403), 0)]
)
def test_the_listings_are_looked_at_though_the_list_of_sales_fails(
    reverb: Reverb,
    connection: ReverbConnection,
    monkeypatch: pytest.MonkeyPatch,
    error: ReverbError | None,
    looks: int,
) -> None:
    def page(query: object) -> Any:
        if error is not None:
            raise error
        return {"total": 0, "orders": []}

    monkeypatch.setattr(reverb, "page", page)
    tasks.orders(connection.shop_id)
    assert reverb.looks == looks
