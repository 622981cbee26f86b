"""What the pages say of the two connections is true at that moment, and what is old is checked while somebody looks."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from reverbsync import clock
from shops import connection_status, health, store_connection
from shops.models import Breaker, ReverbConnection, Shop, StoreConnection, StoreHealth
from shops.platforms.errors import Away, StoreAuthError
from shops.platforms.values import Keys
from tests.people import olivia, shop_of


@pytest.fixture
def shop(db: None) -> Shop:
    """Return Olivia's shop, whose store and Reverb account were checked a moment ago."""
    made = shop_of(olivia())
    now = clock.now()
    StoreConnection.objects.update(hooks_checked_at=now, hooks_due_at=now + timedelta(hours=23))
    ReverbConnection.objects.update(checked_at=now, hooks_checked_at=now, hooks_due_at=now + timedelta(hours=23))
    return made


def get(shop: Shop, name: str = "shops:store", *, seen: str = "", part: bool = False) -> tuple[int, str]:
    """Return status and text of a page as Olivia sees it, or of the part that asks for itself."""
    client = Client()
    client.force_login(olivia())
    headers = {"HX-Request": "true"} if part else {}
    answer = client.get(reverse(name, args=[shop.pk]), {"seen": seen}, headers=headers)
    return answer.status_code, answer.content.decode()


def badge(shop: Shop, name: str = "shops:store") -> str:
    """Return the first badge of a page."""
    found = re.search(r'class="badge \w+">([^<]+)<', get(shop, name)[1])
    assert found is not None
    return found[1]


# -- what is said --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", ["shops:store", "shops:overview"])
def test_a_store_is_called_connected_only_while_nothing_speaks_against_it(shop: Shop, page: str) -> None:
    assert badge(shop, page) == "connected"
    StoreConnection.objects.update(problem="That address redirects to https://www.x.test.")
    assert badge(shop, page) == "needs you"
    health.did_not_answer(shop.pk, StoreAuthError("WooCommerce: Consumer key is invalid."))
    assert badge(shop, page) == "not answering"
    name = "shopify:guitars.myshopify.com"
    now = clock.now()
    Breaker.objects.create(name=name, failed_at=now, opened_at=now, probe_at=now, words="it answered 302.")
    assert badge(shop, page) == "not responding"
    assert "it answered 302." in get(shop, page)[1]


def test_keys_that_are_refused_are_said_with_the_stores_words_and_the_way_to_new_ones(shop: Shop) -> None:
    health.did_not_answer(shop.pk, StoreAuthError("WooCommerce: Consumer key is invalid."))
    _, page = get(shop)
    assert "WooCommerce: Consumer key is invalid." in page
    assert "connect the store again" in page


def test_a_store_that_let_us_in_and_does_not_answer_is_not_called_connected(shop: Shop) -> None:
    keys = Keys("token", "secret")
    store_connection.connect_store(
        shop, platform="shopify", address="guitars.myshopify.com", keys=keys, problem="It answered 403."
    )
    assert badge(shop) == "needs you"
    assert "It answered 403." in get(shop)[1]


# -- how it stays true ---------------------------------------------------------------------------------------------


def test_looking_at_the_page_has_a_store_checked_that_was_not_checked_for_a_minute(shop: Shop) -> None:
    get(shop)
    assert StoreConnection.objects.filter(hooks_due_at__gt=clock.now()).exists()
    StoreConnection.objects.update(hooks_checked_at=clock.now() - timedelta(minutes=2))
    get(shop)
    assert StoreConnection.objects.filter(hooks_due_at__lte=clock.now()).exists()


def test_a_store_with_a_problem_is_checked_in_its_own_time_however_often_the_page_asks(shop: Shop) -> None:
    old = clock.now() - timedelta(hours=1)
    StoreConnection.objects.update(hooks_checked_at=old, problem="It answered 403.")
    get(shop)
    assert StoreConnection.objects.filter(hooks_due_at__gt=clock.now()).exists()


def test_a_store_that_is_back_is_checked_so_that_its_problem_goes(shop: Shop) -> None:
    StoreConnection.objects.update(problem="It answered 403.")
    health.did_not_answer(shop.pk, Away("It answered 403."))
    health.answers(shop.pk)
    assert StoreConnection.objects.filter(hooks_due_at__lte=clock.now()).exists()
    assert not StoreHealth.objects.filter(away_since__isnull=False).exists()


def test_the_part_that_asks_for_itself_moves_only_when_something_changed(shop: Shop) -> None:
    found = re.search(r"\?seen=(\w+)", get(shop)[1])
    assert found is not None
    assert get(shop, seen=found[1], part=True) == (204, "")
    StoreConnection.objects.update(problem="It answered 403.")
    status, part = get(shop, seen=found[1], part=True)
    assert (status, "It answered 403." in part, "<html" in part) == (200, True, False)


def test_the_page_of_a_store_that_was_disconnected_meanwhile_is_loaded_again(shop: Shop) -> None:
    store_connection.disconnect_store(shop)
    client = Client()
    client.force_login(olivia())
    answer = client.get(reverse("shops:store", args=[shop.pk]), headers={"HX-Request": "true"})
    assert answer.headers["HX-Refresh"] == "true"


def test_what_the_seller_is_asked_to_do_on_reverb_is_asked_for_again_while_they_look(shop: Shop) -> None:
    ReverbConnection.objects.update(problem="no_live_listing")
    get(shop, "shops:reverb")
    assert ReverbConnection.objects.filter(hooks_due_at__gt=clock.now()).exists()
    ReverbConnection.objects.update(checked_at=clock.now() - connection_status.FRESH)
    get(shop, "shops:reverb")
    assert ReverbConnection.objects.filter(hooks_due_at__lte=clock.now()).exists()


def test_a_shop_without_a_store_is_asked_what_it_runs_on(shop: Shop) -> None:
    StoreConnection.objects.all().delete()
    assert "What does your store run on?" in get(shop)[1]
    assert "Not connected yet." in get(shop, "shops:overview")[1]
