"""A store of one's own: odd messages, lists that leave out too much, stamps from the future, pages for answers."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from listings.intake import refresh
from listings.models import Product
from shops import lifecycle, store_connection
from shops.events import ProductChanged
from shops.models import MissingProducts, PushedProduct, Shop
from shops.platforms import platform_of
from shops.platforms.custom import messages
from shops.platforms.errors import Moved, StoreAuthError, TransientStoreError, Unreadable, Unsupported
from shops.platforms.values import Keys
from tests.people import olivia
from tests.shops.platforms.conftest import Store
from webhooks import inbox, store_handover
from webhooks.models import Delivery

pytestmark = pytest.mark.django_db

NOW = datetime.now(UTC)


@pytest.fixture
def shop() -> Shop:
    """Return a shop with a store of its own."""
    made = lifecycle.create_shop(olivia(), "Guitars")
    store_connection.connect_store(
        made, platform="custom", address="https://guitars.example", keys=Keys("token", "whsec_aaaa")
    )
    return made


def message(kind: str, data: Any) -> bytes:
    """Return a message of the seller's system."""
    return json.dumps({"type": kind, "timestamp": NOW.isoformat(), "data": data}).encode()


def send(shop: Shop, kind: str, data: Any) -> None:
    """Let the seller's system send a message, and take it in."""
    events = platform_of(shop.store).events(kind, message(kind, data), shop.store)
    refresh.take(shop, dict.fromkeys(events or [], "test"))


def product(number: object = 1, **changes: Any) -> dict[str, Any]:
    """Return a product as it is sent."""
    row = {"id": f"{number}0", "sku": f"A{number}", "price": "849.00", "stock": 3, **changes.pop("variant", {})}
    stamp = (NOW - timedelta(minutes=1)).isoformat()
    return {"id": number, "updated_at": stamp, "title": "Strat", "currency": "USD", "variants": [row], **changes}


def seen(shop: Shop, sku: str = "A1") -> Any:
    """Return what is known of a product."""
    return Product.objects.get(shop=shop, sku=sku).seen


def there(shop: Shop) -> set[str]:
    """Return the SKUs that are not gone."""
    return set(Product.objects.filter(shop=shop, gone_at=None).values_list("sku", flat=True))


@pytest.mark.parametrize(
    "odd",
    [
        {"title": ""},
        {"title": "A" * 40_000},
        {"title": "Strat \ud83d"},
        {"title": None},
        {"title": ["Strat"]},
        {"description": 5},
        {"vendor": {"name": "Fender"}},
        {"tags": "used, blue"},
        {"tags": {"0": "used", "2": 7, "3": {}}},
        {"collections": [None, "Guitars"]},
        {"attributes": []},
        {"attributes": {"Neck": ["Maple"], "Weight": 3.2}},
        {"photos": [False, "https://a/1.jpg", "javascript:x()", {}]},
        {"photos": "https://a/1.jpg"},
        {"url": "javascript:alert(1)"},
        {"currency": "usd "},
        {"currency": "Dollars"},
        {"unknown": {"deep": [[[[]]]]}},
        {"variant": {"barcode": 885978110803}},
        {"variant": {"options": []}},
        {"variant": {"options": {"Color": 5}}},
        {"variant": {"price": "on request"}},
        {"variant": {"price": "9" * 29}},
        {"variant": {"price": None}},
        {"variant": {"sku": 1001}},
    ],
)
def test_an_odd_side_field_hides_neither_product_nor_stock(shop: Shop, odd: dict[str, Any]) -> None:
    send(shop, "product.updated", product(**odd))
    assert Product.objects.get(shop=shop).seen.stock == 3
    assert all(photo.startswith("https://") for photo in Product.objects.get(shop=shop).seen.photos)
    assert Product.objects.get(shop=shop).seen.url == ""


@pytest.mark.parametrize(("stock", "units"), [(2.5, 2), ("2", 2), (2**40, 2**31 - 1), (None, None), (-1, -1)])
def test_units_are_read_whole_and_within_bounds(shop: Shop, stock: Any, units: int | None) -> None:
    send(shop, "product.updated", product(variant={"stock": stock}))
    assert seen(shop).stock == units


