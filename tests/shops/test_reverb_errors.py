"""Reverb's refusals become one family of errors, whatever shape they come in."""

from __future__ import annotations

import json

import pytest

from reverbsync.http import Answer
from shops.reverb.errors import (
    Invalid,
    Lasting,
    NeedsSeller,
    NotFound,
    Passing,
    ReverbError,
    SlowDown,
    from_answer,
    read_field_errors,
)


def answer(status: int, body: object = None, **headers: str) -> Answer:
    """Return an answer with a JSON body."""
    return Answer(status, headers, "" if body is None else json.dumps(body))


@pytest.mark.parametrize(
    ("status", "family"),
    [
        (400, Invalid),
        (401, NeedsSeller),
        (403, NeedsSeller),
        (404, NotFound),
        (406, Invalid),
        (412, Invalid),
        (422, Invalid),
        (405, Lasting),
        (429, SlowDown),
        (500, Passing),
        (503, Passing),
    ],
)
def test_each_status_has_its_family(status: int, family: type[ReverbError]) -> None:
    found = from_answer(answer(status, {"message": "So it is."}))
    assert type(found) is family
    assert (found.status, found.message) == (status, "So it is.")


@pytest.mark.parametrize(
    ("errors", "read"),
    [
        ({"sku": ["is taken", "is odd"], "title": "is long"}, {"sku": ["is taken", "is odd"], "title": ["is long"]}),
        ([{"sku": ["is taken"]}, {"title": "is long"}], {"sku": ["is taken"], "title": ["is long"]}),
        (["Nothing works"], {"": ["Nothing works"]}),
        ("Nothing works", {"": ["Nothing works"]}),
        (None, {}),
        ({}, {}),
        ({"sku": []}, {}),
    ],
)
def test_field_errors_are_read_from_any_shape(errors: object, read: dict[str, list[str]]) -> None:
    assert read_field_errors(errors) == read


def test_an_error_page_that_is_no_json_still_makes_an_error() -> None:
    found = from_answer(Answer(503, {}, "<html>down</html>"))
    assert isinstance(found, Passing)
    assert found.message == "Reverb answered 503."


def test_retry_after_is_kept_in_seconds() -> None:
    assert from_answer(answer(429, {}, **{"Retry-After": "7"})).retry_after == 7.0
    assert from_answer(answer(429, {})).retry_after is None


def test_a_token_in_reverbs_words_is_starred_out() -> None:
    found = from_answer(answer(401, {"message": "Bad header: Authorization: Bearer abcdef123456"}))
    assert "abcdef123456" not in found.message
