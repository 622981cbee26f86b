"""Stories of sales on Reverb, over real HTTP: they are found by asking, whatever webhooks do."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache

from listings.models import Job, Ledger, Listing, Order, Rank
from listings.orders import listing_poll, order_poll, order_range, tasks
from shops.models import ReverbConnection, SyncSettings
from shops.models.settings import StockWay
from shops.reverb import arrivals
from shops.reverb.client import ReverbClient
from shops.reverb.errors import ReverbError
from tests.journeys.world import World

pytestmark = pytest.mark.live

ALL_ORDERS = "/my/orders/selling/all"


def connection(world: World) -> ReverbConnection:
    """Return the connection as it is saved now."""
    return ReverbConnection.objects.get(shop=world.shop)


def read(world: World) -> None:
    """Read the orders now."""
    order_poll.read(connection(world), ReverbClient.of(connection(world)), now=world.now)


def buy(world: World, sku: str = "A1", **wish: Any) -> str:
    """Let somebody buy on Reverb; returns the order's number."""
    made = world.reverb.ask("POST", "/buy", {"listing_id": world.listing(sku)["id"], **wish})
    return str(made["order_number"])


def with_ledger(world: World, sku: str = "A1", units: int = 3) -> None:
    """Let the stock of a product be kept since a while."""
    row = Listing.objects.get(shop=world.shop, sku=sku)
    past = world.now - timedelta(days=1)
    Ledger.objects.update_or_create(
        listing=row, defaults={"units": units, "store": units, "reverb": units, "linked_at": past}
    )


@pytest.fixture
def guitar(world: World) -> World:
    """Return a world with three guitars on sale, and no job open."""
    world.product()
    world.settle()
    with_ledger(world)
    world.reverb.ask("DELETE", "/requests")
    cache.delete(listing_poll._key(connection(world)))
    return world


# -- polling -------------------------------------------------------------------------------------------------------


def test_a_sale_on_reverb_is_found_by_asking(guitar: World) -> None:
    number = buy(guitar, quantity=2)
    read(guitar)
    row = Order.objects.get()
    assert row.product is not None
    assert (row.number, row.quantity, row.status, row.product.sku) == (number, 2, "paid", "A1")
    assert Job.objects.get().rank == Rank.STOCK


def test_only_what_changed_since_the_last_reading_less_an_overlap_is_asked_for(guitar: World) -> None:
    first = buy(guitar)
    read(guitar)
    guitar.wait(3600)
    read(guitar)
    guitar.reverb.ask("DELETE", "/requests")
    guitar.wait(3600)
    buy(guitar)
    guitar.reverb.ask("POST", f"/orders/{first}/cancel")
    read(guitar)
    [call] = guitar.reverb.calls("GET", ALL_ORDERS)
    since = guitar.now - timedelta(seconds=3600) - order_range.OVERLAP
    assert since.strftime("%Y-%m-%dT%H%%3A%M%%3A%SZ") in call["query"]
    assert sorted(Order.objects.values_list("status", flat=True)) == ["cancelled", "paid"]


def test_many_orders_come_page_by_page(guitar: World) -> None:
    made = [_many(guitar, n) for n in range(60)]
    for one in made:
        guitar.reverb.ask("POST", "/buy", {"listing_id": one})
    read(guitar)
    assert Order.objects.count() == 60
    assert len(guitar.reverb.calls("GET", ALL_ORDERS)) == 2


def _many(world: World, number: int) -> int:
    body = {"sku": f"M{number}", "title": "Fender Strat", "condition": {"uuid": "ae4d9114-1bd7-4ec5-a4ba-6653af5ac84d"}}
    body |= {"price": {"amount": "5.00", "currency": "USD"}, "state": "live"}
    [made] = world.reverb.ask("POST", "/listings", {"token": world.token, "listings": [body]})
    return int(made)