@pytest.mark.parametrize(
    "odd",
    [
        {"variant": {"stock": "many"}},
        {"variant": {"stock": float("nan")}},
        {"variant": {"stock": float("inf")}},
        {"variant": {"stock": [3]}},
        {"variant": {"id": "x" * 65}},
        {"variant": {"id": None}},
        {"variants": []},
        {"variants": {"0": {}}},
        {"variants": [{"id": "7", "price": "1"}, {"id": "7 ", "price": "2"}]},
        {"updated_at": "yesterday"},
        {"updated_at": "0001-01-01T00:00:00+14:00"},
        {"updated_at": "9999-12-31T23:59:59-14:00"},
        {"id": {"a": 1}},
    ],
)
def test_a_product_that_cannot_be_read_is_named_and_the_others_of_its_message_are_taken(
    shop: Shop, odd: dict[str, Any]
) -> None:
    rows = [product(1), product(2, **odd), product(3), "no product", None]
    with pytest.raises(Unreadable) as unreadable:
        send(shop, "products.updated", {"products": rows})
    assert set(unreadable.value.events) == {ProductChanged("1"), ProductChanged("3")}
    assert "NaN" not in str(unreadable.value)
    refresh.take(shop, dict.fromkeys(unreadable.value.events, "test"))
    assert there(shop) == {"A1", "A3"}


def test_a_price_that_is_none_is_zero(shop: Shop) -> None:
    send(shop, "product.updated", product(variant={"price": "free"}))
    assert seen(shop).price == Decimal(0)


def test_a_stamp_ten_years_ahead_does_not_freeze_a_product(shop: Shop) -> None:
    ahead = (NOW + timedelta(days=3650)).isoformat()
    send(shop, "product.updated", product(updated_at=ahead))
    send(shop, "product.updated", product(updated_at=datetime.now(UTC).isoformat(), variant={"stock": 0}))
    assert seen(shop).stock == 0


def test_a_stamp_ahead_that_was_kept_before_does_not_freeze_a_product(shop: Shop) -> None:
    send(shop, "product.updated", product())
    PushedProduct.objects.update(said_at=NOW + timedelta(days=3650))
    send(shop, "product.updated", product(updated_at=datetime.now(UTC).isoformat(), variant={"stock": 0}))
    assert seen(shop).stock == 0


def ago(seconds: int) -> str:
    """Return a stamp of so many seconds ago."""
    return (NOW - timedelta(seconds=seconds)).isoformat()


def test_a_product_that_comes_after_a_later_stock_brings_its_price_and_not_its_stock(shop: Shop) -> None:
    send(shop, "product.updated", product(updated_at=ago(60)))
    count = {"product_id": "1", "updated_at": ago(20), "items": [{"variant_id": "10", "stock": 0}]}
    send(shop, "stock.updated", count)
    send(shop, "product.updated", product(updated_at=ago(40), variant={"price": "900"}))
    assert (seen(shop).price, seen(shop).stock) == (Decimal("900.00"), 0)
    send(shop, "product.updated", product(updated_at=ago(10), variant={"price": "950"}))
    assert (seen(shop).price, seen(shop).stock) == (Decimal("950.00"), 3)
    send(shop, "stock.updated", count)
    assert seen(shop).stock == 3


def counts(seconds: int, *items: Any, number: str = "1") -> dict[str, Any]:
    """Return a message's data that counts variants, sent so many seconds ago."""
    return {"product_id": number, "updated_at": ago(seconds), "items": list(items)}


def test_a_stock_that_comes_before_its_product_counts_for_it(shop: Shop) -> None:
    """Two messages of two processes: the product's own number is the older one."""
    send(shop, "stock.updated", counts(10, {"variant_id": "10", "stock": 0}))
    send(shop, "product.updated", product(updated_at=ago(20)))
    assert seen(shop).stock == 0
    send(shop, "product.updated", product(updated_at=ago(5)))
    assert seen(shop).stock == 3


def test_an_older_stock_that_comes_before_its_product_does_not(shop: Shop) -> None:
    send(shop, "stock.updated", counts(30, {"variant_id": "10", "stock": 0}, {"variant_id": "99", "stock": 5}))
    send(shop, "product.updated", product(updated_at=ago(20)))
    assert seen(shop).stock == 3
    assert there(shop) == {"A1"}


