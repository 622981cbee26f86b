"""Stories of our webhooks at Reverb, over real HTTP: registered, repaired, removed, and what their calls do."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client

from listings.models import Job, Ledger, Listing, Order
from reverbsync.ratelimit import limiter
from shops import lifecycle, reverb_connection
from shops.events import ReverbListingChanged, ReverbOrderChanged
from shops.models import ReverbConnection
from shops.reverb import arrivals, connect, hooks, limits, upkeep
from shops.reverb.client import ReverbClient
from tests.journeys.world import World
from tests.people import olivia, shop_of
from tests.shops.platforms.conftest import wait_for
from webhooks import reverb_handover
from webhooks.models import Delivery

pytestmark = pytest.mark.live

DOCUMENTED = ["app/uninstalled", "listings/publish", "listings/update", "orders/create", "orders/update"]
REFUSED = "topic does not have a valid value"


def connection(world: World) -> ReverbConnection:
    """Return the connection as it is saved now."""
    return ReverbConnection.objects.get(shop=world.shop)


def check(world: World) -> ReverbConnection:
    """Make the check now."""
    ReverbConnection.objects.update(hooks_due_at=world.now)
    upkeep.check(connection(world))
    return connection(world)


def rows(world: World) -> list[dict[str, Any]]:
    """Return the webhooks as Reverb has them."""
    found: list[dict[str, Any]] = world.reverb.ask("GET", "/registrations")
    return found


def topics(world: World) -> list[str]:
    """Return their topics."""
    return sorted(row["topic"] for row in rows(world))


def register(world: World, url: str, topic: str = "orders/create") -> None:
    """Register an address by hand."""
    ReverbClient.of(connection(world)).register(topic, url)


# -- registering ---------------------------------------------------------------------------------------------------


def test_connecting_registers_each_topic_with_an_address_of_its_own(world: World) -> None:
    made = check(world)
    assert topics(world) == DOCUMENTED
    for row in rows(world):
        assert row["url"] == f"{made.webhook_address}{row['topic']}/"
    assert made.hooks["refused"] == {"orders/paid": REFUSED}
    assert made.hooks_checked_at == world.now
    assert upkeep.due() == []  # the next check is tomorrow's
    assert arrivals.orders_every(made, world.now) == timedelta(minutes=1)  # no call has arrived yet


def test_a_second_check_changes_nothing(world: World) -> None:
    check(world)
    before = rows(world)
    check(world)
    assert rows(world) == before


def test_where_only_paid_orders_are_reported_that_is_kept_and_asking_goes_on_each_minute(world: World) -> None:
    world.reverb.ask("POST", "/settings", {"webhook_topics": ["orders/paid"]})
    made = check(world)
    assert topics(world) == made.hooks["there"] == ["orders/paid"]
    assert set(made.hooks["refused"]) == set(hooks.WANTED) - {"orders/paid"}
    assert made.problem != "token_refused"
    arrivals.called(made, {ReverbOrderChanged("1"), ReverbListingChanged("1")}, world.now)
    made.refresh_from_db()
    assert arrivals.orders_every(made, world.now) == timedelta(minutes=1)
    assert not arrivals.listing_webhooks_arrive(made, world.now)


def test_the_sync_guides_names_are_tried_where_the_others_are_refused(world: World) -> None:
    world.reverb.ask("POST", "/settings", {"webhook_topics": ["product/updated", "order/created", "orders/update"]})
    made = check(world)
    assert topics(world) == sorted(["product/updated", "order/created", "orders/update"])
    assert set(made.hooks["refused"]) == {"listings/publish", "orders/paid", "app/uninstalled"}
    arrivals.called(made, {ReverbOrderChanged("1"), ReverbListingChanged("1")}, world.now)
    made.refresh_from_db()
    assert arrivals.orders_every(made, world.now) == timedelta(minutes=5)
    assert arrivals.listing_webhooks_arrive(made, world.now)
    world.reverb.ask("POST", "/settings", {"webhook_topics": [*DOCUMENTED, "product/updated", "order/created"]})
    check(world)
    assert topics(world) == DOCUMENTED  # one name for each is enough


def test_a_personal_token_that_may_register_none_is_no_dead_token(world: World) -> None:
    world.reverb.ask("POST", "/settings", {"webhooks_need_oauth": True})
    made = check(world)
    assert (made.problem == "token_refused", rows(world), made.hooks["there"]) == (False, [], [])
    assert set(made.hooks["refused"].values()) == {"Please log in via Oauth to create webhooks"}
    assert len(world.reverb.calls("POST", "/webhooks/registrations")) == 1  # not each topic is asked for
    assert arrivals.orders_every(made, world.now) == timedelta(minutes=1)


def test_a_dropped_webhook_is_put_back_by_the_daily_check(world: World) -> None:
    check(world)
    world.reverb.ask("DELETE", "/registrations", topic="orders/create")
    made = check(world)
    assert topics(world) == DOCUMENTED
    assert made.hooks["repaired"] == ["orders/create"]


def test_doubles_and_what_is_left_of_old_addresses_of_ours_are_removed_and_nothing_else(world: World) -> None:
    made = check(world)
    site = made.webhook_address.removesuffix(f"{made.hook_key}/")
    other = shop_of(olivia(), "Another shop on the same account").reverb
    register(world, f"{made.webhook_address}orders/create/")  # a double
    register(world, f"{site}a-key-of-a-connection-that-is-gone/orders/create/")
    register(world, f"https://the-old-name-of-this-site.test/webhooks/reverb/{made.hook_key}/orders/create/")
    register(world, f"{made.webhook_address}orders/update/")  # the address says another topic
    left = [f"{other.webhook_address}orders/create/", "https://somebody-else.test/hook"]
    for url in left:
        register(world, url)
    check(world)
    urls = [row["url"] for row in rows(world) if row["topic"] == "orders/create"]
    assert sorted(urls) == sorted([f"{made.webhook_address}orders/create/", *left])


def test_what_was_wrong_when_reverb_was_connected_is_asked_again(world: World) -> None:
    world.product()
    world.settle()
    world.wait(10)  # Reverb's lists trail
    ReverbConnection.objects.update(problem="no_live_listing")
    upkeep.check(connection(world))
    assert connection(world).problem == ""


def test_calls_from_before_the_account_was_known_count_for_its_budget(world: World) -> None:
    ReverbConnection.objects.update(problem="unreachable", account="", account_id="")
    by_token = limits.of_account(connection(world).budget, "reads")
    before = limiter.used(by_token)
    ReverbClient.of(connection(world)).count()
    upkeep.check(connection(world))
    assert connection(world).account_id
    assert limiter.used(by_token) == before + 1 + connect.READS
    assert limiter.used(limits.of_account(connection(world).budget, "reads")) > limiter.used(by_token)


def test_when_reverb_is_down_the_check_comes_back_soon(world: World) -> None:
    world.reverb.fault("status", path="/webhooks/registrations", status=503, times=99)
    made = check(world)
    assert made.hooks_due_at == world.now + upkeep.AFTER_A_FAILURE
    assert made.hooks_checked_at is None


def test_a_token_that_is_dead_is_reported_to_the_seller(world: World) -> None:
    world.reverb.ask("POST", "/uninstall", {"token": world.token})
    assert check(world).problem == "token_refused"


# -- removing ------------------------------------------------------------------------------------------------------


def test_disconnecting_removes_our_webhooks_and_then_the_token(world: World) -> None:
    check(world)
    register(world, "https://somebody-else.test/hook")
    reverb_connection.disconnect_reverb(world.shop)
    assert [row["url"] for row in rows(world)] == ["https://somebody-else.test/hook"]
    assert not ReverbConnection.objects.exists()


def test_nobody_is_kept_from_disconnecting_by_a_reverb_that_does_not_answer(world: World) -> None:
    check(world)
    world.reverb.fault("status", path="/webhooks/registrations", status=503, times=99)
    reverb_connection.disconnect_reverb(world.shop)
    assert not ReverbConnection.objects.exists()


def test_what_was_left_then_is_removed_when_the_account_is_connected_again(world: World) -> None:
    check(world)
    world.reverb.fault("status", path="/webhooks/registrations", status=503)
    reverb_connection.disconnect_reverb(world.shop)
    assert topics(world) == DOCUMENTED
    reverb_connection.connect_reverb(world.shop, world.token)
    made = check(world)
    assert topics(world) == DOCUMENTED
    assert all(made.hook_key in row["url"] for row in rows(world))


def test_another_account_begins_from_nothing_and_the_old_one_calls_us_no_more(world: World) -> None:
    check(world)
    ReverbConnection.objects.update(orders_read_at=world.now)
    world.reverb.ask("POST", "/accounts", {"token": "another-token"})
    reverb_connection.connect_reverb(world.shop, "another-token")
    made = connection(world)
    assert (rows(world), made.hooks, made.orders_read_at) == ([], {}, None)


def test_a_new_token_of_the_same_account_goes_on_where_we_were(world: World) -> None:
    check(world)
    ReverbConnection.objects.update(orders_read_at=world.now)
    account = connection(world).account_id
    world.reverb.ask("POST", "/accounts", {"token": "new-token", "id": int(account)})
    reverb_connection.connect_reverb(world.shop, "new-token")
    assert connection(world).orders_read_at == world.now


def test_deleting_a_shop_removes_them_too(world: World) -> None:
    check(world)
    lifecycle.ask_to_delete(world.shop)
    assert rows(world) == []


# -- their calls ---------------------------------------------------------------------------------------------------


@pytest.fixture
def selling(world: World) -> World:
    """Return a world with three guitars on sale and webhooks whose calls the story carries."""
    check(world)
    world.reverb.ask("POST", "/settings", {"hold": True})
    world.product()
    world.settle()
    deliver(world)
    row = Listing.objects.get()
    past = world.now - timedelta(days=1)
    Ledger.objects.update_or_create(listing=row, defaults={"units": 3, "store": 3, "reverb": 3, "linked_at": past})
    world.settle()
    return world


def deliver(world: World) -> list[str]:
    """Carry what Reverb sent to our door, and let a worker hand it over; returns the topics."""
    sent = world.reverb.ask("GET", "/outbox")
    for one in sent:
        answer = Client().post(urlsplit(one["uri"]).path, one["body"], content_type="application/json")
        assert answer.status_code == 200
    reverb_handover.hand_over(world.shop, limit=100)
    return sorted(one["topic"] for one in sent)


def buy(world: World, **wish: Any) -> str:
    """Let somebody buy on Reverb; returns the order's number."""
    made = world.reverb.ask("POST", "/buy", {"listing_id": world.listing()["id"], **wish})
    return str(made["order_number"])


