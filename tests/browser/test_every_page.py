"""Every page of the app in a real browser: nothing breaks the policy, nothing fails, and each thing has its label."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.urls import reverse
from selenium.webdriver.common.by import By

from listings.models import Order, Product
from shops.models import PendingConnection, Shop
from shops.platforms import PLATFORMS
from tests.browser.seller import Seller
from tests.full import full_shop
from tests.people import olivia

pytestmark = [pytest.mark.live, pytest.mark.django_db(transaction=True)]

SIGNED_OUT = ("/accounts/login/", "/accounts/signup/", "/accounts/password/reset/", "/accounts/password/reset/done/")
#: Inputs that have neither a label nor a name for those who cannot see them.
NAMELESS = """
return [...document.querySelectorAll('main input:not([type=hidden]), main select, main textarea')]
  .filter(one => !one.labels.length && !one.getAttribute('aria-label'))
  .map(one => one.outerHTML)
"""


def addresses(shop: Shop) -> Iterator[str]:
    """Yield the address of each page of a shop, and of each that belongs to a person."""
    yield from ("/shops/new/", "/accounts/email/", "/accounts/password/change/", "/nothing-here/")
    of_shop = (
        *("shops:overview", "shops:store", "shops:reverb", "shops:settings", "synclog:log", "listings:products"),
        *(
            "listings:rules",
            "listings:import",
            "mass:show",
            "orders:list",
            "orders:shipstation",
            "data:data",
            "aside:show",
        ),
    )
    yield from (reverse(name, args=[shop.pk]) for name in of_shop)
    yield from (reverse("shops:store_with", args=[shop.pk, kind]) for kind in PLATFORMS)
    yield from (reverse("listings:product", args=[shop.pk, one.pk]) for one in Product.objects.all()[:3])
    yield from (reverse("orders:order", args=[shop.pk, one.pk]) for one in Order.objects.all()[:6])
    yield from (reverse("choose_shop", args=[one.state]) for one in PendingConnection.objects.all())
    yield reverse("synclog:log", args=[shop.pk]) + "?q=FEN&outcome=failed"


def test_no_page_breaks_the_policy_or_fails(seller: Seller) -> None:
    shop = full_shop()
    for page in SIGNED_OUT:
        look_at(seller, page)
    seller.sign_in(olivia())
    found = [*addresses(shop)]
    assert len(found) > 30
    for page in found:
        look_at(seller, page)


def look_at(seller: Seller, page: str) -> None:
    """Open a page, and wait until its parts that load by themselves have come."""
    seller.open(page)
    seller.wait_for_parts()
    complaints = [one for one in seller.complaints if "nothing-here" not in one]
    assert complaints == [], page
    assert seller.driver.execute_script(NAMELESS) == [], page
    assert len(seller.driver.find_elements(By.TAG_NAME, "h1")) == 1, page


def test_a_page_can_be_used_by_keyboard_and_shows_where_the_focus_is(seller: Seller) -> None:
    seller.open("/accounts/login/")
    first = seller.driver.switch_to.active_element
    assert first.tag_name in ("body", "input")
    seller.driver.execute_script("document.querySelector('a.skip').focus()")
    focused = seller.driver.switch_to.active_element
    assert focused.text == "To the content"
    assert focused.is_displayed()
