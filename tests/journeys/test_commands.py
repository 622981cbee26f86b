"""The commands for scripts and operators: their names, arguments and output are a contract."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.db import connection
from pytest_django.fixtures import Settings

from listings.models import Crawl
from shops.models import Person, ReverbConnection, Shop, StoreConnection
from shops.platforms import client_of
from shops.platforms.shopify.scopes import SCOPES
from shops.reverb import connect
from tests.journeys.world import World
from webhooks import inbox
from webhooks.models import Delivery

pytestmark = pytest.mark.live


def create(world: World, capsys: pytest.CaptureFixture[str], *more: str, **changes: str) -> dict[str, Any]:
    """Run `shop create` and return what it prints."""
    world.store.ask("POST", "/shops", {"domain": "scripted.myshopify.com", "token": "st", "secret": "ss"})
    words = {
        "owner": "script@example.com",
        "name": "Scripted",
        "platform": "shopify",
        "store": "scripted.myshopify.com",
        "store-token": "st",
        "store-secret": "ss",
        "reverb-token": world.token,
        **changes,
    }
    arguments = [part for name, value in words.items() for part in (f"--{name}", value)]
    call_command("shop", "create", *arguments, *more)
    made: dict[str, Any] = json.loads(capsys.readouterr().out)
    return made


def test_shop_create_makes_a_working_shop_and_prints_its_webhook_address(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    made = create(world, capsys, "--set", "auto_publish=true", "--set", "sync_title=off")
    shop = Shop.objects.get(pk=made["id"])
    store, reverb = StoreConnection.objects.get(shop=shop), ReverbConnection.objects.get(shop=shop)
    assert made["webhooks"] == {"store": store.webhook_address, "reverb": reverb.webhook_address}
    assert (shop.sync_settings.auto_publish, shop.sync_settings.sync_title) == (True, False)
    assert [person.email for person in shop.people.all()] == ["script@example.com"]


APP = ("--client-id", "own-app", "--client-secret", "shpss_own")


def create_by_app(world: World, *more: str, store: str = "scripted.myshopify.com", platform: str = "shopify") -> None:
    """Run `shop create` with an app of the seller's own."""
    world.store.ask("POST", "/shops", {"domain": "scripted.myshopify.com", "token": "st", "secret": "ss"})
    app = {"client_id": "own-app", "client_secret": "shpss_own", "scope": ",".join(SCOPES)}
    world.store.ask("POST", "/app", {**app, "domain": "scripted.myshopify.com"})
    who = ("--owner", "script@example.com", "--name", "Scripted", "--reverb-token", world.token)
    call_command("shop", "create", *who, "--platform", platform, "--store", store, *more)


def test_shop_create_connects_shopify_by_the_client_id_and_secret_of_an_app(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    create_by_app(world, *APP)
    said = capsys.readouterr().out
    made = StoreConnection.objects.get(shop=json.loads(said)["id"])
    assert made.secret.get_secret_value() == "shpss_own"
    assert client_of(made).check().currency == "USD"
    assert "shpss_own" not in said


@pytest.mark.parametrize(
    ("more", "platform", "words"),
    [
        ((), "shopify", "Give --store-token and --store-secret, or --client-id and --client-secret"),
        (APP[:2], "shopify", "Give --store-token"),
        ((*APP, "--store-token", "st", "--store-secret", "ss"), "shopify", "Give --store-token"),
        (("--store-token", "t"), "shopify", "Give --store-token"),
        ((*APP[:3], "shpss_wrong"), "shopify", "doesn't accept this client secret. .*Nothing was connected"),
        (APP, "woocommerce", "WooCommerce takes --store-token and --store-secret, no client id"),
    ],
)
def test_shop_create_says_which_keys_are_missing_or_wrong(
    world: World, more: tuple[str, ...], platform: str, words: str
) -> None:
    with pytest.raises(CommandError, match=words):
        create_by_app(world, *more, platform=platform)
    assert not Shop.objects.filter(name="Scripted").exists()


def test_shop_create_takes_an_empty_secret_as_magentos_lone_token_needs(world: World) -> None:
    keys = ("--store-token", "token", "--store-secret", "")
    with pytest.raises(CommandError, match="Nothing was connected"):  # it was tried
        create_by_app(world, *keys, platform="magento2", store="https://192.0.2.1")


def test_shop_create_uses_a_person_who_is_there(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    create(world, capsys, owner="olivia@example.com")
    assert Person.objects.count() == 1


@pytest.mark.parametrize(
    ("more", "changes", "words"),
    [
        (("--set", "nonsense=true"), {}, "auto_publish"),
        (("--set", "auto_publish=maybe"), {}, "true or false"),
        ((), {"reverb-token": "wrong"}, "Reverb does not know this token"),
        ((), {"store-token": "wrong"}, "Nothing was connected"),
        ((), {"platform": "magento2", "store": "https://192.0.2.1", "store-token": "a:b:c:d"}, "Nothing was connected"),
        ((), {"store": "http://[", "platform": "woocommerce", "store-token": "ck_a:cs_b"}, "not a web address"),
        (
            (),
            {"store": "https://nowhere.invalid", "platform": "woocommerce", "store-token": "ck_a:cs_b"},
            "Nothing was",
        ),
    ],
)
def test_shop_create_says_what_is_wrong_and_leaves_nothing(
    world: World, capsys: pytest.CaptureFixture[str], more: tuple[str, ...], changes: dict[str, str], words: str
) -> None:
    with pytest.raises(CommandError, match=words):
        create(world, capsys, *more, **changes)
    assert not Shop.objects.filter(name="Scripted").exists()


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (503, {"page": "maintenance"}),
        (403, {"page": "wordfence"}),
        (302, {"headers": {"Location": "https://elsewhere.test/"}, "raw": ""}),
    ],
)
def test_a_store_that_answers_with_a_page_is_not_connected_by_a_command(
    world: World, capsys: pytest.CaptureFixture[str], status: int, answer: dict[str, Any]
) -> None:
    before = StoreConnection.objects.get()
    world.store.fault("status", status=status, times=99, **answer)
    with pytest.raises(CommandError, match="Nothing was connected"):
        create(world, capsys)
    words = ["--shop", str(world.shop.pk), "--platform", "shopify", "--store", "scripted.myshopify.com"]
    with pytest.raises(CommandError, match="Nothing was connected"):
        call_command("shop", "connect", *words, "--store-token", "st", "--store-secret", "ss")
    assert StoreConnection.objects.get().address == before.address


