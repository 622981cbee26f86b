"""What the tests of connecting in a browser share."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from reverbsync import clock
from shops.models import PendingConnection
from tests.shops.platforms.ways import Way

ToStore = Callable[[str], Way]


def half_an_hour_later() -> None:
    """Let the time pass in which a connection can be finished."""
    PendingConnection.objects.update(made_at=clock.now() - timedelta(minutes=31))
