"""The cache, the pages and the health addresses while Redis is away, refusing or silent."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator

import pytest
import redis
from django.core.cache import cache
from django.db import connection
from django.test import Client
from pytest_django.fixtures import Settings

import reverbsync.redis
from listings.orders import listing_poll
from sandbox.stack import ports
from shops.models import ReverbConnection
from tests.people import olivia, shop_of


def point_to(settings: Settings, port: int) -> None:
    """Let the cache and all that asks Redis go to this port."""
    url = f"redis://127.0.0.1:{port}/0"
    settings.REDIS_URL = url
    caches = {"default": {**settings.CACHES["default"], "LOCATION": url}}
    settings.CACHES = caches


@pytest.fixture
def own_connection() -> Iterator[None]:
    """Forget the connection to Redis before and after."""
    reverbsync.redis.connection.cache_clear()
    yield
    reverbsync.redis.connection.cache_clear()
    reverbsync.redis._Silence.until = 0.0


@pytest.fixture
def redis_refuses(settings: Settings, own_connection: None) -> None:
    """Let nothing listen where Redis should."""
    point_to(settings, ports.free(0))


@pytest.fixture
def redis_is_silent(settings: Settings, own_connection: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let something take connections and never answer where Redis should."""
    monkeypatch.setattr(reverbsync.redis, "ANSWER_S", 0.3)
    with socket.socket() as silent:
        silent.bind((ports.LOOPBACK, 0))
        silent.listen(50)
        settings.CACHES = {"default": {**settings.CACHES["default"], "OPTIONS": reverbsync.redis.options("redis://")}}
        point_to(settings, silent.getsockname()[1])
        yield


def test_without_redis_the_process_remembers_by_itself(redis_refuses: None) -> None:
    assert cache.get("a", "none") == "none"
    cache.set("a", [1], 60)
    assert (cache.get("a"), cache.add("a", 2), cache.incr("n", 1) if cache.add("n", 1) else 0) == ([1], False, 2)
    assert cache.get_many(["a", "n"]) == {"a": [1], "n": 2}
    cache.delete_many(["a", "n"])
    assert not cache.has_key("a")


def test_what_was_remembered_meanwhile_is_forgotten_once_redis_is_back(redis_refuses: None, settings: Settings) -> None:
    cache.set("key", "old", 600)
    here = settings.REDIS_URL
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": os.environ["REDIS_URL"]}}
    assert cache.get("key") is None
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": here}}
    assert cache.get("key") is None


@pytest.mark.django_db
def test_without_redis_people_sign_up_sign_in_and_reset_their_password(redis_refuses: None) -> None:
    olivia()
    browser = Client()
    assert browser.post("/accounts/login/", {"login": "olivia@example.com", "password": "wrong"}).status_code == 200
    signed_in = browser.post("/accounts/login/", {"login": "olivia@example.com", "password": "olivias-password"})
    assert signed_in.status_code == 302
    words = {"email": "new@example.com", "password1": "a-long-password-1", "password2": "a-long-password-1"}
    assert Client().post("/accounts/signup/", words).status_code == 302
    assert Client().post("/accounts/password/reset/", {"email": "olivia@example.com"}).status_code == 302


@pytest.mark.django_db
def test_without_redis_passwords_still_cannot_be_guessed_at_will(redis_refuses: None) -> None:
    olivia()
    for _ in range(5):
        Client().post("/accounts/login/", {"login": "olivia@example.com", "password": "wrong"})
    page = Client().post("/accounts/login/", {"login": "olivia@example.com", "password": "olivias-password"})
    assert b"Too many" in page.content


@pytest.mark.django_db
def test_a_process_is_ready_while_its_database_answers(redis_refuses: None, monkeypatch: pytest.MonkeyPatch) -> None:
    for address in ("/readyz", "/health/"):
        answer = Client().get(address)
        assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    monkeypatch.setattr("reverbsync.health._database", lambda: False)
    answer = Client().get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (503, "failing")


def test_a_process_is_alive_whatever_it_depends_on(redis_refuses: None) -> None:
    answer = Client().get("/livez")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


@pytest.mark.django_db
def test_a_process_is_not_ready_while_its_database_takes_no_writes() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL transaction_read_only = on")  # as on a standby
    answer = Client().get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (503, "failing")


@pytest.mark.django_db
@pytest.mark.parametrize("host", ["10.0.0.5:8000", "127.0.0.1:8000", "[::1]:8000", "web_1", ""])
def test_health_is_answered_under_whatever_name_a_load_balancer_asks(host: str, settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["reverbsync.example.com"]
    for address in ("/livez", "/readyz", "/health/"):
        assert Client().get(address, HTTP_HOST=host).status_code == 200
    assert Client().get("/", HTTP_HOST=host).status_code == 400
    assert Client().post("/livez", HTTP_HOST=host).status_code == 405


def test_a_silent_redis_costs_its_time_out_once_and_not_with_every_call(redis_is_silent: None) -> None:
    began = time.monotonic()
    for _ in range(20):
        assert cache.get("a") is None
        with pytest.raises(redis.RedisError):
            reverbsync.redis.connection().ping()
    assert time.monotonic() - began < 1.0


@pytest.mark.django_db
def test_without_redis_listings_are_still_looked_at_page_by_page(redis_refuses: None) -> None:
    connection = ReverbConnection.objects.select_related("shop__sync_settings").get(shop=shop_of(olivia()))
    requested: list[int] = []

    class Client:
        def listings_page(self, number: int) -> tuple[list[object], int]:
            requested.append(number)
            return [], 1

    for _ in range(2):
        listing_poll.run_slice(connection, Client())  # type: ignore[arg-type]
    assert requested == [1]  # the second page is not due yet
