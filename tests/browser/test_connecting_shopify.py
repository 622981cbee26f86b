"""Connecting Shopify in a few clicks, from the button to the connected page and back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest

from reverbsync import clock
from sandbox.shopify.oauth import sign
from shops.models import PendingConnection, StoreConnection
from shops.platforms.shopify.scopes import SCOPES
from tests.browser.connecting import ToStore, half_an_hour_later
from tests.browser.seller import Seller
from tests.people import nora, olivia
from tests.shops.platforms.ways import Way

pytestmark = [pytest.mark.live, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def nothing_breaks(seller: Seller) -> Iterator[None]:
    """Whatever a test does, no page breaks our policy, and nothing but a refusal that is shown as a page fails."""
    yield
    assert [one for one in seller.complaints if not re.search(r"(status of|Status Error Code) 4\d\d", one)] == []


def go_to_shopify(way: Way, seller: Seller, address: str = "") -> None:
    """Press our button and sign in there."""
    seller.enter("Store address", address or way.address)
    seller.press("Connect with Shopify")
    seller.press("Sign in")
    seller.sees("Let this app in?")


def shopify_callback(state: str, shop: str) -> str:
    """Return the address to which Shopify would send a browser."""
    said = {"code": "x", "shop": shop, "state": state, "timestamp": str(int(clock.now().timestamp()))}
    return f"/connect/shopify/callback/?{urlencode(sign(said, 'hush'))}"


def test_a_seller_connects_shopify(to_store: ToStore, seller: Seller) -> None:
    way = to_store("shopify")
    go_to_shopify(way, seller)
    seller.press("Install")
    assert seller.sees("Shopify is connected.")
    assert seller.path == f"/shops/{way.shop.pk}/store/"
    way.connected()


def test_the_back_button_leads_from_shopify_to_our_form_and_not_in_a_circle(to_store: ToStore, seller: Seller) -> None:
    way = to_store("shopify")
    seller.enter("Store address", way.address)
    seller.press("Connect with Shopify")
    seller.sees("Sign in")
    seller.driver.back()
    assert seller.sees("Connect with Shopify")
    assert seller.path == f"/shops/{way.shop.pk}/store/with/shopify/"


def test_a_seller_who_cancels_at_shopify_is_not_connected_and_can_begin_again(
    to_store: ToStore, seller: Seller
) -> None:
    way = to_store("shopify")
    go_to_shopify(way, seller)
    seller.press("Cancel")
    seller.open(f"/shops/{way.shop.pk}/store/")
    seller.press("Shopify")
    seller.enter("Store address", way.address)
    seller.press("Connect with Shopify")
    seller.press("Install")
    assert seller.sees("Shopify is connected.")


def test_a_seller_who_approves_another_shopify_store_reads_both_addresses(to_store: ToStore, seller: Seller) -> None:
    way = to_store("shopify")
    go_to_shopify(way, seller, "typed-by-mistake.myshopify.com")
    seller.press("Install")
    assert seller.sees("you entered typed-by-mistake.myshopify.com, and demo-guitars.myshopify.com answered")
    assert not StoreConnection.objects.exists()


def test_a_shopify_approval_comes_too_late_after_half_an_hour(to_store: ToStore, seller: Seller) -> None:
    go_to_shopify(to_store("shopify"), seller)
    half_an_hour_later()
    seller.press("Install")
    assert seller.sees("too long ago")
    assert not StoreConnection.objects.exists()


OWN, AGENCY = "//form[input[@value='own-app']]", "//form[input[@value='agency']]"


def test_a_seller_connects_shopify_with_an_app_of_their_own(to_store: ToStore, seller: Seller) -> None:
    way = to_store("shopify")
    way.register({"client_id": "seller-app", "client_secret": "shpss_mine", "scope": ",".join(SCOPES)})
    seller.press("With an app of your own")
    assert seller.sees("Press Create app, then Start from Dev Dashboard")
    assert seller.find("//input[contains(@value, 'read_products,')]").is_displayed()
    seller.fill(OWN, way.address, "seller-app", "shpss_mine")
    seller.find(f"{OWN}//button").click()
    assert seller.sees("Your store is connected.")
    made = way.connected()
    assert made.secret.get_secret_value() == "shpss_mine"
    seller.press("Test connection")
    assert seller.sees("We asked Shopify for your shop's name: it is")
    assert seller.sees("Connected with your app seller-app. Its access token ends on")


@pytest.mark.parametrize(
    ("changes", "secret", "words"),
    [
        ({}, "shpss_old", "Shopify doesn't accept this client secret."),
        ({"installed": False}, "shpss_mine", "Your app isn't installed on this store."),
        ({"organization": "other"}, "shpss_mine", "another organization"),
        ({"scope": "read_products,write_inventory,read_locations"}, "shpss_mine", "Your app lacks read_orders"),
    ],
)
def test_a_seller_reads_why_their_app_gets_no_token_and_can_correct_it(
    to_store: ToStore, seller: Seller, changes: dict[str, Any], secret: str, words: str
) -> None:
    way = to_store("shopify")
    app = {"client_id": "seller-app", "client_secret": "shpss_mine", "scope": ",".join(SCOPES)}
    way.register({**app, **changes})
    seller.press("With an app of your own")
    seller.fill(OWN, way.address, "seller-app", secret)
    seller.find(f"{OWN}//button").click()
    assert seller.sees(words)
    assert not StoreConnection.objects.exists()
    way.register(app)
    seller.fill(OWN, way.address, "seller-app", "shpss_mine")
    seller.find(f"{OWN}//button").click()
    assert seller.sees("Your store is connected.")


def test_a_seller_connects_shopify_with_their_agencys_app(to_store: ToStore, seller: Seller) -> None:
    way = to_store("shopify")
    way.register({"client_id": "agency-app", "client_secret": "shpss_agency", "organization": "other"})
    seller.press("With your agency's app")
    seller.fill(AGENCY, way.address, "agency-app", "shpss_agency")
    seller.find(f"{AGENCY}//button").click()
    seller.press("Sign in")
    seller.press("Install")
    assert seller.sees("Shopify is connected.")
    assert way.connected().secret.get_secret_value() == "shpss_agency"


def test_a_wrong_secret_of_an_agencys_app_connects_nothing(to_store: ToStore, seller: Seller) -> None:
    way = to_store("shopify")
    way.register({"client_id": "agency-app", "client_secret": "shpss_agency"})
    seller.press("With your agency's app")
    seller.fill(AGENCY, way.address, "agency-app", "shpss_wrong")
    seller.find(f"{AGENCY}//button").click()
    seller.press("Sign in")
    seller.press("Install")
    assert seller.sees("This visit was not signed by Shopify.")
    assert not StoreConnection.objects.exists()


def test_the_scopes_are_copied_by_a_button(to_store: ToStore, seller: Seller) -> None:
    to_store("shopify")
    seller.press("With an app of your own")
    seller.press("Copy")
    assert seller.find("//button[@data-copy and (normalize-space()='Copied' or normalize-space()='Press Ctrl+C')]")


def test_a_shopify_callback_that_is_opened_again_or_by_somebody_else_connects_nothing(
    to_store: ToStore, seller: Seller
) -> None:
    way = to_store("shopify")
    go_to_shopify(way, seller)
    state = PendingConnection.objects.get().state
    seller.sign_in(nora())
    seller.open(f"/connect/go/{state}/")
    assert seller.sees("Not found")
    seller.open(shopify_callback(state, way.address))
    assert seller.sees("Not connected")
    assert not StoreConnection.objects.exists()
    seller.sign_in(olivia())
    seller.open(f"/shops/{way.shop.pk}/store/with/shopify/")
    seller.enter("Store address", way.address)
    seller.press("Connect with Shopify")
    seller.press("Install")
    seller.sees("Shopify is connected.")
    used = PendingConnection.objects.exclude(used_at=None).get().state
    seller.open(shopify_callback(used, way.address))
    assert seller.sees("not begun here, or too long ago")
    seller.open(f"/connect/go/{used}/")
    assert seller.path == f"/shops/{way.shop.pk}/store/"
