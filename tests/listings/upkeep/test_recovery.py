"""A store or Reverb responds again: what waited for it is due at once, whatever its delay had grown to."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.urls import reverse

from listings.intake import crawls
from listings.models import Crawl, Job, Rank
from listings.queue import jobs
from reverbsync import clock
from reverbsync.dispatch import wake
from shops import breaker, health, outages, store_connection, tasks
from shops.models import Breaker, ReverbConnection, Shop, StoreConnection
from shops.platforms.custom.client import CustomClient
from shops.platforms.errors import StoreAuthError
from shops.platforms.values import Keys
from shops.reverb.client import ReverbClient
from shops.signals import store_is_back
from tests.listings.woken import Woken
from tests.people import NOON, nora, olivia, product_of, shop_of
from webhooks import inbox
from webhooks.models import Delivery

pytestmark = pytest.mark.django_db

LATER = NOON + timedelta(minutes=10)


@pytest.fixture
def woken(monkeypatch: pytest.MonkeyPatch) -> Iterator[Woken]:
    """Collect wake-ups; it is noon."""
    monkeypatch.setattr("django.db.transaction.on_commit", lambda run: run())
    made = Woken()
    with wake.carried_by(made), clock.running_by(lambda: NOON):
        yield made


@pytest.fixture
def shop() -> Shop:
    """Return Olivia's shop, of which everything waits."""
    made = shop_of(olivia())
    for number, (attempts, rank) in enumerate([(5, Rank.STOCK_TO_ZERO), (5, Rank.RETRY), (0, Rank.EDIT)]):
        product = product_of(made, store_product_id=f"{number}", sku=f"S{number}")
        jobs.look_again([product], rank=rank, trigger="test", now=NOON)
        Job.objects.filter(product=product).update(attempts=attempts, due_at=LATER)
    Crawl.objects.create(shop=made, kind="changes", state="running", failures=3, due_at=LATER, note="It is away.")
    for source in ("store", "reverb"):
        inbox.keep(made.pk, source=source, delivery_id="1", topic="t", body=b"{}", state=Delivery.State.OPEN)
    Delivery.objects.update(due_at=LATER, attempts=4)
    ReverbConnection.objects.filter(shop=made).update(orders_due_at=LATER)
    return made


def due(shop: Shop) -> dict[str, bool]:
    """Return what of the shop is due."""

    def now(moment: datetime | None) -> bool:
        return moment is not None and moment <= NOON

    found = {f"job {one.attempts}": now(one.due_at) for one in Job.objects.filter(shop=shop)}
    found |= {f"call of {one.source}": now(one.due_at) for one in Delivery.objects.filter(shop=shop)}
    found |= {"crawl": now(Crawl.objects.get(shop=shop).due_at)}
    return found | {"orders": now(ReverbConnection.objects.get(shop=shop).orders_due_at)}


def swept(woken: Woken) -> None:
    """Let the sweeper come, and run what it wakes for the shops."""
    woken.found.clear()
    tasks.sweep()
    for task, shop_id in list(woken.found):
        if task == outages.IS_BACK:
            tasks.is_back(shop_id)


def away(name: str) -> None:
    """Let an outside be away."""
    for _ in range(2):
        breaker.failed(name, "it did not answer in time.", took_s=60)


def test_once_a_store_is_back_its_jobs_deliveries_and_crawls_are_due(woken: Woken, shop: Shop) -> None:
    [name, _] = outages.names_of_store(shop.store)
    away(name)
    swept(woken)
    assert not any(due(shop).values())
    breaker.succeeded(name)
    swept(woken)
    assert due(shop) == {
        "job 5": True,
        "job 0": False,  # it waits for a date of its own, not for the store
        "call of store": True,
        "call of reverb": False,
        "crawl": True,
        "orders": False,
    }
    assert (jobs.DRAIN_URGENT, shop.pk) in woken.found


@pytest.mark.parametrize(("failures", "kept"), [(3, 3), (12, 6)])
def test_a_crawl_that_fails_after_the_store_is_back_waits_as_long_as_before(
    woken: Woken, shop: Shop, failures: int, kept: int
) -> None:
    """It goes on at once. One that stood still for its failures does not stand still again at the first one."""
    Crawl.objects.update(failures=failures)
    crawls.store_is_back(shop.pk)
    crawl = Crawl.objects.get(shop=shop)
    assert (crawl.failures, crawl.due_at) == (kept, NOON)


@pytest.mark.parametrize("problem", ["", "It answered 503."])
def test_once_a_store_takes_new_keys_what_failed_with_the_old_ones_is_due(
    woken: Woken, shop: Shop, problem: str
) -> None:
    health.did_not_answer(shop.pk, StoreAuthError("Consumer key is invalid."))
    store = shop.store
    store_connection.connect_store(
        shop, platform=store.platform, address=store.address, keys=Keys("new", "s"), problem=problem
    )
    swept(woken)
    found = due(shop)
    assert (found["job 5"], found["call of store"], found["crawl"]) == (not problem,) * 3


def test_once_reverb_is_back_jobs_and_orders_are_due(woken: Woken, shop: Shop) -> None:
    connection = ReverbConnection.objects.get(shop=shop)
    name = outages.name_of_reverb(connection)
    away(name)
    breaker.succeeded(name)
    swept(woken)
    assert due(shop) == {
        "job 5": True,
        "job 0": False,
        "call of store": False,
        "call of reverb": True,
        "crawl": False,
        "orders": True,
    }


