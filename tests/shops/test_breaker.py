"""A circuit breaker for each outside: it opens, probes with one call, closes, and all workers know."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from reverbsync import clock
from reverbsync.dispatch.concurrency import share
from reverbsync.http import errors, outbound
from reverbsync.http.outbound import Answer
from reverbsync.ratelimit import current_work
from shops import breaker, breaker_snapshot, timeouts
from shops.models import Breaker

pytestmark = pytest.mark.django_db

T0 = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
NAME = "custom:https://store.test/"


class Outside:
    """An outside whose next answers a test chooses; time is the test's."""

    def __init__(self) -> None:
        self.now = T0
        self.answer: Answer | Exception = Answer(200, {}, "{}")
        self.took_s = 0.1
        #: How long each call was ready to wait.
        self.patience: list[float] = []

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)

    def call(self, *_: Any, read_s: float, **more: Any) -> Answer:
        """Stand in for reverbsync.http.outbound.call."""
        if (before := more.get("before")) is not None:
            before()
        self.patience.append(read_s)
        self.sleep(min(self.took_s, read_s))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def hang(self) -> None:
        """Take connections and never answer."""
        self.took_s, self.answer = 1e6, errors.Unreachable("it did not answer in time", may_have_applied=True)

    def refuse(self) -> None:
        """Refuse connections."""
        self.took_s, self.answer = 0.0, errors.Unreachable("the connection failed", may_have_applied=False)

    def say(self, status: int, text: str) -> None:
        """Answer from now on."""
        self.took_s, self.answer = 0.1, Answer(status, {}, text)

    def work(self) -> None:
        """Work as it should."""
        self.say(200, '{"ok": true}')


@pytest.fixture
def outside(monkeypatch: pytest.MonkeyPatch) -> Iterator[Outside]:
    """Put an outside behind the breaker."""
    made = Outside()
    monkeypatch.setattr(outbound, "call", made.call)
    with clock.running_by(lambda: made.now, sleeping=made.sleep):
        yield made


def ask(*, name: str = NAME, as_another_worker: bool = False, **more: Any) -> str:
    """Make a call; return what came of it in one word."""
    if as_another_worker:
        breaker_snapshot.forget()
    try:
        breaker.call(name, "GET", "https://store.test/", budgets=[], headers={}, read_s=60.0, **more)
    except breaker.Open:
        return "open"
    except errors.Unreachable:
        return "failed"
    return "answered"


def opened(outside: Outside) -> None:
    """Let the breaker open."""
    outside.hang()
    assert [ask(), ask()] == ["failed", "failed"]
    outside.patience.clear()


# -- opening -------------------------------------------------------------------------------------------------------


def test_after_two_calls_that_hung_nothing_more_is_sent(outside: Outside) -> None:
    outside.hang()
    assert [ask() for _ in range(5)] == ["failed", "failed", "open", "open", "open"]
    assert len(outside.patience) == 2


def test_what_fails_at_once_holds_no_thread_and_may_fail_oftener(outside: Outside) -> None:
    outside.refuse()
    assert [ask() for _ in range(7)] == ["failed"] * 6 + ["open"]


def test_a_success_in_between_starts_the_count_from_zero(outside: Outside) -> None:
    for _ in range(5):
        outside.hang()
        assert ask() == "failed"
        outside.work()
        assert ask() == "answered"
    assert not Breaker.objects.exists()


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (500, '{"message": "Internal error"}'),
        (503, "<html>Maintenance</html>"),
        (502, "Bad Gateway"),
        (302, ""),
        (200, "<!doctype html><title>Coming soon</title>"),
        (403, "<html>Attention required</html>"),
        (404, ""),
    ],
)
def test_pages_redirects_and_server_errors_count_as_failures(outside: Outside, status: int, text: str) -> None:
    outside.say(status, text)
    assert [ask() for _ in range(7)] == ["answered"] * 6 + ["open"]


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (200, "[]"),
        (200, "\ufeff {}"),
        (204, ""),
        (200, "true"),
        (304, ""),
        (401, '{"message": "Invalid token"}'),
        (404, '{"message": "No such product"}'),
        (422, '{"errors": {}}'),
        (429, "<html>Slow down</html>"),
    ],
)
def test_whatever_the_outside_says_in_its_own_words_shows_that_it_works(
    outside: Outside, status: int, text: str
) -> None:
    outside.hang()
    ask()
    outside.say(status, text)
    assert ask() == "answered"
    assert not Breaker.objects.exists()


