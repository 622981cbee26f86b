"""A sale whose row cannot be read is left out by itself, named in the log, and asked for by itself until it can be."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from listings.models import Order
from listings.orders import poll
from shops.models import ReverbConnection
from shops.reverb.client import ReverbClient
from shops.reverb.errors import NotFound, Passing
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
        self.asked: list[str] = []
        monkeypatch.setattr(ReverbClient, "get", lambda _, path, query=None: self.get(path))

    def get(self, path: str) -> Any:
        number = path.rpartition("/")[2]
        if "?" in path:
            return {"total": len(self.listed), "orders": self.listed}
        self.asked.append(number)
        found = self.alone.get(number)
        if isinstance(found, Exception):
            raise found
        return found


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
        poll.read(connection, ReverbClient.of(connection), now=NOON + after)


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


@pytest.mark.parametrize("answer", [ODD, Passing("no"), {}, [], None])
def test_it_is_asked_for_ever_more_rarely(
    reverb: Reverb, connection: ReverbConnection, monkeypatch: pytest.MonkeyPatch, answer: Any
) -> None:
    reverb.alone["2"] = answer
    for minute in range(0, 24 * 60, 5):
        read(connection, timedelta(minutes=minute), monkeypatch)
    assert 8 <= len(reverb.asked) <= 13
    assert numbers() == ["1"]


def test_one_that_is_none_of_this_accounts_is_forgotten(
    reverb: Reverb, connection: ReverbConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    read(connection, timedelta(0), monkeypatch)
    reverb.listed, reverb.alone["2"] = [], NotFound("The order could not be found")
    read(connection, timedelta(minutes=5), monkeypatch)
    assert ReverbConnection.objects.get().orders_unread == {}
