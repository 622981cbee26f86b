"""What Reverb's answers mean: a status alone never decides, and refusals become one family of errors."""

from __future__ import annotations

import json

import pytest

from reverbsync.http.outbound import Answer
from shops.call_outcome import CallOutcome
from shops.reverb.answers import MOST_AWAY_S, MOST_WAIT_S, error_of, judge
from shops.reverb.errors import (
    Invalid,
    NeedsSeller,
    NoAnswer,
    NotFound,
    ReverbError,
    SlowDown,
    TransientError,
    read_field_errors,
)

PAGE = "<!doctype html><title>Attention Required! | Cloudflare</title>"
OWN = json.dumps({"message": "So it is.", "errors": {"title": ["is too long"]}})
NO_SUCH = json.dumps({"message": "The listing could not be found"})
LISTING = json.dumps({"id": 7, "state": {"slug": "live"}})

#: Body → statuses that it makes a outcome with, and which. All others are LATER.
OUTCOMES: dict[str, dict[int, CallOutcome]] = {
    PAGE: {},
    "": {},
    "null": {},
    "[]": {},
    '["Forbidden"]': {},
    '"Forbidden"': {},
    '{"error": "error code: 1020"}': {},
    '{"code": 403, "status": "error"}': {},
    '{"message": {"text": "no"}}': {},
    '{"message": "  "}': {},
    '{"errors": []}': {},
    '{"message": "", "errors": []}': {},
    '{"message": {"sku": "taken"}, "errors": {"sku": ["is taken"]}}': {},
    '{"message": "", "errors": {"sku": ["is taken"]}}': dict.fromkeys((400, 406, 412, 422), CallOutcome.REFUSED)
    | dict.fromkeys((401, 403), CallOutcome.KEYS),
    '{"message": "Forb': {},
    OWN: dict.fromkeys((400, 406, 412, 422), CallOutcome.REFUSED) | dict.fromkeys((401, 403), CallOutcome.KEYS),
    NO_SUCH: dict.fromkeys((400, 406, 412, 422), CallOutcome.REFUSED)
    | dict.fromkeys((401, 403), CallOutcome.KEYS)
    | dict.fromkeys((404, 410), CallOutcome.MISSING),
}
STATUSES: tuple[int, ...] = (
    301,
    302,
    303,
    307,
    308,
    400,
    401,
    402,
    403,
    404,
    405,
    406,
    409,
    410,
    412,
    418,
    422,
    425,
    429,
    451,
)
STATUSES += (500, 502, 503, 504, 520, 522, 530)
FAMILIES = {
    CallOutcome.MISSING: NotFound,
    CallOutcome.KEYS: NeedsSeller,
    CallOutcome.REFUSED: Invalid,
}


def error(status: int, body: str, *, method: str = "GET", **headers: str) -> ReverbError:
    """Return the error that an answer is."""
    answer = Answer(status, headers, body)
    return error_of(method, answer, *judge(method, answer))


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
@pytest.mark.parametrize("status", STATUSES)
def test_only_reverbs_own_json_of_a_few_statuses_decides(status: int, method: str) -> None:
    for body, of_status in OUTCOMES.items():
        outcome, _ = judge(method, Answer(status, {}, body))
        assert outcome == of_status.get(status, CallOutcome.LATER), body


@pytest.mark.parametrize("status", STATUSES)
def test_all_that_decides_nothing_passes_and_leaves_a_write_in_doubt(status: int) -> None:
    for body, of_status in OUTCOMES.items():
        outcome = of_status.get(status)
        for method in ("GET", "POST", "PUT"):
            found = error(status, body, method=method)
            if outcome is not None:
                assert type(found) is FAMILIES[outcome]
            elif status == 429:
                assert type(found) is SlowDown
            else:
                assert type(found) is (TransientError if method == "GET" else NoAnswer)
            assert found.may_have_applied == (outcome is None and status != 429 and method != "GET")


@pytest.mark.parametrize(
    ("method", "body", "done"),
    [
        ("GET", LISTING, True),
        ("GET", "{}", True),
        ("GET", "", False),
        ("GET", PAGE, False),
        ("GET", "[]", False),
        ("GET", "null", False),
        ("GET", "7", False),
        ("PUT", LISTING, True),
        ("PUT", "", True),  # state/end answers so (seen live)
        ("PUT", PAGE, False),
        ("PUT", "[]", False),
        ("POST", '{"id": 7', False),
        ("DELETE", "", True),
        ("DELETE", PAGE, False),
    ],
)
@pytest.mark.parametrize("status", [200, 201, 202])
def test_a_call_is_done_only_where_the_api_says_so(status: int, method: str, body: str, *, done: bool) -> None:
    assert judge(method, Answer(status, {}, body))[0] == (CallOutcome.DONE if done else CallOutcome.LATER)


@pytest.mark.parametrize(
    "words",
    [
        "No route matches [GET] /api/listings/7",
        "The page you were looking for doesn't exist",
        "API version not found",
        "Maintenance",
        "No message available",
    ],
)
def test_a_404_about_the_address_says_nothing_about_the_listing(words: str) -> None:
    assert judge("GET", Answer(404, {}, json.dumps({"message": words})))[0] == CallOutcome.LATER


@pytest.mark.parametrize("words", ["Not Found", "Couldn't find Listing with id=7", "The listing doesn’t exist"])
def test_a_404_in_reverbs_words_about_an_object_is_believed(words: str) -> None:
    assert judge("GET", Answer(404, {}, json.dumps({"message": words})))[0] == CallOutcome.MISSING


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


def test_an_answer_that_says_nothing_is_described_in_our_words() -> None:
    found = error(403, PAGE)
    assert (found.message, found.said) == ("Reverb answered with a page instead of data (status 403).", False)
    assert "a redirect" in error(302, "").message
    assert "something unexpected" in error(403, '{"error": "no"}').message
    assert "nothing" in error(500, "").message


def test_reverbs_own_words_are_known_as_such() -> None:
    found = error(412, OWN)
    assert (found.message, found.said, found.field_errors) == ("So it is.", True, {"title": ["is too long"]})


def test_retry_after_is_kept_in_seconds() -> None:
    assert error(429, "{}", **{"Retry-After": "7"}).retry_after == 7.0
    assert error(429, PAGE).retry_after is None
    assert error(429, PAGE, **{"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}).retry_after is None
    assert error(429, PAGE, **{"Retry-After": "9" * 400}).retry_after == MOST_WAIT_S


@pytest.mark.parametrize("status", [403, 502, 503, 520])
def test_a_page_before_reverb_delays_for_a_minute_at_most_and_reverbs_own_words_for_longer(status: int) -> None:
    assert error(status, PAGE, **{"Retry-After": "3600"}).retry_after == MOST_AWAY_S
    assert error(status, PAGE, **{"Retry-After": "5"}).retry_after == 5.0
    assert error(503, OWN, **{"Retry-After": "3600"}).retry_after == MOST_WAIT_S


def test_a_token_in_reverbs_words_is_starred_out() -> None:
    found = error(401, json.dumps({"message": "Bad header: Authorization: Bearer abcdef123456"}))
    assert "abcdef123456" not in found.message


def test_words_that_no_database_holds_are_cleaned() -> None:
    assert error(412, '{"message": "a\\u0000b\\ud800"}').message == "ab�"
