"""Orders in Magento that a merchant can open, invoice, ship and refund, with each unit taken once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
import requests

from shops.orders import Address, NewOrder, OrderLine, OrderStatus, StoreOrder
from shops.platforms.errors import Malformed, TransientStoreError, Unsupported
from shops.platforms.magento2 import signing
from shops.platforms.magento2.client import Magento2Client
from shops.platforms.magento2.loans import Loans
from shops.snapshots import StoreProduct
from tests.shops.platforms.conftest import Store
from tests.shops.platforms.test_contract import reverb_order

pytestmark = [pytest.mark.live, pytest.mark.parametrize("store", ["magento2"], indirect=True)]


class Admin:
    """The merchant, and what a product's stock looks like from the inside."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.token = store.stand_in.token("contract")

    def do(self, order: StoreOrder, deed: str, body: object = None) -> requests.Response:
        """Do something with an order over REST, as the admin does."""
        url = f"{self.store.control.url}/rest/V1/order/{order.id}/{deed}"
        headers = dict(signing.headers(self.token, "POST", url))
        return requests.post(url, json=body or {}, headers=headers, timeout=10)

    def opens(self, order: StoreOrder) -> bool:
        """Return whether the admin shows the order's page."""
        url = f"{self.store.control.url}/admin/sales/order/view/order_id/{order.id}"
        return requests.get(url, timeout=10).status_code == 200

    def ship(self, order: StoreOrder, source: str = "") -> requests.Response:
        """Ship all of an order, out of a source."""
        track = {"track_number": "1Z999", "title": "UPS", "carrier_code": "ups"}
        arguments = {"extension_attributes": {"source_code": source}} if source else {}
        return self.do(order, "ship", {"tracks": [track], "arguments": arguments})

    def stock(self, sku: str = "A1") -> tuple[int, int, int]:
        """Return what lies in all sources, what is reserved, and what can be sold."""
        said = self.store.control.ask("GET", f"/entities/{sku}")
        return int(sum(said["sources"].values())), said["reserved"], said["can_be_sold"]


def sold_on_reverb(store: Store, units: int, *, sold: int = 1) -> NewOrder:
    """Return the order of a product that the ledger took `sold` units of already; `units` there were."""
    store.product(variants=[{"sku": "A1", "price": "500.00", "inventory_quantity": units}])
    unit, client = store.unit(), store.client
    after = client.adjust(unit, client.count(unit), by=-sold, reference="1-1")
    assert after.units == units - sold
    order = reverb_order(store, takes_stock=False)
    return replace(order, lines=(replace(order.lines[0], quantity=sold),))


def reverb_order_of(store: Store, unit: StoreProduct) -> NewOrder:
    """Return a Reverb order for one unit of a product."""
    line = OrderLine("1", unit.store_product_id, unit.sku, unit.title, 1, Decimal("849.90"))
    return NewOrder("R-0", (line,), "USD", "Bob", None, Decimal(0), Decimal(0))


class Row:
    """Keeps what an order has begun, as its row does."""

    def __init__(self, order: NewOrder) -> None:
        self.begun: Mapping[str, Any] = {}
        self._order = order

    @property
    def order(self) -> NewOrder:
        """Return the order for the next attempt."""
        return replace(self._order, begun=self.begun, keep=self.keep)

    def keep(self, begun: Mapping[str, Any]) -> None:
        """Keep it."""
        self.begun = begun


@pytest.mark.parametrize("units", [5, 1])
def test_an_order_can_be_opened_invoiced_and_shipped_and_takes_its_unit_once(store: Store, units: int) -> None:
    row, admin = Row(sold_on_reverb(store, units)), Admin(store)
    made = store.client.create_order(row.order)
    assert admin.stock() == (units, -1, units - 1)
    assert admin.opens(made)
    assert admin.do(made, "invoice").status_code == 200
    assert admin.ship(made).status_code == 200
    assert admin.stock() == (units - 1, 0, units - 1)
    assert [one.tracking_number for one in store.client.shipments(made.id)] == ["1Z999"]
    assert row.begun == {}


def test_an_order_that_is_refunded_in_the_admin_gives_its_unit_back_once(store: Store) -> None:
    order, admin = sold_on_reverb(store, 3), Admin(store)
    made = store.client.create_order(order)
    admin.do(made, "invoice")
    admin.ship(made)
    back = {"extension_attributes": {"return_to_stock_items": [int(made.lines[0].id)]}}
    assert admin.do(made, "refund", {"arguments": back}).status_code == 200
    assert admin.stock() == (3, 0, 3)


def test_an_order_that_the_merchant_cancels_frees_its_unit_once(store: Store) -> None:
    order, admin = sold_on_reverb(store, 1), Admin(store)
    made = store.client.create_order(order)
    store.control.ask("POST", f"/orders/{made.id}/cancel")
    assert admin.stock() == (1, 0, 1)