def test_a_stock_of_a_deleted_product_brings_it_not_back_and_counts_when_it_comes_back(shop: Shop) -> None:
    send(shop, "product.updated", product(updated_at=ago(60)))
    send(shop, "product.deleted", {"id": "1", "updated_at": ago(50)})
    send(shop, "stock.updated", counts(10, {"variant_id": "10", "stock": 1}))
    assert there(shop) == set()
    send(shop, "product.updated", product(updated_at=ago(40)))
    assert seen(shop).stock == 1


@pytest.mark.parametrize("stocks", [(0, 3), (3, 0), (None, 0), (0, None)])
def test_of_two_numbers_for_one_variant_the_lower_counts(shop: Shop, stocks: tuple[Any, Any]) -> None:
    send(shop, "product.updated", product(updated_at=ago(60)))
    send(shop, "stock.updated", counts(10, *({"variant_id": "10", "stock": stock} for stock in stocks)))
    assert seen(shop).stock == 0


@pytest.mark.parametrize(
    "items",
    [[{"variant_id": "99", "stock": 0}], [{"variant_id": "10", "stock": 0}, {"variant_id": "99", "stock": 7}]],
)
def test_a_stock_of_an_unknown_variant_makes_no_product_and_is_reported(shop: Shop, items: list[Any]) -> None:
    send(shop, "product.updated", product(updated_at=ago(60)))
    with pytest.raises(Unreadable, match="Product 1 has no variant with the id 99") as unreadable:
        send(shop, "stock.updated", counts(10, *items))
    refresh.take(shop, dict.fromkeys(unreadable.value.events, "test"))
    assert there(shop) == {"A1"}
    assert seen(shop).stock == (3 if len(items) == 1 else 0)


def test_a_stock_that_comes_before_a_new_variant_of_its_product_counts_for_it(shop: Shop) -> None:
    """The message that introduces the variant is older, and comes later."""
    rows = [{"id": one, "sku": f"V{one}", "price": "1.00", "stock": 3} for one in ("10", "11")]
    send(shop, "product.updated", product(updated_at=ago(60), variants=rows[:1]))
    with pytest.raises(Unreadable):
        send(shop, "stock.updated", counts(10, {"variant_id": "11", "stock": 0}))
    send(shop, "product.updated", product(updated_at=ago(30), variants=rows[:1]))
    send(shop, "product.updated", product(updated_at=ago(20), variants=rows))
    assert [seen(shop, f"V{one}").stock for one in ("10", "11")] == [3, 0]
    send(shop, "product.updated", product(updated_at=ago(5), variants=rows))
    assert seen(shop, "V11").stock == 3


@pytest.mark.parametrize(
    "odd", [{"variant_id": "11", "stock": "many"}, {"stock": 1}, "11", None, [], {"variant_id": []}]
)
def test_a_count_that_cannot_be_read_is_named_and_the_others_of_its_message_are_taken(shop: Shop, odd: Any) -> None:
    rows = [{"id": one, "sku": f"V{one}", "price": "1.00", "stock": 3} for one in ("10", "11", "12")]
    send(shop, "product.updated", product(updated_at=ago(60), variants=rows))
    with pytest.raises(Unreadable, match="Item 2 of the message") as unreadable:
        send(shop, "stock.updated", counts(10, {"variant_id": "10", "stock": 0}, odd, {"variant_id": "12", "stock": 1}))
    assert unreadable.value.events == (ProductChanged("1"),)
    refresh.take(shop, dict.fromkeys(unreadable.value.events, "test"))
    assert [seen(shop, f"V{one}").stock for one in ("10", "11", "12")] == [0, 3, 1]


def test_a_variant_that_is_not_counted_any_more_says_so(shop: Shop) -> None:
    send(shop, "product.updated", product(updated_at=ago(60)))
    send(shop, "stock.updated", counts(10, {"variant_id": "10", "stock": None}))
    assert seen(shop).stock is None


def test_two_messages_under_one_id_both_count(shop: Shop) -> None:
    """A program that has made up an id once, and sends it for ever."""
    headers = {"webhook-id": "1"}
    first, second = (message("product.deleted", {"id": one, "updated_at": ago(1)}) for one in "12")
    envelope = platform_of(shop.store).envelope
    assert envelope(first, headers).delivery_id != envelope(second, headers).delivery_id
    assert envelope(first, headers) == envelope(first, headers)


# -- complete lists ------------------------------------------------------------------------------------------------


