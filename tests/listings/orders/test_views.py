"""The pages of sales on Reverb: who sees them, what they say, and what their buttons do."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from listings.models import Order, Parcel, StoreOrderState
from shops.models import Membership, ShipStation, Shop, SyncSettings
from shops.snapshots import ReverbOrder
from synclog.models import Entry
from synclog.record import Attempt, record
from tests.people import NOON, nora, olivia, product_of, shop_of
from tests.responses import Response

pytestmark = pytest.mark.django_db
BOB = {"name": "Bob Buyer", "street": "1 Main St", "city": "Austin", "postal_code": "78701", "country": "US"}
ACTIONS = ("make", "leave", "picked-up")


@pytest.fixture
def shop() -> Shop:
    """Return Olivia's shop, which does not reach Reverb in these tests."""
    made = shop_of(olivia())
    made.reverb.delete()
    return Shop.objects.get(pk=made.pk)


def sale(shop: Shop, number: str = "9001", *, status: str = "paid", minutes: int = 0, **columns: Any) -> Order:
    """Return a sale."""
    at = NOON + timedelta(minutes=minutes)
    link = f"https://reverb.test/my/selling/orders/{number}"
    seen = ReverbOrder(number, "701", "A1", "Strat", 1, status, at, at, buyer="Bob Buyer", address=BOB, web_url=link)
    said: dict[str, Any] = {
        "title": "Fender <b>Strat",
        "sku": "A1",
        "quantity": 1,
        "status": status,
        "decided_on": status,
        "placed_at": at,
        "updated_at": at,
        "seen_at": at,
        "snapshot": seen.to_json(),
        "store_state": StoreOrderState.SKIPPED,
    }
    return Order.objects.create(shop=shop, number=number, **{**said, **columns})


def browser(person: Any = None) -> Client:
    """Return a browser in which a person is signed in, Olivia by default."""
    client = Client()
    client.force_login(person or olivia())
    return client


def get(shop: Shop, name: str = "orders:list", *ids: int, query: str = "", **headers: str) -> str:
    """Return a page as Olivia sees it."""
    answer = browser().get(reverse(name, args=[shop.pk, *ids]) + query, headers=headers)
    assert answer.status_code == 200
    return answer.content.decode()


def press(shop: Shop, name: str, *ids: Any, form: dict[str, str] | None = None) -> Response:
    """Press a button as Olivia."""
    return browser().post(reverse(name, args=[shop.pk, *ids]), form or {})


def numbers(shown: str) -> list[str]:
    """Return the numbers of the orders in a list."""
    return re.findall(r'class="title" href="[^"]+">(\w+)<', shown)


# -- who sees what -------------------------------------------------------------------------------------------------


def test_a_stranger_sees_and_changes_nothing_and_staff_sees_all(shop: Shop) -> None:
    row = sale(shop, store_state=StoreOrderState.CREATE_FAILED, product=product_of(shop))
    parcel = Parcel.objects.create(
        shop=shop, order=row, source="hand", tracking_number="1", reported_at=NOON, state="waits"
    )
    pages = [
        reverse("orders:list", args=[shop.pk]),
        reverse("orders:order", args=[shop.pk, row.pk]),
        reverse("orders:shipstation", args=[shop.pk]),
    ]
    buttons = [
        *(reverse("orders:act", args=[shop.pk, row.pk, word]) for word in ACTIONS),
        reverse("orders:ship", args=[shop.pk, row.pk]),
        *(reverse("orders:act_on_parcel", args=[shop.pk, row.pk, parcel.pk, word]) for word in ("send", "leave")),
        reverse("orders:shipstation_store", args=[shop.pk]),
        reverse("orders:shipstation_keys", args=[shop.pk]),
        reverse("orders:shipstation_remove", args=[shop.pk, "store"]),
    ]
    stranger = browser(nora())
    assert {stranger.get(page).status_code for page in pages} == {404}
    assert {stranger.post(button).status_code for button in buttons} == {404}
    assert {Client().get(page).status_code for page in pages} == {302}
    row.refresh_from_db()
    assert (row.store_state, row.requested, ShipStation.objects.exists()) == (
        StoreOrderState.CREATE_FAILED,
        False,
        False,
    )
    Membership.objects.create(shop=shop, person=nora(), role=Membership.Role.STAFF)
    assert {stranger.get(page).status_code for page in pages} == {200}


def test_an_order_of_another_shop_cannot_be_reached_through_ones_own(shop: Shop) -> None:
    other = shop_of(nora(), "Drums")
    foreign = sale(other, product=product_of(other))
    parcel = Parcel.objects.create(shop=other, order=foreign, source="hand", tracking_number="1", reported_at=NOON)
    assert browser().get(reverse("orders:order", args=[shop.pk, foreign.pk])).status_code == 404
    assert press(shop, "orders:act", foreign.pk, "make").status_code == 404
    assert press(shop, "orders:act_on_parcel", foreign.pk, parcel.pk, "send").status_code == 404
    assert numbers(get(shop)) == []


# -- what they say -------------------------------------------------------------------------------------------------


