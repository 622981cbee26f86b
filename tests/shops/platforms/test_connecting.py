"""Connecting in a few clicks: our pages and the store's over real HTTP, and a seller's browser between them."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from reverbsync import clock
from reverbsync.redis import connection as redis
from shops.models import PendingConnection, StoreConnection
from tests.journeys.world import StandIn as Control
from tests.people import nora, olivia
from tests.shops.platforms.ways import Browser, Way, browser, way

pytestmark = [pytest.mark.live, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def home(live_server: LiveServer, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run our own server, under the name by which stores call it."""
    address = live_server.url.replace("localhost", "127.0.0.1")
    settings.SITE_URL = address
    settings.ALLOWED_HOSTS = ["127.0.0.1"]
    monkeypatch.setattr("reverbsync.ratelimit.budget.BURST_SHARE", 50.0)  # the rate limiter has tests of its own
    redis().flushdb()
    return address


# -- Shopify -------------------------------------------------------------------------------------------------------


@pytest.fixture
def shopify(processes: dict[str, Control], home: str, settings: Settings) -> Way:
    """Return a way to Shopify, where the operator has an app."""
    return way("shopify", processes, home, settings)


def install(way: Way, person: Browser) -> str:
    """Press the button here and Install there; returns the address that Shopify sends the browser back to."""
    page = person.leave(way.begin, address=way.address)
    answer = requests.post(page, allow_redirects=False, timeout=20)
    return answer.headers["Location"]


def test_shopify_lets_us_in_and_the_token_renews_itself_before_it_ends(
    shopify: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = browser(olivia(), shopify.home)
    page = person.get(install(shopify, person), timeout=20)
    assert "is connected" in page.text
    first = shopify.connected().token.get_secret_value()
    shopify.control.ask("POST", "/clock", {"advance_s": 3700})
    later = clock.now() + timedelta(seconds=3700)
    monkeypatch.setattr(clock, "now", lambda: later)
    shopify.connected()
    assert StoreConnection.objects.get().token.get_secret_value() != first  # the new pair was kept


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"hmac": "0" * 64}, "not signed by Shopify"),
        ({"shop": "others.myshopify.com"}, "not signed by Shopify"),
        ({"state": "made-up"}, "not begun here"),
        ({"timestamp": "1"}, "not signed by Shopify"),
    ],
)
def test_a_shopify_callback_that_was_tampered_with_is_refused(shopify: Way, change: dict[str, str], words: str) -> None:
    person = browser(olivia(), shopify.home)
    back = urlsplit(install(shopify, person))
    query = {name: values[0] for name, values in parse_qs(back.query).items()} | change
    page = person.get(f"{back.scheme}://{back.netloc}{back.path}?{urlencode(query)}", timeout=20)
    assert page.status_code == 400
    assert words in page.text
    assert not StoreConnection.objects.exists()


def test_a_shopify_callback_works_once_and_in_the_browser_where_it_began(shopify: Way) -> None:
    person = browser(olivia(), shopify.home)
    back = install(shopify, person)
    stranger = browser(nora(), shopify.home).get(back, timeout=20)
    assert stranger.status_code == 400
    assert not StoreConnection.objects.exists()
    back = install(shopify, person)
    assert "is connected" in person.get(back, timeout=20).text
    assert person.get(back, timeout=20).status_code == 400


# -- WooCommerce ---------------------------------------------------------------------------------------------------


@pytest.fixture
def woo(processes: dict[str, Control], home: str, settings: Settings) -> Way:
    """Return a way to WooCommerce."""
    return way("woocommerce", processes, home, settings)


def approve(way: Way, person: Browser, word: str = "approve") -> requests.Response:
    """Press the button here, and approve or deny on the store's page."""
    page = person.get(person.leave(way.begin, address=way.address), timeout=20)
    link = re.search(rf'id="{word}" href="([^"]+)"', page.text)
    assert link is not None
    return person.get(way.control.url + html.unescape(link[1]), timeout=30)


def test_woocommerce_hands_its_keys_over_and_the_seller_is_back_here(woo: Way) -> None:
    page = approve(woo, browser(olivia(), woo.home))
    assert "is connected" in page.text
    assert woo.connected().token.get_secret_value().startswith("ck_")


