"""Stories of the last one sold on both sides: the seller is notified, nothing is put back while units are oversold."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from django.core import mail
from pytest_django.fixtures import Settings

from listings.models import Ledger
from tests.journeys.sales import buy, read_orders, receive
from tests.journeys.world import World

pytestmark = pytest.mark.live


def sold_twice(world: World, guitar: dict[str, Any]) -> tuple[dict[str, Any], str, str]:
    """Sell the last one on both sides before either is updated; return it, Reverb's number and the store's."""
    world.settle()
    number = buy(world, guitar["variants"][0]["sku"])
    sold = world.store.ask("POST", "/orders", {"variant_id": guitar["variants"][0]["id"]})
    world.receive(guitar)
    return guitar, number, str(sold["number"])


def test_when_both_sides_sold_the_last_one_the_seller_is_notified_with_both_orders(world: World) -> None:
    guitar, number, sold = sold_twice(world, world.used())
    receive(world)
    assert world.stock(guitar) == 0
    assert "oversold" in world.entries()
    [message] = mail.outbox
    assert message.to == ["olivia@example.com"]
    assert number in message.body
    assert sold in message.body
    receive(world)
    assert len(mail.outbox) == 1


def test_the_seller_is_notified_again_when_reverb_shows_its_order_late(world: World) -> None:
    world.reverb.ask("POST", "/settings", {"orders_lag_s": 90})
    _, number, sold = sold_twice(world, world.product(inventory_quantity=1))
    receive(world)
    [at_once] = mail.outbox
    assert sold in at_once.body
    assert "does not show yet" in at_once.body
    world.wait(120)
    receive(world)
    [_, later] = mail.outbox
    assert (number in later.body, sold in later.body, "not show" in later.body) == (True, True, False)
    assert later.subject == "Sold twice, now with both orders: " + at_once.subject.removeprefix("Sold twice: ")
    receive(world)
    assert len(mail.outbox) == 2


def test_the_seller_is_notified_again_once_a_silent_store_names_its_order(world: World) -> None:
    _, number, sold = sold_twice(world, world.product(inventory_quantity=1))
    world.store.fault("status", text="query Orders", times=2)
    read_orders(world)
    world.step()
    [at_once] = mail.outbox
    assert "it did not answer just now" in at_once.body
    world.wait(4)
    assert not world.step()
    world.wait(2)
    world.step()  # still silent: nothing new to report
    assert len(mail.outbox) == 1
    world.wait(61)
    receive(world)
    [_, later] = mail.outbox
    assert later.subject == "Sold twice, now with both orders: " + at_once.subject.removeprefix("Sold twice: ")
    assert (number in later.body, sold in later.body) == (True, True)
    assert world.entries().count("oversold") == 2
    world.wait(61)
    receive(world)
    assert len(mail.outbox) == 2


def test_the_seller_is_notified_once_with_both_orders_where_the_store_asks_for_a_moment(world: World) -> None:
    _, number, sold = sold_twice(world, world.used())
    world.store.fault("status", text="query Orders", status=429, retry_after=1)
    receive(world)
    [message] = mail.outbox
    assert (number in message.body, sold in message.body) == (True, True)


def test_a_mail_that_cannot_be_sent_is_sent_later(world: World, settings: Settings) -> None:
    _, number, _ = sold_twice(world, world.used())
    read_orders(world)
    works = settings.EMAIL_BACKEND
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    with socket.socket() as nobody:  # a port at which nobody listens
        nobody.bind(("127.0.0.1", 0))
        settings.EMAIL_HOST, settings.EMAIL_PORT = nobody.getsockname()
        while world.step():
            pass
    assert world.last().reason == "oversold"  # the log has it all the same
    settings.EMAIL_BACKEND = works
    world.wait(61)
    receive(world)
    [message] = mail.outbox
    assert number in message.body


def test_the_other_sale_of_the_last_one_is_named_too_where_the_store_sells_much(world: World) -> None:
    much, guitar = world.product(inventory_quantity=20), world.used()
    world.settle()
    for _ in range(12):
        world.store.ask("POST", "/orders", {"variant_id": much["variants"][0]["id"]})
    buy(world, "U1")
    sold = world.store.ask("POST", "/orders", {"variant_id": guitar["variants"][0]["id"]})
    world.receive(guitar)
    receive(world)
    assert str(sold["number"]) in mail.outbox[0].body


def test_a_unit_that_was_sold_twice_is_not_put_back_by_one_cancellation(world: World) -> None:
    guitar, number, _ = sold_twice(world, world.used())
    receive(world)
    world.reverb.ask("POST", f"/orders/{number}/cancel")
    receive(world)
    assert (world.stock(guitar), Ledger.objects.get().units) == (0, 0)
