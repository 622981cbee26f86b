"""Where an order goes, what becomes of a parcel, and which carrier is meant: decided without any outside."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listings.models import StoreOrderState
from listings.orders import carriers, order_form
from listings.orders.decide import GONE, IN_STORE, Facts, Fate, fate, next_store_state
from shops.orders import NewOrder
from shops.reverb.lists import PROVIDERS
from shops.reverb.orders import PAID, UNPAID
from shops.snapshots import ReverbOrder
from tests.people import NOON, snapshot

STATUSES = sorted(PAID | UNPAID | GONE | {"blocked", "a word of tomorrow"})
NEW = Facts("", "paid", linked=True, wanted=True)
facts = st.builds(
    Facts,
    st.sampled_from(StoreOrderState.values),
    st.sampled_from(STATUSES),
    st.booleans(),
    st.booleans(),
    st.booleans(),
)


@pytest.mark.parametrize("status", sorted(PAID))
def test_a_paid_sale_of_a_product_goes_into_the_store(status: str) -> None:
    assert next_store_state(replace(NEW, status=status)) == StoreOrderState.CREATING


@pytest.mark.parametrize("status", sorted(UNPAID | {"blocked", "a word of tomorrow"}))
def test_what_is_not_surely_paid_is_held(status: str) -> None:
    assert next_store_state(replace(NEW, status=status)) == StoreOrderState.AWAITING_PAYMENT


@pytest.mark.parametrize("status", sorted(GONE))
def test_a_sale_that_was_off_before_is_not_made_and_one_that_was_made_is_cancelled_once(status: str) -> None:
    assert next_store_state(replace(NEW, status=status)) == StoreOrderState.NOT_NEEDED
    made = replace(NEW, store_state=StoreOrderState.CREATED, status=status)
    assert next_store_state(made) == StoreOrderState.CANCELLING
    assert next_store_state(replace(made, store_state=StoreOrderState.CANCELLED)) == StoreOrderState.CANCELLED


@pytest.mark.parametrize("state", [StoreOrderState.CANCELLED, StoreOrderState.CANCEL_FAILED])
def test_the_order_of_a_sale_that_is_on_again_is_the_one_that_the_store_has(state: StoreOrderState) -> None:
    for status in STATUSES:
        expected = StoreOrderState.CREATED if status in PAID else state
        assert next_store_state(replace(NEW, store_state=state, status=status)) == expected


def test_a_sale_that_reverb_only_blocks_stays_in_the_store() -> None:
    assert (
        next_store_state(replace(NEW, store_state=StoreOrderState.CREATED, status="blocked")) == StoreOrderState.CREATED
    )


def test_a_sale_of_no_product_or_that_nobody_wants_stays_on_reverb() -> None:
    assert next_store_state(replace(NEW, linked=False)) == StoreOrderState.NO_PRODUCT
    assert next_store_state(replace(NEW, wanted=False)) == StoreOrderState.SKIPPED


def test_an_order_whose_answer_was_lost_is_looked_for_even_when_the_sale_is_off_or_orders_are() -> None:
    for status in STATUSES:
        assert (
            next_store_state(Facts(StoreOrderState.CREATING, status, linked=False, wanted=False, maybe_made=True))
            == StoreOrderState.CREATING
        )


@given(facts)
def test_what_the_store_has_is_never_made_again(known: Facts) -> None:
    if known.store_state in IN_STORE:
        assert next_store_state(known) in IN_STORE
    assert next_store_state(replace(known, store_state=next_store_state(known))) == next_store_state(
        known
    )  # deciding twice changes nothing


# -- parcels -------------------------------------------------------------------------------------------------------


def parcel(**said: object) -> Fate:
    """Return what becomes of parcel 1Z999 of a paid order."""
    facts = {"status": "paid", "known": "", "number": "1Z999", "pickup": False, "by_hand": False}
    return fate(**{**facts, **said})  # type: ignore[arg-type]


def test_a_number_that_reverb_has_is_not_sent_again_however_it_is_written() -> None:
    assert parcel(status="shipped", known="1z 999") == Fate.KNOWN
    assert parcel(status="picked_up", number="", pickup=True) == Fate.KNOWN


def test_another_number_on_reverb_is_replaced_by_a_person_only() -> None:
    assert parcel(status="shipped", known="1Z111") == Fate.OTHER
    assert parcel(status="shipped", known="1Z111", by_hand=True) == Fate.SEND


def test_nothing_is_sent_of_a_sale_that_is_off_or_not_paid() -> None:
    assert parcel(status="cancelled") == Fate.OFF
    assert parcel(status="refunded", by_hand=True) == Fate.OFF
    assert parcel(status="unpaid") == Fate.HOLD
    assert parcel(status="blocked", by_hand=True) == Fate.HOLD


@pytest.mark.parametrize(
    ("carrier", "name"),
    [
        ("UPS", "UPS"),
        ("ups_walleted", "UPS"),
        ("UPS®", "UPS"),
        ("stamps_com", "USPS"),
        ("USPS Priority Mail", "USPS"),
        ("fedex", "FedEx"),
        ("DHL Express", "DHLExpress"),
        ("dhl_express_worldwide", "DHLExpress"),
        ("DHL eCommerce", "DHLGlobalMail"),
        ("dhlexpress", "DHLExpress"),
        ("DHL", "DHL"),
        ("canada_post", "Canada Post"),
        ("Correos España", "Correos España"),
        ("la_poste", "La Poste - Colissimo"),
        ("Evri", "Hermes"),
        ("Upsala Couriers", "Other"),
        ("Groundhog Express", "Other"),
        ("", "Other"),
    ],
)
def test_a_carrier_is_found_on_reverbs_list_or_is_other(carrier: str, name: str) -> None:
    assert carriers.provider_of(carrier, PROVIDERS) == name


def test_a_carrier_that_reverb_no_longer_lists_is_other_and_a_number_of_ups_is_recognised() -> None:
    assert carriers.provider_of("TNT", ("UPS", "Other")) == "Other"
    assert carriers.provider_of("", PROVIDERS, number="1Z12345E0205271688") == "UPS"


# -- the order that is made ----------------------------------------------------------------------------------------


def seen(**said: object) -> ReverbOrder:
    """Return a sale of two units for 100.00."""
    fields: dict[str, object] = {
        "number": "9001",
        "listing_id": "701",
        "sku": "A1",
        "title": "Strings",
        "quantity": 2,
        "status": "paid",
        "placed_at": NOON,
        "updated_at": NOON,
        "currency": "USD",
        "product_amount": Decimal("100.00"),
        "shipping": Decimal("10.00"),
        "tax": Decimal("8.25"),
        "total": Decimal("118.25"),
        "fees": Decimal("5.00"),
        "buyer": "Bob Buyer",
    }
    return ReverbOrder(**{**fields, **said})  # type: ignore[arg-type]


def made(order: ReverbOrder) -> NewOrder:
    """Return the order to make in a store that sells in dollars."""
    return order_form.new_order(order, snapshot(), takes_stock=False, currency="USD", link="https://reverb.test/9001")


def test_a_price_is_for_one_unit_and_the_note_holds_number_buyer_link_and_fees() -> None:
    order = made(seen())
    [line] = order.lines
    assert (line.price, line.quantity, order.shipping, order.tax) == (Decimal("50.00"), 2, Decimal(10), Decimal("8.25"))
    for words in ("9001", "Bob Buyer", "https://reverb.test/9001", "keeps 5.00 USD", "paid 118.25 USD"):
        assert words in order.note


def test_goods_are_reckoned_from_the_total_where_reverb_does_not_name_them() -> None:
    assert made(seen(product_amount=None)).lines[0].price == Decimal("50.00")


def test_another_currency_than_the_stores_is_reported_and_not_written_down_as_if_it_were_its_own() -> None:
    with pytest.raises(order_form.Unfit, match="EUR"):
        made(seen(currency="EUR"))


def test_an_order_that_went_out_before_it_was_made_says_so() -> None:
    assert "do not ship it again" in made(seen(status="shipped")).note
