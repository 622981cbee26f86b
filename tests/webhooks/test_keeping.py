"""Taking webhooks under load: the short way, addresses remembered for a second, a dead database line replaced."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import OperationalError, connection
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from pydantic import SecretStr
from pytest_django import DjangoAssertNumQueries

from reverbsync import clock, middleware
from reverbsync.database import without_health_check
from shops.models import StoreConnection
from tests.people import NOON, olivia, shop_of
from webhooks import addresses


def test_a_dead_line_to_the_database_is_replaced_once() -> None:
    tries: list[int] = []

    def run() -> str:
        tries.append(1)
        if len(tries) == 1:
            raise OperationalError("server closed the connection")
        return "kept"

    assert without_health_check(run) == "kept"
    assert len(tries) == 2


@pytest.mark.django_db
def test_inside_a_transaction_nothing_is_repeated() -> None:
    def run() -> None:
        raise OperationalError

    with pytest.raises(OperationalError):
        without_health_check(run)
    connection.needs_rollback = False


@pytest.mark.django_db
def test_a_store_is_looked_up_once_a_second(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    store = shop_of(olivia()).store
    now = NOON
    with clock.running_by(lambda: now, sleeping=lambda _: None):
        with django_assert_num_queries(1):
            assert addresses.store_at(store.hook_key) == addresses.store_at(store.hook_key) == store
        now += timedelta(seconds=1)
        with django_assert_num_queries(1):
            addresses.store_at(store.hook_key)


@pytest.mark.django_db
def test_before_a_signature_counts_as_wrong_the_secret_is_read_again() -> None:
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
    assert middleware.skip_browser_middleware(the_long_way)(request).content == b"the long way"  # type: ignore[attr-defined]


@pytest.mark.django_db
def test_webhooks_go_straight_to_their_view_and_an_unknown_address_is_404() -> None:
    answer = middleware.skip_browser_middleware(the_long_way)(RequestFactory().post("/webhooks/store/nobody/"))
    assert answer.status_code == 404
    assert Client().post("/webhooks/there-is-no-such-thing/").status_code == 404
