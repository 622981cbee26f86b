"""The stand-ins run once for all stories; each story begins with an empty Reverb and a shop of its own."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from pytest_django.fixtures import Settings

from sandbox.stack.stores import STORES
from tests.journeys.world import StandIn, World, at, running


@pytest.fixture(scope="session")
def reverb_process() -> Iterator[StandIn]:
    """Run the stand-in Reverb."""
    with running("sandbox.reverb.app") as url:
        yield StandIn(url)


@pytest.fixture(scope="session")
def store_process() -> Iterator[StandIn]:
    """Run the stand-in store."""
    with running("sandbox.shopify.app") as url:
        yield StandIn(url)


@pytest.fixture
def world(reverb_process: StandIn, store_process: StandIn, settings: Settings, db: None) -> Iterator[World]:
    """Return a world with a shop whose new listings are published."""
    settings.REVERB_API_URL = f"{reverb_process.url}/api"
    settings.REVERB_WEB_URL = reverb_process.url
    settings.SHOPIFY_ADMIN_URL = store_process.url
    made = World(reverb_process, store_process, f"token-{uuid.uuid4().hex}")
    made.set(auto_publish=True)
    with at(made):
        yield made


@pytest.fixture(scope="session")
def woocommerce() -> Iterator[StandIn]:
    """Run the stand-in of WooCommerce."""
    with running("sandbox.woocommerce.app") as url:
        yield StandIn(url)


@pytest.fixture
def on_woocommerce(
    reverb_process: StandIn, woocommerce: StandIn, settings: Settings, monkeypatch: pytest.MonkeyPatch, db: None
) -> Iterator[World]:
    """Return a world whose store is on WooCommerce."""
    settings.REVERB_API_URL, settings.REVERB_WEB_URL = f"{reverb_process.url}/api", reverb_process.url
    settings.ALLOWED_PRIVATE_HOSTS = [woocommerce.url.partition("//")[2]]
    monkeypatch.setattr("reverbsync.ratelimit.budget.BURST_SHARE", 50.0)  # the rate limiter has tests of its own
    woocommerce.ask("POST", "/reset")
    made = World(reverb_process, woocommerce, f"token-{uuid.uuid4().hex}", STORES["woocommerce"])
    made.set(auto_publish=True)
    with at(made):
        yield made
