"""Reverb's clock, as its answers show it: what is compared with the dates of its orders."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from email.utils import format_datetime

import pytest
from pydantic import SecretStr

from reverbsync import clock
from reverbsync.http import outbound
from reverbsync.http.outbound import Answer
from shops.reverb.client import ReverbClient
from tests.people import NOON

pytestmark = pytest.mark.django_db
AHEAD = timedelta(seconds=7)


@pytest.fixture(autouse=True)
def noon() -> Iterator[None]:
    """Let it be noon."""
    with clock.running_by(lambda: NOON):
        yield


def ahead(monkeypatch: pytest.MonkeyPatch, *answers: dict[str, str]) -> timedelta:
    """Return how far Reverb's clock counts as ahead after answers with these headers."""
    client, coming = ReverbClient(SecretStr("t"), "reverb:1"), iter(answers)
    answered = lambda *_, **__: Answer(200, next(coming), "{}")  # noqa: E731 -- named for the next line
    monkeypatch.setattr(outbound, "call", answered)
    for _ in answers:
        client.get("/my/account")
    return client.their_now() - NOON


def dated(at: timedelta) -> dict[str, str]:
    """Return the header of an answer of so long after noon."""
    return {"Date": format_datetime(NOON + at, usegmt=True)}


def test_reverbs_clock_is_known_by_its_last_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ahead(monkeypatch, dated(timedelta(0)), dated(AHEAD)) == AHEAD


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"Date": ""},
        {"Date": "yesterday"},
        {"Date": "Thu, 01 Jan 1970 00:00:00 GMT"},
        {"Date": "Fri, 31 Dec 9999 23:59:59 GMT"},
        {"Date": "Fri, 31 Dec 9999 23:59:59 -2359"},
        {**dated(timedelta(minutes=-9)), "Age": "540"},
    ],
)
def test_an_answer_of_another_clock_changes_nothing(monkeypatch: pytest.MonkeyPatch, odd: dict[str, str]) -> None:
    assert ahead(monkeypatch, dated(AHEAD), odd) == AHEAD


def test_an_answer_that_was_not_stored_may_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ahead(monkeypatch, {**dated(AHEAD), "Age": "0"}) == AHEAD
