"""Reading Reverb's lists: an odd row is left out by itself, a page is followed to its end, and every list has one."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from reverbsync import clock
from reverbsync.http.outbound import Answer
from shops.reverb import orders, read, read_webhooks
from shops.reverb.caller import Response
from shops.reverb.client import ReverbClient
from shops.reverb.errors import NoAnswer, TransientError
from shops.reverb.paging import MAX_PAGES
from shops.schemas import MOST_UNITS

NOW = datetime(2026, 5, 1, tzinfo=UTC)


def sale(number: str, **more: Any) -> dict[str, Any]:
    """Return an order as Reverb's list shows it."""
    return {
        "order_number": number,
        "status": "paid",
        "quantity": 1,
        "product_id": 7,
        "created_at": "2026-05-01T10:00:00-05:00",
        "updated_at": "2026-05-01T10:00:00-05:00",
        "amount_product": {"amount": "500.00", "currency": "USD"},
        **more,
    }


def listing(**more: Any) -> dict[str, Any]:
    """Return a listing as Reverb shows it."""
    return {"id": 7, "sku": "A1", "state": {"slug": "live"}, "inventory": 3, "has_inventory": True, **more}


class Pages(ReverbClient):
    """A client to whom Reverb answers with pages of our making."""

    def __init__(self, answer: Callable[[str, Mapping[str, list[str]]], Any]) -> None:
        super().__init__(SecretStr("t"), "b")
        self.answer, self.requested = answer, list[str]()

    def get(self, path: str, query: Mapping[str, str | int] | None = None) -> dict[str, Any]:
        assert query is None
        self.requested.append(path)
        found: dict[str, Any] = self.answer(path, parse_qs(urlsplit(path).query))
        return found


def numbers(client: ReverbClient, **more: Any) -> list[str]:
    """Return the numbers of the orders that a client reads."""
    return [one.number for one in client.orders(NOW, **more)]


# -- orders --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "odd",
    [
        None,
        7,
        "text",
        [],
        {},
        sale("X", quantity="many"),
        sale("X", quantity={"amount": 1}),
        sale("X", quantity=float("nan")),
        sale("X", status=["paid"]),
        sale("X", order_number=None),
        sale("X", order_number="9" * 65),
        sale("X", order_number={"id": 1}),
    ],
)
def test_an_odd_order_is_left_out_of_its_page_and_reported(odd: Any) -> None:
    client = Pages(lambda *_: {"total": 3, "orders": [sale("1"), odd, sale("2")]})
    left_out: list[str] = []
    assert numbers(client, left_out=lambda number, why: left_out.append(number)) == ["1", "2"]
    assert left_out in (["X"], [""])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("sku", ["A"]),
        ("title", {"en": "Strat"}),
        ("total", "free"),
        ("total", {"amount": "1e400"}),
        ("amount_product", {"amount": "NaN", "currency": "USD"}),
        ("amount_tax", {"amount": "9" * 29}),
        ("shipping_address", "Main Street 1"),
        ("shipping_address", {"postal_code": 12345, "name": ["Bo"]}),
        ("local_pickup", "perhaps"),
        ("_links", []),
        ("_links", {"listing": "x", "web": {"href": 5}}),
        ("paid_at", "yesterday"),
        ("paid_at", "9999-12-31T23:59:59-14:00"),
        ("buyer_name", "a\0b\ud800"),
        ("buyer_id", 12),
        ("shipping_code", 123),
    ],
)
def test_a_side_field_never_hides_an_order(field: str, value: Any) -> None:
    found = orders.order(sale("1", **{field: value}))
    assert (found.number, found.quantity, found.listing_id) == ("1", 1, "7")
    json.dumps(found.to_json()).encode()


@pytest.mark.parametrize(
    ("said", "second"),
    [
        ("2026-05-01T15:00:07Z", 7),
        ("2026-05-01T10:00:07-05:00", 7),
        ("2026-05-01T10:00:07-0500", 7),
        ("2026-05-01 15:00:07 UTC", 7),
        ("2026-05-01 10:00:07 -0500", 7),
        ("2026-05-01T15:00:07 Z", 7),
        ("2026-05-01T15:00:07.123456789 gmt", 7),
        ("2026-05-01 15:00:07", 7),
        ("2026-05-01 15:00 UTC", 0),
        ("2026-05-01T15:00:60Z", 59),
        ("Fri, 01 May 2026 15:00:07 GMT", 7),
        ("Fri, 01 May 2026 10:00:07 -0500", 7),
        (1777647607, 7),
        ("1777647607", 7),
    ],
)
def test_a_date_is_read_in_whichever_form_it_comes(said: Any, second: int) -> None:
    found = orders.order(sale("1", created_at=said, updated_at=said))
    assert found.placed_at.replace(microsecond=0) == datetime(2026, 5, 1, 15, 0, second, tzinfo=UTC)
    assert (found.updated_at, found.dated) == (found.placed_at, True)


