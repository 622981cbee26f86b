"""The button that tests a connection calls the other side now, and says what it did."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from shops.models import ReverbConnection, StoreConnection
from tests.journeys.world import World
from tests.people import nora, olivia

pytestmark = pytest.mark.live


def press(world: World, side: str) -> str:
    """Press the button as Olivia; return the page that follows."""
    person = Client()
    person.force_login(olivia())
    return person.post(reverse(f"shops:test_{side}", args=[world.shop.pk]), follow=True).content.decode()


def test_a_store_that_answers_is_named_with_its_currency(world: World) -> None:
    assert "We asked Shopify for your shop&#x27;s name: it is" in press(world, "store")
    assert "Its webhooks are being checked now." in press(world, "store")


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"status": 503, "page": "maintenance"}, "got none"),
        ({"status": 403, "page": "wordfence"}, "got none"),
        ({"status": 401, "body": {"errors": "[API] Invalid API key or access token"}}, "no longer accepted"),
    ],
)
def test_a_store_that_does_not_answer_is_said_to_and_stays_connected(
    world: World, fault: dict[str, object], words: str
) -> None:
    world.store.fault("status", times=9, **fault)
    assert words in press(world, "store")
    assert StoreConnection.objects.get().token.get_secret_value()


def test_reverb_answers_for_account_listings_and_orders(world: World) -> None:
    assert "We asked Reverb for your account, your listings and your orders" in press(world, "reverb")


def test_a_token_that_reverb_refuses_is_named_and_kept(world: World) -> None:
    world.reverb.fault("status", times=9, status=401, body={"message": "The access token is invalid"})
    assert "could not use it" in press(world, "reverb")
    assert ReverbConnection.objects.get().token.get_secret_value()


def test_nobody_tests_the_connection_of_another_person(world: World) -> None:
    stranger = Client()
    stranger.force_login(nora())
    for side in ("store", "reverb"):
        assert stranger.post(reverse(f"shops:test_{side}", args=[world.shop.pk])).status_code == 404
    assert stranger.get(reverse("shops:test_store", args=[world.shop.pk])).status_code in (404, 405)


def test_a_personal_token_without_webhooks_is_shown_as_the_normal_case(world: World) -> None:
    person = Client()
    person.force_login(olivia())
    words = "Please log in via Oauth to create webhooks"
    ReverbConnection.objects.update(hooks={"there": [], "refused": {"orders/create": words}})
    page = person.get(reverse("shops:reverb", args=[world.shop.pk])).content.decode()
    ReverbConnection.objects.update(hooks_checked_at=world.now)
    page = person.get(reverse("shops:reverb", args=[world.shop.pk])).content.decode()
    assert "That is the normal case" in page
    assert words not in page
