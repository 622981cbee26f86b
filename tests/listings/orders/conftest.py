"""The outsides run once for all stories; each story begins with empty ones and a shop of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytest_django.fixtures import Settings

from tests.journeys.world import StandIn, running
from tests.listings.orders.reverb import TinyReverb
from tests.listings.orders.world import Sales, in_time_of


@pytest.fixture(scope="session")
def tiny_reverb() -> Iterator[TinyReverb]:
    """Run a Reverb that knows orders alone."""
    made = TinyReverb()
    yield made
    made.close()


@pytest.fixture(scope="session")
def stand_in_store() -> Iterator[StandIn]:
    """Run the stand-in store."""
    with running("sandbox.shopify.app") as url:
        yield StandIn(url)


@pytest.fixture
def sales(
    tiny_reverb: TinyReverb,
    stand_in_store: StandIn,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    db: None,
) -> Iterator[Sales]:
    """Return a shop that takes orders and sends tracking."""
    settings.REVERB_API_URL = f"{tiny_reverb.url}/api"
    settings.SHOPIFY_ADMIN_URL = stand_in_store.url
    monkeypatch.setattr("reverbsync.ratelimit.budget.BURST_SHARE", 50.0)  # the rate limiter has tests of its own
    made = Sales(tiny_reverb, stand_in_store)
    with in_time_of(made):
        yield made
