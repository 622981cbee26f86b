"""A seller pastes a token: what is wrong is said in plain words, with the page on Reverb that fixes it."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
import requests
from django.test import Client
from django.urls import reverse
from pydantic import SecretStr
from pytest_django.fixtures import Settings

from listings.upkeep import former_account
from shops.models import ReverbConnection
from shops.reverb.connect import PROBLEMS
from tests.journeys.world import World
from tests.people import nora, olivia

pytestmark = pytest.mark.live

LIVE = {"sku": "L1", "title": "Fender Strat", "state": "live"}


def save(world: World, token: str, account: dict[str, Any] | None, *, listed: bool = True) -> str:
    """Save a token on the page as Olivia, for an account like this; returns the page that she then sees."""
    if account is not None:
        world.reverb.ask("POST", "/accounts", {"token": token, **account})
        if listed:
            world.reverb.ask("POST", "/listings", {"token": token, "listings": [LIVE]})
    client = Client()
    client.force_login(olivia())
    page = reverse("shops:reverb", args=[world.shop.pk])
    return client.post(page, {"token": token}, follow=True).content.decode()


@pytest.mark.parametrize(
    ("account", "listed", "problem"),
    [
        (None, False, "token_refused"),
        ({"scopes": ["public"]}, False, "scope_missing"),
        ({"scopes": ["public", "read_profile"]}, False, "scope_missing"),
        ({"scopes": ["public", "read_profile", "read_listings", "write_listings"]}, False, "scope_missing"),
        ({"has_shop": False}, False, "shop_unfinished"),
        ({}, False, "no_live_listing"),
    ],
)
def test_each_problem_has_its_sentence_and_its_link(
    world: World, account: dict[str, Any] | None, listed: bool, problem: str
) -> None:
    page = save(world, "new-token", account, listed=listed)
    assert PROBLEMS[problem].words in page
    assert PROBLEMS[problem].link in page


def test_billing_that_is_missing_has_its_sentence_too(world: World) -> None:
    refusal = {"message": "Please enter your billing information first."}
    world.reverb.fault("status", path="/api/shop$", status=403, body=refusal)
    page = save(world, "new-token", {})
    assert PROBLEMS["billing_missing"].words in page
    assert PROBLEMS["billing_missing"].link in page


def test_a_good_token_is_kept_and_the_shop_is_called_by_name(world: World) -> None:
    page = save(world, "new-token", {"shop_name": "Olivia's Gear"})
    assert "Connected to Olivia&#x27;s Gear." in page
    assert ReverbConnection.objects.get().token.get_secret_value() == "new-token"


def test_a_refused_token_does_not_replace_the_one_that_works(world: World) -> None:
    save(world, "nonsense", None)
    assert ReverbConnection.objects.get().token.get_secret_value() == world.token


def test_a_reverb_that_does_not_answer_is_said_so(world: World) -> None:
    world.reverb.fault("status", status=503, times=3)
    assert PROBLEMS["unreachable"].words in save(world, "new-token", {})


def test_two_tokens_of_one_account_share_its_budget(world: World) -> None:
    first = ReverbConnection.objects.get()
    known = world.reverb.ask("POST", "/accounts", {"token": world.token})
    save(world, "second-token", {"id": known["id"]})
    second = ReverbConnection.objects.get()
    assert second.token.get_secret_value() == "second-token"
    assert second.budget == first.budget


# -- by OAuth ------------------------------------------------------------------------------------------------------


@pytest.fixture
def app(world: World, settings: Settings) -> World:
    """Return a world whose operator has a client id of Reverb's."""
    settings.REVERB_CLIENT_ID, settings.REVERB_CLIENT_SECRET = "our-app", SecretStr("our-secret")
    world.reverb.ask("POST", "/app", {"client_id": "our-app", "client_secret": "our-secret"})
    return world


