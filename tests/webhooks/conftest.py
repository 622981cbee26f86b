"""Fixtures of the webhook tests: a clock, a store and a shop. Modules with needs of their own replace them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from listings.intake import refresh
from reverbsync import clock
from shops.models import Shop
from tests.people import olivia, shop_of
from tests.webhooks.deliveries import Now, Store


@pytest.fixture
def now() -> Iterator[Now]:
    """Stand at noon."""
    moment = Now()
    with clock.running_by(moment):
        yield moment


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch, now: Now) -> Store:
    """Answer in place of a store."""
    made = Store()
    monkeypatch.setattr(refresh, "client_of", lambda _: made)
    return made


@pytest.fixture
def shop() -> Shop:
    """Return Olivia's shop."""
    return shop_of(olivia())
