"""Connecting in a few clicks, from the button to the connected page and back, in a browser that keeps to our policy."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from pytest_django.fixtures import Settings
from selenium.webdriver.common.by import By

from reverbsync import clock
from sandbox.shopify.oauth import sign
from shops.models import PendingConnection, StoreConnection
from shops.platforms.shopify.scopes import SCOPES
from tests.browser.seller import Seller
from tests.journeys.world import StandIn as Control
from tests.people import nora, olivia
from tests.shops.platforms.ways import Way, way

pytestmark = [pytest.mark.live, pytest.mark.django_db(transaction=True)]

ToStore = Callable[[str], Way]


@pytest.fixture(autouse=True)
def nothing_breaks(seller: Seller) -> Iterator[None]:
    """Whatever a test does, no page breaks our policy, and nothing but a refusal that is shown as a page fails."""
    yield
    assert [one for one in seller.complaints if not re.search(r"(status of|Status Error Code) 4\d\d", one)] == []


@pytest.fixture
def to_store(seller: Seller, processes: dict[str, Control], home: str, settings: Settings) -> ToStore:
    """Return a function that opens Olivia's page for a kind of store, whose own site will ask her to sign in."""

    def ready(kind: str) -> Way:
        made = way(kind, processes, home, settings)
        if kind != "custom":  # whose own pages are nobody's business
            made.control.ask("POST", "/sign-in", {"wanted": True})
        seller.sign_in(olivia())
        seller.open(f"/shops/{made.shop.pk}/store/with/{kind}/")
        return made

    return ready


def half_an_hour_later() -> None:
    """Let the time pass in which a connection can be finished."""
    PendingConnection.objects.update(made_at=clock.now() - timedelta(minutes=31))


# -- Shopify -------------------------------------------------------------------------------------------------------


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
    assert seller.sees("Connected with your app seller-app. Its access token ends on")
    seller.press("Test connection")
    assert seller.sees("We asked Shopify for your shop's name: it is")


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


# -- WooCommerce ---------------------------------------------------------------------------------------------------


def go_to_woocommerce(way: Way, seller: Seller) -> None:
    """Press our button and sign in there."""
    seller.enter("Store address", way.address)
    seller.press("Connect with WooCommerce")
    seller.press("Sign in")
    seller.sees("Let ReverbSync in?")


def test_a_seller_connects_woocommerce(to_store: ToStore, seller: Seller) -> None:
    way = to_store("woocommerce")
    go_to_woocommerce(way, seller)
    seller.press("Approve")
    assert seller.sees("WooCommerce is connected.")
    way.connected()


def test_a_seller_who_denies_at_woocommerce_sees_it_and_can_begin_again(to_store: ToStore, seller: Seller) -> None:
    way = to_store("woocommerce")
    go_to_woocommerce(way, seller)
    seller.press("Deny")
    assert seller.sees("WooCommerce did not let us in.")
    assert not StoreConnection.objects.exists()
    seller.press("WooCommerce")
    seller.enter("Store address", way.address)
    seller.press("Connect with WooCommerce")
    seller.press("Approve")
    assert seller.sees("WooCommerce is connected.")


def test_a_woocommerce_approval_comes_too_late_after_half_an_hour(to_store: ToStore, seller: Seller) -> None:
    way = to_store("woocommerce")
    go_to_woocommerce(way, seller)
    half_an_hour_later()
    seller.press("Approve")
    assert seller.sees("unable to send the consumer data")  # WooCommerce's own words
    assert not StoreConnection.objects.exists()
    seller.open(f"/connect/woocommerce/return/?success=1&user_id={PendingConnection.objects.get().state}")
    assert seller.sees("has not sent us its keys")


def test_a_woocommerce_that_hands_out_keys_and_answers_with_a_page_is_not_called_connected(
    to_store: ToStore, seller: Seller
) -> None:
    way = to_store("woocommerce")
    go_to_woocommerce(way, seller)
    way.control.fault("status", status=403, page="wordfence", path="/wp-json", times=99)
    seller.press("Approve")
    assert seller.sees("does not answer yet")
    assert "is connected" not in seller.text
    assert seller.find("//main//*[contains(@class, 'badge')]").text != "connected"


