"""Stories of sales on Reverb that become orders in the store: once, and at their own price."""

from __future__ import annotations

from typing import Any

import pytest

from listings.models import Order, StoreOrderState
from listings.orders import create_store_order
from shops.models import ReverbConnection, StoreConnection
from shops.orders import NewOrder, StoreOrder
from shops.platforms import client_of
from shops.platforms.errors import TransientStoreError
from synclog.models import Entry
from tests.listings.orders.world import Sales

pytestmark = pytest.mark.live
QUIET = {"inventoryBehaviour": "BYPASS", "sendReceipt": False, "sendFulfillmentReceipt": False}


def made_with(sales: Sales) -> dict[str, Any]:
    """Return the variables of the one call that made an order."""
    calls = [call["body"]["variables"] for call in sales.store.calls("POST") if "options" in call["body"]["variables"]]
    [one] = calls
    return dict(one)


# -- created once --------------------------------------------------------------------------------------------------


def test_a_paid_sale_becomes_an_order_in_the_store_that_mails_nobody_and_takes_no_stock_twice(sales: Sales) -> None:
    sales.store.ask("DELETE", "/requests")
    sales.sell(product=sales.product())
    sales.work()
    [order] = sales.store_orders()
    row = sales.row()
    assert (order["source_identifier"], str(order["id"])) == ("9001", row.store_order_id)
    assert (row.store_state, row.store_order_number, row.takes_stock) == (
        StoreOrderState.CREATED,
        f"#{order['number']}",
        False,
    )
    assert sales.stock() == 3  # the ledger takes it from the stock, not the order
    said = made_with(sales)
    wish = said["order"]
    assert said["options"] == QUIET
    assert wish["lineItems"][0]["priceSet"]["shopMoney"] == {"amount": "500.00", "currencyCode": "USD"}
    assert wish["shippingLines"][0]["priceSet"]["shopMoney"]["amount"] == "25.00"
    assert wish["taxLines"][0]["priceSet"]["shopMoney"]["amount"] == "41.25"
    assert (wish["shippingAddress"]["lastName"], wish["shippingAddress"]["city"]) == ("Buyer", "Austin")
    assert "Reverb keeps 42.97 USD" in wish["note"]
    assert sales.entries() == ["order_created"]


@pytest.mark.parametrize("way", [{"stock_way": "store"}, {"sync_stock": False}])
def test_where_no_ledger_counts_the_order_itself_takes_the_units_and_gives_them_back(
    sales: Sales, way: dict[str, Any]
) -> None:
    sales.set(**way)
    sales.sell(product=sales.product())
    sales.work()
    assert (sales.stock(), sales.row().takes_stock) == (2, True)
    sales.say(status="cancelled")
    sales.work()
    assert (sales.stock(), sales.row().store_state) == (3, StoreOrderState.CANCELLED)


def test_nothing_is_made_again_whatever_reports_it_how_often(sales: Sales) -> None:
    sales.sell(product=sales.product())
    for _ in range(3):
        sales.work()
        sales.read("9001")
        Order.objects.update(store_due_at=sales.now)
    sales.say(status="shipped")
    sales.work()
    assert len(sales.store_orders()) == 1
    assert sales.entries() == ["order_created"]


def test_sales_that_were_bought_together_are_orders_of_their_own(sales: Sales) -> None:
    product = sales.product()
    for number in ("9001", "9002"):
        sales.sell(number, product=product, order_bundle_id="B-1")
    sales.work()
    assert sorted(order["source_identifier"] for order in sales.store_orders()) == ["9001", "9002"]


def test_a_sale_that_is_off_on_reverb_while_our_row_still_says_paid_is_not_made(sales: Sales) -> None:
    sales.sell(product=sales.product())
    sales.reverb.orders["9001"]["status"] = "cancelled"
    sales.work()
    assert sales.store_orders() == []
    sales.read("9001")
    sales.work()
    assert sales.row().store_state == StoreOrderState.NOT_NEEDED


