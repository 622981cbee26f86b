"""A store that takes 25 seconds an answer: one worker keeps its job, and one that lost it writes nothing any more."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from listings.models import Ledger
from listings.queue.jobs import LEASE
from reverbsync.http import outbound
from sandbox.stack.stores import STORES
from shops import store_connection
from shops.platforms.values import Keys
from tests.journeys.sales import buy, read_orders
from tests.journeys.world import StandIn, World, at, elsewhere, running

pytestmark = pytest.mark.live
#: Seconds that the store takes to answer.
SLOW_S = 25.0


class Slow(World):
    """A world whose store moves its clock along too: it refuses calls that were signed at another time."""

    def wait(self, seconds: float) -> None:
        """Let time pass everywhere."""
        super().wait(seconds)
        self.store.ask("POST", "/clock", {"advance_s": seconds})


@pytest.fixture(scope="module")
def stores() -> Iterator[dict[str, StandIn]]:
    """Run the stand-ins of the platforms that are called with several calls a change."""
    with running("sandbox.woocommerce.app") as woocommerce, running("sandbox.magento2.app") as magento2:
        yield {"woocommerce": StandIn(woocommerce), "magento2": StandIn(magento2)}


@pytest.fixture(params=["woocommerce", "magento2"])
def slow(
    request: pytest.FixtureRequest,
    reverb_process: StandIn,
    stores: dict[str, StandIn],
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    transactional_db: None,  # who lost the lease takes back what its last statement wrote
) -> Iterator[World]:
    """Return a world whose store is on one of these platforms."""
    store = stores[request.param]
    settings.REVERB_API_URL, settings.REVERB_WEB_URL = f"{reverb_process.url}/api", reverb_process.url
    settings.ALLOWED_PRIVATE_HOSTS = [store.url.partition("//")[2]]
    monkeypatch.setattr("reverbsync.ratelimit.budget.BURST_SHARE", 50.0)  # the rate limiter has tests of its own
    store.ask("POST", "/reset")
    made = Slow(reverb_process, store, f"token-{uuid.uuid4().hex}", STORES[request.param])
    made.set(auto_publish=True)
    if request.param == "magento2":  # a lone token needs no signature, whose age the store would judge
        token = made.shop.store.token.get_secret_value().split(":")[2]
        store.ask("POST", "/shops", {"domain": made.domain, "bearer": True})
        store_connection.connect_store(made.shop, platform="magento2", address=store.url, keys=Keys(token, "s"))
        made.shop.store.refresh_from_db()
    with at(made):
        yield made


@contextmanager
def slowly(world: World, meanwhile: Callable[[], object]) -> Iterator[list[str]]:
    """Let each call to the store take 25 s, and do something in the middle of it; yields the calls as they are made."""
    carry, made = outbound._call, []

    def carried(method: str, url: str, *rest: Any) -> outbound.Answer:
        if not url.startswith(world.store.url):
            return carry(method, url, *rest)
        made.append(f"{method} {url}")
        world.wait(SLOW_S / 2)
        meanwhile()
        answer = carry(method, url, *rest)
        world.wait(SLOW_S / 2)
        meanwhile()
        return answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(outbound, "_call", carried)
        yield made


def works_a_while(world: World) -> None:
    """Receive sales, and do what is due for some minutes: a store's room may let one worker at a time change it."""
    read_orders(world)
    for _ in range(10):
        world.step()
        world.wait(20)


def test_a_second_worker_does_not_take_a_job_whose_store_is_slow(slow: World) -> None:
    guitar = slow.product(inventory_quantity=9)
    slow.settle()
    buy(slow, quantity=2)
    read_orders(slow)
    slow.wait(2)
    taken: list[bool] = []
    with slowly(slow, lambda: elsewhere(lambda: taken.append(slow.step()))) as calls:
        slow.step()
        assert len(calls) * SLOW_S > 120
    assert not any(taken)
    slow.settle()
    assert (slow.stock(guitar), slow.listing()["inventory"]) == (7, 7)
    assert (Ledger.objects.get().units, Ledger.objects.get().store) == (7, 7)


@pytest.mark.parametrize("call", range(7))
def test_a_worker_that_stood_still_until_its_lease_was_over_writes_nothing_any_more(slow: World, call: int) -> None:
    """It stands still in the middle of one of its calls; the second worker does its work meanwhile, and more."""
    guitar = slow.product(inventory_quantity=9)
    slow.settle()
    buy(slow, quantity=2)
    read_orders(slow)
    slow.wait(2)
    answers = iter(range(1000))

    def stands_still() -> None:
        if next(answers) == 2 * call + 1:  # the store has done it; its answer is on its way
            slow.wait(LEASE.total_seconds() + 1)
            buy(slow)
            elsewhere(lambda: works_a_while(slow))

    with slowly(slow, stands_still) as calls:
        slow.step()
    assert len(calls) > call
    slow.settle()
    assert (slow.stock(guitar), slow.listing()["inventory"]) == (6, 6)
