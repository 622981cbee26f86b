"""The stand-ins run once for all stories; each story begins with an empty Reverb and a shop of its own."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest
from pytest_django.fixtures import Settings

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