def test_a_sale_in_another_currency_waits_for_the_seller(sales: Sales) -> None:
    StoreConnection.objects.update(currency="EUR")
    sales.sell(product=sales.product())
    sales.work()
    row = sales.row()
    assert (row.store_state, sales.store_orders()) == (StoreOrderState.CREATE_FAILED, [])
    assert "sold in USD, but your store sells in EUR" in row.store_problem


# -- when things go wrong ------------------------------------------------------------------------------------------


def test_an_order_whose_answer_was_lost_is_found_again_and_not_made_twice(sales: Sales) -> None:
    product = sales.product()
    sales.store.fault("lost_answer", text="orderCreate")
    sales.sell(product=product)
    sales.work()
    row = sales.row()
    assert (row.store_state, row.making_at is not None, len(sales.store_orders())) == (
        StoreOrderState.CREATING,
        True,
        1,
    )
    for _ in range(20):  # the store's search may trail; nothing is sent before it can have caught up
        sales.wait(seconds=5)
        assert sales.row().store_state == StoreOrderState.CREATING
    sales.wait(minutes=2)
    assert (sales.row().store_state, len(sales.store_orders())) == (StoreOrderState.CREATED, 1)
    assert sales.entries() == ["order_try_later", "order_created"]


APPLIED = [
    {
        "status": 200,
        "body": {"errors": [{"message": "Internal error", "extensions": {"code": "INTERNAL_SERVER_ERROR"}}]},
    },
    {"status": 200, "body": {"data": {"orderCreate": None}}},
    {"status": 404, "page": "cloudflare"},
    {"status": 402, "body": {"errors": "Unavailable Shop"}},
]


@pytest.mark.parametrize("answer", APPLIED, ids=str)
def test_an_order_that_was_made_and_answered_with_an_error_is_not_made_twice_where_the_search_trails(
    sales: Sales, answer: dict[str, Any]
) -> None:
    product = sales.product()
    [store] = sales.store.ask("GET", "/shops")
    sales.store.ask("POST", "/shops", {"domain": store["domain"], "orders_lag_s": 60})
    sales.store.fault("instead", text="mutation OrderCreate", **answer)
    sales.sell(product=product)
    sales.work()
    for _ in range(8):
        sales.store.ask("POST", "/clock", {"advance_s": 30})
        sales.wait(seconds=30)
    assert (sales.row().store_state, len(sales.store_orders())) == (StoreOrderState.CREATED, 1)


def test_a_sale_that_went_off_while_its_answer_was_lost_leaves_no_order_behind(sales: Sales) -> None:
    product = sales.product()
    sales.store.fault("lost_answer", text="orderCreate")
    sales.sell(product=product)
    sales.work()
    sales.say(status="cancelled")
    sales.wait(minutes=5)
    assert [order["status"] for order in sales.store_orders()] == ["cancelled"]
    assert sales.row().store_state == StoreOrderState.CANCELLED


def test_an_order_that_may_be_made_is_not_forgotten_when_the_store_refuses_our_keys_meanwhile(sales: Sales) -> None:
    product, good = sales.product(), StoreConnection.objects.get().token
    sales.store.fault("lost_answer", text="orderCreate")
    sales.sell(product=product)
    sales.work()
    StoreConnection.objects.update(token="wrong")
    sales.wait(minutes=3)
    assert sales.row().store_state == StoreOrderState.CREATE_FAILED
    sales.say(status="cancelled")
    StoreConnection.objects.update(token=good)
    sales.set()  # what connecting does: the shop is looked at again
    sales.wait(minutes=5)
    assert [order["status"] for order in sales.store_orders()] == ["cancelled"]


def test_a_lost_request_that_made_nothing_of_a_sale_that_went_off_is_forgotten(sales: Sales) -> None:
    product = sales.product()
    sales.store.fault("lost_request", text="orderCreate")
    sales.sell(product=product)
    sales.work()
    sales.say(status="cancelled")
    sales.wait(minutes=5)
    assert (sales.store_orders(), sales.row().store_state) == ([], StoreOrderState.NOT_NEEDED)


