"""Stories of a mass sync: few calls, nothing before the seller has seen it, and no way to lose or double anything."""

from __future__ import annotations

from datetime import timedelta

import pytest

from listings.intake import refresh
from listings.mass_sync import enqueue, fetch_listings, line_actions, plan, run, starting
from listings.models import Job, Line, Listing, MassSync, Product, Rank
from listings.queue import jobs, retry_delay
from listings.upkeep import unprocessed
from shops.events import ProductChanged
from shops.models import ReverbConnection
from shops.reverb.client import ReverbClient
from shops.snapshots import ReverbListing
from tests.journeys.mass import handed_out, learn, planned, seed, through, work
from tests.journeys.sales import buy, read_orders
from tests.journeys.world import World

pytestmark = pytest.mark.live


def test_the_preview_says_what_would_be_done_and_writes_nothing(world: World) -> None:
    seed(world, 8, listed=5, out_of_step=2)
    world.product("")  # known, but without a SKU
    sync = planned(world)
    assert sync.state == MassSync.State.PLANNED
    found = plan.counts(sync)
    assert (found["create"], found["update"], found["nothing"], found["cannot"]) == (3, 2, 3, 1)
    assert line_actions.fields(sync) == [("Price", 2)]
    assert world.writes() == []
    assert run.seconds_left(sync) > 0


def test_it_calls_for_the_pages_and_for_what_differs_and_for_little_else(world: World) -> None:
    seed(world, 120, listed=90, out_of_step=20)
    through(world)
    pages = 2
    assert len(world.writes()) == 20 + 30
    lists = [call for call in world.reverb.calls("GET") if "/my/" not in call["path"]]
    reads = len(world.reverb.calls("GET")) - len(lists)
    assert reads <= pages + 4  # one count, one look at the drafts, an order reading or two
    assert Line.objects.filter(state=Line.State.DONE, kind__in=Line.CALLS).count() == 50
    assert world.listing("M0000")["price"]["amount"] == "500.00"
    assert world.listing("M0119")["state"] == "live"


def test_a_repeat_with_nothing_changed_costs_its_pages_only(world: World) -> None:
    seed(world, 60, listed=40)
    through(world)
    world.reverb.ask("DELETE", "/requests")
    world.wait(7 * 3600)
    starting.begin(world.shop, None)
    sync = work(world)
    assert plan.counts(sync)["nothing"] == 60
    assert len([call for call in world.reverb.calls() if "/my/listings" in call["path"]]) == 2
    assert world.writes() == []


def test_there_is_one_at_a_time_whatever_is_clicked_how_often(world: World) -> None:
    seed(world, 2, listed=0)
    first = starting.begin(world.shop, None)
    assert starting.begin(world.shop, None).pk == first.pk
    work(world)
    starting.start(world.shop)
    starting.start(world.shop)
    assert starting.begin(world.shop, None, anyway=True).pk == first.pk
    work(world)
    assert len(world.reverb.calls("POST")) == 2


def test_another_one_right_after_is_asked_to_wait_unless_the_seller_insists(world: World) -> None:
    seed(world, 1, listed=0)
    through(world)
    with pytest.raises(starting.TooSoon):
        starting.begin(world.shop, None)
    assert starting.begin(world.shop, None, anyway=True).state == MassSync.State.FETCHING


def test_a_paused_one_writes_nothing_and_goes_on_where_it_was(world: World) -> None:
    seed(world, 6, listed=0)
    planned(world)
    handed_out(world)
    assert world.step()
    run.pause(world.shop)
    assert not world.step()
    assert len(world.reverb.calls("POST")) == 1
    run.resume(world.shop)
    assert work(world).state == MassSync.State.DONE
    assert len(world.reverb.calls("POST")) == 6


def test_a_cancelled_one_leaves_what_was_written_and_lets_another_begin(world: World) -> None:
    seed(world, 6, listed=0)
    planned(world)
    handed_out(world)
    assert world.step()
    run.cancel(world.shop)
    assert not world.step()
    assert through(world).state == MassSync.State.DONE
    assert len(world.reverb.calls("POST")) == 6


