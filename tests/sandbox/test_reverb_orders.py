"""Orders and webhooks of the stand-in Reverb."""

from __future__ import annotations

import json
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.sandbox.test_reverb import HEADERS, VERY_GOOD, Call, call, client, later, live

__all__ = ["call", "client"]
OFFICIAL = ("listings/update", "listings/publish", "orders/create", "orders/update", "app/uninstalled")
HOOK = "http://receiver.test/hook"


def control(client: FlaskClient, path: str, body: Any = None, status: int = 200) -> Any:
    """Call a control address."""
    answer = client.post(f"/_control{path}", json={} if body is None else body)
    assert answer.status_code == status, answer.get_data(as_text=True)
    return answer.get_json()


def buy(client: FlaskClient, path: str, answers: int = 200, **wish: Any) -> Any:
    """Buy units of a listing."""
    return control(client, "/buy", {"listing_id": path.rpartition("/")[2], **wish}, answers)


def step(client: FlaskClient, order: Any, word: str, status: int = 200) -> Any:
    """Move an order on."""
    return control(client, f"/orders/{order['order_number']}/{word}", None, status)


def units(call: Call, path: str) -> tuple[int, str]:
    """Return inventory and state of a listing."""
    read = call("GET", path)
    return read["inventory"], read["state"]["slug"]


# -- orders --------------------------------------------------------------------------------------------------------


def test_a_sale_takes_units_and_the_last_one_takes_the_listing_off_sale(client: FlaskClient, call: Call) -> None:
    path = live(client, call)
    buy(client, path, quantity=2)
    assert units(call, path) == (1, "live")
    buy(client, path, 409, quantity=2)
    buy(client, path)
    assert units(call, path) == (0, "sold")
    buy(client, path, 409)


@pytest.mark.parametrize("restores", [True, False])
@pytest.mark.parametrize("word", ["cancel", "refund", "block"])
def test_a_cancelled_unit_comes_back_once_if_this_reverb_does_that(
    client: FlaskClient,
    call: Call,
    restores: bool,
    word: str,
) -> None:
    control(client, "/settings", {"restores_on_cancel": restores})
    path = live(client, call)
    order = buy(client, path, quantity=3)
    step(client, order, word)
    assert units(call, path) == ((3, "live") if restores else (0, "sold"))
    if word != "cancel":
        step(client, order, "cancel")  # refunded becomes cancelled
    assert units(call, path)[0] == (3 if restores else 0)
    step(client, order, "cancel", 409)


@pytest.mark.parametrize("restores", [True, False])
def test_a_cancelled_order_that_is_on_again_takes_its_units_again_where_they_came_back(
    client: FlaskClient, call: Call, restores: bool
) -> None:
    control(client, "/settings", {"restores_on_cancel": restores})
    path = live(client, call)
    order = buy(client, path, quantity=2)
    step(client, order, "cancel")
    step(client, order, "reopen")
    assert units(call, path) == (1, "live")
    step(client, order, "reopen", 409)


def test_a_used_listing_that_sold_stays_locked_even_when_the_order_is_cancelled(
    client: FlaskClient,
    call: Call,
) -> None:
    path = live(client, call, condition={"uuid": VERY_GOOD})
    buy(client, path, 409, quantity=2)
    step(client, buy(client, path), "cancel")
    assert units(call, path)[1] == "ordered"


@pytest.mark.parametrize("at_once", [True, False])
def test_an_unpaid_order_takes_its_unit_at_once_or_when_it_is_paid(
    client: FlaskClient,
    call: Call,
    at_once: bool,
) -> None:
    control(client, "/settings", {"unpaid_takes_stock": at_once})
    path = live(client, call)
    order = buy(client, path, status="unpaid")
    assert units(call, path)[0] == (2 if at_once else 3)
    read = call("GET", f"/my/orders/selling/{order['order_number']}")
    assert (read["status"], read["paid_at"], read["shipping_address"]) == ("unpaid", None, None)
    step(client, order, "pay")
    assert units(call, path)[0] == 2
    step(client, order, "cancel")
    assert units(call, path)[0] == 3


def test_an_order_reads_as_reverb_writes_it(client: FlaskClient, call: Call) -> None:
    path = live(client, call)
    number = buy(client, path, quantity=2, shipping="8", tax="1.50")["order_number"]
    read = call("GET", f"/my/orders/selling/{number}")
    assert read["amount_product_subtotal"] == {
        "amount": "1000.00",
        "amount_cents": 100000,
        "currency": "USD",
        "symbol": "$",
        "display": "$1,000.00",
    }
    assert read["total"]["amount"] == "1009.50"
    assert (read["product_id"], read["quantity"], read["sku"]) == (path.rpartition("/")[2], 2, "A1")
    assert (read["buyer_name"], read["shipping_address"]["country_code"]) == ("Bob Buyer", "US")
    assert datetime.fromisoformat(read["updated_at"]).utcoffset() is not None
    assert "." not in read["updated_at"]  # whole seconds
    assert read["_links"]["ship"]["href"].endswith(f"/{number}/ship")
    assert "buyer_email" not in read