def test_a_job_that_gave_up_while_reverb_was_away_is_tried_again(woken: Woken, shop: Shop) -> None:
    job = Job.objects.filter(rank=Rank.RETRY).get()
    job.product.waits_for = "gave_up"
    job.product.save()
    Job.objects.filter(pk=job.pk).update(blocked=True)
    name = outages.name_of_reverb(ReverbConnection.objects.get(shop=shop))
    away(name)
    breaker.succeeded(name)
    swept(woken)
    job.refresh_from_db()
    assert (job.blocked, job.due_at) == (False, NOON)


def test_it_is_made_due_for_every_shop_of_the_store_and_no_other_and_only_once(woken: Woken, shop: Shop) -> None:
    sibling, other = shop_of(nora(), "Twin"), shop_of(nora(), "Other")
    StoreConnection.objects.filter(shop=other).update(address="other.myshopify.com")
    [name, _] = outages.names_of_store(shop.store)
    away(name)
    breaker.succeeded(name)
    swept(woken)
    assert sorted(one for one in woken.found if one[0] == outages.IS_BACK) == [
        (outages.IS_BACK, shop.pk),
        (outages.IS_BACK, sibling.pk),
    ]
    Job.objects.update(due_at=LATER)
    swept(woken)
    assert not due(shop)["job 5"]


def test_a_worker_that_dies_while_it_makes_things_due_leaves_them_to_the_next(
    woken: Woken, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    [name, _] = outages.names_of_store(shop.store)
    away(name)
    breaker.succeeded(name)
    with pytest.MonkeyPatch.context() as patch:

        def dies(*_: object, **__: object) -> None:
            raise KeyboardInterrupt

        patch.setattr(store_is_back, "send_robust", dies)
        with pytest.raises(KeyboardInterrupt):
            swept(woken)
    swept(woken)
    assert due(shop)["job 5"]


def test_what_could_not_be_made_due_is_tried_again_and_keeps_nothing_else_from_it(
    woken: Woken, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    [name, _] = outages.names_of_store(shop.store)
    away(name)
    breaker.succeeded(name)
    with pytest.MonkeyPatch.context() as patch:

        def breaks(*_: object, **__: object) -> None:
            raise ValueError("one row")

        patch.setattr("webhooks.inbox.make_due", breaks)
        swept(woken)
    assert (due(shop)["job 5"], due(shop)["call of store"]) == (True, False)
    swept(woken)
    assert due(shop)["call of store"]


def test_what_does_not_respond_is_probed_without_waiting_for_other_work(
    woken: Woken, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    [name, _] = outages.names_of_store(shop.store)
    account = outages.name_of_reverb(ReverbConnection.objects.get(shop=shop))
    away(name)
    away(account)
    tasks.sweep()
    assert (outages.PROBE, shop.pk) not in woken.found
    probed: list[str] = []

    class Client:
        def check(self) -> None:
            probed.append("store")

        def get(self, path: str) -> None:
            probed.append(path)

    monkeypatch.setattr(health, "client_of", lambda _: Client())
    monkeypatch.setattr(ReverbClient, "of", lambda _: Client())
    with clock.running_by(lambda: NOON + timedelta(seconds=breaker.FIRST_WAIT_S)):
        tasks.sweep()
        assert woken.found.count((outages.PROBE, shop.pk)) == 1
        tasks.probe(shop.pk)
    assert probed == ["store", "/my/account"]


def test_what_works_for_a_quarter_of_an_hour_is_forgotten_to_have_been_away(woken: Woken, shop: Shop) -> None:
    [name, _] = outages.names_of_store(shop.store)
    away(name)
    breaker.succeeded(name)
    swept(woken)
    assert Breaker.objects.exists()
    with clock.running_by(lambda: NOON + breaker.CALM + timedelta(seconds=1)):
        tasks.sweep()
    assert not Breaker.objects.exists()


def test_a_breaker_of_nobodys_store_is_forgotten_after_a_day(woken: Woken) -> None:
    away("shopify:gone.myshopify.com")
    breaker.failed("shopify:other.myshopify.com", "the connection failed.", took_s=0)
    with clock.running_by(lambda: NOON + timedelta(days=1, seconds=1)):
        tasks.sweep()
    assert not Breaker.objects.exists()


def test_the_pages_say_in_words_who_does_not_respond_and_when_the_next_try_is(woken: Woken, shop: Shop) -> None:
    seller = Client()
    seller.force_login(olivia())

    def page(name: str) -> str:
        return seller.get(reverse(f"shops:{name}", args=[shop.pk])).content.decode()

    assert "responded since" not in page("overview") + page("store") + page("reverb")
    [name, _] = outages.names_of_store(shop.store)
    away(name)
    words = (
        "Your store hasn&#x27;t responded since 12:00 UTC: it did not answer in time. We retry every 2 seconds; "
        "next try at 12:00:02 UTC. Nothing is lost meanwhile."
    )
    assert words in page("overview")
    assert words in page("store")
    assert words not in page("reverb")
    away(outages.name_of_reverb(ReverbConnection.objects.get(shop=shop)))
    assert "Reverb hasn&#x27;t responded since 12:00 UTC" in page("reverb")


def test_a_custom_store_whose_address_another_shop_names_too_is_not_paused_for_that_one(woken: Woken) -> None:
    """Nobody proves whose the address of a custom store is."""
    shops = [shop_of(olivia()), shop_of(nora())]
    StoreConnection.objects.update(platform="custom", address="https://guitars.example.com/reverbsync")
    [mine], [other] = (outages.names_of_store(StoreConnection.objects.get(shop=one)) for one in shops)
    assert CustomClient(StoreConnection.objects.get(shop=shops[0]))._caller.budget.name == mine
    away(other)
    assert breaker.retry_after(other) > 0
    assert breaker.retry_after(mine) == 0
    breaker.succeeded(other)
    swept(woken)
    assert [one for task, one in woken.found if task == outages.IS_BACK] == [shops[1].pk]
