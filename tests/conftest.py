"""What all tests share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis
from pytest_django.fixtures import Settings

from reverbsync.ratelimit import fallback, store
from reverbsync.redis import connection
from shops import breaker_snapshot
from shops.reverb import reference
from webhooks import addresses


@pytest.fixture(autouse=True)
def quick_passwords(settings: Settings) -> None:
    """Hash passwords fast; how hard that is in earnest is Django's business."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def nothing_remembered() -> None:
    """Begin each test without what the process and Redis remember."""
    connection().flushdb()
    reference.forget()
    addresses.forget()
    breaker_snapshot.forget()
    fallback.forget()


@pytest.fixture
def unreachable_redis(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Point this process at a Redis that is not there."""
    gone = redis.Redis.from_url("redis://127.0.0.1:1/0", socket_connect_timeout=0.2)
    script = gone.register_script("return 0")
    monkeypatch.setattr("reverbsync.redis.connection", lambda: gone)
    monkeypatch.setattr("reverbsync.ratelimit.store.connection", lambda: gone)
    monkeypatch.setattr("reverbsync.dispatch.wake.connection", lambda: gone)
    monkeypatch.setattr("reverbsync.dispatch.without_redis.connection", lambda: gone)
    monkeypatch.setattr(store, "script", lambda _: script)
    assert connection() is not gone
    yield
    gone.close()