def test_a_sale_is_known_as_soon_as_reverb_calls(selling: World) -> None:
    number = buy(selling)
    assert deliver(selling) == ["listings/update", "orders/create"]
    assert Order.objects.get().number == number
    assert Job.objects.count() == 1
    selling.reverb.ask("POST", f"/orders/{number}/cancel")
    deliver(selling)
    assert Order.objects.get().status == "cancelled"


def test_what_we_wrote_ourselves_comes_back_and_costs_nothing(selling: World) -> None:
    product = selling.store.ask("GET", "/products", sku="A1")[-1]
    selling.edit(product, inventory_quantity=2)
    selling.settle()
    entries = len(selling.entries())
    assert selling.listing()["inventory"] == 2
    assert deliver(selling) == ["listings/update"]
    assert not Job.objects.exists()
    assert len(selling.entries()) == entries


def test_when_our_app_is_taken_out_the_seller_is_notified(selling: World) -> None:
    selling.reverb.ask("POST", "/uninstall", {"token": selling.token})
    assert deliver(selling) == ["app/uninstalled"]
    assert connection(selling).problem == "token_refused"


def test_a_call_that_lies_about_its_order_changes_nothing(selling: World) -> None:
    number = buy(selling)
    deliver(selling)
    lie = json.dumps({"order_number": number, "status": "cancelled", "quantity": 0})
    path = urlsplit(connection(selling).webhook_address).path
    Client().post(f"{path}orders/update/", lie, content_type="application/json")
    reverb_handover.hand_over(selling.shop, limit=100)
    assert Order.objects.get().status == "paid"
    assert set(Delivery.objects.values_list("state", flat=True)) == {"done"}


def test_the_stand_in_calls_over_real_http_and_tries_again(world: World) -> None:
    """The address of a door that is shut: nothing is lost at Reverb's side at once."""
    world.reverb.ask("POST", "/settings", {"retry_s": [0.05]})
    register(world, "http://127.0.0.1:9/nobody-listens", "listings/publish")
    world.product()
    world.settle()

    def tries() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = world.reverb.ask("GET", "/deliveries")
        return found

    wait_for(lambda: len(tries()) == 2)
    assert [one["status"] for one in tries()] == [0, 0]
