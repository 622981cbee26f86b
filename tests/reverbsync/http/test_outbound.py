"""The one way out: what it refuses, and what it knows about a call that failed."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from pytest_django.fixtures import Settings
from requests.adapters import HTTPAdapter

from reverbsync.http import answer_body, errors, outbound
from reverbsync.ratelimit import limiter
from reverbsync.ratelimit.budget import Budget
from sandbox.stack import ports
from shops.platforms import calls
from shops.platforms.errors import TooLarge


class Handler(BaseHTTPRequestHandler):
    """Answers by path and remembers who asked."""

    seen: list[str] = []
    lines: list[object] = []

    def do_GET(self) -> None:
        """Answer."""
        self.seen.append(self.path)
        self.lines.append(self.client_address)
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/elsewhere")
        elif self.path == "/closing" and self.seen.count("/closing") == 1:
            self.close_connection = True
            return
        elif self.path == "/silent":
            self.rfile.read(1)
            return
        elif self.path == "/broken":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
            return
        elif self.path == "/latin":
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; charset=latin-1")
            self.end_headers()
            self.wfile.write("Gitarre für 5 £".encode("latin-1"))
            return
        else:
            self.send_response(200)
        self.send_header("Content-Length", "2000")
        self.end_headers()
        self.wfile.write(b"x" * 2000)

    def do_POST(self) -> None:
        """Take it, and break the line without a word."""
        self.seen.append(self.path)
        self.rfile.read(int(self.headers["Content-Length"]))
        self.close_connection = True

    do_PUT = do_POST  # noqa: N815 -- the library's word

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Keeping(Handler):
    """Keeps lines alive."""

    protocol_version = "HTTP/1.1"


@pytest.fixture
def server() -> Iterator[str]:
    """Run a server on the loopback address."""
    yield from running(Handler)


@pytest.fixture
def keeping() -> Iterator[str]:
    """Run a server that keeps lines alive."""
    yield from running(Keeping)


def running(handler: type[Handler]) -> Iterator[str]:
    """Run a server and yield its address."""
    Handler.seen.clear()
    Handler.lines.clear()
    made = ThreadingHTTPServer((ports.LOOPBACK, 0), handler)
    made.daemon_threads = True
    threading.Thread(target=made.serve_forever, daemon=True).start()
    yield f"http://{ports.LOOPBACK}:{made.server_port}"
    made.shutdown()
    made.server_close()


@pytest.fixture
def allowed(settings: Settings) -> None:
    """Let the loopback address be called."""
    settings.ALLOWED_PRIVATE_HOSTS = [ports.LOOPBACK]


def call(url: str, per_minute: int = 6000, read_s: float = 5.0) -> outbound.Answer:
    """Make one call with a budget of its own."""
    budget = Budget(f"test:{uuid.uuid4()}", per_minute)
    return outbound.call("GET", url, budgets=[budget], headers={}, read_s=read_s)


class Forbidden(Exception):
    """The caller may not call any more."""


def test_a_private_address_is_refused_before_anything_is_sent(server: str) -> None:
    with pytest.raises(errors.NotAllowed):
        call(f"{server}/")
    assert Handler.seen == []


def test_a_private_address_that_the_operator_lists_may_be_called(server: str, allowed: None) -> None:
    assert call(f"{server}/").status == 200


def test_a_redirect_is_not_followed(server: str, allowed: None) -> None:
    assert call(f"{server}/moved").status == 302
    assert Handler.seen == ["/moved"]


def test_an_answer_that_is_too_large_is_not_read(server: str, allowed: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer_body, "MAX_ANSWER_BYTES", 1000)
    with pytest.raises(errors.TooLarge, match="too large"):
        call(f"{server}/")
    with outbound.carried_by(HTTPAdapter()), pytest.raises(errors.TooLarge, match="too large"):
        call(f"{server}/")


@pytest.mark.django_db
def test_a_store_whose_answer_is_too_large_says_so_apart_from_other_failures(
    server: str, allowed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answer_body, "MAX_ANSWER_BYTES", 1000)
    with pytest.raises(TooLarge, match="WooCommerce: its answer is too large"):
        calls.call("WooCommerce", "GET", f"{server}/", budgets=[Budget("test:store", 1000)], headers={})


def test_a_call_that_nobody_took_was_surely_not_applied(allowed: None) -> None:
    with pytest.raises(errors.Unreachable) as lost:
        call(f"http://{ports.LOOPBACK}:{ports.free(0)}/")
    assert not lost.value.may_have_applied


@pytest.mark.parametrize("path", ["/silent", "/broken"])
def test_a_call_whose_answer_got_lost_may_have_been_applied(server: str, allowed: None, path: str) -> None:
    with pytest.raises(errors.Unreachable) as lost:
        call(f"{server}{path}", read_s=0.3)
    assert lost.value.may_have_applied


@pytest.mark.parametrize("method", ["PUT", "POST"])
def test_a_call_on_a_line_that_breaks_is_not_made_twice(keeping: str, allowed: None, method: str) -> None:
    assert outbound.call("GET", f"{keeping}/", budgets=[], headers={}).status == 200
    with pytest.raises(errors.Unreachable) as lost:
        outbound.call(method, f"{keeping}/broken", budgets=[], headers={}, body={"inventory": 1})
    assert lost.value.may_have_applied
    assert Handler.seen == ["/", "/broken"]


def test_a_reading_on_a_line_that_breaks_is_asked_for_again(keeping: str, allowed: None) -> None:
    for path in ("/", "/closing"):
        assert outbound.call("GET", f"{keeping}{path}", budgets=[], headers={}).status == 200
    assert Handler.seen == ["/", "/closing", "/closing"]


def test_a_line_is_kept_alive_for_the_next_call(keeping: str, allowed: None) -> None:
    for _ in range(3):
        outbound.call("GET", f"{keeping}/", budgets=[], headers={})
    assert len(set(Handler.lines)) == 1


def test_an_answer_is_read_in_the_encoding_that_it_names(server: str, allowed: None) -> None:
    assert call(f"{server}/latin").text == "Gitarre für 5 £"


def test_what_is_called_is_not_asked_for_by_way_of_a_proxy(
    server: str, allowed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", f"http://{ports.LOOPBACK}:{ports.free(0)}")
    assert call(f"{server}/").status == 200


def test_a_long_wait_for_the_rate_limit_is_the_queues_business(server: str, allowed: None) -> None:
    budget = Budget(f"test:{uuid.uuid4()}", 1)
    outbound.call("GET", f"{server}/", budgets=[budget], headers={})
    with pytest.raises(errors.RateLimited) as limited:
        outbound.call("GET", f"{server}/", budgets=[budget], headers={})
    assert limited.value.retry_after > outbound.MAX_RATE_LIMIT_WAIT_SECONDS
    assert len(Handler.seen) == 1


def test_a_slot_in_the_budget_is_given_back_when_nothing_was_sent(server: str, allowed: None) -> None:
    budget = Budget(f"test:{uuid.uuid4()}", 1, reserve=0.1)
    with pytest.raises(errors.Unreachable):
        outbound.call("GET", f"http://{ports.LOOPBACK}:{ports.free(0)}/", budgets=[budget], headers={})

    def forbid() -> None:
        raise Forbidden

    with pytest.raises(Forbidden):
        outbound.call("GET", f"{server}/", budgets=[budget], headers={}, before=forbid)
    assert outbound.call("GET", f"{server}/", budgets=[budget], headers={}).status == 200
    assert limiter.used(budget) == 1


def test_a_call_that_may_have_been_applied_counts(server: str, allowed: None) -> None:
    budget = Budget(f"test:{uuid.uuid4()}", 5)
    with pytest.raises(errors.Unreachable):
        outbound.call("GET", f"{server}/broken", budgets=[budget], headers={})
    assert limiter.used(budget) == 1


def test_without_redis_calls_are_rare(server: str, allowed: None, unreachable_redis: None) -> None:
    with pytest.raises(errors.RateLimited) as limited:
        call(f"{server}/", per_minute=600)
    assert limited.value.retry_after == pytest.approx(10, abs=0.5)
    assert Handler.seen == []
