"""Connecting by pasted keys, in a browser that keeps to our policy."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from shops.models import StoreConnection
from tests.browser.connecting import ToStore
from tests.browser.seller import Seller

pytestmark = [pytest.mark.live, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def nothing_breaks(seller: Seller) -> Iterator[None]:
    """Whatever a test does, no page breaks our policy, and nothing but a refusal that is shown as a page fails."""
    yield
    assert [one for one in seller.complaints if not re.search(r"(status of|Status Error Code) 4\d\d", one)] == []


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