@pytest.mark.parametrize(
    "said",
    [None, "", "yesterday", "11/30/2026", "2026-02-31 10:00:00 UTC", {"date": "2026-05-01"}, "1:1:1:1", "0" * 99],
)
def test_a_sale_whose_dates_cannot_be_read_is_one_of_now(said: Any) -> None:
    with clock.running_by(lambda: NOW):
        found = orders.order(sale("1", created_at=said, updated_at="9999-12-31T23:59:59-14:00", paid_at=said))
    assert (found.placed_at, found.updated_at, found.paid_at, found.dated) == (NOW, NOW, None, False)


@pytest.mark.parametrize(
    ("said", "units"),
    [
        (None, 1),
        (0, 1),
        (2, 2),
        ("2", 2),
        (2.0, 2),
        (2.5, 2),
        (-3, 1),
        (2**31, orders.MOST_ORDERED),
        (10**30, orders.MOST_ORDERED),
    ],
)
def test_a_quantity_is_read_as_whole_units_that_fit(said: Any, units: int) -> None:
    assert orders.order(sale("1", quantity=said)).quantity == units


def test_a_number_of_thousands_of_digits_spoils_only_its_own_order() -> None:
    text = json.dumps({"orders": [sale("1"), sale("2", quantity="HUGE")]}).replace('"HUGE"', "9" * 5000)
    page = orders.page(Answer(200, {}, text).json())
    assert [one.number for one in orders.readable(page.rows)] == ["1"]


@pytest.mark.parametrize("body", [{}, {"orders": 7}, {"orders": None}, [], None, {"message": "hello"}])
def test_what_is_no_page_of_orders_is_tried_again_later(body: Any) -> None:
    with pytest.raises(TransientError):
        numbers(Pages(lambda *_: body))


# -- pages ---------------------------------------------------------------------------------------------------------


def test_pages_are_followed_by_their_links() -> None:
    def answer(path: str, query: Mapping[str, list[str]]) -> Any:
        page = int(query.get("page", ["1"])[0])
        following = f"https://reverb.com/api/my/orders/selling/all?page={page + 1}" if page < 3 else None
        return {"total": 3, "orders": [sale(str(page))], "_links": {"next": {"href": following}}}

    assert numbers(Pages(answer)) == ["1", "2", "3"]


def test_a_link_that_leads_to_itself_or_in_a_circle_ends() -> None:
    here = Pages(lambda *_: {"total": 1, "orders": [sale("1")], "_links": {"next": {"href": "?page=1"}}})
    assert numbers(here) == ["1", "1"]
    assert len(here.requested) == 2


def test_a_list_that_never_ends_is_left_after_many_pages() -> None:
    def answer(path: str, query: Mapping[str, list[str]]) -> Any:
        page = int(query.get("page", ["1"])[0])
        return {"total": 1, "orders": [sale(str(page))], "_links": {"next": {"href": f"?page={page + 1}"}}}

    client = Pages(answer)
    assert len(numbers(client)) == MAX_PAGES
    assert len(client.requested) == MAX_PAGES


@pytest.mark.parametrize("links", [{}, [], "x", {"next": "?page=2"}, {"next": {"href": "https://evil.test/x?page=2"}}])
def test_a_missing_or_strange_link_does_not_end_a_list_that_goes_on(links: Any) -> None:
    def answer(path: str, query: Mapping[str, list[str]]) -> Any:
        assert path.startswith("/my/orders/selling/all?")
        assert query["updated_start_date"] == ["2026-05-01T00:00:00Z"]
        page = int(query.get("page", ["1"])[0])
        return {"total": 3, "orders": [sale(str(page))] if page <= 3 else [], "_links": links}

    assert numbers(Pages(answer))[:3] == ["1", "2", "3"]


def test_a_page_of_odd_rows_does_not_end_the_list() -> None:
    def answer(path: str, query: Mapping[str, list[str]]) -> Any:
        if "page" in query:
            return {"total": 2, "orders": [sale("2")]}
        return {"total": 2, "orders": [7], "_links": {"next": {"href": "?page=2"}}}

    assert numbers(Pages(answer)) == ["2"]


# -- listings ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("odd", [None, 7, [], {}, listing(id=None), listing(id="9" * 33), listing(inventory="many")])
def test_an_odd_listing_is_left_out_of_its_page(odd: Any) -> None:
    page = read.page({"total": "two", "listings": [odd, listing()]})
    assert [one.id for one in read.readable(page.rows)] == ["7"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", ["x"]),
        ("price", "500"),
        ("price", {"amount": None}),
        ("price", {"amount": "1e999999"}),
        ("condition", "Brand New"),
        ("categories", {"uuid": "c"}),
        ("photos", {"0": {}, "2": {}}),
        ("photos", "none"),
        ("year", 1979),
        ("shipping_profile_id", {"id": 1}),
        ("offers_enabled", "perhaps"),
        ("_links", None),
        ("_links", {"self": [], "web": 5}),
        ("description", "a\0\ud800"),
    ],
)
def test_a_side_field_never_hides_state_and_stock(field: str, value: Any) -> None:
    found = read.listing(listing(**{field: value}))
    assert (found.id, found.state, found.inventory) == ("7", "live", 3)
    json.dumps(found.to_json()).encode()


