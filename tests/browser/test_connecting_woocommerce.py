"""Connecting WooCommerce in a few clicks, from the button to the connected page and back."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from shops.models import PendingConnection, StoreConnection
from tests.browser.connecting import ToStore, half_an_hour_later
from tests.browser.seller import Seller
from tests.shops.platforms.ways import Way

pytestmark = [pytest.mark.live, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def nothing_breaks(seller: Seller) -> Iterator[None]:
    """Whatever a test does, no page breaks our policy, and nothing but a refusal that is shown as a page fails."""
    yield
    assert [one for one in seller.complaints if not re.search(r"(status of|Status Error Code) 4\d\d", one)] == []


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
