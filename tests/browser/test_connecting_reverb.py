"""Letting Reverb connect a shop, from the button to the connected page and back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from pydantic import SecretStr
from pytest_django.fixtures import Settings

from reverbsync import clock
from shops import lifecycle, reverb_connection
from shops.models import PendingConnection, ReverbConnection, Shop
from tests.browser.seller import Seller
from tests.journeys.world import StandIn
from tests.people import nora, olivia

pytestmark = [pytest.mark.live, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def nothing_breaks(seller: Seller) -> Iterator[None]:
    """Whatever a test does, no page breaks our policy, and nothing fails."""
    yield
    assert [one for one in seller.complaints if "status of 404" not in one] == []


@pytest.fixture
def shop(seller: Seller, reverb_process: StandIn, settings: Settings) -> Shop:
    """Return Olivia's shop, whose page for Reverb is open; Reverb asks for a sign-in."""
    settings.REVERB_API_URL, settings.REVERB_WEB_URL = f"{reverb_process.url}/api", reverb_process.url
    settings.REVERB_CLIENT_ID, settings.REVERB_CLIENT_SECRET = "our-app", SecretStr("our-secret")
    reverb_process.ask("POST", "/reset")
    reverb_process.ask("POST", "/app", {"client_id": "our-app", "client_secret": "our-secret"})
    reverb_process.ask("POST", "/sign-in", {"wanted": True})
    made = lifecycle.create_shop(olivia(), "Guitars")
    seller.sign_in(olivia())
    seller.open(f"/shops/{made.pk}/reverb/")
    return made


def go_to_reverb(seller: Seller) -> None:
    """Press our button and sign in there."""
    seller.press("Go to Reverb")
    seller.press("Sign in")
    seller.sees("Let this app in?")


def test_a_seller_lets_reverb_connect_the_shop(shop: Shop, seller: Seller) -> None:
    go_to_reverb(seller)
    seller.press("Authorize")
    assert seller.sees("Connected to Gear by OAuth.")
    assert seller.path == f"/shops/{shop.pk}/reverb/"
    assert ReverbConnection.objects.get().by_oauth


def test_a_seller_who_denies_on_reverb_sees_it_and_can_begin_again(shop: Shop, seller: Seller) -> None:
    go_to_reverb(seller)
    seller.press("Deny")
    assert seller.sees("Reverb did not let us in.")
    assert not ReverbConnection.objects.exists()
    seller.press("Go to Reverb")
    seller.press("Authorize")
    assert seller.sees("Connected to Gear by OAuth.")


def test_an_authorisation_comes_too_late_after_half_an_hour(shop: Shop, seller: Seller) -> None:
    go_to_reverb(seller)
    PendingConnection.objects.update(made_at=clock.now() - timedelta(minutes=31))
    seller.press("Authorize")
    assert seller.sees("too long ago")
    assert not ReverbConnection.objects.exists()


def test_reverbs_answer_works_once_and_for_the_one_who_began(shop: Shop, seller: Seller) -> None:
    go_to_reverb(seller)
    state = PendingConnection.objects.get().state
    seller.sign_in(nora())
    seller.open(f"/connect/reverb/callback/?code=x&state={state}")
    assert seller.sees("not begun here")
    seller.open(f"/connect/reverb/go/{state}/")
    assert seller.sees("Not found")
    seller.sign_in(olivia())
    seller.open(f"/shops/{shop.pk}/reverb/")
    seller.press("Go to Reverb")
    seller.press("Authorize")
    seller.sees("Connected to Gear by OAuth.")
    used = PendingConnection.objects.exclude(used_at=None).get().state
    seller.open(f"/connect/reverb/callback/?code=x&state={used}")
    assert seller.sees("not begun here")
    assert ReverbConnection.objects.get().by_oauth


def test_another_reverb_shop_that_is_approved_is_named(shop: Shop, seller: Seller, reverb_process: StandIn) -> None:
    token = "first-token"
    reverb_process.ask("POST", "/accounts", {"token": token, "shop_name": "First Gear"})
    reverb_connection.connect_reverb(shop, token)
    seller.open(f"/shops/{shop.pk}/reverb/")
    go_to_reverb(seller)
    seller.press("Authorize")
    assert seller.sees("Connected to Gear by OAuth. This is another Reverb shop than before (First Gear).")
