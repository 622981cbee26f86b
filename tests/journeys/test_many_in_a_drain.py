"""Stories of several products in one drain: what belongs to the shop is read once, and is never out of date."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from listings import tasks
from listings.models import Job, Listing, Product, Rank
from listings.queue import jobs
from listings.queue.jobs import Claim
from listings.sync.attempt import attempt
from shops.models import MappingRule, ReverbConnection, SelectionRule
from tests.journeys.world import World

pytestmark = pytest.mark.live


@pytest.fixture
def two(world: World) -> World:
    """Return a world with two products in sync, and a new price for each."""
    made = [world.product("A1"), world.product("B1")]
    world.settle()
    for product in made:
        world.edit(product, price="450.00")
    world.wait(3)
    world.reverb.ask("DELETE", "/requests")
    return world


def drain(world: World, monkeypatch: pytest.MonkeyPatch, *, after_first: Callable[[], Any]) -> None:
    """Drain the shop; something happens when its first job is done."""
    done: list[Claim] = []

    def counted(taken: Claim) -> None:
        attempt(taken)
        done.append(taken)
        if len(done) == 1:
            after_first()

    monkeypatch.setattr(tasks, "attempt", counted)
    monkeypatch.setattr(tasks, "SLICE_S", 30.0)
    tasks.drain(world.shop.pk)
    assert len(done) == 2


def test_a_shop_is_not_read_again_while_nothing_of_it_changes(two: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with CaptureQueriesContext(connection) as queries:
        drain(two, monkeypatch, after_first=lambda: None)
    of_shop = [
        query for query in queries if "shops_syncsettings" in query["sql"] and "listings_job" not in query["sql"]
    ]
    assert of_shop == []  # it was read for the attempts before
    assert [call["method"] for call in two.reverb.calls(path="/listings/")] == ["GET", "PUT"] * 2


def test_an_update_of_a_price_is_three_statements(two: World, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[int] = []
    queries = CaptureQueriesContext(connection)
    with queries:
        drain(two, monkeypatch, after_first=lambda: begun.append(len(queries)))
    after = [query["sql"] for query in queries][begun[0] :]
    # Claim and read, renew the lease before the write, end; and the claim that finds nothing.
    assert [sql.partition("(")[0].partition("_")[0] for sql in after if "advisory" not in sql] == [
        "EXECUTE written"
    ] * 4


def test_auto_sync_that_is_switched_off_holds_the_next_product(two: World, monkeypatch: pytest.MonkeyPatch) -> None:
    drain(two, monkeypatch, after_first=lambda: two.set(auto_sync=False))
    assert two.entries()[-2:] == ["updated", "auto_sync_off"]
    assert len(two.writes()) == 1


def test_a_field_that_is_switched_off_is_left_alone_from_the_next_product_on(
    two: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    drain(two, monkeypatch, after_first=lambda: two.set(sync_price=False))
    assert two.entries()[-2:] == ["updated", "in_sync"]


def test_after_a_disconnect_no_call_is_made(two: World, monkeypatch: pytest.MonkeyPatch) -> None:
    drain(two, monkeypatch, after_first=lambda: ReverbConnection.objects.all().delete())
    assert two.entries()[-2:] == ["updated", "not_connected"]
    assert len(two.reverb.calls()) == 2


def test_another_token_is_used_by_the_next_product(two: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def asked_again() -> None:
        mine = ReverbConnection.objects.get()
        mine.token = "another"
        mine.save()

    drain(two, monkeypatch, after_first=asked_again)
    assert two.entries()[-2:] == ["updated", "token_refused"]


def test_a_new_rule_holds_for_the_next_product(two: World, monkeypatch: pytest.MonkeyPatch) -> None:
    said = {"by": "vendor", "value": "fender", "field": "finish", "says": "Sunburst"}
    drain(two, monkeypatch, after_first=lambda: MappingRule.objects.create(shop=two.shop, **said))
    first, second = (call["body"] for call in two.writes())
    assert ("finish" in first, second["finish"]) == (False, "Sunburst")


def test_a_group_that_is_chosen_no_more_holds_back_the_next_product(
    two: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    two.set(selection="chosen")
    SelectionRule.objects.create(shop=two.shop, by="vendor", value="Fender")
    drain(two, monkeypatch, after_first=lambda: SelectionRule.objects.all().delete())
    assert two.entries()[-2:] == ["updated", "not_chosen"]


# -- between the claim, the beginning and the end ------------------------------------------------------------------


def claimed(world: World, **more: Any) -> Claim:
    """Claim a job as a drain does."""
    taken = jobs.claim(world.shop.pk, now=world.now, **more)
    assert taken is not None
    return taken


def test_a_job_that_was_taken_over_before_it_was_begun_is_left_alone(two: World) -> None:
    taken = claimed(two)
    before = two.entries()
    Job.objects.filter(pk=taken.job_id).update(lease=None, generation=taken.generation + 1)
    attempt(replace(taken, generation=taken.generation + 1))
    assert two.entries() == before
    assert two.reverb.calls() == []


def test_what_was_asked_in_the_moment_of_the_claim_is_read_again(two: World) -> None:
    """A claim holds how often a job was asked for when it was locked; what it read may be a moment older."""
    taken = claimed(two)
    product = Product.objects.get(pk=taken.product_id)
    product.snapshot = {**product.snapshot, "price": "444.00"}
    product.save()
    jobs.look_again([product], rank=Rank.EDIT, trigger="test", now=two.now)
    attempt(replace(taken, generation=taken.generation + 1))
    assert two.writes()[0]["body"]["price"]["amount"] == "444.00"
    assert not Job.objects.filter(pk=taken.job_id).exists()


def test_a_sale_in_the_store_after_the_look_forbids_the_write(two: World, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = claimed(two)
    renew = jobs.renew

    def sold(*args: Any, **more: Any) -> bool:
        product = Product.objects.get(pk=taken.product_id)
        product.snapshot = {**product.snapshot, "stock": 0}
        product.save()
        jobs.look_again([product], rank=Rank.STOCK_TO_ZERO, trigger="test", now=two.now)
        return renew(*args, **more)

    monkeypatch.setattr(jobs, "renew", sold)
    attempt(taken)
    assert two.writes() == []
    assert Job.objects.get(pk=taken.job_id).due_at <= two.now + timedelta(seconds=2)


def test_what_a_seller_asks_for_on_a_page_meanwhile_stays(two: World, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = claimed(two)
    renew = jobs.renew

    def wished(*args: Any, **more: Any) -> bool:
        Listing.objects.filter(product=taken.product_id).update(relist_as_new=True)
        return renew(*args, **more)

    monkeypatch.setattr(jobs, "renew", wished)
    attempt(taken)
    row = Listing.objects.get(product=taken.product_id)
    assert (row.relist_as_new, row.snapshot["price"] if row.snapshot else "") == (True, "450.00")


def test_what_reverb_said_is_kept_though_the_write_is_put_off(two: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("listings.sync.reconcile._stock_moved", lambda _: True)
    monkeypatch.setattr(jobs, "renew", lambda *_, **__: True)
    taken = claimed(two)
    two.now += timedelta(seconds=1)
    attempt(taken)
    assert Listing.objects.get(product=taken.product_id).read_at == two.now