def test_a_worker_that_died_in_the_middle_leaves_an_order_that_is_looked_for(sales: Sales) -> None:
    sales.sell(product=sales.product())
    Order.objects.update(
        store_state=StoreOrderState.CREATING, decided_on="paid", making_at=sales.now, store_due_at=sales.now
    )
    sales.work()
    assert sales.store_orders() == []
    sales.wait(minutes=3)
    assert (len(sales.store_orders()), sales.row().store_state) == (1, StoreOrderState.CREATED)


def test_a_store_that_does_not_answer_is_asked_again_ever_more_rarely_and_each_attempt_is_logged(sales: Sales) -> None:
    product = sales.product()
    sales.store.fault("status", status=503, times=4)
    sales.sell(product=product)
    gaps = []
    for _ in range(4):
        sales.work()
        due = sales.row().store_due_at
        assert due is not None
        gaps.append((due - sales.now).total_seconds())
        sales.wait(seconds=gaps[-1] + 0.1)
    assert gaps == sorted(gaps)
    assert (sales.row().store_state, len(sales.store_orders())) == (StoreOrderState.CREATED, 1)
    assert sales.entries() == ["order_try_later"] * 4 + ["order_created"]


def test_keys_that_the_store_refuses_wait_for_the_seller_and_connecting_again_goes_on(sales: Sales) -> None:
    product, good = sales.product(), StoreConnection.objects.get().token
    StoreConnection.objects.update(token="wr0ng")
    sales.sell(product=product)
    sales.work()
    assert sales.row().store_state == StoreOrderState.CREATE_FAILED
    assert "wr0ng" not in sales.row().store_problem
    entry = Entry.objects.get()
    assert (entry.reason, entry.fix_link[-3:]) == ("order_create_failed", f"/{sales.row().pk}/"[-3:])
    sales.wait(days=1)
    assert sales.row().store_state == StoreOrderState.CREATE_FAILED
    StoreConnection.objects.update(token=good)
    sales.set()  # what connecting does: the shop is looked at again
    sales.work()
    assert sales.row().store_state == StoreOrderState.CREATED


def test_a_token_that_reverb_refuses_waits_for_the_seller(sales: Sales) -> None:
    sales.sell(product=sales.product())
    ReverbConnection.objects.all().delete()
    sales.work()
    assert sales.row().store_problem.startswith("Reverb is not connected")


# -- what an attempt begins beside the order -----------------------------------------------------------------------


class Lending:
    """A store whose orders need something beside themselves; its first answer is lost."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self.begun: list[dict[str, Any]] = []
        self.settled: list[dict[str, Any]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.client, name)

    def create_order(self, order: NewOrder) -> StoreOrder:
        """Keep what is begun, and lose the first answer."""
        self.begun.append(dict(order.begun))
        order.keep({"loans": [len(self.begun)]})
        if len(self.begun) == 1:
            raise TransientStoreError("Gone.", may_have_applied=False)
        made: StoreOrder = self.client.create_order(order)
        order.keep({})
        return made

    def settle(self, begun: dict[str, Any], reverb_number: str) -> None:
        """Remember what was to be finished."""
        self.settled.append(begun)


@pytest.fixture
def lending(sales: Sales, monkeypatch: pytest.MonkeyPatch) -> Lending:
    """Return the store as one that lends."""
    made = Lending(client_of(StoreConnection.objects.get()))
    monkeypatch.setattr(create_store_order, "client_of", lambda _: made)
    return made


def test_what_an_attempt_has_begun_is_known_to_the_next_one(sales: Sales, lending: Lending) -> None:
    sales.sell(product=sales.product())
    sales.work()
    assert (sales.row().begun, sales.row().making_at is None) == ({"loans": [1]}, False)
    sales.wait(seconds=150)
    assert lending.begun == [{}, {"loans": [1]}]
    assert (sales.row().begun, sales.row().store_state) == ({}, StoreOrderState.CREATED)


def test_what_an_attempt_has_begun_is_finished_when_the_sale_is_off(sales: Sales, lending: Lending) -> None:
    sales.sell(product=sales.product())
    sales.work()
    sales.say(status="cancelled")
    sales.wait(seconds=150)
    assert lending.settled == [{"loans": [1]}]
    assert (sales.row().begun, sales.row().store_state) == ({}, StoreOrderState.NOT_NEEDED)
