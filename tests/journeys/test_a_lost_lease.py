"""A worker stands still while Reverb's answer is on its way, until its lease is over, and wakes up: it is too late."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from listings.models import Job, Ledger, Listing, Product
from listings.queue import jobs
from listings.queue.jobs import LEASE
from listings.sync.attempt import attempt
from reverbsync.http import outbound
from synclog.models import Entry
from tests.journeys.sales import buy, read_orders
from tests.journeys.world import World, elsewhere

pytestmark = [pytest.mark.live, pytest.mark.django_db(transaction=True)]


@contextmanager
def at_call(number: int, happens: Callable[[], object]) -> Iterator[list[str]]:
    """Let something happen when the n-th call was applied, and its answer is on its way; yields all calls."""
    carry, made = outbound._call, []

    def carried(method: str, url: str, *rest: Any) -> outbound.Answer:
        answer = carry(method, url, *rest)
        made.append(f"{method} {url}")
        if len(made) == number:
            happens()
        return answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(outbound, "_call", carried)
        yield made


def taken_over(world: World, meanwhile: Callable[[], object]) -> Callable[[], None]:
    """Let the lease run out, something happen, and another worker do what is due."""

    def works() -> None:
        meanwhile()
        world.settle()

    def happens() -> None:
        world.wait(LEASE.total_seconds() + 1)
        elsewhere(works)

    return happens


def kept() -> tuple[Any, ...]:
    """Return all that an attempt may write."""
    return tuple(list(model.objects.order_by("pk").values()) for model in (Ledger, Listing, Product, Job, Entry))


@pytest.mark.parametrize("number", range(1, 5))
def test_nothing_is_written_that_another_worker_has_overtaken(world: World, number: int) -> None:
    """The store sells two of three; while the first worker brings that to Reverb, the last one is sold."""
    guitar = world.product()
    world.settle()
    world.wait(5)
    world.edit(guitar, inventory_quantity=1, price="450.00")
    before: list[tuple[Any, ...]] = []

    def sells() -> None:
        world.edit(guitar, inventory_quantity=0)

    def overtaken() -> None:
        taken_over(world, sells)()
        before.append(kept())

    with at_call(number, overtaken):
        world.step()
    assert kept() == before[0]
    world.settle()
    assert (world.stock(guitar), world.listing()["state"]) == (0, "sold")
    assert (Ledger.objects.get().units, Ledger.objects.get().reverb) == (0, 0)


@pytest.mark.parametrize("number", range(1, 5))
def test_a_listing_is_made_once_however_many_workers_learn_of_it(world: World, number: int) -> None:
    world.product()
    happened: list[bool] = []

    def overtaken() -> None:
        happened.append(True)
        taken_over(world, lambda: None)()

    with at_call(number, overtaken):
        world.step()
    assert happened
    world.settle()
    assert len(world.reverb.ask("GET", "/listings", sku="A1")) == 1
    assert world.known().reverb_id == str(world.listing()["id"])


def test_an_attempt_whose_lease_was_lost_leaves_one_entry_which_its_successor_writes(world: World) -> None:
    guitar = world.product()
    world.settle()
    world.wait(5)
    world.edit(guitar, price="450.00")
    with at_call(1, taken_over(world, lambda: None)):
        world.step()
    assert world.entries()[-2:] == ["interrupted", "updated"]


def test_what_sold_on_reverb_is_counted_once_by_two_workers(world: World) -> None:
    guitar = world.product(inventory_quantity=5)
    world.settle()
    buy(world, quantity=2)
    read_orders(world)
    world.wait(2)
    slow = jobs.claim(world.shop.pk, now=world.now)
    assert slow is not None
    with at_call(1, taken_over(world, lambda: None)):
        attempt(slow)
    world.settle()
    assert (world.stock(guitar), world.listing()["inventory"], Ledger.objects.get().units) == (3, 3, 3)