def complete(shop: Shop, ids: list[Any]) -> None:
    """Send a complete list."""
    send(shop, "catalogue.complete", {"updated_at": datetime.now(UTC).isoformat(), "ids": ids})


def fill(shop: Shop, many: int) -> None:
    """Send products."""
    send(shop, "products.updated", {"products": [product(number) for number in range(1, many + 1)]})


@pytest.mark.parametrize(
    ("many", "ids", "left"),
    [
        (20, range(1, 20), 19),
        (20, range(1, 19), 18),
        (2, [1], 1),
        (5, [1, 2, 3, 4], 4),
        (3, ["1 ", " 2", "3\n"], 3),
        (3, [1, 2, 3, 99], 3),
    ],
)
def test_a_complete_list_takes_off_the_few_that_it_leaves_out(shop: Shop, many: int, ids: Any, left: int) -> None:
    fill(shop, many)
    complete(shop, list(ids))
    assert len(there(shop)) == left
    assert not MissingProducts.objects.exists()


@pytest.mark.parametrize(("many", "ids"), [(20, []), (1, []), (2, []), (20, range(1, 18)), (5, [1, 2, 3]), (3, ["x"])])
def test_a_complete_list_that_leaves_out_much_changes_nothing_until_the_seller_confirms(
    shop: Shop, many: int, ids: Any
) -> None:
    fill(shop, many)
    complete(shop, list(ids))
    assert len(there(shop)) == many
    assert MissingProducts.objects.get().of == many


def test_the_seller_confirms_what_is_gone(shop: Shop, client: Client) -> None:
    fill(shop, 20)
    complete(shop, [1, 2, 3])
    client.force_login(olivia())
    page = client.get(f"/shops/{shop.pk}/products/import/").content.decode()
    assert "left out 17 of 20 products" in page
    client.post(f"/shops/{shop.pk}/products/import/missing/remove/")
    assert there(shop) == {"A1", "A2", "A3"}
    assert not MissingProducts.objects.exists()
    send(shop, "product.updated", product(4, updated_at=datetime.now(UTC).isoformat()))
    assert "A4" in there(shop)


def test_the_seller_keeps_what_a_wrong_list_left_out(shop: Shop, client: Client) -> None:
    fill(shop, 20)
    complete(shop, [])
    client.force_login(olivia())
    client.post(f"/shops/{shop.pk}/products/import/missing/keep/")
    assert len(there(shop)) == 20
    assert not MissingProducts.objects.exists()


def test_a_right_list_takes_back_the_question_of_a_wrong_one(shop: Shop) -> None:
    fill(shop, 20)
    complete(shop, [])
    complete(shop, list(range(1, 21)))
    assert not MissingProducts.objects.exists()
    assert len(there(shop)) == 20


# -- orders --------------------------------------------------------------------------------------------------------


def test_an_order_of_two_and_a_half_metres_is_read() -> None:
    line = {"id": 1, "quantity": 2.5, "price": "3.5", "product_id": 17, "sku": None}
    stamp = NOW.isoformat()
    data = {"id": 5, "updated_at": stamp, "status": "open", "lines": [line], "shipments": {"0": {"id": 1}}}
    order = messages.order(messages.read(message("order.updated", data)))  # type: ignore[arg-type]
    assert [line.quantity for line in order.lines] == [2]


@pytest.mark.parametrize(
    "lines", [None, {}, [{"id": 1, "quantity": "two"}], [None, "x"], {"0": {"id": 1, "quantity": -1}}]
)
def test_odd_lines_hide_no_parcel_of_an_order(lines: Any) -> None:
    data = {"id": 5, "updated_at": NOW.isoformat(), "status": "done", "lines": lines}
    data["shipments"] = [{"id": 1, "tracking_number": "1Z"}]
    pushed = messages.read(message("order.updated", data))
    assert [one.tracking_number for one in messages.shipments(pushed)] == ["1Z"]  # type: ignore[arg-type]


# -- what it answers -----------------------------------------------------------------------------------------------