@pytest.mark.parametrize("units", [5, 1])
def test_cancelling_an_order_leaves_the_unit_to_the_ledger_to_give_back(store: Store, units: int) -> None:
    order, admin, client = sold_on_reverb(store, units), Admin(store), store.client
    made = client.create_order(order)
    for _ in range(2):  # an answer that was lost does no harm
        client.cancel_order(made.id, reverb_number="R-1", gives_back=False, note="Cancelled on Reverb")
    assert admin.stock() == (units - 1, 0, units - 1)
    found = client.order(made.id)
    assert found is not None
    assert found.status == OrderStatus.CANCELLED


def test_cancelling_takes_the_unit_back_once_though_the_first_attempt_broke_off(store: Store) -> None:
    order, admin, client = sold_on_reverb(store, 5), Admin(store), store.client
    made = client.create_order(order)
    store.control.fault("status", path=f"/orders/{made.id}/cancel$", status=502, times=1)
    with pytest.raises(TransientStoreError):
        client.cancel_order(made.id, reverb_number="R-1", gives_back=False, note="Cancelled on Reverb")
    store.client.cancel_order(made.id, reverb_number="R-1", gives_back=False, note="Cancelled on Reverb")
    assert admin.stock() == (4, 0, 4)


@pytest.mark.parametrize("units", [5, 1])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/guest-carts$"),
        ("POST", "/items$"),
        ("POST", "/shipping-information$"),
        ("PUT", "/order$"),
        ("POST", "/source-items$"),
        ("POST", "/comments$"),
    ],
)
@pytest.mark.parametrize("kind", ["lost_request", "lost_answer", "instead"])
def test_an_attempt_that_breaks_off_anywhere_is_finished_by_the_next_one(
    store: Store, units: int, method: str, path: str, kind: str
) -> None:
    row, admin = Row(sold_on_reverb(store, units)), Admin(store)
    fault = {"page": "cloudflare", "status": 403} if kind == "instead" else {}
    store.control.fault(kind, method=method, path=path, times=1, **fault)
    for _ in range(3):
        try:
            made = store.client.create_order(row.order)
            break
        except TransientStoreError:
            assert admin.stock()[2] <= units - 1  # never a unit too many on sale
    assert len(store.control.ask("GET", "/orders")) == 1
    assert admin.stock() == (units, -1, units - 1)
    assert admin.ship(made).status_code == 200
    assert admin.stock() == (units - 1, 0, units - 1)
    assert store.unit().stock == units - 1


class Killed(BaseException):
    """The worker is gone, without a word."""


@pytest.mark.parametrize("units", [5, 1])
@pytest.mark.parametrize("at", ["_loan", "_give", "_take"])
def test_a_worker_that_is_killed_on_the_way_leaves_nothing_behind(
    store: Store, monkeypatch: pytest.MonkeyPatch, units: int, at: str
) -> None:
    row, admin = Row(sold_on_reverb(store, units)), Admin(store)

    def killed(*_: object) -> None:
        raise Killed

    if at == "_take":
        store.control.fault("status", method="POST", path="/items$", status=502, times=1)
    with monkeypatch.context() as patched:
        patched.setattr(Loans, at, killed)
        with pytest.raises(Killed):
            store.client.create_order(row.order)
    monkeypatch.setattr("shops.platforms.magento2.store_cache.claim", lambda *_: True)  # it falls after two minutes
    made = store.client.create_order(row.order)
    assert admin.stock() == (units, -1, units - 1)
    assert admin.opens(made)


