"""Faults that every stand-in has, over HTTP: what a caller sees, and what was applied."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from tests.journeys.world import StandIn, running

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def process() -> Iterator[StandIn]:
    """Run a Reverb, which is a stand-in like any other."""
    with running("sandbox.reverb.app") as url:
        yield StandIn(url)


@pytest.fixture
def reverb(process: StandIn) -> StandIn:
    """Return it empty, with one account."""
    process.ask("POST", "/reset")
    process.ask("POST", "/accounts", {"token": "t"})
    return process


def call(reverb: StandIn, method: str = "GET", body: Any = None, **more: Any) -> requests.Response:
    """Call its API."""
    headers = {"Authorization": "Bearer t", "Accept-Version": "3.0"}
    url = f"{reverb.url}/api/" + ("listings" if method == "POST" else "my/listings?state=all")
    return requests.request(method, url, json=body, headers=headers, **{"timeout": 20, **more})


LISTING = {"make": "Fender", "model": "Strat", "title": "Fender Strat", "sku": "A1"}


def made(reverb: StandIn) -> int:
    """Return how many listings it has."""
    return len(reverb.ask("GET", "/listings"))


def test_a_page_comes_with_any_status_and_headers_and_nothing_is_applied(reverb: StandIn) -> None:
    reverb.fault("status", status=403, page="cloudflare", headers={"X-Odd": "yes"})
    answer = call(reverb, "POST", LISTING)
    assert (answer.status_code, answer.headers["X-Odd"], answer.headers["cf-mitigated"]) == (403, "yes", "challenge")
    assert "Just a moment" in answer.text
    assert made(reverb) == 0


def test_a_redirect_names_its_place(reverb: StandIn) -> None:
    reverb.fault("status", status=302, page="empty", headers={"Location": "https://elsewhere.test/"})
    answer = call(reverb, allow_redirects=False)
    assert (answer.status_code, answer.headers["Location"], answer.text) == (302, "https://elsewhere.test/", "")


def test_something_else_may_answer_after_a_write_was_applied(reverb: StandIn) -> None:
    reverb.fault("instead", status=504, page="nginx", method="POST")
    assert call(reverb, "POST", LISTING).status_code == 504
    assert made(reverb) == 1


def test_bytes_that_are_no_text_and_bodies_of_any_size_arrive_as_they_are(reverb: StandIn) -> None:
    reverb.fault("status", status=200, raw='\ufeff{"a": "\udcff"}', pad=3_000_000)
    body = call(reverb).content
    assert body.startswith(b'\xef\xbb\xbf{"a": "\xff"}')
    assert len(body) == 3_000_000


def test_an_answer_is_wrapped_and_its_json_edited(reverb: StandIn) -> None:
    for sku in ("A1", "B1"):
        call(reverb, "POST", {**LISTING, "sku": sku})
    reverb.ask("POST", "/clock", {"advance_s": 60})  # its lists trail
    edits = {"listings.[sku=A1].inventory": "2.5", "listings.*.photos": {"0": False}, "total": None}
    reverb.fault("edited", edits=edits, drops=["listings.*._links"])
    reverb.fault("wrapped", before="<b>Warning</b>\n", behind="<!-- debug -->")
    text = call(reverb).text
    assert text.startswith("<b>Warning</b>\n{")
    assert text.endswith("<!-- debug -->")
    reverb.fault("edited", edits=edits, drops=["listings.*._links"])
    said = call(reverb).json()
    assert {row["sku"]: row.get("inventory") for row in said["listings"]}["A1"] == "2.5"
    assert all(row["photos"] == {"0": False} and "_links" not in row for row in said["listings"])


def test_a_whole_answer_is_replaced_by_the_empty_path(reverb: StandIn) -> None:
    reverb.fault("edited", edits={"": []})
    assert call(reverb).json() == []


def test_an_answer_that_is_cut_off_breaks_the_line(reverb: StandIn) -> None:
    reverb.fault("cut", bytes=10)
    with pytest.raises(requests.RequestException):
        _ = call(reverb).content


def test_hanging_calls_take_no_thread_and_end_when_the_faults_are_forgotten(reverb: StandIn) -> None:
    reverb.fault("hang", delay_s=30, times=20)
    began = time.monotonic()
    with ThreadPoolExecutor(20) as pool:
        calls = [pool.submit(call, reverb, "POST", LISTING) for _ in range(20)]
        while reverb.ask("GET", "/faults")[0]["hits"] < 20:
            assert time.monotonic() < began + 15
        assert made(reverb) == 0  # twenty of them, and eight threads
        reverb.ask("DELETE", "/faults")
        assert all(isinstance(one.exception(timeout=10), requests.ConnectionError) for one in calls)
    assert time.monotonic() < began + 20


def test_a_slow_answer_is_applied_at_once(reverb: StandIn) -> None:
    reverb.fault("slow_answer", delay_s=20)
    with pytest.raises(requests.ReadTimeout):
        call(reverb, "POST", LISTING, timeout=0.5)
    assert made(reverb) == 1
    reverb.ask("DELETE", "/faults")


def test_a_fault_that_makes_no_sense_is_refused(reverb: StandIn) -> None:
    for wish in ({"kind": "nonsense"}, {"kind": "status", "colour": 1}, {"kind": "status", "page": "nowhere"}):
        answer = requests.post(f"{reverb.url}/_control/faults", json=wish, timeout=5)
        assert answer.status_code == 400