def test_reading_is_planned_by_what_reverb_reports(guitar: World) -> None:
    read(guitar)
    assert connection(guitar).orders_due_at == guitar.now + timedelta(seconds=60)
    ReverbConnection.objects.update(hooks={"there": ["orders/paid"]})  # reports no cancellation
    read(guitar)
    assert connection(guitar).orders_due_at == guitar.now + timedelta(seconds=60)
    ReverbConnection.objects.update(hooks={"there": ["orders/create", "orders/update"]})
    read(guitar)
    assert connection(guitar).orders_due_at == guitar.now + timedelta(seconds=60)  # none has arrived yet
    ReverbConnection.objects.update(order_called_at=guitar.now)
    read(guitar)
    assert connection(guitar).orders_due_at == guitar.now + timedelta(seconds=300)


def test_a_sale_whose_call_got_lost_lets_orders_be_read_each_minute_again(guitar: World) -> None:
    there = {"there": ["orders/create", "orders/update"]}
    ReverbConnection.objects.update(hooks=there, order_called_at=guitar.now)
    read(guitar)
    guitar.wait(300)
    guitar.reverb.ask("POST", "/buy", {"listing_id": guitar.listing()["id"]})
    read(guitar)
    assert Order.objects.count() == 1
    assert connection(guitar).orders_due_at == guitar.now + timedelta(seconds=60)


def test_the_sweeper_reads_orders_when_they_are_due(guitar: World, monkeypatch: pytest.MonkeyPatch) -> None:
    buy(guitar)
    woken: list[tuple[str, int]] = []
    monkeypatch.setattr(tasks, "wake_all", lambda name, shop_ids: woken.extend((name, one) for one in shop_ids))
    tasks.sweep()
    assert (order_poll.ORDERS, guitar.shop.pk) in woken
    tasks.orders(guitar.shop.pk)
    assert Order.objects.count() == 1
    woken.clear()
    tasks.sweep()
    assert (order_poll.ORDERS, guitar.shop.pk) not in woken
    order_poll.soon(guitar.shop.pk)
    assert order_poll.due(guitar.shop.pk) is not None


def test_while_reverb_does_not_answer_nothing_is_skipped_and_it_is_asked_ever_more_rarely(guitar: World) -> None:
    read(guitar)
    before = connection(guitar).orders_read_at
    buy(guitar)
    guitar.reverb.fault("status", path=ALL_ORDERS, status=503, times=99)
    waits: list[float] = []
    for _ in range(6):
        guitar.wait(waits[-1] if waits else 60)
        tasks.orders(guitar.shop.pk)
        due = connection(guitar).orders_due_at
        assert due is not None
        waits.append((due - guitar.now).total_seconds())
    assert connection(guitar).orders_read_at == before
    assert waits == sorted(waits)
    assert waits[0] < 60 < waits[-1] <= 900
    guitar.reverb.ask("DELETE", "/faults")
    guitar.wait(waits[-1])
    tasks.orders(guitar.shop.pk)
    assert Order.objects.count() == 1


def test_what_is_asked_for_while_a_reading_is_under_way_is_not_lost(guitar: World) -> None:
    class Busy(ReverbClient):
        def get(self, *args: Any) -> Any:
            guitar.wait(0.001)
            order_poll.soon(guitar.shop.pk)
            return super().get(*args)

    known = connection(guitar)
    order_poll.read(known, Busy(known.token, known.budget, root=known.api_url), now=guitar.now)
    assert order_poll.due(guitar.shop.pk) is not None


def test_a_token_that_is_refused_everywhere_is_reported_to_the_seller_and_not_asked_with_again(guitar: World) -> None:
    guitar.reverb.ask("POST", "/uninstall", {"token": guitar.token})
    tasks.orders(guitar.shop.pk)
    assert connection(guitar).problem == "token_refused"
    guitar.wait(10_000)
    assert order_poll.shops_with_due_orders() == []


