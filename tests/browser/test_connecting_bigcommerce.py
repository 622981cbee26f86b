"""Connecting BigCommerce in a few clicks, from the button to the connected page and back."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from pytest_django.fixtures import Settings
from selenium.webdriver.common.by import By

from shops.models import PendingConnection
from tests.browser.connecting import ToStore, half_an_hour_later
from tests.browser.seller import Seller
from tests.shops.platforms.ways import Way

pytestmark = [pytest.mark.live, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def nothing_breaks(seller: Seller) -> Iterator[None]:
    """Whatever a test does, no page breaks our policy, and nothing but a refusal that is shown as a page fails."""
    yield
    assert [one for one in seller.complaints if not re.search(r"(status of|Status Error Code) 4\d\d", one)] == []


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