def test_a_woocommerce_seller_who_says_no_sees_it(woo: Way) -> None:
    page = approve(woo, browser(olivia(), woo.home), "deny")
    assert "did not let us in" in page.text
    assert not StoreConnection.objects.exists()


def test_forged_woocommerce_keys_are_tried_before_they_are_believed(woo: Way) -> None:
    browser(olivia(), woo.home).press(woo.begin, follow=False, address=woo.address)
    state = PendingConnection.objects.get().state
    forged = {"user_id": state, "consumer_key": "ck_x", "consumer_secret": "cs_x", "key_permissions": "read_write"}
    answer = requests.post(f"{woo.home}/connect/woocommerce/callback/", json=forged, timeout=20)
    assert answer.status_code == 400
    unknown = requests.post(
        f"{woo.home}/connect/woocommerce/callback/", json={**forged, "user_id": "made-up"}, timeout=20
    )
    assert unknown.status_code == 400
    assert not StoreConnection.objects.exists()


# -- Magento -------------------------------------------------------------------------------------------------------


@pytest.fixture
def magento(processes: dict[str, Control], home: str, settings: Settings) -> Way:
    """Return a way to Magento."""
    return way("magento2", processes, home, settings)


def addresses(way: Way, person: Browser) -> dict[str, str]:
    """Press the button here; returns the addresses that the seller enters in Magento."""
    page = person.press(way.begin, address=way.address).text
    callback, identity = re.findall(r'readonly value="([^"]+)"', page)
    return {"callback": callback, "identity": identity}


def test_magentos_activation_brings_a_token_that_lasts(magento: Way) -> None:
    person = browser(olivia(), magento.home)
    entered = addresses(magento, person)
    page = person.post(f"{magento.control.url}/_integration", data=entered, timeout=30)
    assert "The integration is active" in page.text
    assert magento.connected().token.get_secret_value().count(":") == 3


def test_the_page_with_the_addresses_waits_until_the_keys_were_tried(magento: Way) -> None:
    person = browser(olivia(), magento.home)
    entered = addresses(magento, person)
    page = f"{magento.home}/connect/go/{PendingConnection.objects.get().state}/"
    PendingConnection.objects.update(used_at=clock.now())  # a slow store handed its keys out
    part = person.get(page, headers={"HX-Request": "true"}, timeout=20)
    assert ("HX-Redirect" in part.headers, "trying its keys" in part.text) == (False, True)
    PendingConnection.objects.update(used_at=clock.now() - timedelta(minutes=6))  # and whoever tried them was killed
    assert "begin again" in person.get(page, timeout=20).text
    PendingConnection.objects.update(used_at=None)
    person.post(f"{magento.control.url}/_integration", data=entered, timeout=30)
    assert person.get(page, headers={"HX-Request": "true"}, timeout=20).headers["HX-Redirect"].endswith("/store/")


@pytest.mark.parametrize(
    ("base_path", "rewrites", "typed"),
    [
        ("index.php/", True, "{url}"),
        ("index.php/", False, "{url}"),
        ("index.php/main_en/", False, "{url}"),
        ("main_en/", True, "{url}/"),
        ("", True, "{url}/index.php"),
    ],
)
def test_a_magento_may_call_itself_by_a_longer_address_than_the_one_that_was_entered(
    magento: Way, base_path: str, rewrites: bool, typed: str
) -> None:
    switches = {"base_path": base_path, "rewrites": rewrites, "view": "main_en"}
    magento.control.ask("POST", "/shops", {"domain": magento.stand_in.domain, **switches})
    person = browser(olivia(), magento.home)
    page = person.press(magento.begin, address=typed.format(url=magento.control.url)).text
    callback, identity = re.findall(r'readonly value="([^"]+)"', page)
    entered = {"callback": callback, "identity": identity}
    activated = person.post(f"{magento.control.url}/_integration", data=entered, timeout=30)
    assert "The integration is active" in activated.text
    assert magento.connected().problem == ""


def test_another_magento_cannot_answer_for_the_one_that_was_entered(magento: Way) -> None:
    entered = addresses(magento, browser(olivia(), magento.home))
    said = {"oauth_consumer_key": "k", "oauth_consumer_secret": "s", "oauth_verifier": "v"}
    other = requests.post(
        entered["callback"], data={**said, "store_base_url": "https://others.example.com/"}, timeout=20
    )
    assert (other.status_code, "Another store" in other.text) == (400, True)