def test_an_order_that_cannot_be_read_does_not_keep_us_from_the_others(
    guitar: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    buy(guitar)
    real = ReverbClient.get

    def broken(self: ReverbClient, path: str, query: Any = None) -> Any:
        body = real(self, path, query)
        return {**body, "orders": [{"order_number": "7", "quantity": "many"}, *body["orders"]]}

    monkeypatch.setattr(ReverbClient, "get", broken)
    read(guitar)
    assert Order.objects.count() == 1


# -- fresh before a stock is written -------------------------------------------------------------------------------


def test_fresh_orders_are_not_asked_for_again(guitar: World) -> None:
    client = ReverbClient.of(connection(guitar))
    order_poll.fresh(connection(guitar), client, now=guitar.now, max_age_s=5)
    guitar.wait(4)
    order_poll.fresh(connection(guitar), client, now=guitar.now, max_age_s=5)
    assert len(guitar.reverb.calls("GET", ALL_ORDERS)) == 1
    guitar.wait(2)
    order_poll.fresh(connection(guitar), client, now=guitar.now, max_age_s=5)
    assert len(guitar.reverb.calls("GET", ALL_ORDERS)) == 2


def test_orders_that_cannot_be_known_are_an_error_for_who_needs_them(guitar: World) -> None:
    guitar.reverb.fault("status", path=ALL_ORDERS, status=503)
    with pytest.raises(ReverbError):
        order_poll.fresh(connection(guitar), ReverbClient.of(connection(guitar)), now=guitar.now, max_age_s=5)


# -- the regular look at listings ----------------------------------------------------------------------------------


def listing_webhooks_registered(world: World) -> None:
    """Let Reverb have taken our webhook for changed listings, and its calls arrive."""
    values = {"hooks": {"there": ["listings/update"]}, "listing_called_at": world.now}
    ReverbConnection.objects.filter(shop=world.shop).update(**values)


def test_what_somebody_changed_on_reverbs_own_site_is_found_within_a_day(guitar: World) -> None:
    listing_webhooks_registered(guitar)
    tasks.orders(guitar.shop.pk)
    assert not Job.objects.exists()
    _on_their_site(guitar, {"inventory": 1})
    guitar.wait(24 * 3600)
    tasks.orders(guitar.shop.pk)
    assert Job.objects.get().trigger == listing_poll.TRIGGER


def test_a_change_of_a_title_is_none_of_its_business(guitar: World) -> None:
    _on_their_site(guitar, {"title": "Another name"})
    guitar.wait(24 * 3600)
    tasks.orders(guitar.shop.pk)
    assert not Job.objects.exists()


def test_where_reverb_reports_no_listing_it_is_found_within_minutes(guitar: World) -> None:
    assert not arrivals.listing_webhooks_arrive(connection(guitar), guitar.now)
    tasks.orders(guitar.shop.pk)
    _on_their_site(guitar, {"inventory": 1})
    guitar.wait(120)
    tasks.orders(guitar.shop.pk)
    assert Job.objects.get().trigger == listing_poll.TRIGGER


def test_a_row_that_still_shows_what_was_looked_into_is_looked_into_again_after_an_hour(guitar: World) -> None:
    _on_their_site(guitar, {"inventory": 1})
    guitar.wait(120)
    tasks.orders(guitar.shop.pk)
    Job.objects.get().delete()  # it was no news: the list may trail for long
    guitar.wait(120)
    tasks.orders(guitar.shop.pk)
    assert not Job.objects.exists()
    guitar.wait(3600)
    tasks.orders(guitar.shop.pk)
    assert Job.objects.get().trigger == listing_poll.TRIGGER


def test_an_edit_back_to_a_number_that_was_looked_into_before_is_news(guitar: World) -> None:
    for number in (1, 3, 1):
        _on_their_site(guitar, {"inventory": number})
        guitar.wait(120)
        tasks.orders(guitar.shop.pk)
        assert Job.objects.get().trigger == listing_poll.TRIGGER
        guitar.settle()


def test_where_the_store_leads_a_lower_number_is_looked_into_once(guitar: World) -> None:
    SyncSettings.objects.update(stock_way=StockWay.STORE)
    _on_their_site(guitar, {"inventory": 1})
    guitar.wait(120)
    tasks.orders(guitar.shop.pk)
    assert Job.objects.get().trigger == listing_poll.TRIGGER
    guitar.settle()
    guitar.wait(3700)
    tasks.orders(guitar.shop.pk)
    assert not Job.objects.exists()
    assert guitar.listing()["inventory"] == 1


def test_a_page_is_looked_at_every_two_minutes_unless_all_would_not_be_seen_within_a_day() -> None:
    assert listing_poll.step_of(1, has_webhooks=False) == timedelta(minutes=2)
    assert listing_poll.step_of(100, has_webhooks=False) == timedelta(minutes=2)
    assert listing_poll.step_of(1440, has_webhooks=False) == timedelta(minutes=1)
    assert listing_poll.step_of(100, has_webhooks=True) == timedelta(minutes=14, seconds=24)


def test_pages_of_listings_are_spread_over_the_day(guitar: World) -> None:
    listing_webhooks_registered(guitar)
    bodies = [{"sku": f"X{n}", "title": "Fender Strat", "state": "live"} for n in range(120)]
    guitar.reverb.ask("POST", "/listings", {"token": guitar.token, "listings": bodies})
    guitar.wait(60)
    tasks.orders(guitar.shop.pk)
    pages = []
    for _ in range(24):
        guitar.wait(3600)
        tasks.orders(guitar.shop.pk)
        calls = [call["query"] for call in guitar.reverb.calls("GET", "/my/listings") if "page=" in call["query"]]
        pages.append(len(calls))
    assert pages[-1] in (3, 4, 5)  # three pages; the first one once more at most
    assert len(set(pages)) >= 3  # not all at once


def _on_their_site(world: World, wish: dict[str, Any]) -> None:
    world.at_reverb("PUT", f"/listings/{world.listing()['id']}", wish)


def test_a_restart_of_the_round_does_no_harm(guitar: World) -> None:
    tasks.orders(guitar.shop.pk)
    cache.delete(listing_poll._key(connection(guitar)))
    guitar.wait(61)
    tasks.orders(guitar.shop.pk)
    assert not Job.objects.exists()


def test_a_clock_that_was_an_hour_ahead_and_was_set_right_hides_no_sale(guitar: World) -> None:
    read(guitar)
    ahead = guitar.now + timedelta(hours=1)
    ReverbConnection.objects.update(orders_read_at=ahead, orders_due_at=ahead)
    buy(guitar)
    assert order_poll.due(guitar.shop.pk) is not None
    client = ReverbClient.of(connection(guitar))
    read_at = order_poll.fresh(connection(guitar), client, now=guitar.now, max_age_s=5)
    assert read_at == connection(guitar).orders_read_at == guitar.now
    assert Order.objects.count() == 1


@pytest.mark.parametrize("restores", [True, False])
def test_a_sale_that_is_on_again_takes_its_units_from_the_store_again_once(world: World, restores: bool) -> None:
    world.reverb.ask("POST", "/settings", {"restores_on_cancel": restores})
    product = world.product(inventory_quantity=5)
    world.settle()
    read(world)
    world.wait(3600)
    number = buy(world, quantity=2)
    left = []
    for word in ("", "cancel", "reopen", "cancel"):
        if word:
            world.reverb.ask("POST", f"/orders/{number}/{word}")
        for _ in range(4):
            read(world)
            world.settle()
            world.wait(900)
        left.append((world.stock(product), world.listing()["inventory"]))
    assert left == [(3, 3), (5, 5), (3, 3), (5, 5)]