def test_one_outside_that_hangs_is_no_other_ones_business(outside: Outside) -> None:
    opened(outside)
    outside.work()
    assert [ask(), ask(name="custom:https://other.test/")] == ["open", "answered"]


def test_what_one_worker_has_learnt_all_others_know(outside: Outside) -> None:
    opened(outside)
    assert ask(as_another_worker=True) == "open"


def test_another_worker_knows_within_a_second(outside: Outside, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ask() == "answered"
    Breaker.objects.create(name=NAME, failed_at=T0, opened_at=T0, probe_at=T0 + timedelta(seconds=30), score=6)
    outside.sleep(1.0)
    assert ask() == "open"


def test_while_all_is_well_a_call_asks_the_database_once_a_second(outside: Outside) -> None:
    outside.took_s = 0.01
    with CaptureQueriesContext(
        connection,
    ) as queries:
        for _ in range(50):
            ask()
    assert len(queries) == 1


# -- probing -------------------------------------------------------------------------------------------------------


def test_when_its_time_has_come_one_call_of_one_worker_goes_out(outside: Outside) -> None:
    opened(outside)
    outside.sleep(breaker.FIRST_WAIT_S)
    inside: list[str] = []
    outside.work()
    assert ask(before=lambda: inside.append(ask(as_another_worker=True))) == "answered"
    assert inside == ["open"]


def test_a_probe_that_is_answered_closes_it_for_all(outside: Outside) -> None:
    opened(outside)
    outside.sleep(breaker.FIRST_WAIT_S)
    outside.work()
    assert [ask(), ask(), ask(as_another_worker=True)] == ["answered"] * 3
    assert Breaker.objects.get().is_back


def test_each_probe_that_fails_is_followed_by_a_longer_wait_of_thirty_seconds_at_most(outside: Outside) -> None:
    opened(outside)
    outside.refuse()
    waits = []
    for _ in range(7):
        outside.now = Breaker.objects.get().probe_at or T0
        before = outside.now
        assert ask(as_another_worker=True) == "failed"
        waits.append(((Breaker.objects.get().probe_at or T0) - before).total_seconds())
    assert waits == [4, 8, 16, 30, 30, 30, 30]


def test_each_time_that_it_opens_again_after_a_probe_that_succeeded_it_stays_open_for_longer(outside: Outside) -> None:
    """The probe asks for what works, such as the account, and the other calls for what does not."""
    waits = []
    for _ in range(6):
        outside.refuse()
        while ask(as_another_worker=True) == "failed":
            pass
        due = Breaker.objects.get().probe_at or T0
        waits.append((due - outside.now).total_seconds())
        outside.now = due
        outside.work()
        assert ask(as_another_worker=True) == "answered"
    assert waits == [2, 4, 8, 16, 30, 30]


def test_an_outside_that_works_after_an_outage_is_asked_for_as_if_nothing_had_been(outside: Outside) -> None:
    opened(outside)
    outside.sleep(breaker.FIRST_WAIT_S)
    outside.work()
    assert ask() == "answered"
    outside.took_s = 0.01
    breaker_snapshot.forget()
    with CaptureQueriesContext(connection) as queries:
        for _ in range(50):
            assert ask() == "answered"
    assert len(queries) == 1


def test_a_probe_waits_a_short_time_at_first_and_in_the_end_as_long_as_any_call(outside: Outside) -> None:
    opened(outside)
    for _ in range(5):
        outside.now = max(outside.now, Breaker.objects.get().probe_at or T0)
        assert ask(as_another_worker=True) == "failed"
    assert outside.patience == [10, 20, 40, 60, 60]


def test_an_outside_that_is_away_for_days_is_probed_every_thirty_seconds(outside: Outside) -> None:
    opened(outside)
    Breaker.objects.update(probes=3_000)
    outside.refuse()
    outside.now = Breaker.objects.get().probe_at or T0
    assert ask(as_another_worker=True) == "failed"
    assert Breaker.objects.get().probe_at == outside.now + timedelta(seconds=breaker.LONGEST_WAIT_S)


def test_a_store_that_takes_twenty_five_seconds_for_an_answer_is_back_after_some_probes(outside: Outside) -> None:
    opened(outside)
    outside.work()
    said: list[str] = []
    for _ in range(3):
        outside.now = max(outside.now, Breaker.objects.get().probe_at or T0)
        outside.took_s = 25.0
        if outside.took_s > breaker.PROBE_S * 2 ** len(said):
            outside.answer = errors.Unreachable("it did not answer in time", may_have_applied=True)
        else:
            outside.work()
        said.append(ask(as_another_worker=True))
    assert said == ["failed", "failed", "answered"]


def test_bulk_work_leaves_the_probe_to_what_is_urgent(outside: Outside) -> None:
    opened(outside)
    outside.sleep(breaker.FIRST_WAIT_S)
    outside.work()
    with current_work.bulk():
        assert ask() == "open"
    assert ask() == "answered"


def test_a_probe_that_never_went_out_is_given_back(outside: Outside) -> None:
    opened(outside)
    outside.sleep(breaker.FIRST_WAIT_S)
    outside.work()

    def forbids() -> None:
        raise LookupError("the lease is lost")

    with pytest.raises(LookupError):
        ask(before=forbids)
    assert ask() == "answered"


def test_a_worker_that_died_with_its_probe_keeps_nobody_from_the_next_one(outside: Outside) -> None:
    opened(outside)
    outside.sleep(breaker.FIRST_WAIT_S)

    def dies() -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(breaker, "_give_back", lambda _: None)
        with pytest.raises(KeyboardInterrupt):
            ask(before=dies)
    outside.work()
    assert ask(as_another_worker=True) == "open"
    outside.sleep(breaker.PROBE_S + breaker.LEEWAY_S)
    assert ask(as_another_worker=True) == "answered"


def test_an_answer_to_a_call_that_was_on_its_way_when_it_opened_closes_it(outside: Outside) -> None:
    opened(outside)
    breaker.succeeded(NAME)
    outside.work()
    assert ask() == "answered"


def test_a_late_failure_of_a_call_that_was_on_its_way_does_not_put_the_probe_off(outside: Outside) -> None:
    opened(outside)
    due = Breaker.objects.get().probe_at
    outside.sleep(1)
    breaker.failed(NAME, "it did not answer in time.", took_s=60)
    assert Breaker.objects.get().probe_at == due


def test_a_probe_that_fails_after_the_store_is_known_to_work_again_opens_nothing(outside: Outside) -> None:
    opened(outside)
    breaker.succeeded(NAME)
    breaker.failed(NAME, "it did not answer in time.", took_s=10, probe=1)
    outside.work()
    assert ask() == "answered"


# -- many at once --------------------------------------------------------------------------------------------------


@pytest.fixture
def worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Be a worker with twelve threads."""
    monkeypatch.setattr(share, "threads", 12)


def hang_elsewhere(stack: ExitStack, threads: int, *, probe: bool = False) -> None:
    """Let so many other threads of this process wait for an answer from now on."""

    def wait(begun: threading.Event, over: threading.Event) -> None:
        with timeouts.waiting(60.0, probe=probe):
            begun.set()
            over.wait(30)

    for _ in range(threads):
        begun, over = threading.Event(), threading.Event()
        other = threading.Thread(target=wait, args=(begun, over))
        other.start()
        begun.wait(30)
        stack.callback(other.join)
        stack.callback(over.set)


@pytest.mark.parametrize(("hanging", "waits_s"), [(3, 60.0), (4, timeouts.SHORT_S)])
def test_while_a_third_of_a_worker_hangs_further_calls_wait_for_less(
    outside: Outside, worker: None, hanging: int, waits_s: float
) -> None:
    with ExitStack() as stack:
        hang_elsewhere(stack, hanging)
        outside.sleep(timeouts.HANGS_S)
        outside.work()
        assert ask() == "answered"
    assert ask() == "answered"
    assert outside.patience == [waits_s, 60.0]


def test_what_waits_for_a_moment_only_makes_no_other_call_shorter(outside: Outside, worker: None) -> None:
    with ExitStack() as stack:
        hang_elsewhere(stack, 11)
        outside.work()
        assert ask() == "answered"
    assert outside.patience == [60.0]


def test_probes_hold_a_quarter_of_a_worker_at_most(outside: Outside, worker: None) -> None:
    opened(outside)
    outside.sleep(breaker.FIRST_WAIT_S)
    outside.work()
    with ExitStack() as stack:
        hang_elsewhere(stack, 3, probe=True)
        assert ask() == "open"
    assert ask() == "answered"
