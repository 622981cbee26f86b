"""The stand-in Reverb keeps to Reverb's rules, so that what passes against it has a chance with the real one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from sandbox.reverb.app import build
from sandbox.reverb.rules import BRAND_NEW, CATEGORIES, Refusal, check, clean

VERY_GOOD = "ae4d9114-1bd7-4ec5-a4ba-6653af5ac84d"
SOLID_BODY = next(uuid for uuid, row in CATEGORIES.items() if row["full_name"] == "Electric Guitars / Solid Body")
MIDDLE = next(uuid for uuid, row in CATEGORIES.items() if not row["listable"])
HEADERS = {"Authorization": "Bearer t", "Accept-Version": "3.0"}
GUITAR = {
    "sku": "A1",
    "title": "Fender Strat",
    "make": "Fender",
    "model": "Strat",
    "condition": {"uuid": BRAND_NEW},
    "categories": [{"uuid": SOLID_BODY}],
    "price": {"amount": "500.00", "currency": "USD"},
    "photos": ["http://a/1.jpg"],
    "upc": "0123",
    "has_inventory": True,
    "inventory": 3,
}
Call = Callable[..., Any]


@pytest.fixture
def client() -> FlaskClient:
    """Return a browser for a Reverb with one account."""
    made = build(None, "http://reverb.test").test_client()
    made.post("/_control/accounts", json={"token": "t"})
    return made


@pytest.fixture
def call(client: FlaskClient) -> Call:
    """Return a way to call the API that expects a status."""

    def _call(method: str, path: str, body: Any = None, status: int = 200, **headers: str) -> Any:
        answer = client.open(f"/api{path}", method=method, json=body, headers={**HEADERS, **headers})
        assert answer.status_code == status, answer.get_data(as_text=True)
        return answer.get_json(silent=True)

    return _call


def later(client: FlaskClient, seconds: float = 5) -> None:
    """Let its time pass."""
    client.post("/_control/clock", json={"advance_s": seconds})


def live(client: FlaskClient, call: Call, **changes: Any) -> str:
    """Make a live listing and return its path."""
    made = call("POST", "/listings", {**GUITAR, "publish": True, **changes}, 201)["listing"]
    later(client)
    path = f"/listings/{made['id']}"
    assert call("GET", path)["state"]["slug"] == "live"
    return path


def test_a_wrong_token_gets_401_and_a_missing_scope_403(client: FlaskClient, call: Call) -> None:
    call("GET", "/my/account", status=401, Authorization="Bearer x")
    client.post("/_control/accounts", json={"token": "t", "scopes": ["public", "read_listings"]})
    call("POST", "/listings", GUITAR, 403)


def test_the_old_dialect_is_refused(call: Call) -> None:
    call("GET", "/my/account", status=400, **{"Accept-Version": "2.0"})


def test_a_new_listing_is_a_draft_and_publishing_takes_a_moment(client: FlaskClient, call: Call) -> None:
    made = call("POST", "/listings", {**GUITAR, "publish": True}, 201)
    assert made["listing"]["state"]["slug"] == "draft"
    assert "processing" in made["message"]
    later(client)
    assert call("GET", f"/listings/{made['listing']['id']}")["state"]["slug"] == "live"


def test_a_brand_new_item_without_a_upc_stays_a_draft_and_a_warning_says_why(client: FlaskClient, call: Call) -> None:
    made = call("POST", "/listings", {**GUITAR, "upc": "", "publish": True}, 201)
    assert "UPC" in made["warnings"][0]
    later(client, 60)
    assert call("GET", f"/listings/{made['listing']['id']}")["state"]["slug"] == "draft"


def test_a_second_listing_with_the_same_sku_is_refused(call: Call) -> None:
    call("POST", "/listings", GUITAR, 201)
    assert "sku" in call("POST", "/listings", GUITAR, 412)["errors"]


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"categories": [{"uuid": MIDDLE}]}, 400),
        ({"categories": [{"uuid": "x"}]}, 400),
        ({"condition": {"uuid": "x"}}, 412),
        ({"condition": {"uuid": "9225283f-60c2-4413-ad18-1f5eba7a856f"}}, 412),  # B-Stock needs approval
        ({"price": {"amount": "0.00", "currency": "USD"}}, 412),
        ({"price": {"amount": "1.00", "currency": "CHF"}}, 412),
        ({"price": {"amount": "a lot", "currency": "USD"}}, 412),
        ({"price": 5}, 412),
        ({"title": "x" * 256}, 412),
        ({"inventory": -1}, 412),
        ({"inventory": "3"}, 412),
        ({"photos": ["nonsense"]}, 412),
        ({"shipping_profile_id": 9}, 412),
    ],
)
def test_what_reverb_would_not_take_is_refused(changes: dict[str, Any], status: int) -> None:
    account = {"currency": "USD", "shipping_profiles": [], "b_stock": False}
    with pytest.raises(Refusal) as refused:
        check({**GUITAR, **changes}, account)
    assert refused.value.status == status


def test_stock_zero_ends_and_raising_relists_only_what_holds_several(client: FlaskClient, call: Call) -> None:
    new = live(client, call)
    assert call("PUT", new, {"inventory": 0})["listing"]["state"]["slug"] == "sold"
    assert call("PUT", new, {"inventory": 2})["listing"]["state"]["slug"] == "live"
    used = live(client, call, sku="U1", condition={"uuid": VERY_GOOD})
    assert call("PUT", used, {"inventory": 0})["listing"]["state"]["slug"] == "ended"
    assert call("PUT", used, {"inventory": 1})["listing"]["state"]["slug"] == "ended"
    call("PUT", used, {"inventory": 1, "publish": True})
    later(client)
    assert call("GET", used)["state"]["slug"] == "live"


def test_a_used_listing_reads_without_inventory_and_is_locked_once_sold(client: FlaskClient, call: Call) -> None:
    used = live(client, call, condition={"uuid": VERY_GOOD})
    read = call("GET", used)
    assert (read["has_inventory"], read["inventory"]) == (False, 1)
    client.post("/_control/buy", json={"listing_id": used.rpartition("/")[2]})
    assert call("GET", used)["state"]["slug"] == "ordered"
    call("PUT", used, {"inventory": 1, "publish": True}, 422)


def test_the_list_trails_a_change_and_the_listing_itself_does_not(client: FlaskClient, call: Call) -> None:
    path = live(client, call)
    later(client)
    call("PUT", path, {"title": "New name"})
    assert call("GET", path)["title"] == "New name"
    assert call("GET", "/my/listings")["listings"][0]["title"] == "Fender Strat"
    later(client)
    assert call("GET", "/my/listings")["listings"][0]["title"] == "New name"


def test_without_state_all_only_live_ones_are_searched(call: Call) -> None:
    call("POST", "/listings", GUITAR, 201)
    assert call("GET", "/my/listings?sku=A1")["total"] == 0
    assert call("GET", "/my/listings?sku=A1&state=all")["total"] == 1


def test_a_page_holds_50_at_most_and_links_to_the_next(client: FlaskClient, call: Call) -> None:
    bodies = [{**GUITAR, "sku": f"A{n}", "state": "live"} for n in range(60)]
    client.post("/_control/listings", json={"token": "t", "listings": bodies})
    first = call("GET", "/my/listings?per_page=100")
    assert (len(first["listings"]), first["total"], first["total_pages"]) == (50, 60, 2)
    following = first["_links"]["next"]["href"].partition("/api")[2]
    assert len(call("GET", following)["listings"]) == 10


def test_too_many_calls_get_429_with_a_time_to_wait(client: FlaskClient, call: Call) -> None:
    client.post("/_control/settings", json={"writes_per_minute": 2})
    call("POST", "/listings", {**GUITAR, "sku": "1"}, 201)
    call("POST", "/listings", {**GUITAR, "sku": "2"}, 201)
    answer = client.post("/api/listings", json={**GUITAR, "sku": "3"}, headers=HEADERS)
    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 61
    call("GET", "/my/account")  # reads have a budget of their own
    later(client, 61)
    call("POST", "/listings", {**GUITAR, "sku": "3"}, 201)


def test_only_drafts_can_be_deleted_and_only_others_ended(client: FlaskClient, call: Call) -> None:
    draft = call("POST", "/listings", {**GUITAR, "sku": "D"}, 201)["listing"]["id"]
    call("PUT", f"/my/listings/{draft}/state/end", {"reason": "not_sold"}, 422)
    call("DELETE", f"/listings/{draft}")
    call("DELETE", live(client, call), status=400)


def test_a_body_that_is_no_json_is_refused(client: FlaskClient) -> None:
    headers = {**HEADERS, "Content-Type": "application/hal+json"}
    assert client.post("/api/listings", data="{", headers=headers).status_code == 400


def test_another_sellers_listing_cannot_be_changed(client: FlaskClient, call: Call) -> None:
    path = live(client, call)
    client.post("/_control/accounts", json={"token": "other"})
    call("PUT", path, {"title": "Mine"}, 404, Authorization="Bearer other")


def test_a_description_keeps_only_a_few_tags() -> None:
    assert clean('<h1>A</h1><p class="x">B & C</p><script>x</script>') == "A<p>B &amp; C</p>"