def test_with_orders_off_the_page_shows_sales_and_stock_but_no_buyer(shop: Shop) -> None:
    row = sale(shop, product=product_of(shop), counted=1)
    for shown in (get(shop), get(shop, "orders:order", row.pk)):
        assert "9001" in shown
        assert "1 unit taken from your store&#x27;s stock." in shown
        assert "https://reverb.test/my/selling/orders/9001" in shown
        assert "Bob" not in shown
        assert "<b>Strat" not in shown
    assert "suits most sellers" in get(shop)


def test_with_orders_on_an_order_shows_buyer_store_order_and_tracking(shop: Shop) -> None:
    SyncSettings.objects.filter(shop=shop).update(take_orders=True)
    made: dict[str, Any] = {
        "store_order_id": "5",
        "store_order_number": "#1005",
        "store_order_url": "https://store.test/orders/5",
    }
    row = sale(shop, product=product_of(shop), store_state=StoreOrderState.CREATED, store_status="open", **made)
    Parcel.objects.create(
        shop=shop, order=row, source="store", tracking_number="1Z9", provider="UPS", reported_at=NOON, state="sent"
    )
    for shown in (get(shop), get(shop, "orders:order", row.pk)):
        for words in ("Bob Buyer", "#1005", "https://store.test/orders/5", "UPS 1Z9", "Reverb knows", "Paid, to be"):
            assert words in shown
    assert "1 Main St" in get(shop, "orders:order", row.pk)


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        (
            {"store_state": StoreOrderState.CREATE_FAILED, "store_problem": "Your store is not connected."},
            "Your store is not connected.",
        ),
        (
            {"store_state": StoreOrderState.CANCEL_FAILED, "store_problem": "Shopify has it as shipped."},
            "Cancel the order in your store by hand",
        ),
        ({"store_state": StoreOrderState.CANCELLING, "store_problem": "Keys refused."}, "Keys refused."),
        ({"store_state": StoreOrderState.CREATED, "status": "blocked"}, "Do not ship it before Reverb says so."),
        ({"store_state": StoreOrderState.CREATED, "store_status": "cancelled"}, "but not on Reverb"),
        (
            {"store_state": StoreOrderState.CREATED, "made_for": "another address"},
            "The address on Reverb is another now.",
        ),
        ({"store_state": StoreOrderState.NO_PRODUCT}, "No product of your store"),
        ({"store_state": StoreOrderState.AWAITING_PAYMENT, "status": "unpaid"}, "as soon as it is paid"),
        ({"store_state": StoreOrderState.NOT_NEEDED, "status": "cancelled"}, "The sale was off before it was made."),
    ],
)
def test_each_state_has_words_that_say_what_to_do(shop: Shop, columns: dict[str, Any], words: str) -> None:
    row = sale(shop, **columns)
    assert words in get(shop)
    assert words in get(shop, "orders:order", row.pk)


def test_filters_part_what_needs_the_seller_from_what_waits_and_what_is_done(shop: Shop) -> None:
    sale(shop, "failed", store_state=StoreOrderState.CREATE_FAILED)
    sale(shop, "kept", store_state=StoreOrderState.CANCEL_FAILED, status="refunded")
    parcel = sale(shop, "parcel", status="paid", store_state=StoreOrderState.CREATED)
    Parcel.objects.create(shop=shop, order=parcel, source="hand", tracking_number="1", reported_at=NOON, state="waits")
    sale(shop, "unpaid", store_state=StoreOrderState.AWAITING_PAYMENT, status="unpaid")
    sale(shop, "new", store_state=StoreOrderState.CREATING)
    sale(shop, "shipped", status="shipped")
    sale(shop, "cancelled", status="cancelled", store_state=StoreOrderState.CANCELLED)
    assert sorted(numbers(get(shop, query="?show=attention"))) == ["failed", "kept", "parcel"]
    assert sorted(numbers(get(shop, query="?show=waiting"))) == ["new", "unpaid"]
    assert sorted(numbers(get(shop, query="?show=done"))) == ["cancelled", "shipped"]
    assert len(numbers(get(shop, query="?show=nonsense"))) == 7
    assert "3 orders need you" in get(shop)
    assert numbers(get(shop, query="?q=unp")) == ["unpaid"]
    assert "No order matches." in get(shop, query="?q=nothing%00")