def test_what_a_cancelled_one_had_queued_is_pending_as_before(world: World) -> None:
    seed(world, 3, listed=0)
    planned(world)
    Product.objects.filter(sku="M0002").update(pending_first_sync=False)
    handed_out(world)
    assert world.step()
    run.cancel(world.shop)
    assert list(Product.objects.filter(pending_first_sync=True).values_list("sku", flat=True)) == ["M0001"]


def test_a_worker_that_dies_in_between_loses_and_doubles_nothing(world: World) -> None:
    seed(world, 6, listed=0)
    planned(world)
    handed_out(world)
    assert jobs.claim(world.shop.pk, now=world.now) is not None  # and the worker is gone
    world.wait(jobs.LEASE.total_seconds() + 1)
    assert work(world).state == MassSync.State.DONE
    assert Listing.objects.exclude(reverb_id="").count() == 6
    assert len(world.reverb.calls("POST")) == 6


def test_what_failed_is_listed_with_its_reason_and_tried_again_by_one_button(world: World) -> None:
    seed(world, 3, listed=0)
    world.reverb.fault("status", status=412, method="POST", body={"message": "No", "errors": {"price": ["is odd"]}})
    sync = through(world)
    [failed] = Line.objects.filter(state=Line.State.FAILED)
    assert (failed.reason, failed.message) == ("refused", "No; price: is odd")
    assert run.retry(sync) == 1
    assert work(world).state == MassSync.State.DONE
    assert not Line.objects.filter(state=Line.State.FAILED).exists()
    assert Listing.objects.exclude(reverb_id="").count() == 3


def test_a_listing_that_someone_else_makes_meanwhile_is_found_and_not_made_twice(world: World) -> None:
    seed(world, 3, listed=0)
    planned(world)
    other = {"sku": "M0001", "title": "By hand", "make": "Fender", "model": "X", "state": "draft"}
    world.reverb.ask("POST", "/listings", {"token": world.token, "listings": [other]})
    starting.start(world.shop)
    work(world)
    assert len(world.reverb.calls("POST")) == 2
    assert world.listing("M0001")["title"] == "Fender Strat M0001"


def test_pages_that_do_not_show_all_listings_make_it_look_for_each_that_is_missing(world: World) -> None:
    seed(world, 3, listed=2)
    world.reverb.fault(
        "status", status=200, path="/my/listings$", body={"total": 2, "listings": [], "_links": {}}, times=1
    )
    sync = planned(world)
    assert sync.incomplete
    starting.start(world.shop)
    work(world)
    assert len(world.reverb.calls("POST")) == 1
    assert Listing.objects.exclude(reverb_id="").count() == 3


def test_a_new_listing_that_reverb_does_not_publish_is_reported(world: World) -> None:
    seed(world, 2, listed=0)
    Product.objects.filter(sku="M0000").update(overrides={"upc": ""})
    first = Product.objects.get(sku="M0000")
    first.snapshot["barcode"] = ""
    first.save()
    through(world)
    world.wait(20)
    world.settle()
    assert world.waits_for("M0000") == "kept_as_draft"
    assert world.waits_for("M0001") == ""


