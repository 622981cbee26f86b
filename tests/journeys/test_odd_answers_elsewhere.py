"""What an odd answer of Reverb's does to calls that are not about one listing: webhooks, orders, lists, the account."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from typing import Any

import pytest

from listings.orders import order_poll
from shops.models import ReverbConnection
from shops.reverb import connect, reference, upkeep
from shops.reverb.client import ReverbClient
from shops.reverb.errors import TransientError
from tests.journeys.sales import buy, read_orders
from tests.journeys.world import World

pytestmark = pytest.mark.live

ODD: list[dict[str, Any]] = [
    {"status": 403, "page": "cloudflare"},
    {"status": 404, "page": "nginx"},
    {"status": 405, "page": "nginx"},
    {"status": 200, "page": "maintenance"},
    {"status": 302, "page": "empty", "headers": {"Location": "https://reverb.com/signin"}},
    {"status": 401, "page": "login"},
    {"status": 403, "body": {"error": "error code: 1020"}},
    {"status": 200, "body": []},
]
ODDLY = pytest.mark.parametrize("odd", ODD, ids=[f"{one['status']}-{number}" for number, one in enumerate(ODD)])


def account(world: World) -> ReverbConnection:
    """Return the shop's account as it is kept."""
    return ReverbConnection.objects.get(shop=world.shop)


@ODDLY
def test_webhooks_are_checked_again_in_minutes_and_no_topic_counts_as_refused(
    world: World, odd: dict[str, Any]
) -> None:
    world.reverb.fault("status", path="/webhooks/registrations", times=99, **odd)
    upkeep.check(account(world))
    kept = account(world)
    assert kept.hooks.get("refused", {}) == {}
    assert kept.problem != "token_refused"
    assert kept.hooks_due_at is not None
    assert kept.hooks_due_at <= world.now + timedelta(minutes=11)
    world.reverb.ask("DELETE", "/faults")
    upkeep.check(account(world))
    assert "orders/create" in account(world).hooks["there"]


@ODDLY
def test_orders_are_read_again_within_a_minute_and_no_sale_is_lost(world: World, odd: dict[str, Any]) -> None:
    guitar = world.product()
    world.settle()
    read_orders(world)
    buy(world)
    world.reverb.fault("status", path="/my/orders", **odd)
    with contextlib.suppress(TransientError):  # or it is read in smaller pages
        order_poll.read(account(world), ReverbClient.of(account(world)), now=world.now)
    planned = account(world).orders_due_at
    assert planned is not None
    assert planned <= world.now + timedelta(seconds=601 if odd.get("page") == "maintenance" else 60)
    read_orders(world)
    world.settle()
    assert world.stock(guitar) == 2


@ODDLY
def test_a_list_that_is_known_outlives_it_and_one_that_is_not_is_no_empty_one(
    world: World, odd: dict[str, Any]
) -> None:
    client, budget = ReverbClient.of(account(world)), account(world).budget
    world.reverb.fault("status", path="/categories/flat", times=99, **odd)
    reference.forget()
    with pytest.raises(TransientError):
        reference.lists(client, budget)
    world.reverb.ask("DELETE", "/faults")
    known = reference.lists(client, budget)
    assert known.categories
    world.reverb.fault("status", path="/categories/flat", times=99, **odd)
    world.wait(2 * 24 * 60 * 60)
    reference.forget()
    assert reference.lists(client, budget).categories == known.categories


@ODDLY
def test_an_account_that_answers_oddly_is_not_connected_as_refused(world: World, odd: dict[str, Any]) -> None:
    world.reverb.fault("status", path="/my/account", **odd)
    found = connect.check(account(world))
    assert (found.problem_id, found.usable) == ("unreachable", True)
    world.reverb.fault("status", path="/my/account", **odd)
    with pytest.raises(TransientError):
        connect.mark_if_dead(account(world))
    assert account(world).problem != "token_refused"