def test_units_that_are_being_lent_are_not_read_as_stock(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    order = sold_on_reverb(store, 1)
    unit = store.unit()
    seen: list[Any] = []
    real = Magento2Client.create_order

    def looking(self: Loans, loans: Any) -> Any:
        given = give(self, loans)
        with pytest.raises(Malformed, match="being made"):
            store.client.count(unit)
        seen.append(store.client.take_stock([unit]))  # type: ignore[attr-defined]
        return given

    give = Loans._give
    monkeypatch.setattr(Loans, "_give", looking)
    real(store.client, order)  # type: ignore[arg-type]
    assert all(one.units == {} and one.unread for one in seen)
    assert store.unit().stock == 0


def test_a_sale_that_goes_off_while_its_order_is_being_made_leaves_no_unit_lent(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    row, admin = Row(sold_on_reverb(store, 1)), Admin(store)
    store.control.fault("status", method="POST", path="/items$", status=502, times=1)
    with monkeypatch.context() as patched:
        patched.setattr(Loans, "_take", lambda *_: False)
        with pytest.raises(TransientStoreError):
            store.client.create_order(row.order)
    assert admin.stock() == (1, 0, 1)
    client = store.client
    assert isinstance(client, Magento2Client)
    for _ in range(2):
        client.settle(row.begun, "R-1")
    assert admin.stock() == (0, 0, 0)


def test_a_way_of_shipping_that_is_not_offered_any_more_is_looked_up_again(store: Store) -> None:
    store.product()
    store.client.create_order(reverb_order(store, "R-1"))
    gone = {"message": "Carrier with such method not found: %1, %2", "parameters": ["flatrate", "flatrate"]}
    store.control.fault("status", path="/shipping-information$", status=404, body=gone, times=1)
    with pytest.raises(TransientStoreError):
        store.client.create_order(reverb_order(store, "R-2"))
    assert store.client.create_order(reverb_order(store, "R-2")).reverb_number == "R-2"


def test_the_last_unit_is_on_sale_for_three_calls_while_its_order_is_made(store: Store) -> None:
    store.product("B1")
    unit = store.unit("B1")
    store.client.create_order(
        replace(reverb_order_of(store, unit), reverb_number="R-0")
    )  # the way of shipping is known now
    order = sold_on_reverb(store, 1)
    store.control.ask("DELETE", "/requests")
    store.client.create_order(order)
    paths = [(call["method"], call["path"].rpartition("/")[2]) for call in store.control.calls()]
    given = paths.index(("POST", "source-items"))
    assert paths[given + 1 :][:3] == [("POST", "items"), ("POST", "shipping-information"), ("PUT", "order")]


@pytest.mark.parametrize(
    ("country", "region", "entered", "note"),
    [
        ("US", "IL", "Illinois", ""),
        ("US", "Texas", "Texas", ""),
        ("CA", "Quebec", "Québec", ""),
        ("CA", "CA-ON", "Ontario", ""),
        ("SE", "", "Blekinge län", "names no region"),
        ("CA", "Somewhere", "Ontario", "names Somewhere as its region"),
        ("JP", "東京都", "東京都", ""),
    ],
)
def test_a_country_that_must_have_a_region_gets_one_of_magentos_list(
    store: Store, country: str, region: str, entered: str, note: str
) -> None:
    where = Address("Bob Buyer", "1 Main Street", "Town", "12345", country, region=region)
    made = store.client.create_order(replace(sold_on_reverb(store, 3), address=where, note="Reverb order R-1."))
    [kept] = store.control.ask("GET", "/orders")
    assert kept["address"]["region"] == entered
    assert Admin(store).opens(made)
    said = " ".join(one["comment"] for one in kept["comments"])
    assert (f"{note}; Magento requires one of its list" in said) if note else ("requires" not in said)


def test_a_sale_that_is_picked_up_is_made_as_an_order_though_its_address_is_made_up(store: Store) -> None:
    made = store.client.create_order(replace(sold_on_reverb(store, 3), address=None, note="Reverb order R-1."))
    assert Admin(store).opens(made)
    assert Admin(store).ship(made).status_code == 200


def test_an_order_that_cannot_be_made_puts_everything_back_and_says_why(store: Store) -> None:
    store.control.ask("POST", "/shops", {"domain": store.stand_in.domain, "ships_to": ["DE"]})
    row, admin = Row(sold_on_reverb(store, 1)), Admin(store)
    with pytest.raises(Unsupported, match="no shipping method for the buyer's address"):
        store.client.create_order(row.order)
    assert admin.stock() == (0, 0, 0)
    assert (row.begun, store.unit().stock) == ({}, 0)


def test_the_sale_of_several_units_from_several_sources_can_be_shipped(store: Store) -> None:
    store.control.ask("POST", "/inventory", {"sources": ["east", "west"]})
    store.product(variants=[{"sku": "A1", "price": "500.00", "inventory_quantity": 0}])
    store.control.ask("PUT", "/entities/A1", {"sources": {"default": 6, "east": 3, "west": 4}})
    unit, client, admin = store.unit(), store.client, Admin(store)
    client.adjust(unit, client.count(unit), by=-2, reference="1-1")
    order = reverb_order(store, takes_stock=False)
    made = client.create_order(replace(order, lines=(replace(order.lines[0], quantity=2),)))
    assert admin.stock() == (6 + 7, -2, 5)
    assert admin.ship(made, source="east").status_code == 200
    assert admin.stock() == (6 + 5, 0, 5)


def test_without_sources_an_order_is_written_down_whole_and_moves_no_stock(store: Store) -> None:
    store.control.ask("POST", "/shops", {"domain": store.stand_in.domain, "msi": False})
    order, admin = sold_on_reverb(store, 3), Admin(store)
    made = store.client.create_order(order)
    assert admin.opens(made)
    assert admin.do(made, "invoice").status_code == 200
    assert admin.ship(made).status_code == 200
    assert store.stock() == 2
    assert made.lines[0].price == order.lines[0].price


def test_a_product_whose_stock_nobody_manages_is_ordered_without_a_unit(store: Store) -> None:
    store.product(variants=[{"sku": "A1", "price": "500.00", "inventory_quantity": 0, "tracked": False}])
    admin = Admin(store)
    made = store.client.create_order(reverb_order(store, takes_stock=False))
    assert admin.opens(made)
    assert admin.ship(made).status_code == 200


def test_a_row_with_a_custom_option_is_known_by_its_product(store: Store) -> None:
    product = store.product("OPT-1")
    store.control.ask("PUT", "/entities/OPT-1", {"option_sku": "HARD"})
    order = store.control.ask("POST", "/orders", {"variant_id": product["variants"][0]["id"]})
    unit: StoreProduct = store.unit("OPT-1")
    found = store.client.order(str(order["id"]))
    assert found is not None
    assert (found.lines[0].sku, found.lines[0].store_product_id) == ("OPT-1-HARD", unit.store_product_id)
    assert store.client.order_products(str(order["id"])) == [unit.store_parent_id]
