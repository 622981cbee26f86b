"""Stories of lost answers, refusals, limits and dead workers. None of them makes a second listing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from listings.models import Listing, Product
from listings.queue import blocked, jobs, retry_delay
from listings.queue.jobs import LEASE
from listings.sync.attempt import attempt
from reverbsync.http import outbound
from reverbsync.ratelimit.budget import Budget, Taken
from shops import reverb_connection
from shops.models import ReverbConnection, Shop
from shops.platforms.errors import StoreAuthError, TransientStoreError
from tests.journeys.sales import buy, read_orders
from tests.journeys.world import World

pytestmark = pytest.mark.live


def test_a_post_whose_answer_was_lost_is_found_and_not_repeated(world: World) -> None:
    world.reverb.fault("lost_answer", method="POST", path="/listings$")
    world.product()
    world.settle()
    assert world.listing()["state"] == "live"
    assert len(world.reverb.calls("POST")) == 1
    assert world.entries()[0] == "answer_lost"


def test_not_even_when_the_look_up_trails(world: World) -> None:
    world.reverb.ask("POST", "/settings", {"sku_lag_s": 20})
    world.reverb.fault("lost_answer", method="POST", path="/listings$")
    world.product()
    world.settle()
    assert world.listing()["state"] == "live"
    assert len(world.reverb.calls("POST")) == 1


@pytest.fixture
def maybe_listed(world: World) -> dict[str, Any]:
    """A guitar whose POST made a listing; its answer was lost, and no look-up shows it yet."""
    world.reverb.ask("POST", "/settings", {"sku_lag_s": 20})
    world.reverb.fault("lost_answer", method="POST", path="/listings$")
    guitar = world.used()
    world.step()
    assert world.entries() == ["answer_lost"]
    return guitar


def test_what_sold_out_before_its_listing_showed_is_taken_off_sale(world: World, maybe_listed: dict[str, Any]) -> None:
    world.edit(maybe_listed, inventory_quantity=0)
    world.settle()
    world.wait(60)
    assert world.listing("U1")["state"] == "ended"


def test_what_was_deleted_before_its_listing_showed_is_taken_off_sale(
    world: World, maybe_listed: dict[str, Any]
) -> None:
    world.delete(maybe_listed)
    world.settle()
    world.wait(60)
    assert world.listing("U1")["state"] == "ended"


def test_what_left_the_selection_before_its_listing_showed_is_taken_off_sale_once_it_sold_out(
    world: World, maybe_listed: dict[str, Any]
) -> None:
    Product.objects.update(choice="off")
    world.edit(maybe_listed, inventory_quantity=0)
    world.settle()
    world.wait(60)
    assert world.listing("U1")["state"] == "ended"


def test_a_sku_that_changed_before_the_listing_showed_makes_no_second_one(
    world: World, maybe_listed: dict[str, Any]
) -> None:
    world.edit(maybe_listed, sku="U1-NEW")
    world.settle()
    assert world.listing("U1-NEW")["state"] == "live"
    assert world.reverb.ask("GET", "/listings", sku="U1") == []
    assert len(world.reverb.calls("POST")) == 1


def test_a_post_that_reverb_worked_on_for_as_long_as_we_waited_is_not_made_again(world: World) -> None:
    # Some 25 seconds until it is made, and 20 until a look-up shows it.
    world.reverb.ask("POST", "/settings", {"sku_lag_s": 45, "refuses_second_sku": False})
    world.reverb.fault("lost_answer", method="POST", path="/listings$")
    world.product()
    world.settle()
    assert (world.listing()["state"], len(world.reverb.calls("POST"))) == ("live", 1)


def test_a_post_that_never_arrived_is_made_once_after_looking(world: World) -> None:
    world.reverb.fault("lost_request", method="POST", path="/listings$")
    world.product()
    world.settle()
    assert world.listing()["state"] == "live"
    assert "look_again_first" in world.entries()


def test_a_listing_that_the_look_up_did_not_show_is_not_made_twice(world: World) -> None:
    """Reverb refuses a second listing with the SKU; that refusal means: look again."""
    world.reverb.ask("POST", "/settings", {"sku_lag_s": 10})
    body = {"sku": "A1", "title": "Made by hand a moment ago", "make": "Fender", "model": "Strat"}
    import requests

    headers = {"Authorization": f"Bearer {world.token}", "Accept-Version": "3.0"}
    requests.post(f"{world.reverb.url}/api/listings", json=body, headers=headers, timeout=5).raise_for_status()
    world.product()
    world.settle()
    assert world.listing()["title"] == "Fender Strat"
    assert world.entries()[0] == "look_again_first"


def test_a_put_whose_answer_was_lost_ends_in_step(world: World) -> None:
    guitar = world.product()
    world.settle()
    world.wait(700)  # else an answer could be older than our call before
    world.reverb.fault("lost_answer", method="PUT")
    world.edit(guitar, price="1.00")
    world.settle()
    assert world.listing()["price"]["amount"] == "1.00"
    assert world.last().outcome == "nothing"


def test_what_reverb_refuses_waits_for_the_seller_with_reverbs_own_words(world: World) -> None:
    guitar = world.product()
    world.settle()
    world.reverb.ask("POST", "/refuse", {"field": "price", "words": "must be greater than 5", "times": 2})
    world.edit(guitar, price="1.00")
    world.settle()
    entry = world.last()
    assert (entry.outcome, entry.reason) == ("failed", "refused")
    assert entry.field_errors == {"price": ["must be greater than 5"]}
    assert world.waits_for() == "refused"
    world.reverb.ask("DELETE", "/faults")
    world.edit(guitar, price="2.00")
    world.settle()
    assert (world.listing()["price"]["amount"], world.waits_for()) == ("2.00", "")


def test_after_429_nobody_calls_until_the_time_is_up(world: World) -> None:
    world.reverb.fault("status", status=429, retry_after=60, body={"message": "Too many"})
    world.product()
    assert world.step()
    assert world.last().reason == "slow_down"
    before = len(world.reverb.calls())
    world.now += timedelta(seconds=61)  # our clock alone: Redis still holds the block
    world.step()
    assert len(world.reverb.calls()) == before
    world.settle()
    assert world.listing()["state"] == "live"


def test_an_error_page_is_tried_again_with_growing_delay_until_it_passes(world: World) -> None:
    world.reverb.fault("status", status=503, times=3)
    world.product()
    world.settle()
    assert world.entries()[:3] == ["try_later"] * 3
    assert world.listing()["state"] == "live"


def test_what_fails_too_often_waits_for_a_person(world: World) -> None:
    world.reverb.fault("status", status=503, times=10**6)
    world.product()
    world.settle(retry_delay.MAX_ATTEMPTS)
    assert world.entries() == ["try_later"] * (retry_delay.MAX_ATTEMPTS - 1) + ["gave_up"]
    assert world.waits_for() == "gave_up"


def test_a_dead_token_stops_the_shop_until_a_new_one_is_saved(world: World) -> None:
    guitar = world.product()
    world.settle()
    world.reverb.fault("status", status=401, body={"message": "Please log in"}, times=2)
    world.edit(guitar, price="3.00")
    world.settle()
    assert world.last().reason == "token_refused"
    assert ReverbConnection.objects.get().problem == "token_refused"
    calls = len(world.reverb.calls())
    world.edit(guitar, price="4.00")
    world.settle()
    assert (world.last().reason, len(world.reverb.calls())) == ("not_connected", calls)
    world.reverb.ask("POST", "/listings", {"token": world.token, "listings": []})
    reverb_connection.connect_reverb(world.shop, world.token)
    assert Shop.objects.get(pk=world.shop.pk).recheck_requested
    blocked.look_at_waiting(world.shop.pk, now=world.now)
    world.settle()
    assert world.listing()["price"]["amount"] == "4.00"


def test_one_401_is_not_a_dead_token(world: World) -> None:
    world.reverb.fault("status", status=401, body={"message": "Preferred sellers only"}, times=1)
    world.product()
    world.settle()
    assert "try_later" in world.entries()
    assert world.listing()["state"] == "live"
    assert ReverbConnection.objects.get().problem != "token_refused"


def test_a_job_whose_worker_died_is_done_by_the_next_and_the_log_says_so(world: World) -> None:
    world.product()
    assert jobs.claim(world.shop.pk, now=world.now) is not None  # and the worker is gone
    world.wait(LEASE.total_seconds() + 1)
    world.settle()
    assert world.entries() == ["interrupted", "created_publishing", "published"]
    assert len(world.reverb.calls("POST")) == 1


def test_stock_is_brought_to_reverb_however_long_reverb_is_down(world: World) -> None:
    guitar = world.product()
    world.settle()
    world.reverb.fault("status", status=503, times=retry_delay.MAX_ATTEMPTS + 10)
    world.edit(guitar, inventory_quantity=0)
    world.settle(3 * retry_delay.MAX_ATTEMPTS)
    assert world.listing()["inventory"] == 0


def test_what_sold_on_reverb_leaves_the_store_though_reverb_fails_when_the_store_has_been_down_for_long(
    world: World,
) -> None:
    guitar = world.product()
    world.settle()
    buy(world)
    read_orders(world)
    world.store.fault("status", status=503, times=10**6)
    for _ in range(retry_delay.MAX_ATTEMPTS):
        world.wait(61)
        assert world.step()
    world.store.ask("DELETE", "/faults")
    world.reverb.fault("status", status=503)
    world.settle()
    assert (world.stock(guitar), world.listing()["inventory"]) == (2, 2)


def test_a_worker_that_died_between_post_and_answer_leaves_one_listing(world: World) -> None:
    world.reverb.fault("lost_answer", method="POST", path="/listings$")
    world.product()
    taken = jobs.claim(world.shop.pk, now=world.now)
    assert taken is not None
    attempt(taken)
    world.wait(1)
    world.settle()
    assert len(world.reverb.calls("POST")) == 1


class Killed(BaseException):
    """The worker is no more."""


def test_a_worker_that_died_while_it_waited_for_the_rate_limit_leaves_nothing_to_be_looked_for(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.product()
    taken = jobs.claim(world.shop.pk, now=world.now)
    assert taken is not None
    wait_for = outbound.wait_for

    def dies(budgets: Sequence[Budget]) -> Taken:
        if any("writes" in budget.name for budget in budgets):
            raise Killed
        return wait_for(budgets)

    with monkeypatch.context() as patched:
        patched.setattr(outbound, "wait_for", dies)
        with pytest.raises(Killed):
            attempt(taken)
    assert Listing.objects.get().post_started_at is None
    world.wait(LEASE.total_seconds() + 1)
    world.settle()
    assert world.entries() == ["interrupted", "created_publishing", "published"]
    assert len(world.reverb.calls("POST")) == 1


def test_a_throttled_store_is_not_taken_for_a_deleted_product(world: World) -> None:
    guitar = world.product()
    world.settle()
    throttled = {"errors": [{"message": "Throttled", "extensions": {"code": "THROTTLED"}}]}
    world.store.fault("status", status=200, body=throttled)
    from listings.intake import refresh
    from shops.events import ProductChanged

    failed = refresh.take(world.shop, {ProductChanged(str(guitar["id"])): "test"})
    assert [type(error) for error in failed.values()] == [TransientStoreError]
    assert world.listing()["state"] == "live"


def test_a_store_that_refuses_our_token_loses_nothing(world: World) -> None:
    world.store.ask("POST", "/shops", {"domain": world.shop.store.address, "token": "another"})
    from listings.intake import refresh
    from shops.events import ProductChanged

    failed = refresh.take(world.shop, {ProductChanged("1"): "test"})
    assert [type(error) for error in failed.values()] == [StoreAuthError]


def test_the_token_goes_to_the_configured_host_only(world: World) -> None:
    """Every call that the stand-in saw came to it, though its links could name any host."""
    guitar = world.product()
    world.settle()
    known = world.known()
    assert known.snapshot is not None
    known.snapshot["self_url"] = "http://evil.test/api/listings/1"
    known.save()
    world.edit(guitar, price="5.00")
    world.settle()
    assert world.listing()["price"]["amount"] == "5.00"