def test_keys_that_woocommerce_does_not_accept_itself_are_named_on_the_form(to_store: ToStore, seller: Seller) -> None:
    way = to_store("woocommerce")
    go_to_woocommerce(way, seller)
    refusal = {"code": "woocommerce_rest_authentication_error", "message": "Invalid signature", "data": {"status": 401}}
    way.control.fault("status", status=401, body=refusal, path="/wp-json", times=99)
    seller.press("Approve")
    assert seller.sees("unable to send the consumer data")
    seller.open(f"/shops/{way.shop.pk}/store/with/woocommerce/")
    assert seller.sees("The last attempt failed:")
    assert not StoreConnection.objects.exists()


# -- Magento -------------------------------------------------------------------------------------------------------


def enter_in_magento(way: Way, seller: Seller, *, store: str = "") -> None:
    """Press our button, and type our two addresses into a new integration in another tab."""
    seller.enter("Store address", store or way.address)
    seller.press("Connect Magento")
    seller.sees("Waiting for Magento.")
    entered = [
        seller.find(f"//input[@id=//label[.='{label}']/@for]").get_attribute("value")
        for label in ("Callback URL", "Identity link URL")
    ]
    seller.open_tab(f"{way.control.url}/_integration")
    seller.press("Sign in")
    for name, value in zip(("callback", "identity"), entered, strict=True):
        seller.find(f"//input[@name='{name}']").send_keys(str(value))


def test_a_seller_connects_magento_and_the_page_with_the_addresses_goes_on_by_itself(
    to_store: ToStore, seller: Seller
) -> None:
    way = to_store("magento2")
    enter_in_magento(way, seller)
    seller.press("Activate and allow")
    seller.to_tab(0)
    assert seller.sees("Magento is connected.")
    assert seller.path == f"/shops/{way.shop.pk}/store/"
    way.connected()


def test_a_seller_who_cancels_in_magento_finds_the_addresses_still_waiting(to_store: ToStore, seller: Seller) -> None:
    way = to_store("magento2")
    enter_in_magento(way, seller)
    seller.press("Cancel")
    seller.to_tab(0)
    assert seller.sees("Waiting for Magento.")
    seller.driver.refresh()
    assert seller.sees("Waiting for Magento.")
    assert not StoreConnection.objects.exists()


def test_a_seller_whose_magento_is_another_one_reads_both_addresses_where_they_wait(
    to_store: ToStore, seller: Seller, settings: Settings
) -> None:
    settings.ALLOWED_PRIVATE_HOSTS = ["another.test", "127.0.0.1"]
    way = to_store("magento2")
    settings.ALLOWED_PRIVATE_HOSTS = ["another.test", *settings.ALLOWED_PRIVATE_HOSTS]
    enter_in_magento(way, seller, store="http://another.test")
    seller.press("Activate and allow")
    seller.to_tab(0)
    assert seller.sees(f"you entered http://another.test, and {way.control.url}/ answered")
    assert not StoreConnection.objects.exists()


def test_magentos_addresses_are_closed_after_half_an_hour(to_store: ToStore, seller: Seller) -> None:
    way = to_store("magento2")
    enter_in_magento(way, seller)
    half_an_hour_later()
    seller.press("Activate and allow")
    seller.to_tab(0)
    seller.driver.refresh()
    assert seller.sees("too long ago")
    assert not StoreConnection.objects.exists()


# -- BigCommerce ---------------------------------------------------------------------------------------------------


@pytest.fixture
def big(to_store: ToStore, seller: Seller, home: str, settings: Settings) -> Way:
    """Return a way to BigCommerce, whose control panel shows our pages in a frame."""
    made = to_store("bigcommerce")
    settings.APP_FRAMES = [made.control.url]
    known = {"client_id": "our-app", "client_secret": "hush" * 10, "base": f"{home}/connect/bigcommerce/"}
    made.register(known)
    return made


def install_in_panel(way: Way, seller: Seller) -> None:
    """Install the app in the control panel, and follow its link out of the frame."""
    seller.open(f"{way.control.url}/manage/apps")
    seller.press("Sign in")
    seller.press("Confirm")
    leave_the_frame(seller)


def leave_the_frame(seller: Seller) -> None:
    """Press the link in the frame, which opens a tab."""
    seller.driver.switch_to.frame(seller.find("//iframe"))
    seller.press("Open ReverbSync")
    seller.to_tab(1)