def test_a_new_listing_is_looked_at_by_itself_where_the_list_of_drafts_shows_fewer_than_it_counts(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = ReverbClient.index_page

    def short(client: ReverbClient, number: int, state: str = "all") -> tuple[list[ReverbListing], int, bool]:
        return ([], 1, False) if state == "draft" else whole(client, number, state)

    monkeypatch.setattr(ReverbClient, "index_page", short)
    seed(world, 1, listed=0)
    Product.objects.update(overrides={"upc": ""}, snapshot=Product.objects.get().snapshot | {"barcode": ""})
    through(world)
    world.wait(20)
    world.settle()
    assert world.waits_for("M0000") == "kept_as_draft"


def test_a_unit_that_sells_on_reverb_while_it_runs_is_not_put_on_sale_again(world: World) -> None:
    seed(world, 2, listed=2)
    through(world)
    world.wait(7 * 3600)
    for product, units in zip(Product.objects.order_by("sku"), (9, 2), strict=True):
        world.store.ask("PUT", f"/variants/{product.store_product_id}", {"inventory_quantity": units})
    world.set(auto_sync=False)  # so that nobody but the mass sync brings it to Reverb
    learn(world)
    world.set(auto_sync=True)
    planned(world)
    world.wait(10)
    world.reverb.ask("POST", "/buy", {"listing_id": world.listing("M0000")["id"], "quantity": 2})
    before = len(world.reverb.calls("GET"))
    starting.start(world.shop)
    work(world)
    assert [world.listing(sku)["inventory"] for sku in ("M0000", "M0001")] == [7, 2]
    sold, other = (world.listing(sku)["id"] for sku in ("M0000", "M0001"))
    read = [call["path"] for call in world.reverb.calls("GET")][before:]
    assert f"/api/listings/{sold}" in read  # its page is too old to show whether the number went down for the sale
    assert f"/api/listings/{other}" not in read


def test_pending_products_go_when_the_seller_starts_and_not_before(world: World) -> None:
    seed(world, 2, listed=0)
    planned(world)
    assert Product.objects.filter(pending_first_sync=True).count() == 2
    starting.start(world.shop)
    work(world)
    assert not Product.objects.filter(pending_first_sync=True).exists()


def test_an_old_plan_is_not_trusted_but_looked_up(world: World) -> None:
    seed(world, 1, listed=0)
    planned(world)
    world.now += timedelta(hours=2)
    other = {"sku": "M0000", "title": "By hand", "make": "Fender", "model": "X", "state": "draft"}
    world.reverb.ask("POST", "/listings", {"token": world.token, "listings": [other]})
    starting.start(world.shop)
    work(world)
    assert world.reverb.calls("POST") == []


def test_products_in_step_are_pending_no_longer_once_the_seller_has_started(world: World) -> None:
    seed(world, 3, listed=2)
    through(world)
    assert not Product.objects.filter(pending_first_sync=True).exists()


def test_cancelling_takes_back_no_job_that_a_change_in_the_store_asked_for_too(world: World) -> None:
    seed(world, 2, listed=0)
    planned(world)
    product = Product.objects.get(sku="M0000")
    jobs.look_again([product], rank=Rank.EDIT, trigger="webhook products/update", now=world.now)
    handed_out(world)
    run.cancel(world.shop)
    assert list(Job.objects.values_list("product__sku", flat=True)) == ["M0000"]


def test_what_reverb_does_not_take_for_the_moment_is_tried_often_and_then_reported_as_failed(world: World) -> None:
    seed(world, 1, listed=0)
    planned(world)
    handed_out(world)
    world.reverb.fault("status", status=503, times=10**6)
    world.settle()
    [failed] = Line.objects.filter(state=Line.State.FAILED)
    assert failed.reason == "gave_up"
    assert len(world.entries()) == retry_delay.MASS_ATTEMPTS


def test_what_is_left_alone_does_not_fail_when_its_product_fails_by_itself(world: World) -> None:
    seed(world, 2, listed=2)
    planned(world)
    world.reverb.fault("status", status=412, method="PUT", body={"message": "No"})
    product = Product.objects.get(sku="M0000")
    world.store.ask("PUT", f"/variants/{product.store_product_id}", {"price": "450.00"})
    learn(world)
    world.settle()
    assert world.waits_for("M0000") == "refused"
    assert not Line.objects.filter(state=Line.State.FAILED).exists()


def test_what_failed_can_be_tried_again_while_reverb_is_still_asked_what_it_published(world: World) -> None:
    seed(world, 2, listed=0)
    world.reverb.fault("status", status=412, method="POST", body={"message": "No"})
    sync = through(world)
    MassSync.objects.filter(pk=sync.pk).update(state=MassSync.State.CONFIRMING)
    assert run.retry(sync) == 1
    assert work(world).state == MassSync.State.DONE
    assert not Line.objects.exclude(state=Line.State.DONE).exists()


def test_nothing_of_an_older_one_is_tried_again_while_another_is_open(world: World) -> None:
    seed(world, 2, listed=0)
    world.reverb.fault("status", status=412, method="POST", body={"message": "No"})
    old = through(world)
    starting.begin(world.shop, None, anyway=True)
    assert run.retry(old) == 0
    assert Line.objects.filter(sync=old, state=Line.State.FAILED).count() == 1


def test_what_workers_are_making_is_not_taken_for_listings_of_somebody_else(world: World) -> None:
    seed(world, 2, listed=0)
    planned(world)
    sync = handed_out(world)
    assert world.step()
    Line.objects.filter(state=Line.State.DONE).update(state=Line.State.QUEUED)  # its worker has not reported yet
    world.wait(10)
    connection = ReverbConnection.objects.get(shop=world.shop)
    enqueue._count(sync, ReverbClient.of(connection))
    assert Listing.objects.get(reverb_id="").indexed_at is not None


def test_what_was_read_after_its_page_is_not_overwritten_with_the_page(world: World) -> None:
    seed(world, 1, listed=1, out_of_step=1)
    sync = starting.begin(world.shop, None)
    fetch_listings.step(sync, ReverbClient.of(ReverbConnection.objects.get(shop=world.shop)))
    world.wait(5)
    Product.objects.update(pending_first_sync=False)  # the seller has changed it in the store meanwhile
    jobs.look_again(Product.objects.all(), rank=Rank.EDIT, trigger="test", now=world.now)
    assert world.step()  # a single sync brings it in sync while the mass sync is still comparing
    assert work(world).state == MassSync.State.PLANNED
    assert plan.counts(sync)["nothing"] == 1
    assert (world.known("M0000").snapshot or {})["price"] == "500.00"


def test_what_was_found_in_step_is_not_brought_up_again_when_settings_are_saved(world: World) -> None:
    seed(world, 3, listed=2)
    through(world)
    assert unprocessed.changed_while_off(world.shop) == []


def test_only_the_last_few_of_a_shop_are_kept(world: World) -> None:
    seed(world, 2, listed=2)
    oldest = through(world)
    for _ in range(plan.KEPT):
        starting.begin(world.shop, None, anyway=True)
        work(world)
        run.cancel(world.shop)
    assert MassSync.objects.filter(shop=world.shop).count() == plan.KEPT
    assert not Line.objects.filter(sync=oldest.pk).exists()


def test_a_sale_while_the_plan_is_looked_through_takes_nothing_from_the_plan(world: World) -> None:
    seed(world, 1, listed=1, out_of_step=1)
    planned(world)
    buy(world, "M0000")
    read_orders(world)
    assert world.step()
    product = Product.objects.get()
    assert world.last().reason == "stock_to_store"
    refresh.take(world.shop, {ProductChanged(product.store_parent_id): "our own change comes back"})
    starting.start(world.shop)
    work(world)
    assert (world.listing("M0000")["price"]["amount"], world.listing("M0000")["inventory"]) == ("500.00", 2)


def test_a_listing_that_slips_to_a_page_that_was_read_is_not_made_again(world: World) -> None:
    """A draft is deleted between two pages, and all behind it move up by one."""
    world.reverb.ask("POST", "/settings", {"refuses_second_sku": False, "index_lag_s": 0})
    seed(world, 60, listed=60)
    draft = world.at_reverb("POST", "/listings", {"title": "A draft of the seller's"})["listing"]["id"]
    starting.begin(world.shop, None)
    sync = run.due(world.shop.pk)
    assert sync is not None
    fetch_listings.step(sync, ReverbClient.of(world.shop.reverb))
    world.at_reverb("DELETE", f"/listings/{draft}")
    assert work(world).incomplete
    starting.start(world.shop)
    work(world)
    skus = [one["sku"] for one in world.reverb.ask("GET", "/listings")]
    assert len(skus) == len(set(skus)) == 60
