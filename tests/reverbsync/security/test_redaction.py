"""Log lines show no key of an address, and an outage is one line a minute."""

from __future__ import annotations

import io
import logging
import time
from collections.abc import Iterator

import pytest
import redis
from django.db import IntegrityError, OperationalError
from django.test import Client

from reverbsync.security import redaction
from reverbsync.security.redaction import Calm, RedactingFormatter, redact
from tests.people import olivia, shop_of

KEY = "Zk3-unguessable_key-of-a-webhook"


class Log:
    """What a handler writes, as settings set it up."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.written = io.StringIO()
        self.handler = logging.StreamHandler(self.written)
        self.handler.addFilter(Calm())
        self.handler.setFormatter(RedactingFormatter("%(levelname)s %(name)s: %(message)s"))

    @property
    def lines(self) -> list[str]:
        """Return the lines so far."""
        return self.written.getvalue().splitlines()


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[Log]:
    """Collect all that is logged."""
    made = Log()
    monkeypatch.setattr(time, "monotonic", lambda: made.now)
    root = logging.getLogger()
    root.addHandler(made.handler)
    yield made
    root.removeHandler(made.handler)


def fail(error: Exception, words: str = "It broke for shop %s", *args: object) -> None:
    """Log an exception."""
    try:
        raise error
    except type(error):
        logging.getLogger("test").exception(words, *(args or (1,)))


@pytest.mark.parametrize(
    "line",
    [
        f"Internal Server Error: /webhooks/store/{KEY}/",
        f"Internal Server Error: /webhooks/reverb/{KEY}/orders/create/",
        f"Not Found: /webhooks/shipstation/{KEY}/shipped/",
        f'"POST /webhooks/store/{KEY}/ HTTP/1.1" 500 145',
        f"Bad Request: https://sync.example.com/connect/choose/{KEY}/",
        f"/connect/reverb/go/{KEY}/",
        f"GET /connect/shopify/back/?code={KEY}&state=x",
        f"GET /webhooks/shipstation/k/?SS-UserName=u&SS-Password={KEY}",
    ],
)
def test_keys_and_states_in_addresses_are_masked(line: str) -> None:
    assert KEY not in redact(line)


def test_what_is_no_key_stays_readable() -> None:
    line = "Not Found: /webhooks/app/shopify/ and /shops/12/log/?page=3, status code=500"
    assert redact(line) == line


@pytest.mark.django_db
def test_a_webhook_that_fails_on_our_side_is_logged_without_its_key(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    store = shop_of(olivia()).store

    def breaks(*_: object, **__: object) -> None:
        raise ValueError(f"at {store.webhook_address}")

    monkeypatch.setattr("webhooks.views.addresses.store_at", breaks)
    address = f"/webhooks/store/{store.hook_key}/"
    assert Client(raise_request_exception=False).post(address, b"{}", "application/json").status_code == 500
    assert "Internal Server Error" in log.written.getvalue()
    assert "ValueError" in log.written.getvalue()
    assert store.hook_key not in log.written.getvalue()


@pytest.mark.parametrize(("error", "who"), [(OperationalError, "PostgreSQL"), (redis.ConnectionError, "Redis")])
def test_an_outage_is_one_line_a_minute_and_no_traceback(log: Log, error: type[Exception], who: str) -> None:
    for number in range(500):
        fail(error("connection refused\nIs the server running?"), f"Thing {number} of shop %s broke")
        log.now += 0.1
    assert log.lines == [f"ERROR test: {who} does not answer: {error.__name__} in test: connection refused"]
    log.now += 60
    fail(error("connection refused"))
    assert len(log.lines) == 2
    assert "(499 more lines of this kind were left out in the last minute.)" in log.lines[1]


def test_what_an_outage_led_to_is_the_same_outage(log: Log) -> None:
    for _ in range(3):
        error = RuntimeError("the job could not be claimed")
        error.__cause__ = OperationalError("the connection is gone")
        fail(error)
    assert len(log.lines) == 1
    assert "PostgreSQL does not answer" in log.lines[0]


def test_a_bug_keeps_its_traceback_also_during_an_outage(log: Log) -> None:
    fail(OperationalError("gone"))
    fail(KeyError("title"))
    assert "Traceback (most recent call last):" in log.lines


def test_what_broke_is_logged_with_its_line_and_without_what_its_error_quotes(log: Log) -> None:
    logger = logging.getLogger("listings.orders.due_store_orders")
    for quoted in (IntegrityError("Failing row contains (7, Bob Buyer, 12 High Street)."), KeyError("Bob Buyer")):
        try:
            raise quoted
        except (IntegrityError, KeyError) as error:
            redaction.broke(logger, error, "Order %s could not be processed", 7)
    assert "Buyer" not in log.written.getvalue()
    assert [line.partition(" in test_redaction.py:")[0] for line in log.lines] == [
        "ERROR listings.orders.due_store_orders: Order 7 could not be processed: IntegrityError",
        "ERROR listings.orders.due_store_orders: Order 7 could not be processed: KeyError",
    ]


def test_an_outage_that_broke_something_is_one_line_a_minute(log: Log) -> None:
    logger = logging.getLogger("listings.orders.due_store_orders")
    for number in range(5):
        redaction.broke(
            logger, OperationalError("server closed the connection"), "Order %s could not be processed", number
        )
    assert len(log.lines) == 1
    assert "PostgreSQL does not answer: OperationalError" in log.lines[0]


def test_what_repeats_itself_is_left_out_after_a_while_and_said_to_be(log: Log) -> None:
    warn = logging.getLogger("test").warning
    for number in range(100):
        warn("Shop %s could not be woken", number)
    warn("Something else")
    assert len(log.lines) == redaction.MOST + 1
    log.now += 60
    warn("Shop %s could not be woken", 7)
    assert log.lines[-1].endswith("woken (70 more lines of this kind were left out in the last minute.)")


def test_what_is_no_warning_is_always_written(log: Log) -> None:
    logging.getLogger("test").setLevel(logging.INFO)
    for number in range(100):
        logging.getLogger("test").info("Turn %s", number)
    assert len(log.lines) == 100