def test_the_lists_show_what_changed_in_a_span_newest_first(client: FlaskClient, call: Call) -> None:
    path = live(client, call)
    first = buy(client, path, status="unpaid")
    later(client, 3600)
    second = buy(client, path)
    moment = call("GET", f"/my/orders/selling/{second['order_number']}")["updated_at"]

    def found(which: str = "all", **query: str) -> list[str]:
        answer = client.get(f"/api/my/orders/selling/{which}", query_string=query, headers=HEADERS)
        assert answer.status_code == 200
        return [row["order_number"] for row in answer.get_json()["orders"]]

    assert found() == [second["order_number"], first["order_number"]]
    assert found(updated_start_date=moment) == [second["order_number"]]
    assert found(updated_end_date=moment) == [first["order_number"]]
    assert (found("unpaid"), found("awaiting_shipment")) == ([first["order_number"]], [second["order_number"]])
    step(client, first, "pay")
    assert found(updated_start_date=moment) == [second["order_number"], first["order_number"]]
    assert found(created_start_date=moment) == [second["order_number"]]
    call("GET", "/my/orders/selling/all?updated_start_date=yesterday", status=400)


def test_the_list_of_orders_can_trail_while_the_order_itself_does_not(client: FlaskClient, call: Call) -> None:
    control(client, "/settings", {"orders_lag_s": 20})
    order = buy(client, live(client, call))
    later(client, 10)
    step(client, order, "cancel")
    assert call("GET", f"/my/orders/selling/{order['order_number']}")["status"] == "cancelled"
    assert call("GET", "/my/orders/selling/all")["orders"] == []
    later(client, 12)
    assert [row["status"] for row in call("GET", "/my/orders/selling/all")["orders"]] == ["paid"]
    later(client, 10)
    assert [row["status"] for row in call("GET", "/my/orders/selling/all")["orders"]] == ["cancelled"]


def test_shipping_wants_all_three_fields_a_known_provider_and_the_right_scope(
    client: FlaskClient,
    call: Call,
) -> None:
    order = buy(client, live(client, call))
    path = f"/my/orders/selling/{order['order_number']}"
    parcel = {"provider": "UPS", "tracking_number": "1Z1", "send_notification": True}
    for name in parcel:
        assert name in call("POST", f"{path}/ship", {**parcel, name: ""}, 412)["errors"]
    call("POST", f"{path}/ship", {**parcel, "provider": "Owl post"}, 412)
    call("POST", f"{path}/mark_picked_up", {}, 422)
    call("POST", f"{path}/ship", parcel)
    read = call("GET", path)
    assert (read["status"], read["shipping_provider"], read["shipping_code"]) == ("shipped", "UPS", "1Z1")
    step(client, order, "receive")
    call("POST", f"{path}/ship", parcel, 422)
    client.post("/_control/accounts", json={"token": "t", "scopes": ["public", "read_orders"]})
    call("POST", f"{path}/ship", parcel, 403)


def test_what_is_picked_up_has_no_address_and_is_not_shipped(client: FlaskClient, call: Call) -> None:
    order = buy(client, live(client, call), local_pickup=True)
    path = f"/my/orders/selling/{order['order_number']}"
    read = call("GET", path)
    assert (read["shipping_address"], read["shipping_method"], read["local_pickup"]) == (None, "local", True)
    call("POST", f"{path}/ship", {"provider": "UPS", "tracking_number": "1", "send_notification": False}, 422)
    call("POST", f"{path}/mark_picked_up")
    assert call("GET", path)["status"] == "picked_up"


def test_another_sellers_order_cannot_be_seen(client: FlaskClient, call: Call) -> None:
    order = buy(client, live(client, call))
    client.post("/_control/accounts", json={"token": "other"})
    call("GET", f"/my/orders/selling/{order['order_number']}", status=404, Authorization="Bearer other")


def test_every_answer_is_dated_by_reverbs_own_clock(client: FlaskClient) -> None:
    first = parsedate_to_datetime(client.get("/").headers["Date"])
    later(client, 7200)
    second = parsedate_to_datetime(client.get("/").headers["Date"])
    assert 7199 <= (second - first).total_seconds() <= 7260


def test_orders_have_a_page_with_buttons(client: FlaskClient, call: Call) -> None:
    path = live(client, call)
    client.post(f"/item/{path.rpartition('/')[2]}/buy", data={"status": "unpaid"})
    assert "Pay" in client.get("/my/selling/orders").get_data(as_text=True)
    client.post("/my/selling/orders/90001/pay")
    assert "Refund" in client.get("/my/selling/orders/90001").get_data(as_text=True)
    assert client.post("/my/selling/orders/90001/receive").status_code == 409


