"""ShipStation: its custom store fetches orders and reports parcels, its webhook hints at labels."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from listings.models import Order, Parcel
from listings.orders.shipstation import custom_store, notices
from reverbsync import clock
from shops.models import ShipStation, ShipStationNotice
from tests.journeys.world import StandIn, running
from tests.listings.orders.world import Sales
from tests.people import olivia

PASSWORD = "a-password-of-shipstation"
PAIR = ("v1-key", "v1-secret")


@pytest.fixture(scope="session")
def stand_in_shipstation() -> Iterator[StandIn]:
    """Run the stand-in."""
    with running("sandbox.shipstation.app") as url:
        yield StandIn(url)


@pytest.fixture
def ours(sales: Sales, stand_in_shipstation: StandIn, settings: Settings) -> ShipStation:
    """Return a shop's ShipStation with both ways set up."""
    settings.SHIPSTATION_API_URL = stand_in_shipstation.url
    stand_in_shipstation.ask("POST", "/reset", {"key": PAIR[0], "secret": PAIR[1]})
    return ShipStation.objects.create(
        shop=sales.shop, user="reverbsync-1", password=PASSWORD, api_key=PAIR[0], api_secret=PAIR[1]
    )


def basic(user: str = "reverbsync-1", password: str = PASSWORD) -> dict[str, str]:
    """Return the header of Basic authentication."""
    return {"Authorization": f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"}


def ask(ours: ShipStation, action: str = "export", *, headers: dict[str, str] | None = None, **query: str) -> Any:
    """Ask the custom store for the hour around now, or report a parcel to it."""
    path = reverse("webhooks:shipstation_store", args=[ours.hook_key])
    given = basic() if headers is None else headers
    if action == "export":
        now = clock.now()
        window = {name: (now + timedelta(minutes=by)).strftime("%m/%d/%Y %H:%M") for name, by in DATES.items()}
        return Client().get(path, {"action": action, **window, **query}, headers=given)
    return Client().post(f"{path}?{urlencode({'action': action, **query})}", "", "text/xml", headers=given)


DATES = {"start_date": -30, "end_date": 30}


# -- the custom store, as ShipStation uses it ----------------------------------------------------------------------


@pytest.mark.live
@pytest.mark.django_db(transaction=True)
def test_shipstation_fetches_all_orders_of_a_window_and_its_label_ships_the_order_on_reverb(
    sales: Sales, ours: ShipStation, stand_in_shipstation: StandIn, live_server: LiveServer
) -> None:
    product = sales.product()
    for n in range(1, 131):
        status = {1: "cancelled", 2: "unpaid", 3: "blocked", 4: "shipped"}.get(n, "paid")
        sales.sell(f"9{n:03}", product=product, status=status, title="Strat <b> ]]> & “more”")
    sales.sell("8000", product=product, local_pickup=True, shipping_address=None)
    Order.objects.update(store_state="skipped", decided_on="paid")  # what is made in the store is another story
    Order.objects.update(changed_at=sales.now)
    where = f"{live_server.url}{urlsplit(ours.store_address).path}"
    stand_in_shipstation.ask("POST", "/store", {"url": where, "user": "reverbsync-1", "password": PASSWORD})
    dates = {"start": sales.now.strftime("%m/%d/%Y %H:%M"), "end": sales.now.strftime("%m/%d/%Y %H:%M")}
    found = stand_in_shipstation.ask("POST", "/import", dates)
    assert found.get("refused") is None
    assert (found["pages"], len(found["orders"]), len(set(found["orders"]))) == (2, 130, 130)
    kept = found["kept"]
    assert [kept[f"900{n}"]["status"] for n in range(1, 6)] == ["cancelled", "unpaid", "on_hold", "shipped", "paid"]
    assert (kept["9005"]["name"], kept["9005"]["total"], kept["9005"]["skus"]) == ("Bob Buyer", "566.25", ["A1"])
    assert stand_in_shipstation.ask("POST", "/import", dates)["orders"] == found["orders"]  # the same pages again

    label = {
        "order_number": "9005",
        "carrier": "FedEx",
        "service": "Ground",
        "tracking_number": "7777",
        "notify": "false",
    }
    for _ in range(2):  # ShipStation is known to report twice
        assert stand_in_shipstation.ask("POST", "/ship", label)["status"] == 200
    sales.work()
    assert sales.reverb.writes("/ship") == [
        {"provider": "FedEx", "tracking_number": "7777", "send_notification": False},
    ]
    unknown = stand_in_shipstation.ask("POST", "/ship", {**label, "order_number": "4711"})
    assert (unknown["status"], "no such order" in unknown["words"]) == (404, True)


@pytest.mark.live
def test_a_window_shows_what_changed_in_it_and_nothing_else(sales: Sales, ours: ShipStation) -> None:
    sales.sell("9001", product=sales.product())
    sales.work()
    assert "9001" in ask(ours).content.decode()
    sales.now += timedelta(hours=3)
    assert "9001" not in ask(ours).content.decode()
    sales.say("9001", status="cancelled")
    sales.work()
    assert "<![CDATA[cancelled]]>" in ask(ours).content.decode()


@pytest.mark.live
def test_what_the_settings_do_not_allow_is_answered_in_words(sales: Sales, ours: ShipStation) -> None:
    sales.sell("9001")
    sales.set(take_orders=False, send_tracking=False)
    answer = ask(ours)
    assert (answer.status_code, "Make orders from Reverb" in answer.content.decode()) == (409, True)
    answer = ask(ours, "shipnotify", order_number="9001", tracking_number="1", carrier="UPS")
    assert (answer.status_code, "Send tracking numbers" in answer.content.decode()) == (409, True)
    assert not Parcel.objects.exists()


@pytest.mark.live
@pytest.mark.parametrize(
    "headers",
    [{}, basic(password="wrong"), basic(user="other"), basic("", ""), {"Authorization": "Basic !!"}],
)
def test_without_the_right_password_nothing_is_answered_or_taken(
    sales: Sales, ours: ShipStation, headers: dict[str, str]
) -> None:
    sales.sell("9001", product=sales.product())
    sales.work()
    for action in ("export", "shipnotify"):
        answer = ask(ours, action, headers=headers, order_number="9001", tracking_number="1")
        assert answer.status_code == 401
        assert b"Bob" not in answer.content
    assert not Parcel.objects.exists()
    assert ShipStation.objects.get().refused_calls == 2


@pytest.mark.live
def test_the_newer_way_of_the_password_works_too_and_a_removed_one_opens_nothing(
    sales: Sales, ours: ShipStation
) -> None:
    new = {"SS-UserName": "reverbsync-1", "SS-Password": PASSWORD}
    assert ask(ours, headers={}, **new).status_code == 200
    ShipStation.objects.update(user="", password=SecretStr(""))
    assert ask(ours, headers=basic("", "")).status_code == 404


@pytest.mark.live
def test_another_shops_orders_cannot_be_fetched_or_shipped(sales: Sales, ours: ShipStation) -> None:
    foreign = sales.sell("9001", product=sales.product())
    sales.work()
    from tests.people import nora, shop_of

    Order.objects.filter(pk=foreign.pk).update(shop=shop_of(nora(), "Drums"), product=None)
    assert b"9001" not in ask(ours).content
    assert ask(ours, "shipnotify", order_number="9001", tracking_number="1").status_code == 404


@pytest.mark.django_db
@pytest.mark.parametrize(
    "body",
    [
        '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><ShipNotice><OrderNumber>&b;</OrderNumber></ShipNotice>',
        '<!DOCTYPE x SYSTEM "file:///etc/passwd"><ShipNotice/>',
        "<ShipNotice>",
        "<ShipNotice><OrderNumber>1</OrderNumber></ShipNotice>",
        "\x00",
    ],
)
def test_a_notice_that_cannot_be_read_is_refused_with_words(body: str) -> None:
    with pytest.raises(custom_store.Unreadable):
        custom_store.notice({}, body.encode())


def test_a_notice_is_read_from_the_query_and_the_body() -> None:
    parts = "<OrderNumber>9</OrderNumber><Carrier>USPS</Carrier><TrackingNumber>1</TrackingNumber>"
    assert custom_store.notice({}, f"<ShipNotice>{parts}</ShipNotice>".encode()) == custom_store.Notice(
        "9", "1", "USPS"
    )
    notice = custom_store.notice({"order_number": "8", "tracking_number": "2", "carrier": "UPS"}, b"")
    assert notice == custom_store.Notice("8", "2", "UPS")


@given(st.text(max_size=300))
def test_whatever_a_buyer_writes_the_export_stays_readable(text: str) -> None:
    from defusedxml.ElementTree import fromstring

    found = fromstring(f"<a>{custom_store._text('Name', text, 200)}</a>".encode())
    clean = custom_store._FORBIDDEN.sub("", text)[:200].replace("\r\n", "\n").replace("\r", "\n")
    assert (found.findtext("Name") or "") == clean


@pytest.mark.parametrize("text", ["", "yesterday", "2026-11-02", "13/40/2026 10:00"])
def test_a_date_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(custom_store.Unreadable):
        custom_store.moment(text)


# -- the webhook ---------------------------------------------------------------------------------------------------


def call(ours: ShipStation, body: object) -> int:
    """Call our webhook address."""
    path = reverse("webhooks:shipstation_hook", args=[ours.hook_key])
    return Client().post(path, body, content_type="application/json").status_code


@pytest.mark.live
def test_a_label_made_in_shipstation_ships_the_order_on_reverb(
    sales: Sales, ours: ShipStation, stand_in_shipstation: StandIn
) -> None:
    product = sales.product()
    for number in ("9001", "9002", "9003"):
        sales.sell(number, product=product)
    sales.work()
    rows = [
        {"orderNumber": "9001", "trackingNumber": "1Z1", "sku": "A1"},
        {"orderNumber": sales.row("9002").store_order_number, "trackingNumber": "94", "carrierCode": "stamps_com"},
        {"orderNumber": "9003", "trackingNumber": "VOID", "voided": True},
        {"orderNumber": "9003", "trackingNumber": "BACK", "isReturnLabel": True},
        {"orderNumber": "9003", "trackingNumber": "1Z3", "sku": "ANOTHER"},  # the store's own order 9003
        {"orderNumber": "4711", "trackingNumber": "1Z4"},
    ]
    body = stand_in_shipstation.ask("POST", "/labels", rows)["body"]
    assert [call(ours, body), call(ours, body)] == [200, 200]
    sales.work()
    sent = {one["tracking_number"]: one["provider"] for one in sales.reverb.writes("/ship")}
    assert sent == {"1Z1": "UPS", "94": "USPS"}
    assert not ShipStationNotice.objects.exists()


@pytest.mark.live
@pytest.mark.parametrize(
    "address",
    [
        "https://ssapi.shipstation.com.evil.test/shipments?batchId=1",
        "https://evil.test/shipments?batchId=1",
        "https://ssapi.shipstation.com@evil.test/shipments?batchId=1",
        "https://user:word@ssapi.shipstation.com/shipments?batchId=1",
        "http://ssapi.shipstation.com/shipments?batchId=1",
        "https://ssapi.shipstation.com:8443/shipments?batchId=1",
        "https://ssapi.shipstation.com/accounts?batchId=1",
        "https://ssapi.shipstation.com/shipments",
        "https://ssapi.shipstation.com/shipments?batchId=1%26x=2",
        "http://169.254.169.254/latest/meta-data",
        "https://[bad/shipments?batchId=1",
        17,
    ],
)
def test_an_address_that_is_none_of_shipstations_is_never_called(
    sales: Sales, ours: ShipStation, stand_in_shipstation: StandIn, address: object
) -> None:
    assert call(ours, {"resource_url": address, "resource_type": "SHIP_NOTIFY"}) == 400
    sales.work()
    assert not ShipStationNotice.objects.exists()
    assert stand_in_shipstation.calls() == []


def test_a_real_address_is_taken_apart_and_only_its_filter_is_used() -> None:
    real = "https://ssapi6.shipstation.com/shipments?batchId=190671332&includeShipmentItems=False&sortBy=x"
    found = notices.hint({"resource_url": real, "resource_type": "SHIP_NOTIFY"}, base="https://ssapi.shipstation.com")
    assert found == {"path": "/shipments", "query": {"batchId": "190671332"}}
    other = "https://ssapi11.shipstation.com/shipments?storeID=12&includeShipmentItems=False"
    found = notices.hint({"resource_url": other, "resource_type": "SHIP_NOTIFY"}, base="https://ssapi.shipstation.com")
    assert found["query"] == {"storeId": "12"}


@pytest.mark.live
@pytest.mark.parametrize("body", [b"not json", b"[]", b"{}", b'{"resource_type": "ORDER_NOTIFY"}', b"[" * 5000])
def test_a_call_that_means_nothing_is_refused(sales: Sales, ours: ShipStation, body: bytes) -> None:
    assert call(ours, body) == 400
    assert not ShipStationNotice.objects.exists()


@pytest.mark.live
def test_when_shipstations_limit_is_met_nothing_is_lost(
    sales: Sales, ours: ShipStation, stand_in_shipstation: StandIn
) -> None:
    sales.sell(product=sales.product())
    sales.work()
    body = stand_in_shipstation.ask("POST", "/labels", [{"orderNumber": "9001", "trackingNumber": "1Z1"}])["body"]
    stand_in_shipstation.fault("status", status=429, times=2, body={"Message": "Too Many Requests"})
    call(ours, body)
    sales.work()
    assert (sales.reverb.writes("/ship"), ShipStation.objects.get().problem != "") == ([], True)
    for _ in range(4):
        sales.wait(minutes=2)
    assert (len(sales.reverb.writes("/ship")), ShipStation.objects.get().problem) == (1, "")


@pytest.mark.live
def test_keys_that_are_refused_are_reported_and_what_was_hinted_at_waits_for_better_ones(
    sales: Sales, ours: ShipStation, stand_in_shipstation: StandIn
) -> None:
    sales.sell(product=sales.product())
    sales.work()
    body = stand_in_shipstation.ask("POST", "/labels", [{"orderNumber": "9001", "trackingNumber": "1Z1"}])["body"]
    ShipStation.objects.update(api_secret=SecretStr("old"))
    call(ours, body)
    sales.work()
    assert "does not take this API key" in ShipStation.objects.get().problem
    ShipStation.objects.update(api_secret=SecretStr(PAIR[1]))
    sales.wait(hours=2)
    assert len(sales.reverb.writes("/ship")) == 1


# -- setting it up -------------------------------------------------------------------------------------------------


@pytest.mark.live
def test_the_page_makes_a_password_once_and_adds_the_webhook_by_pasted_keys(
    sales: Sales, ours: ShipStation, stand_in_shipstation: StandIn
) -> None:
    ShipStation.objects.all().delete()
    browser = Client()
    browser.force_login(olivia())
    page = reverse("orders:shipstation", args=[sales.shop.pk])
    answer = browser.post(reverse("orders:shipstation_store", args=[sales.shop.pk]))
    mine = ShipStation.objects.get()
    password = mine.password.get_secret_value()
    assert (password in answer.content.decode(), mine.store_address in answer.content.decode()) == (True, True)
    assert "no-store" in answer["Cache-Control"]
    assert password not in browser.get(page).content.decode()
    assert ask(mine, headers=basic(mine.user, password)).status_code == 200

    keys = reverse("orders:shipstation_keys", args=[sales.shop.pk])
    answer = browser.post(keys, {"api_key": "wrong", "api_secret": "wrong"})
    assert (answer.status_code, "does not take this API key" in answer.content.decode()) == (422, True)
    for _ in range(2):
        assert browser.post(keys, {"api_key": PAIR[0], "api_secret": PAIR[1]}).status_code == 302
    mine = ShipStation.objects.get()
    assert mine.hook_id == "400"
    shown = browser.get(page).content.decode()
    assert PAIR[1] not in shown
    browser.post(reverse("orders:shipstation_remove", args=[sales.shop.pk, "keys"]))
    assert call(mine, {}) == 404
    subscribed = stand_in_shipstation.calls("DELETE", "/webhooks")
    assert [one["status"] for one in subscribed] == [200]


@pytest.mark.live
def test_no_secret_is_readable_in_the_database(sales: Sales, ours: ShipStation) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT password, api_key, api_secret FROM shops_shipstation")
        row = cursor.fetchone()
    assert row is not None
    assert not {PASSWORD, *PAIR} & set(row)
