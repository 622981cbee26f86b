"""Keys come by copy and paste: what nobody sees is left out, and what no header can carry is said at once."""

from __future__ import annotations

import uuid

import pytest
from django.test import Client
from django.urls import reverse

from reverbsync.http import errors, outbound
from reverbsync.ratelimit.budget import Budget
from shops.forms import ReverbForm, StoreForm
from shops.platforms import PLATFORMS
from shops.platforms.values import Way
from shops.reverb.client import ReverbClient
from tests.people import nora, olivia, shop_of

ODD = ["“abc123”", "abc\u00e9", "abc\n X-Other: 1", "ab\x7fc", "\u0430bc", "🎸"]


@pytest.mark.parametrize("typed", ["abc123", " abc123\n", "\u200babc123\ufeff", "\u00a0abc123\u2060", "abc\u00ad123"])
def test_a_key_is_read_without_what_copying_brought_along(typed: str) -> None:
    form = ReverbForm({"token": typed})
    assert form.is_valid()
    assert form.cleaned_data["token"] == "abc123"


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize(("kind", "way"), [(kind, way) for kind, one in PLATFORMS.items() for way in one.ways])
def test_a_key_of_a_store_with_signs_that_no_key_has_is_not_tried(kind: str, way: Way, odd: str) -> None:
    fields = {field.name: odd for field in way.fields}
    form = StoreForm({"address": "https://guitars.example.com", **fields}, platform=PLATFORMS[kind], way=way)
    assert set(form.errors) >= set(fields)


@pytest.mark.django_db
@pytest.mark.parametrize("odd", ODD)
def test_a_token_of_reverbs_with_signs_that_no_token_has_is_answered_with_words(odd: str) -> None:
    shop, person = shop_of(olivia()), Client()
    person.force_login(shop.people.get())
    page = person.post(reverse("shops:reverb", args=[shop.pk]), {"token": odd})
    assert page.status_code == 200
    assert b"It has characters that no key has" in page.content


@pytest.mark.parametrize("odd", ODD)
def test_a_header_that_cannot_be_sent_is_not_allowed_and_breaks_nothing(odd: str) -> None:
    budget = Budget(f"test:{uuid.uuid4()}", 6000)
    with pytest.raises(errors.NotAllowed):
        outbound.call("GET", "https://guitars.example.com/", budgets=[budget], headers={"X-Key": odd})


@pytest.mark.django_db
def test_an_etag_that_cannot_be_sent_back_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[dict[str, str]] = []

    def answer(*_: object, headers: dict[str, str], **__: object) -> outbound.Answer:
        sent.append(headers)
        return outbound.Answer(200, {"ETag": "é"}, "{}")

    monkeypatch.setattr("shops.breaker.outbound.call", answer)
    client = ReverbClient.of(shop_of(nora()).reverb)
    for etag in ("é", "a\nb", '"abc"', ""):
        client.get_if_new("/categories/flat", etag)
    assert [one.get("If-None-Match") for one in sent] == [None, None, '"abc"', None]