def test_the_button_for_bigcommerce_leads_there(big: Way, seller: Seller) -> None:
    seller.press("Install from BigCommerce")
    assert seller.sees("A local stand-in for a BigCommerce store.")


def test_a_seller_installs_from_bigcommerce_and_says_which_shop_it_is_for(big: Way, seller: Seller) -> None:
    install_in_panel(big, seller)
    seller.sees("Which shop does this store belong to?")
    seller.press("Connect it")
    assert seller.sees("BigCommerce is connected.")
    assert seller.path == f"/shops/{big.shop.pk}/store/"
    big.connected()


def test_a_seller_who_cancels_in_bigcommerce_connects_nothing(big: Way, seller: Seller) -> None:
    seller.open(f"{big.control.url}/manage/apps")
    seller.press("Sign in")
    seller.press("Cancel")
    assert not PendingConnection.objects.exists()


def test_an_app_that_is_opened_in_bigcommerce_leads_to_its_shop(big: Way, seller: Seller) -> None:
    install_in_panel(big, seller)
    seller.press("Connect it")
    seller.sees("BigCommerce is connected.")
    seller.driver.close()
    seller.to_tab(0)
    seller.open(f"{big.control.url}/manage/apps/load")
    leave_the_frame(seller)
    seller.sees("Overview")
    assert seller.path == f"/shops/{big.shop.pk}/"


def test_the_keys_of_an_installation_wait_half_an_hour_for_a_shop_and_serve_once(big: Way, seller: Seller) -> None:
    install_in_panel(big, seller)
    address = seller.driver.current_url
    seller.press("Connect it")
    seller.sees("BigCommerce is connected.")
    seller.open(address)
    assert seller.sees("Not found")
    PendingConnection.objects.update(used_at=None)
    half_an_hour_later()
    seller.open(address)
    assert seller.sees("Not found")


def test_a_visit_that_bigcommerce_did_not_sign_says_so_inside_its_frame(big: Way, seller: Seller) -> None:
    big.register(
        {"client_id": "our-app", "client_secret": "another" * 6, "base": f"{seller.home}/connect/bigcommerce/"}
    )
    seller.open(f"{big.control.url}/manage/apps/load")
    seller.driver.switch_to.frame(seller.find("//iframe"))
    assert seller.sees("This visit was not signed by BigCommerce.")
    assert seller.find("//main//a").get_attribute("target") == "_blank"
    assert not seller.driver.find_elements(By.XPATH, "//nav")


# -- keys of all kinds ---------------------------------------------------------------------------------------------


def test_a_seller_of_another_store_copies_the_keys_that_are_made_here(to_store: ToStore, seller: Seller) -> None:
    way = to_store("custom")
    seller.enter("Store address", way.address)
    seller.press("Try and save")
    seller.sees("Your keys")
    made = StoreConnection.objects.get()
    shown = [seller.find(f"//input[@id='{name}']").get_attribute("value") for name in ("hook", "key", "secret")]
    assert shown == [made.webhook_address, made.token.get_secret_value(), made.secret.get_secret_value()]
    seller.press("I have copied them")
    assert seller.path == f"/shops/{way.shop.pk}/store/"
    assert made.token.get_secret_value() not in seller.driver.page_source


@pytest.mark.parametrize("kind", ["shopify", "bigcommerce", "magento2", "woocommerce"])
def test_pasted_keys_connect_and_wrong_ones_say_why(to_store: ToStore, seller: Seller, kind: str) -> None:
    way = to_store(kind)
    token, secret = way.stand_in.token("x"), way.stand_in.secret("x")
    right = {
        "shopify": [token, secret],
        "bigcommerce": [token, secret],
        "magento2": token.split(":"),
        "woocommerce": token.split(":"),
    }[kind]

    ways = {"shopify": "//form[input[@value='legacy']]"}
    form = ways.get(kind, "//form[.//button[normalize-space()='Try and save']]")

    def paste(keys: list[str]) -> None:
        if kind == "shopify" and not seller.find(form).is_displayed():
            seller.press("With the token of an older custom app")
        seller.fill(form, way.address, *keys)
        seller.find(f"{form}//button").click()

    paste([*right[:-2], right[-2][:-4] + "0000", right[-1]])
    assert seller.find("//form//*[@role='alert']").text
    assert not StoreConnection.objects.exists()
    paste(right)
    assert seller.sees("Your store is connected.")
    way.connected()