def test_pages_go_by_key_and_miss_nothing_while_new_sales_come(shop: Shop) -> None:
    for n in range(60):
        sale(shop, f"n{n:02}", minutes=n // 2)  # two at the same moment
    seen, shown = [], get(shop)
    for n in range(60, 65):
        sale(shop, f"n{n}", minutes=n)
    while True:
        seen += numbers(shown)
        older = re.search(r'<a rel="next" href="[^"]+\?([^"]+)"', shown)
        if older is None:
            break
        shown = get(shop, query="?" + older[1].replace("&amp;", "&"))
    assert sorted(seen) == [f"n{n:02}" for n in range(60)]
    newer = re.search(r'<a rel="prev" href="[^"]+\?([^"]+)"', shown)
    assert newer is not None
    assert len(numbers(get(shop, query="?" + newer[1].replace("&amp;", "&")))) == 25


@pytest.mark.parametrize("key", ["x", "_", "2026-01-01_1", "2026-01-01T00:00:00+00:00_", "9999-12-31T23:59:59+00:00_1"])
def test_a_key_that_is_none_shows_the_first_page(shop: Shop, key: str) -> None:
    sale(shop)
    assert numbers(get(shop, query=f"?before={key}")) == ["9001"]


def test_htmx_gets_the_rows_or_the_state_alone(shop: Shop) -> None:
    row = sale(shop, store_state=StoreOrderState.CREATING, store_due_at=NOON)
    for shown in (get(shop, **{"HX-Request": "true"}), get(shop, "orders:order", row.pk, **{"HX-Request": "true"})):
        assert "<html" not in shown
        assert "hx-get" in shown


def test_the_page_of_an_order_shows_what_was_done_for_it(shop: Shop) -> None:
    row = sale(shop)
    for trigger in ("Reverb order 9001", "Reverb order 9002"):
        said = {"outcome": Entry.Outcome.FAILED, "reason": "tracking_failed", "sku": "A1", "message": trigger}
        record(Attempt(shop_id=shop.pk, at=NOON, trigger=trigger, **said))  # type: ignore[arg-type]
    shown = get(shop, "orders:order", row.pk)
    assert ("“Reverb order 9001”" in shown, "“Reverb order 9002”" in shown) == (True, False)


def test_the_settings_say_why_orders_are_off_at_first(shop: Shop) -> None:
    shown = get(shop, "shops:settings")
    for words in ("fulfil on Reverb", "Another tool may do it already", "Two tools that do the same double the work"):
        assert words in shown
    assert not SyncSettings.objects.get(shop=shop).take_orders


# -- what their buttons do -----------------------------------------------------------------------------------------


def test_a_number_that_is_typed_in_is_kept_with_the_chosen_carrier(shop: Shop) -> None:
    row = sale(shop)
    form = {"provider": "Royal Mail", "tracking_number": " RM 12 ", "notify": "on"}
    assert press(shop, "orders:ship", row.pk, form=form).status_code == 302
    parcel = Parcel.objects.get()
    assert (parcel.provider, parcel.tracking_number, parcel.notify, parcel.source) == (
        "Royal Mail",
        "RM12",
        True,
        "hand",
    )
    press(shop, "orders:ship", row.pk, form=form)
    assert Parcel.objects.count() == 1


@pytest.mark.parametrize(
    "form", [{}, {"provider": "Pigeon", "tracking_number": "1"}, {"provider": "UPS", "tracking_number": " - "}]
)
def test_a_number_that_is_none_gets_a_sentence(shop: Shop, form: dict[str, str]) -> None:
    answer = press(shop, "orders:ship", sale(shop).pk, form=form)
    assert (answer.status_code, "errorlist" in answer.content.decode()) == (422, True)
    assert not Parcel.objects.exists()


@pytest.mark.parametrize("status", ["unpaid", "cancelled", "blocked", "picked_up"])
def test_what_cannot_be_shipped_has_no_form_and_takes_none(shop: Shop, status: str) -> None:
    row = sale(shop, status=status)
    assert "Type in a tracking number" not in get(shop, "orders:order", row.pk)
    press(shop, "orders:ship", row.pk, form={"provider": "UPS", "tracking_number": "1"})
    press(shop, "orders:act", row.pk, "picked-up")
    assert not Parcel.objects.exists()


def test_an_order_can_be_made_tried_again_and_left(shop: Shop) -> None:
    row = sale(shop, product=product_of(shop))
    assert "Make it in your store" in get(shop, "orders:order", row.pk)
    press(shop, "orders:act", row.pk, "make")
    row.refresh_from_db()
    assert (row.requested, row.store_due_at is not None) == (True, True)
    Order.objects.update(store_state=StoreOrderState.CREATE_FAILED, store_due_at=None)
    assert "Try again" in get(shop)
    press(shop, "orders:act", row.pk, "leave")
    row.refresh_from_db()
    assert (row.store_state, row.requested) == (StoreOrderState.HANDLED_MANUALLY, False)
    assert press(shop, "orders:act", row.pk, "nonsense").status_code == 404


def test_a_parcel_can_be_sent_again_with_another_carrier_or_left(shop: Shop) -> None:
    row = sale(shop)
    parcel = Parcel.objects.create(
        shop=shop, order=row, source="store", tracking_number="1", reported_at=NOON, state="waits", problem="Nope"
    )
    assert "Send tracking again" in get(shop)
    press(shop, "orders:act_on_parcel", row.pk, parcel.pk, "send", form={"provider": "DHL"})
    parcel.refresh_from_db()
    assert (parcel.state, parcel.provider, parcel.problem) == ("open", "DHL", "")
    press(shop, "orders:act_on_parcel", row.pk, parcel.pk, "leave")
    parcel.refresh_from_db()
    assert parcel.state == "left"
