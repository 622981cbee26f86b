"""Chromium runs once for all tests; each test begins signed out, on an empty page, with an empty database.

Our own server is called `localhost`, the stand-ins `127.0.0.1`: to a browser these are two sites, as in the real world.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator

import pytest
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer
from selenium import webdriver

from reverbsync.redis import connection as redis
from tests.browser import chromium
from tests.browser.connecting import ToStore
from tests.browser.seller import Seller
from tests.journeys.conftest import reverb_process
from tests.journeys.world import StandIn as Control
from tests.people import olivia
from tests.shops.platforms.conftest import processes
from tests.shops.platforms.ways import Way, way

__all__ = ["processes", "reverb_process"]


@pytest.fixture(scope="session")
def driver(django_db_setup: None, live_server: LiveServer) -> Iterator[webdriver.Chrome]:
    """Run Chromium. Where there is none, tests are skipped on a person's machine and fail in continuous integration.

    It ends before our server and the database do: a thread of the server, and its line to the database, end with the
    browser's connection.
    """
    if lacks := chromium.missing():
        if os.environ.get("CI"):
            pytest.fail(lacks)
        pytest.skip(lacks)
    with chromium.running() as made:
        yield made
    for thread in threading.enumerate():
        if "process_request_thread" in thread.name:
            thread.join(10)


@pytest.fixture
def home(live_server: LiveServer, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the address of our own server."""
    settings.SITE_URL = live_server.url
    monkeypatch.setattr("reverbsync.ratelimit.budget.BURST_SHARE", 50.0)  # the rate limiter has tests of its own
    redis().flushdb()
    return live_server.url


@pytest.fixture
def seller(driver: webdriver.Chrome, home: str) -> Iterator[Seller]:
    """Return a seller in front of a browser, not signed in yet."""
    driver.execute_cdp_cmd("Network.clearBrowserCookies", {})
    chromium.complaints(driver)
    yield Seller(driver, home)
    for window in driver.window_handles[1:]:
        driver.switch_to.window(window)
        driver.close()
    driver.switch_to.window(driver.window_handles[0])
    driver.get("about:blank")  # no page asks for news of what the next test has not got


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
