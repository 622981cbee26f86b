"""Connecting Magento in a few clicks, from the button to the connected page and back."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from pytest_django.fixtures import Settings

from shops.models import StoreConnection
from tests.browser.connecting import ToStore, half_an_hour_later
from tests.browser.seller import Seller
from tests.shops.platforms.ways import Way

pytestmark = [pytest.mark.live, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def nothing_breaks(seller: Seller) -> Iterator[None]:
    """Whatever a test does, no page breaks our policy, and nothing but a refusal that is shown as a page fails."""
    yield
    assert [one for one in seller.complaints if not re.search(r"(status of|Status Error Code) 4\d\d", one)] == []


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