@pytest.mark.live
@pytest.mark.parametrize("store", ["custom"], indirect=True)
@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (401, {"error": "wrong signature"}, StoreAuthError),
        (404, {"error": "no such variant"}, Unsupported),
        (422, {"error": "unknown type"}, Unsupported),
        (404, None, TransientStoreError),
        (403, None, TransientStoreError),
        (405, {"error": "no"}, TransientStoreError),
        (409, None, TransientStoreError),
        (418, {"error": "teapot"}, TransientStoreError),
        (200, None, TransientStoreError),
        (302, None, TransientStoreError),
        (500, {"error": "broken"}, TransientStoreError),
    ],
)
def test_only_its_own_json_decides(store: Store, status: int, body: Any, error: type[Exception]) -> None:
    store.product()
    unit = store.unit()
    store.control.fault("status", status=status, body=body, times=2)
    with pytest.raises(error) as raised:
        store.client.adjust(unit, store.client.count(unit), by=-1, reference="r-1")
    assert getattr(raised.value, "may_have_applied", None) is (error is TransientStoreError)


@pytest.mark.live
@pytest.mark.parametrize("store", ["custom"], indirect=True)
@pytest.mark.parametrize("conflict", [False, True])
def test_a_stock_from_before_our_change_that_comes_late_puts_nothing_back(store: Store, conflict: bool) -> None:
    """The answer has no stamp of its own; the message waited in a queue of the seller's system."""
    made = store.product()
    unit, client = store.unit(), store.client
    count = client.count(unit)
    before = datetime.now(UTC) - timedelta(seconds=3)
    PushedProduct.objects.update(said_at=before - timedelta(minutes=1))
    if conflict:
        store.control.ask("PUT", f"/variants/{made['variants'][0]['id']}", {"inventory_quantity": 2})
        with pytest.raises(Moved):
            client.adjust(unit, count, by=-1, reference="r")
        count = client.count(unit)
    after = client.adjust(unit, count, by=-1, reference="r").units
    late = {"product_id": unit.store_parent_id, "updated_at": before.isoformat()}
    items = [{"variant_id": unit.store_product_id, "stock": 3}]
    store.platform.events("stock.updated", message("stock.updated", {**late, "items": items}), store.connection)
    assert client.count(unit).units == after == store.stock()


@pytest.mark.live
@pytest.mark.parametrize("store", ["custom"], indirect=True)
@pytest.mark.parametrize("kind", ["instead", "status"])
def test_an_answer_that_shows_the_stock_of_before_does_not_say_that_it_was_changed(store: Store, kind: str) -> None:
    """Taken for done, the unit that sold would count as put back, and go on sale again."""
    store.product()
    unit, client = store.unit(), store.client
    count = client.count(unit)
    store.control.fault(kind, text="stock.adjust", status=200, body={"stock": 3}, times=2)
    for _ in range(2):
        with pytest.raises(TransientStoreError) as raised:
            client.adjust(unit, count, by=-1, reference="r")
        assert raised.value.may_have_applied
    assert client.count(unit).units == 3
    assert client.adjust(unit, count, by=-1, reference="r").units == store.stock() == 2


@pytest.mark.live
@pytest.mark.parametrize("store", ["custom"], indirect=True)
def test_an_answer_counts_though_its_clock_is_coarse_and_behind(store: Store) -> None:
    store.product()
    unit, client = store.unit(), store.client
    PushedProduct.objects.update(said_at=datetime.now(UTC) + timedelta(seconds=60))
    assert client.adjust(unit, client.count(unit), by=-1, reference="r").units == client.count(unit).units == 2


@pytest.mark.live
@pytest.mark.parametrize("store", ["custom"], indirect=True)
def test_keys_that_work_a_moment_later_are_not_called_refused(store: Store) -> None:
    store.product()
    unit = store.unit()
    store.control.fault("status", status=401, body={"error": "who are you?"}, times=1)
    with pytest.raises(TransientStoreError) as transient:
        store.client.adjust(unit, store.client.count(unit), by=-1, reference="r-1")
    assert "who are you?" in str(transient.value)


def test_a_message_of_many_products_is_worked_off_however_slow_the_machine_is(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = message("products.updated", {"products": [product(number) for number in range(1, 6)]})
    inbox.keep(shop.pk, source="store", delivery_id="1", topic="products.updated", body=many, state=Delivery.State.OPEN)
    monkeypatch.setattr(store_handover, "SLICE_S", 0.0)
    for _ in range(3):
        store_handover.hand_over(shop)
    assert len(there(shop)) == 5
    assert Delivery.objects.get().state == Delivery.State.DONE
