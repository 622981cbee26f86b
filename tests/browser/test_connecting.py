"""Connecting in a few clicks, from the button to the connected page, in a browser that keeps to our policy."""

from __future__ import annotations

import pytest
from pytest_django.fixtures import Settings

from tests.browser.seller import Seller
from tests.journeys.world import StandIn as Control
from tests.people import olivia
from tests.platforms.ways import Way, way

pytestmark = [pytest.mark.live, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def shopify(processes: dict[str, Control], home: str, settings: Settings) -> Way:
    return way("shopify", processes, home, settings)


def test_shopify_lets_us_in(shopify: Way, seller: Seller) -> None:
    seller.sign_in(olivia())
    seller.open(f"/shops/{shopify.shop.pk}/store/with/shopify/")
    seller.enter("Store address", shopify.address)
    seller.press("Connect with Shopify")
    seller.press("Install")
    assert seller.sees("is connected")
    shopify.connected()
    assert seller.complaints == []