def test_a_reverb_that_does_not_answer_makes_shop_create_fail(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.reverb.fault("status", status=503, times=99)
    with pytest.raises(CommandError, match="Reverb did not answer"):
        create(world, capsys)
    assert not Shop.objects.filter(name="Scripted").exists()


def test_shop_list_prints_every_shop(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    made = create(world, capsys)
    call_command("shop", "list")
    listed = json.loads(capsys.readouterr().out)
    assert [shop["name"] for shop in listed] == ["Guitars", "Scripted"]
    assert listed[1]["webhooks"] == made["webhooks"]


def test_queue_status_counts_what_is_open_and_waits(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.product("")
    world.settle()
    world.product("A1")
    inbox.keep(world.shop.pk, source="store", delivery_id="1", topic="t", body=b"{}", state=Delivery.State.OPEN)
    world.now += timedelta(seconds=5)
    call_command("queue", "status", "--json")
    status = json.loads(capsys.readouterr().out)
    assert (status["open_deliveries"], status["open_jobs"], status["blocked_jobs"]) == (1, 1, 1)
    assert status["oldest_open_delivery_s"] == status["oldest_open_job_s"] == 5.0


def test_queue_status_shows_the_rate_and_who_was_asked_to_slow_down(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    world.reverb.fault("status", status=429, retry_after=60, body={"message": "Too many"})
    world.product()
    world.step()
    call_command("queue", "status", "--json")
    status = json.loads(capsys.readouterr().out)
    assert status["calls_last_minute"] == 1 + connect.READS  # those of connecting
    [slowed] = status["slowed"]
    assert (slowed["account"], slowed["percent"]) == (f"reverb:{world.shop.reverb.budget}", 50)
    assert 55 < slowed["quiet_s"] <= 60
    assert slowed["whole_in_s"] > slowed["quiet_s"]


def test_queue_wait_returns_when_nothing_is_open_and_fails_when_the_time_is_up(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("queue", "wait", "--timeout", "0")
    world.product()
    with pytest.raises(SystemExit) as ended:
        call_command("queue", "wait", "--timeout", "0")
    assert ended.value.code == 1


def test_catalogue_wait_waits_for_the_first_crawl_of_a_store_that_was_connected_just_now(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    Crawl.objects.all().delete()
    with pytest.raises(CommandError, match="Still under way"):
        call_command("catalogue", "wait", "--shop", str(world.shop.pk), "--timeout", "0")
    Crawl.objects.update(due_at=world.now + timedelta(hours=1))
    call_command("catalogue", "wait", "--shop", str(world.shop.pk), "--timeout", "0")
    assert {one["state"] for one in json.loads(capsys.readouterr().out)["crawls"]} == {"done"}
    Crawl.objects.update(state=Crawl.State.RUNNING)
    with pytest.raises(CommandError, match="Still under way"):
        call_command("catalogue", "wait", "--shop", str(world.shop.pk), "--timeout", "0")


def test_secrets_rotate_encrypts_all_with_the_first_key(
    world: World, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    new = Fernet.generate_key().decode()
    settings.ENCRYPTION_KEYS = [new, *settings.ENCRYPTION_KEYS]
    call_command("secrets", "rotate")
    settings.ENCRYPTION_KEYS = [new]
    assert StoreConnection.objects.get().secret.get_secret_value() == "s"
    with connection.cursor() as cursor:
        cursor.execute("SELECT token FROM shops_storeconnection")
        [[stored]] = cursor.fetchall()
    assert world.token not in stored
