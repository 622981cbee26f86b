"""Keeping deliveries under load: together, each answered after its own commit; addresses remembered for a second."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import OperationalError, connection
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from pydantic import SecretStr

from reverbsync import clock, straight
from reverbsync.database import unasked
from shops.models import StoreConnection
from tests.people import NOON, olivia, shop_of
from webhooks import addresses
from webhooks.keeping import Together


class Slow:
    """Writes batches, the first one only when it is let."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.begun, self.go_on = threading.Event(), threading.Event()

    def write(self, rows: Sequence[int]) -> None:
        """Keep rows."""
        self.begun.set()
        self.go_on.wait(10)
        self.batches.append(list(rows))


def test_what_arrives_while_a_statement_is_under_way_is_the_next_one() -> None:
    slow = Slow()
    together = Together(slow.write)
    with ThreadPoolExecutor(6) as pool:
        first = pool.submit(together.keep, 0)
        slow.begun.wait(10)
        others = [pool.submit(together.keep, number) for number in range(1, 6)]
        while len(together._gathering.rows) < 5:
            pass
        slow.go_on.set()
        kept = [list(one.result(10)) for one in [first, *others]]
    assert [sorted(batch) for batch in slow.batches] == [[0], [1, 2, 3, 4, 5]]
    assert sorted(len(rows) for rows in kept) == [0, 0, 0, 0, 1, 5]  # one of each batch does what follows


def test_nobody_is_told_that_a_row_is_kept_which_is_not() -> None:
    def fail(rows: Sequence[int]) -> None:
        raise OperationalError("the disk is full")

    together = Together(fail)
    with ThreadPoolExecutor(4) as pool:
        told = [pool.submit(together.keep, number) for number in range(8)]
        assert all(isinstance(one.exception(10), OperationalError) for one in told)


def test_a_dead_line_to_the_database_is_replaced_once() -> None:
    tries: list[int] = []

    def run() -> str:
        tries.append(1)
        if len(tries) == 1:
            raise OperationalError("server closed the connection")
        return "kept"

    assert unasked(run) == "kept"
    assert len(tries) == 2


@pytest.mark.django_db
def test_inside_a_transaction_nothing_is_repeated() -> None:
    def run() -> None:
        raise OperationalError

    with pytest.raises(OperationalError):
        unasked(run)
    connection.needs_rollback = False


@pytest.mark.django_db
def test_a_store_is_looked_up_once_a_second(django_assert_num_queries: object) -> None:
    store = shop_of(olivia()).store
    now = NOON
    with clock.running_by(lambda: now, sleeping=lambda _: None):
        with django_assert_num_queries(1):  # type: ignore[operator]
            assert addresses.store_at(store.hook_key) == addresses.store_at(store.hook_key) == store
        now += timedelta(seconds=1)
        with django_assert_num_queries(1):  # type: ignore[operator]
            addresses.store_at(store.hook_key)


@pytest.mark.django_db
def test_before_a_signature_counts_as_wrong_the_secret_is_read_anew() -> None:
    store = shop_of(olivia()).store
    addresses.store_at(store.hook_key)
    StoreConnection.objects.update(secret=SecretStr("another"))
    found = addresses.store_at(store.hook_key, fresh=True)
    assert found is not None
    assert found.secret.get_secret_value() == "another"
    StoreConnection.objects.all().delete()
    assert addresses.store_at(store.hook_key, fresh=True) is None
    assert addresses.store_at(store.hook_key) is None


def the_long_way(request: HttpRequest) -> HttpResponse:
    """Stand for all further middleware."""
    return HttpResponse("the long way")


def test_pages_go_the_long_way() -> None:
    request = RequestFactory().get("/shops/1/")
    assert straight.straight(the_long_way)(request).content == b"the long way"  # type: ignore[attr-defined]


@pytest.mark.django_db
def test_webhooks_go_straight_to_their_view_and_an_unknown_address_is_404() -> None:
    answer = straight.straight(the_long_way)(RequestFactory().post("/webhooks/store/nobody/"))
    assert answer.status_code == 404
    assert Client().post("/webhooks/there-is-no-such-thing/").status_code == 404
