"""Stories of parcels: from the store or a person to Reverb, once, with the right carrier, and shown when it fails."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from listings.models import Order, Parcel, StoreOrderState
from listings.orders import tracking
from listings.orders.tracking import TrackingReport
from reverbsync.redis import connection as redis
from shops.reverb import reference
from shops.reverb.errors import TransientError
from shops.reverb.lists import PROVIDERS
from synclog.models import Entry
from tests.listings.orders.world import Sales

pytestmark = pytest.mark.live
HAND, STORE, SHIPSTATION = Parcel.Source.HAND, Parcel.Source.STORE, Parcel.Source.SHIPSTATION


@pytest.fixture
def sold(sales: Sales) -> Sales:
    """Return a world in which one sale was made in the store."""
    sales.sell(product=sales.product())
    sales.work()
    assert sales.row().store_state == StoreOrderState.CREATED
    return sales


# -- from the store ------------------------------------------------------------------------------------------------


def test_a_shipment_in_the_store_marks_the_order_on_reverb_as_shipped_and_the_buyer_is_mailed_there(
    sold: Sales,
) -> None:
    sold.ship_in_store(sold.row(), "UPS", "1Z 999")
    sold.work()
    assert sold.reverb.writes("/ship") == [
        {"provider": "UPS", "tracking_number": "1Z999", "send_notification": True},
    ]
    row, parcel = sold.row(), sold.parcel()
    assert (parcel.state, parcel.source, row.store_status, row.parcels_due_at) == ("sent", "store", "done", None)
    assert sold.entries() == ["order_created", "tracking_sent"]


def test_without_a_webhook_the_store_is_asked_now_and_then_and_no_more_once_reverb_knows(sold: Sales) -> None:
    row = sold.row()
    body = {"carrier": "FedEx", "tracking_number": "7777"}
    sold.store.ask("POST", f"/orders/{row.store_order_id}/ship", body)
    sold.wait(minutes=1)
    assert sold.reverb.writes("/ship") == []
    sold.wait(hours=1)
    assert [one["provider"] for one in sold.reverb.writes("/ship")] == ["FedEx"]
    sold.say(status="shipped")
    sold.store.ask("DELETE", "/requests")
    for _ in range(5):
        sold.wait(days=1)
    assert [call for call in sold.store.calls() if "fulfillments" in str(call["body"])] == []


def test_an_order_that_is_never_shipped_is_asked_for_ever_more_rarely_and_then_no_more(sold: Sales) -> None:
    gaps = []
    for days in (0, 15, 61):
        Order.objects.update(made_at=sold.now - timedelta(days=days), parcels_due_at=sold.now)
        sold.work()
        due = sold.row().parcels_due_at
        gaps.append((due - sold.now).total_seconds() if due else None)
    assert gaps == [3600.0, 6 * 3600.0, None]


def test_nothing_is_sent_while_tracking_is_off_and_what_came_meanwhile_is_found_when_it_is_switched_on(
    sold: Sales,
) -> None:
    sold.set(send_tracking=False)
    sold.ship_in_store(sold.row())
    sold.work()
    assert (sold.reverb.writes(), sold.row().store_status) == ([], "done")
    sold.set(send_tracking=True)
    sold.work()
    assert len(sold.reverb.writes("/ship")) == 1


def test_the_buyer_is_not_mailed_where_the_seller_says_so(sold: Sales) -> None:
    sold.set(notify_buyer=False)
    sold.ship_in_store(sold.row())
    sold.work()
    assert sold.reverb.writes("/ship")[0]["send_notification"] is False


def test_a_second_number_from_the_store_does_not_replace_the_first_but_a_person_can_send_it(sold: Sales) -> None:
    for number in ("1Z999", "1Z888"):
        sold.ship_in_store(sold.row(), number=number)
        sold.work()
    assert len(sold.reverb.writes("/ship")) == 1
    second = Parcel.objects.get(tracking_number="1Z888")
    assert (second.state, "with 1Z999" in second.problem) == ("left", True)
    tracking.try_again(second, provider="DHL")
    sold.work()
    assert sold.reverb.orders["9001"]["shipping_code"] == "1Z888"
    assert sold.reverb.writes("/ship")[-1]["provider"] == "DHL"


def test_an_order_that_the_seller_shipped_on_reverb_is_left_as_it_is(sold: Sales) -> None:
    sold.reverb.orders["9001"].update(status="shipped", shipping_code="LABEL-1")
    sold.ship_in_store(sold.row())
    sold.work()
    assert (sold.reverb.writes(), sold.parcel().state) == ([], "left")


def test_a_number_that_reverb_has_already_is_known_and_not_sent(sold: Sales) -> None:
    sold.reverb.orders["9001"].update(status="shipped", shipping_code="1z999")
    sold.ship_in_store(sold.row())
    sold.work()
    assert (sold.reverb.writes(), sold.parcel().state, sold.entries()[-1]) == ([], "sent", "tracking_known")


def test_the_same_number_reported_by_many_is_one_parcel(sold: Sales) -> None:
    row = sold.row()
    for source, number in ((STORE, "1Z999"), (SHIPSTATION, "1Z 999"), (STORE, "1Z999"), (HAND, "1Z999")):
        tracking.add_parcel(row, TrackingReport(source, number, "UPS"))
        sold.work()
    assert (Parcel.objects.count(), len(sold.reverb.writes("/ship"))) == (1, 1)


# -- pick-up -------------------------------------------------------------------------------------------------------


def test_a_local_pickup_that_the_store_says_is_fulfilled_is_picked_up_on_reverb(sales: Sales) -> None:
    sales.sell(product=sales.product(), local_pickup=True, shipping_address=None)
    sales.work()
    sales.ship_in_store(sales.row(), "", "")
    sales.work()
    assert sales.reverb.orders["9001"]["status"] == "picked_up"
    assert sales.reverb.writes("/ship") == []
    assert sales.entries() == ["order_created", "picked_up_sent"]


# -- by hand, with everything off ----------------------------------------------------------------------------------


def test_a_number_that_is_typed_in_is_sent_whatever_the_settings_say(sales: Sales) -> None:
    sales.set(take_orders=False, send_tracking=False)
    row = sales.sell()
    tracking.add_parcel(row, TrackingReport(HAND, "RM123", "Royal Mail", provider="Royal Mail", notify=False))
    sales.work()
    assert sales.reverb.writes("/ship") == [
        {"provider": "Royal Mail", "tracking_number": "RM123", "send_notification": False},
    ]


def test_a_parcel_of_a_sale_that_is_not_paid_is_held_until_it_is(sales: Sales) -> None:
    row = sales.sell(status="unpaid")
    tracking.add_parcel(row, TrackingReport(HAND, "1Z999", "UPS"))
    sales.work()
    assert (sales.reverb.writes(), sales.parcel().state) == ([], "open")
    sales.say(status="paid")
    sales.wait(hours=2)
    assert sales.parcel().state == "sent"


# -- when things go wrong ------------------------------------------------------------------------------------------


def test_after_a_lost_answer_reverbs_own_number_shows_that_it_was_sent(sold: Sales) -> None:
    sold.reverb.faults.append("lost")
    sold.ship_in_store(sold.row())
    sold.work()
    assert (sold.parcel().state, sold.parcel().sending_at is not None) == ("open", True)
    sold.wait(minutes=1)
    assert (sold.parcel().state, len(sold.reverb.writes("/ship"))) == ("sent", 1)
    assert sold.entries()[1:] == ["tracking_later", "tracking_sent"]


@pytest.mark.parametrize(
    ("status", "body"), [(503, {"message": "Back soon"}), (429, {"message": "Slow down"}), (500, {})]
)
def test_what_passes_is_tried_again_with_growing_delay(sold: Sales, status: int, body: dict[str, Any]) -> None:
    sold.reverb.faults += [(status, body)] * 3
    sold.ship_in_store(sold.row())
    waits = []
    for _ in range(3):
        sold.work()
        due = sold.parcel().due_at
        assert due is not None
        waits.append((due - sold.now).total_seconds())
        sold.wait(seconds=waits[-1] + 0.1)
    assert waits == sorted(waits)
    assert (sold.parcel().state, sold.entries()[1:]) == ("sent", ["tracking_later"] * 3 + ["tracking_sent"])


def test_what_reverb_refuses_waits_for_the_seller_with_its_words_and_can_be_retried_with_another_carrier(
    sold: Sales,
) -> None:
    sold.reverb.faults.append((422, {"message": "Please check", "errors": {"provider": ["is not included"]}}))
    sold.ship_in_store(sold.row(), "Pony Express", "P1")
    sold.work()
    parcel = sold.parcel()
    assert (parcel.state, parcel.problem, parcel.provider) == (
        "waits",
        "Please check; provider is not included",
        "Other",
    )
    entry = Entry.objects.order_by("-id").first()
    assert entry is not None
    assert (entry.reason, entry.message, entry.fix_link != "") == ("tracking_failed", "Please check", True)
    sold.wait(minutes=50)
    assert sold.parcel().state == "waits"
    tracking.try_again(sold.parcel(), provider="USPS")
    sold.work()
    assert (sold.parcel().state, sold.reverb.orders["9001"]["shipping_provider"]) == ("sent", "USPS")


def test_an_answer_of_200_that_holds_errors_is_a_refusal(sold: Sales) -> None:
    sold.reverb.faults.append((200, {"message": "Nope", "errors": {"tracking_number": ["is invalid"]}}))
    sold.ship_in_store(sold.row())
    sold.work()
    assert (sold.parcel().state, "tracking_number is invalid" in sold.parcel().problem) == ("waits", True)


def test_a_token_without_the_right_waits_and_a_new_one_goes_on(sold: Sales) -> None:
    sold.reverb.faults.append((403, {"message": "Your token lacks the scope write_orders."}))
    sold.ship_in_store(sold.row())
    sold.work()
    assert sold.parcel().state == "waits"
    sold.set()
    sold.work()
    assert sold.parcel().state == "sent"


def test_a_sale_that_went_off_gets_no_parcel(sold: Sales) -> None:
    sold.reverb.orders["9001"]["status"] = "cancelled"
    tracking.add_parcel(sold.row(), TrackingReport(STORE, "1Z999", "UPS"))
    sold.work()
    assert (sold.reverb.writes(), sold.parcel().state) == ([], "left")
    assert Order.objects.count() == 1


# -- Reverb's list of carriers -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "known"),
    [
        ({"shipping_providers": [{"name": "UPS"}, {"name": "Other"}]}, ("UPS", "Other")),
        ({"providers": ["UPS", "Pigeon Post"]}, ("UPS", "Pigeon Post")),
        ({"providers": []}, PROVIDERS),
        ({"message": "hello"}, PROVIDERS),
        (None, PROVIDERS),
    ],
)
def test_carriers_are_read_in_any_shape_and_the_documented_ones_stand_in(said: Any, known: tuple[str, ...]) -> None:
    redis().flushdb()

    class Client:
        def get_if_new(self, path: str, etag: str) -> tuple[Any, str]:
            if said is None:
                raise TransientError("Reverb does not answer.")
            return said, ""

    assert reference.providers(Client()) == known  # type: ignore[arg-type]
    redis().flushdb()
