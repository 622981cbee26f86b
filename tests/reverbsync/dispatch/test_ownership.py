"""What a worker's right to its work rests on is confirmed before each call to a store, and with each write."""

from __future__ import annotations

import pytest

from reverbsync.dispatch import ownership
from reverbsync.dispatch.ownership import Lost
from reverbsync.http import outbound
from reverbsync.http.outbound import Answer
from reverbsync.ratelimit.budget import Budget
from shops.models import Shop
from shops.platforms import calls
from tests.journeys.world import elsewhere
from tests.people import olivia, shop_of

pytestmark = pytest.mark.django_db(transaction=True)


class Right:
    """A right that may be lost."""

    def __init__(self, *, lost: bool = False) -> None:
        self.lost, self.requested = lost, 0

    def confirm(self) -> None:
        """Count it."""
        self.requested += 1
        if self.lost:
            raise Lost


def call() -> Answer:
    """Call a store."""
    return calls.call("The store", "GET", "http://store.test/", budgets=[Budget("store", 1000)], headers={})


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let a store answer; returns the calls that reached it."""
    made: list[str] = []

    def answers(method: str, url: str, *_: object) -> Answer:
        made.append(f"{method} {url}")
        return Answer(200, {}, "{}")

    monkeypatch.setattr(outbound, "_call", answers)
    return made


def test_each_call_confirms_it(sent: list[str]) -> None:
    right = Right()
    with ownership.of(right):
        call()
        call()
    call()
    assert (right.requested, len(sent)) == (2, 3)


def test_who_lost_it_makes_no_call(sent: list[str]) -> None:
    with ownership.of(Right(lost=True)), pytest.raises(Lost):
        call()
    assert sent == []


@pytest.mark.parametrize(("outer", "inner"), [(True, False), (False, True)])
def test_all_that_is_owned_must_stand(sent: list[str], outer: bool, inner: bool) -> None:
    """Such as the lease of a job, and inside it the lock on a stock that several products share."""
    with ownership.of(Right(lost=outer)), ownership.of(Right(lost=inner)), pytest.raises(Lost):
        call()
    assert sent == []


def test_another_worker_needs_a_right_of_its_own(sent: list[str]) -> None:
    with ownership.of(Right(lost=True)):
        elsewhere(call)
    assert len(sent) == 1


def test_what_is_fenced_is_written_only_if_it_stands_in_the_end() -> None:
    shop, right = shop_of(olivia()), Right()

    def rename(to: str) -> None:
        with ownership.fenced():
            Shop.objects.filter(pk=shop.pk).update(name=to)

    with ownership.of(right):
        rename("Basses")
        right.lost = True
        with pytest.raises(Lost):
            rename("Drums")
    shop.refresh_from_db()
    assert shop.name == "Basses"
