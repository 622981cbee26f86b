"""Deliveries that were put aside are shown, replayed and dismissed."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from listings.intake import crawls
from listings.models import Crawl
from shops.models import Shop
from tests.people import NOON, nora, olivia, shop_of
from tests.webhooks.deliveries import Now, Store, put_aside, states
from webhooks.models import Delivery
from webhooks.store_handover import hand_over

pytestmark = pytest.mark.django_db


def signed_in() -> Client:
    """Return a browser in which Olivia is signed in."""
    client = Client()
    client.force_login(olivia())
    return client


def test_the_seller_reads_what_was_put_aside_and_why_and_retries_it(shop: Shop, store: Store, now: Now) -> None:
    put_aside(shop, store, now)
    client = signed_in()
    address = reverse("aside:show", args=[shop.pk])
    shown = client.get(address, headers={"HX-Request": "true"}).content.decode()
    assert "1 webhook couldn&#x27;t be processed" in shown or "1 webhook couldn't be processed" in shown
    assert "We couldn&#x27;t process this webhook after 10 tries (KeyError)" in shown
    for page in ("shops:store", "shops:overview"):
        assert address in client.get(reverse(page, args=[shop.pk])).content.decode()
    client.post(reverse("aside:retry", args=[shop.pk]))
    hand_over(shop)
    assert states() == ["done"]
    assert "couldn" not in client.get(address, headers={"HX-Request": "true"}).content.decode()


def test_the_seller_dismisses_what_needs_no_retry(shop: Shop, store: Store, now: Now) -> None:
    put_aside(shop, store, now)
    signed_in().post(reverse("aside:dismiss", args=[shop.pk]))
    assert [(one.state, bytes(one.body)) for one in Delivery.objects.all()] == [("ignored", b"")]


def test_another_shops_deliveries_are_neither_shown_nor_replayed(shop: Shop, store: Store, now: Now) -> None:
    put_aside(shop, store, now)
    client = Client()
    client.force_login(nora())
    assert client.get(reverse("aside:show", args=[shop.pk])).status_code == 404
    assert client.post(reverse("aside:retry", args=[shop.pk])).status_code == 404
    call_command("queue", "replay", "--shop", str(shop_of(nora()).pk))
    assert states() == ["dead"]


def test_the_operator_lists_and_replays_what_was_put_aside(
    shop: Shop, store: Store, now: Now, capsys: pytest.CaptureFixture[str]
) -> None:
    delivery = put_aside(shop, store, now)
    call_command("queue", "dead", "--json")
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["id"], row["shop"], row["topic"], row["tries"]) == (delivery.pk, shop.pk, "products/update", 10)
    assert row["note"].startswith("We couldn't process this webhook")
    call_command("queue", "status", "--json")
    assert json.loads(capsys.readouterr().out)["dead_deliveries"] == 1
    call_command("queue", "replay", "--delivery", str(delivery.pk))
    assert json.loads(capsys.readouterr().out) == {"replayed": 1}
    hand_over(shop)
    assert states() == ["done"]
    with pytest.raises(CommandError):
        call_command("queue", "replay", "--delivery", str(delivery.pk))


def test_a_replay_of_what_has_no_body_looks_for_all_that_changed(shop: Shop, store: Store, now: Now) -> None:
    put_aside(shop, store, now)
    Delivery.objects.update(body=b"")
    Crawl.objects.create(shop=shop, kind="changes", due_at=NOON + timedelta(days=2))
    call_command("queue", "replay", "--shop", str(shop.pk))
    assert states() == ["done"]
    assert crawls.due(shop.pk) is not None