@pytest.mark.parametrize(("said", "units"), [(2**31, MOST_UNITS), (10**20, MOST_UNITS), ("4", 4), (2.5, 2)])
def test_a_listings_stock_is_capped(said: Any, units: int) -> None:
    assert read.listing(listing(inventory=said)).inventory == units


def test_a_price_of_zero_is_none() -> None:
    found = read.listing(listing(price={"amount": "0.00", "currency": "USD"}))
    assert (found.price, found.currency) == (None, None)
    assert read.listing(listing(price={"amount": "5", "currency": "USD"})).price == Decimal("5.00")


def test_an_odd_row_that_may_be_the_one_looked_for_is_not_taken_for_none() -> None:
    rows = [listing(id=8, sku="A1", inventory="many")]
    with pytest.raises(TransientError):
        Pages(lambda *_: {"total": 1, "listings": rows}).listings_with_sku("A1")
    assert Pages(lambda *_: {"total": 1, "listings": rows}).listings_with_sku("B2") == []


@pytest.mark.parametrize("said", [{"total": 1, "listings": []}, {"listings": {}}, {"total": 0, "listings": {}}])
def test_a_search_that_shows_nothing_and_does_not_say_so_is_not_taken_for_none(said: Any) -> None:
    with pytest.raises(TransientError):
        Pages(lambda *_: said).listings_with_sku("A1")
    assert Pages(lambda *_: {"total": 0, "listings": []}).listings_with_sku("A1") == []


def test_another_listing_than_the_one_asked_for_is_no_answer() -> None:
    with pytest.raises(TransientError):
        Pages(lambda *_: listing(id=8)).listing("7")
    with pytest.raises(TransientError):
        Pages(lambda *_: sale("8")).order("7")


class Writes(ReverbClient):
    """A client to whom Reverb answers each write with this."""

    def __init__(self, said: dict[str, Any]) -> None:
        super().__init__(SecretStr("t"), "b")
        self.said = said

    def _request(self, *_: Any, **__: Any) -> Response:
        return Response(200, {}, self.said)


def test_a_write_that_is_answered_with_another_listing_is_an_unknown_outcome() -> None:
    mine = read.listing(listing())
    assert Writes({"listing": listing()}).update(mine, {})[0] == mine
    assert Writes({"message": "Updated"}).update(mine, {})[0] is None
    with pytest.raises(NoAnswer) as lost:
        Writes({"listing": listing(id=8)}).update(mine, {})
    assert lost.value.may_have_applied


@pytest.mark.parametrize(
    ("said", "sent", "is_ours"),
    [
        ("A1", "A1", True),
        (" a1", "A1", True),
        ("A 1", "A  1", True),
        (None, "A1", True),
        ("", "A1", True),
        ("B2", "A1", False),
        ("A1-2", "A1", False),
    ],
)
def test_a_listing_with_another_sku_is_not_the_one_that_was_made(said: str | None, sent: str, *, is_ours: bool) -> None:
    client = Writes({"listing": listing(sku=said)})
    if is_ours:
        assert client.create({"sku": sent}, goes_out=lambda: None)[0] is not None
        return
    with pytest.raises(NoAnswer) as lost:
        client.create({"sku": sent}, goes_out=lambda: None)
    assert lost.value.may_have_applied


@pytest.mark.parametrize("said", [" Cancelled", "CANCELED", "canceled", "Refunded "])
def test_an_order_that_is_off_is_off_however_its_status_is_spelt(said: str) -> None:
    assert orders.order(sale("1", status=said)).status in orders.RELEASED


def test_an_odd_webhook_does_not_hide_the_others() -> None:
    mine = {"url": "https://we.test/a", "topic": "orders/paid", "_links": {"self": {"href": "/webhooks/1"}}}
    found = read_webhooks.registrations({"registrations": [7, {"topic": "x"}, mine]})
    assert found == [("/webhooks/1", "orders/paid", "https://we.test/a")]
    with pytest.raises(TransientError):
        read_webhooks.registrations({"message": "hello"})


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text() | st.sampled_from(["1e400", "2026-05-01", "7"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
FIELDS_OF_A_SALE = st.sampled_from([*sale("1"), "sku", "title", "total", "shipping_address", "_links", "paid_at"])
FIELDS_OF_A_LISTING = st.sampled_from([*listing(), "price", "photos", "categories", "condition", "_links", "title"])


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(FIELDS_OF_A_SALE, ANYTHING, max_size=4))
def test_whatever_an_order_holds_it_is_read_or_left_out(odd: dict[str, Any]) -> None:
    found = orders.readable([sale("1", **odd), sale("2")])
    assert found[-1].number == "2"
    for one in found:
        json.dumps(one.to_json()).encode()
        assert 0 < one.quantity <= MOST_UNITS
        assert abs(one.placed_at - NOW) < timedelta(days=365 * 200)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(FIELDS_OF_A_LISTING, ANYTHING, max_size=4))
def test_whatever_a_listing_holds_it_is_read_or_left_out(odd: dict[str, Any]) -> None:
    found = read.readable([listing(**odd), listing(id=8)])
    assert found[-1].id == "8"
    for one in found:
        json.dumps(one.to_json()).encode()
        assert len(one.id) <= 32
