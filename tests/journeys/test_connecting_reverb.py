"""A seller pastes a token: what is wrong is said in plain words, with the page on Reverb that mends it."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from shops.models import ReverbConnection
from shops.reverb.connect import PROBLEMS
from tests.journeys.world import World
from tests.people import olivia

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


def test_two_tokens_of_one_account_share_its_pace(world: World) -> None:
    first = ReverbConnection.objects.get()
    known = world.reverb.ask("POST", "/accounts", {"token": world.token})
    save(world, "second-token", {"id": known["id"]})
    second = ReverbConnection.objects.get()
    assert second.token.get_secret_value() == "second-token"
    assert second.budget == first.budget