def signed_in() -> Client:
    """Return Olivia's browser."""
    client = Client()
    client.force_login(olivia())
    return client


def go_to_reverb(world: World, client: Client, word: str = "authorize", **form: str) -> str:
    """Press the button here and the one on Reverb's page; returns the path that Reverb sends the browser back to."""
    page = client.post(reverse("shops:reverb_begin", args=[world.shop.pk]), form, follow=True).content.decode()
    found = re.search(r'http-equiv="refresh" content="0; url=([^"]+)"', page)
    assert found is not None
    answered = requests.post(html.unescape(found[1]), data={"word": word}, allow_redirects=False, timeout=10)
    return answered.headers["Location"].partition("//")[2].partition("/")[2]


def come_back(client: Client, path: str) -> str:
    """Follow Reverb's redirect; returns the page that is seen then."""
    return client.get(f"/{path}", follow=True).content.decode()


def test_a_seller_authorises_and_the_token_is_kept_encrypted(app: World) -> None:
    client = signed_in()
    page = come_back(client, go_to_reverb(app, client))
    assert "Connected to Gear by OAuth." in page
    kept = ReverbConnection.objects.get()
    assert kept.by_oauth
    assert kept.token.get_secret_value() not in (app.token, "")


def test_a_state_works_once_and_for_the_one_who_began(app: World) -> None:
    client = signed_in()
    path = go_to_reverb(app, client)
    other = Client()
    other.force_login(nora())
    assert "not begun here" in come_back(other, path)
    assert "Connected" in come_back(client, path)
    assert "not begun here" in come_back(client, path)


def test_a_state_that_nobody_began_is_refused(app: World) -> None:
    assert "not begun here" in come_back(signed_in(), "connect/reverb/callback/?code=x&state=made-up")
    assert ReverbConnection.objects.get().token.get_secret_value() == app.token


def test_a_seller_who_says_no_keeps_the_token_that_works(app: World) -> None:
    client = signed_in()
    assert "did not let us in" in come_back(client, go_to_reverb(app, client, word="deny"))
    assert ReverbConnection.objects.get().token.get_secret_value() == app.token


def test_without_a_client_id_there_is_no_button_and_no_way(world: World) -> None:
    client = signed_in()
    refused = client.post(reverse("shops:reverb_begin", args=[world.shop.pk]))
    assert refused.status_code == 404
    assert "Connect with Reverb" not in client.get(reverse("shops:reverb", args=[world.shop.pk])).content.decode()


# -- the sandbox ---------------------------------------------------------------------------------------------------


def test_a_sandbox_account_is_asked_at_the_sandbox_alone(world: World, settings: Settings) -> None:
    settings.REVERB_SANDBOX_API_URL = settings.REVERB_API_URL
    settings.REVERB_SANDBOX_WEB_URL = settings.REVERB_WEB_URL
    settings.REVERB_API_URL, settings.REVERB_WEB_URL = "http://127.0.0.1:9/api", "http://127.0.0.1:9"
    world.reverb.ask("POST", "/accounts", {"token": "sandbox-token"})
    page = reverse("shops:reverb", args=[world.shop.pk])
    said = signed_in().post(page, {"token": "sandbox-token", "sandbox": "on"}, follow=True).content.decode()
    assert "Connected to" in said
    assert ReverbConnection.objects.get().sandbox
    assert "another Reverb shop than before" in said
    former_account.run_slice(world.shop.pk)
    world.product()
    world.settle()
    assert world.listing()["title"] == "Fender Strat"


# -- lists ---------------------------------------------------------------------------------------------------------


def test_a_list_that_has_not_changed_is_not_sent_again(world: World) -> None:
    world.product()
    world.settle()
    world.reverb.ask("DELETE", "/requests")
    world.wait(25 * 3600)
    world.product("A2", title="Another")
    world.settle()
    [again] = world.reverb.calls("GET", "/categories/flat")
    assert again["status"] == 304