# -- webhooks ------------------------------------------------------------------------------------------------------


def register(client: FlaskClient, call: Call, *topics: str) -> None:
    """Register an address for topics; what is sent waits in the outbox."""
    control(client, "/settings", {"hold": True})
    for topic in topics:
        call("POST", "/webhooks/registrations", {"url": HOOK, "topic": topic}, 201)


def sent(client: FlaskClient) -> list[tuple[str, Any]]:
    """Take topic and body of what would have been sent."""
    return [(one["topic"], json.loads(one["body"])) for one in client.get("/_control/outbox").get_json()]


def test_registrations_are_listed_without_an_id_and_deleted_by_their_link(client: FlaskClient, call: Call) -> None:
    made = call("POST", "/webhooks/registrations", {"url": HOOK, "topic": "orders/create"}, 201)
    assert set(made) == {"url", "topic", "created_at", "_links"}
    assert call("GET", "/webhooks/registrations") == {"registrations": [made]}
    link = made["_links"]["self"]["href"].partition("/api")[2]
    assert call("DELETE", link) == {}
    call("DELETE", link, status=404)


def test_a_topic_that_this_reverb_does_not_know_is_refused(client: FlaskClient, call: Call) -> None:
    refused = call("POST", "/webhooks/registrations", {"url": HOOK, "topic": "orders/paid"}, 400)
    assert refused["message"] == "topic does not have a valid value"
    control(client, "/settings", {"webhook_topics": ["orders/paid"]})
    register(client, call, "orders/paid")
    call("POST", "/webhooks/registrations", {"url": HOOK, "topic": "orders/create"}, 400)
    path = live(client, call)
    order = buy(client, path, status="unpaid")
    step(client, order, "pay")
    step(client, order, "cancel")
    assert [(topic, body["status"]) for topic, body in sent(client)] == [("orders/paid", "paid")]


def test_a_personal_token_can_be_refused_all_webhooks(client: FlaskClient, call: Call) -> None:
    control(client, "/settings", {"webhooks_need_oauth": True})
    wish = {"url": HOOK, "topic": "orders/create"}
    refused = call("POST", "/webhooks/registrations", wish, 401)
    assert refused["message"] == "Please log in via Oauth to create webhooks"
    call("GET", "/my/account")
    client.post("/_control/accounts", json={"token": "t", "oauth": True})
    call("POST", "/webhooks/registrations", wish, 201)


def test_listings_are_sent_only_when_state_or_inventory_changed(client: FlaskClient, call: Call) -> None:
    register(client, call, *OFFICIAL)
    path = live(client, call)
    assert [topic for topic, _ in sent(client)] == ["listings/update", "listings/publish"]
    call("PUT", path, {"title": "New name"})
    assert sent(client) == []
    call("PUT", path, {"inventory": 2})  # our own write is sent too
    [(topic, body)] = sent(client)
    assert (topic, body["inventory"], body["id"]) == ("listings/update", 2, int(path.rpartition("/")[2]))
    call("PUT", path, {"inventory": 2})
    assert sent(client) == []


def test_an_order_is_sent_with_its_own_json_at_each_step(client: FlaskClient, call: Call) -> None:
    register(client, call, *OFFICIAL)
    path = live(client, call)
    sent(client)
    order = buy(client, path)
    bodies = sent(client)
    assert [topic for topic, _ in bodies] == ["listings/update", "orders/create"]
    read = call("GET", f"/my/orders/selling/{order['order_number']}")
    assert {**bodies[1][1], "_links": {}} == {**read, "_links": {}}  # the links name the host that was asked
    step(client, order, "ship")
    assert [(topic, body["status"]) for topic, body in sent(client)] == [("orders/update", "shipped")]


def test_the_guides_own_names_are_sent_where_they_are_taken(client: FlaskClient, call: Call) -> None:
    control(client, "/settings", {"webhook_topics": ["product/updated", "order/created"]})
    register(client, call, "product/updated", "order/created")
    path = live(client, call)
    buy(client, path)
    assert [topic for topic, _ in sent(client)] == ["listings/update", "listings/update", "orders/create"]


def test_webhooks_can_be_dropped_and_doubled(client: FlaskClient, call: Call) -> None:
    register(client, call, "orders/create")
    path = live(client, call, inventory=9)
    control(client, "/settings", {"drop_every": 3, "duplicate_every": 2})
    for _ in range(3):
        buy(client, path)
    assert len(sent(client)) == 3  # one, two copies of the second, none of the third


def test_a_token_whose_app_was_taken_out_is_refused_and_that_is_sent(client: FlaskClient, call: Call) -> None:
    register(client, call, "app/uninstalled")
    control(client, "/uninstall", {"token": "t"})
    assert sent(client) == [("app/uninstalled", {})]
    call("GET", "/my/account", status=401)