def test_magentos_credentials_are_exchanged_for_the_one_who_began_alone(magento: Way) -> None:
    entered = addresses(magento, browser(olivia(), magento.home))
    stranger = browser(nora(), magento.home)
    page = stranger.post(f"{magento.control.url}/_integration", data=entered, timeout=30)
    assert page.status_code == 400
    assert not StoreConnection.objects.exists()


# -- BigCommerce ---------------------------------------------------------------------------------------------------


@pytest.fixture
def big(processes: dict[str, Control], home: str, settings: Settings) -> Way:
    """Return a way to BigCommerce, where the operator has an app."""
    return way("bigcommerce", processes, home, settings)


def visit(way: Way, step: str, **claims: Any) -> dict[str, str]:
    """Return a visit that BigCommerce signed."""
    made: dict[str, str] = way.control.ask("POST", "/jwt", {"domain": way.stand_in.domain, **claims})
    return made


def install_big(way: Way, person: Browser) -> str:
    """Install the app in BigCommerce, and choose the shop that it is for."""
    query = way.control.ask("POST", "/install", {"domain": way.stand_in.domain})
    page = person.get(f"{way.home}/connect/bigcommerce/auth/?{urlencode(query)}", timeout=20)
    path = urlsplit(page.url).path
    return person.press(path, shop=str(way.shop.pk)).text


def test_bigcommerce_installs_and_the_seller_says_which_shop_it_is_for(big: Way) -> None:
    assert "is connected" in install_big(big, browser(olivia(), big.home))
    big.connected()


def test_bigcommerce_opens_the_app_at_the_right_shop_and_a_forged_visit_opens_nothing(big: Way) -> None:
    person = browser(olivia(), big.home)
    install_big(big, person)
    opened = person.get(f"{big.home}/connect/bigcommerce/load/", params=visit(big, "load"), timeout=20)
    assert urlsplit(opened.url).path == f"/shops/{big.shop.pk}/"
    forged = visit(big, "load")["signed_payload_jwt"][:-4] + "AAAA"
    refused = person.get(f"{big.home}/connect/bigcommerce/load/", params={"signed_payload_jwt": forged}, timeout=20)
    assert refused.status_code == 400
    late = visit(big, "load", exp=1)
    assert person.get(f"{big.home}/connect/bigcommerce/load/", params=late, timeout=20).status_code == 400


def test_a_bigcommerce_owner_who_uninstalls_ends_the_sync_and_the_token_is_deleted(big: Way) -> None:
    install_big(big, browser(olivia(), big.home))
    staff = visit(big, "uninstall", user={"id": 1, "email": "staff@example.com"})
    refused = requests.get(f"{big.home}/connect/bigcommerce/uninstall/", params=staff, timeout=20)
    assert refused.status_code == 400
    done = requests.get(f"{big.home}/connect/bigcommerce/uninstall/", params=visit(big, "uninstall"), timeout=20)
    assert done.status_code == 200
    store = StoreConnection.objects.get()
    assert store.removed_at is not None
    assert store.token.get_secret_value() == ""


# -- all -----------------------------------------------------------------------------------------------------------


def test_a_way_that_was_begun_long_ago_is_closed(woo: Way) -> None:
    person = browser(olivia(), woo.home)
    person.press(woo.begin, follow=False, address=woo.address)
    PendingConnection.objects.update(made_at=clock.now() - timedelta(minutes=31))
    state = PendingConnection.objects.get().state
    said = {"user_id": state, "consumer_key": "ck_x", "consumer_secret": "cs_x", "key_permissions": "read_write"}
    answer = requests.post(f"{woo.home}/connect/woocommerce/callback/", json=said, timeout=20)
    assert (answer.status_code, "too long ago" in answer.text) == (400, True)


def test_an_address_that_is_none_leads_nowhere(magento: Way) -> None:
    page = browser(olivia(), magento.home).press(magento.begin, address="http://10.0.0.1/")
    assert "must begin with https" in page.text
    assert not PendingConnection.objects.exists()
