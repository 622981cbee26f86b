"""What "done" means for a platform: every one of these holds against its stand-in, over real HTTP."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from shops import breaker, outages
from shops.models import Breaker, StoreConnection
from shops.orders import NewOrder, OrderLine, OrderStatus
from shops.platforms.errors import Away, BadSignature, Moved, StoreAuthError, TransientStoreError, Unsupported
from tests.shops.platforms.conftest import Call, Store, wait_for, wrong

pytestmark = pytest.mark.live

COLOURS = [
    {"sku": "V-1", "price": "500.00", "inventory_quantity": 2, "options": {"Color": "Sunburst"}},
    {"sku": "V-2", "price": "510.00", "inventory_quantity": 0, "options": {"Color": "Black"}},
]


def an_hour_ago() -> datetime:
    """Return a moment before everything that a test does."""
    return datetime.now(UTC) - timedelta(hours=1)


# -- connecting ----------------------------------------------------------------------------------------------------


def test_the_keys_are_proven_by_the_stores_name_and_currency(store: Store) -> None:
    info = store.client.check()
    assert info.name
    assert info.currency == "USD"


def test_wrong_keys_are_refused_with_a_sentence_and_never_shown(store: Store) -> None:
    if store.platform.push_only:
        store.control.ask("POST", "/shops", {"domain": store.stand_in.domain, "secret": "another"})
    known = store.platform.keys(store.stand_in.token("contract"), store.stand_in.secret("contract"))
    bad = wrong(known)
    connection = StoreConnection(
        shop=store.shop,
        platform=store.platform.kind,
        address=store.connection.address,
        token=bad.token,
        secret=bad.secret,
    )
    with pytest.raises(StoreAuthError) as refused:
        store.platform.client(connection).check()
    assert bad.token.get_secret_value()[-8:] not in str(refused.value)


def test_a_page_of_html_instead_of_an_answer_passes(store: Store) -> None:
    store.control.fault("status", status=503, times=5)
    with pytest.raises(TransientStoreError):
        store.client.check()


def test_an_address_that_is_none_gets_a_sentence(store: Store) -> None:
    for text in ("", "not an address", "ftp://shop.test", "https://user:word@shop.test/"):
        with pytest.raises(ValueError, match=r"^[A-Z]"):
            store.platform.read_address(text)


# -- the catalogue -------------------------------------------------------------------------------------------------


def test_a_product_says_what_the_store_says(store: Store) -> None:
    store.product()
    unit = store.unit()
    assert (unit.title, unit.vendor, unit.description) == ("Fender Strat", "Fender", "<p>Nice</p>")
    assert (unit.price, unit.currency, unit.stock) == (Decimal("849.90"), "USD", 3)
    assert (unit.barcode, unit.for_sale, unit.photos[0][-6:]) == ("885978110803", True, "/1.jpg")
    assert unit.url.startswith("http")


def test_each_variant_is_a_product_with_sku_stock_price_and_title_of_its_own(store: Store) -> None:
    store.product(variants=COLOURS)
    found = {unit.sku: unit for unit in store.units()}
    assert set(found) == {"V-1", "V-2"}
    assert found["V-1"].title == "Fender Strat – Sunburst"
    assert (found["V-1"].price, found["V-1"].stock, found["V-1"].finish) == (Decimal("500.00"), 2, "Sunburst")
    assert (found["V-2"].price, found["V-2"].stock, found["V-2"].finish) == (Decimal("510.00"), 0, "Black")
    assert found["V-1"].store_parent_id == found["V-2"].store_parent_id
    assert found["V-1"].store_product_id != found["V-2"].store_product_id


def test_one_product_reads_the_same_as_in_the_catalogue(store: Store) -> None:
    store.product(variants=COLOURS)
    for unit in store.units():
        assert unit in store.client.products(unit.store_parent_id)
        assert store.client.parent_of_stock(unit.store_stock_id) == unit.store_parent_id


def test_a_crawl_over_several_pages_misses_nothing_and_can_go_on_anywhere(store: Store) -> None:
    store.control.ask("POST", "/seed", {"domain": store.stand_in.domain, "many": 260})
    if store.platform.push_only:
        store.control.ask("POST", "/push", {"domain": store.stand_in.domain})
        store.receive()
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = store.client.crawl(cursor)  # a new client each time, as after a restart
        seen += [unit.sku for unit in page.products]
        cursor = page.next
    assert sorted(seen) == sorted(f"MANY-{number}" for number in range(260))


def test_a_crawl_since_a_moment_finds_what_changed_after_it(store: Store) -> None:
    store.product("OLD")
    changed = store.product("NEW")
    before = datetime.now(UTC)
    store.control.ask("POST", "/clock", {"advance_s": 7200})
    store.set(changed, price="10.00")
    # What a store of one's own says of the time ahead counts as now.
    since = before if store.platform.push_only else datetime.now(UTC) + timedelta(seconds=3600)
    page = store.client.crawl("", since=since)
    assert {unit.sku for unit in page.products} == {"NEW"}


def test_a_product_that_is_gone_reads_as_none(store: Store) -> None:
    made = store.product()
    parent = store.unit().store_parent_id
    store.control.ask("DELETE", f"/products/{made['id']}")
    store.receive()
    assert store.client.products(parent) == []


def test_a_product_that_is_not_for_sale_says_so(store: Store) -> None:
    store.product(status="DRAFT")
    assert not store.unit().for_sale


# -- stock ---------------------------------------------------------------------------------------------------------


def test_stock_is_changed_by_a_difference(store: Store) -> None:
    store.product()
    unit, client = store.unit(), store.client
    count = client.count(unit)
    assert count.units == 3
    client.adjust(unit, count, by=-1, reference="order-1-line-1")
    wait_for(lambda: store.stock() == 2)


def test_stock_that_moved_meanwhile_is_not_overwritten(store: Store) -> None:
    made = store.product()
    unit, client = store.unit(), store.client
    count = client.count(unit)
    store.control.ask("PUT", f"/variants/{made['variants'][0]['id']}", {"inventory_quantity": 1})
    try:
        client.adjust(unit, count, by=-1, reference="order-1-line-1")
    except Moved:
        assert store.stock() == 1
    else:  # a platform whose own calls are differences need not refuse: both changes count
        wait_for(lambda: store.stock() == 0)


def test_stock_that_nobody_counts_cannot_be_changed(store: Store) -> None:
    row = {"sku": "A1", "price": "5.00", "inventory_quantity": 3, "tracked": False}
    store.product(variants=[row])
    unit = store.unit()
    assert unit.stock is None
    with pytest.raises(Unsupported):
        store.client.adjust(unit, store.client.count(unit), by=-1, reference="x")


# -- webhooks ------------------------------------------------------------------------------------------------------


def calls_of(store: Store, topic_part: str) -> list[Call]:
    """Return the webhooks whose topic holds a word."""
    platform = store.platform
    return [one for one in store.hooks.calls if topic_part in platform.envelope(one.body, one.headers).topic]


def test_webhooks_are_registered_once_however_often_it_is_asked(store: Store) -> None:
    first, again = store.client.ensure_webhooks(store.hooks.url), store.client.ensure_webhooks(store.hooks.url)
    assert first.there == again.there == store.platform.topics
    assert (again.refused, again.repaired) == ({}, ())


def test_a_change_in_the_store_comes_as_a_signed_webhook_that_names_the_product(store: Store) -> None:
    if not store.platform.topics:
        pytest.skip("this platform makes no webhooks")
    store.client.ensure_webhooks(store.hooks.url)
    made = store.product()
    unit = store.unit()
    store.hooks.calls.clear()
    store.control.ask("PUT", f"/products/{made['id']}", {"title": "Fender Strat Deluxe"})
    wait_for(lambda: calls_of(store, "product"))
    call = calls_of(store, "product")[0]
    store.platform.verify(call.body, call.headers, store.connection)
    envelope = store.platform.envelope(call.body, call.headers)
    events = store.platform.events(envelope.topic, call.body, store.connection) or []
    assert envelope.delivery_id
    assert [getattr(event, "store_parent_id", "") for event in events] == [unit.store_parent_id]


@pytest.mark.parametrize("change", ["body", "no headers", "another secret"])
def test_what_the_store_did_not_sign_is_refused(store: Store, change: str) -> None:
    if not store.platform.topics:
        with pytest.raises(BadSignature):
            store.platform.verify(b"{}", {}, store.connection)
        return
    store.client.ensure_webhooks(store.hooks.url)
    made = store.product()
    store.hooks.calls.clear()
    store.control.ask("PUT", f"/products/{made['id']}", {"title": "Another"})
    wait_for(lambda: calls_of(store, "product"))
    call, connection = calls_of(store, "product")[0], store.connection
    body, headers = call.body, call.headers
    match change:
        case "body":
            body += b" "
        case "no headers":
            headers = {}
        case _:
            connection.secret = wrong(store.platform.keys(store.stand_in.token("x"), store.stand_in.secret("x"))).secret
    with pytest.raises(BadSignature):
        store.platform.verify(body, headers, connection)


def test_removed_webhooks_are_gone(store: Store) -> None:
    store.client.ensure_webhooks(store.hooks.url)
    store.client.remove_webhooks(store.hooks.url)
    if store.platform.push_only:
        return  # its system is set up by its programmer
    made = store.product()
    store.hooks.calls.clear()
    store.control.ask("PUT", f"/products/{made['id']}", {"title": "Another"})
    assert store.control.ask("GET", "/shops")[0]["webhooks"] == []


# -- orders --------------------------------------------------------------------------------------------------------


def reverb_order(store: Store, number: str = "R-1", **changes: object) -> NewOrder:
    """Return a Reverb order for one unit of A1."""
    unit = store.unit()
    line = OrderLine("1", unit.store_product_id, unit.sku, unit.title, 1, Decimal("849.90"))
    said = {"lines": (line,), "currency": "USD", "buyer": "Bob", "address": None, "note": ""}
    money = {"shipping": Decimal("25.00"), "tax": Decimal("0.00")}
    return NewOrder(reverb_number=number, **{**said, **money, **changes})  # type: ignore[arg-type]


def test_an_order_for_reverb_is_made_once_and_takes_its_units(store: Store) -> None:
    store.product()
    order = reverb_order(store)
    first, again = store.client.create_order(order), store.client.create_order(order)
    assert first.id == again.id
    assert len(store.control.ask("GET", "/orders")) == 1

    def taken() -> bool:
        if store.client.count(store.unit()).units == 2:
            return True
        store.receive()
        return store.stock() == 2

    wait_for(taken)


def test_an_order_for_units_that_were_taken_already_takes_none(store: Store) -> None:
    store.product()
    store.client.create_order(reverb_order(store, takes_stock=False))
    assert store.stock() == 3


def test_an_order_of_the_store_is_read_with_its_lines(store: Store) -> None:
    made = store.product()
    store.control.ask("POST", "/orders", {"variant_id": made["variants"][0]["id"], "quantity": 2})
    store.receive()
    [order], following = store.client.orders(an_hour_ago(), "")
    assert following is None
    assert [(line.sku, line.quantity) for line in order.lines] == [("A1", 2)]
    assert order.status in (OrderStatus.OPEN, OrderStatus.WAITING)
    assert store.client.order_products(order.id) == [store.unit().store_parent_id]


@pytest.mark.parametrize(("word", "status"), [("cancel", OrderStatus.CANCELLED), ("refund", OrderStatus.REFUNDED)])
def test_an_order_that_was_undone_says_so(store: Store, word: str, status: OrderStatus) -> None:
    made = store.product()
    order = store.control.ask("POST", "/orders", {"variant_id": made["variants"][0]["id"]})
    store.control.ask("POST", f"/orders/{order['id']}/{word}")
    store.receive()
    [found], _ = store.client.orders(an_hour_ago(), "")
    assert found.status == status


def test_a_parcel_is_read_with_its_tracking_number(store: Store) -> None:
    made = store.product()
    order = store.control.ask("POST", "/orders", {"variant_id": made["variants"][0]["id"]})
    store.control.ask("POST", f"/orders/{order['id']}/ship", {"carrier": "UPS", "tracking_number": "1Z999"})
    store.receive()
    [found], _ = store.client.orders(an_hour_ago(), "")
    [parcel] = store.client.shipments(found.id)
    assert (parcel.carrier, parcel.tracking_number) == ("UPS", "1Z999")


def test_an_order_for_reverb_can_be_asked_for_by_its_id(store: Store) -> None:
    store.product()
    made = store.client.create_order(reverb_order(store))

    def known() -> bool:
        store.receive()
        return store.client.order(made.id) is not None

    wait_for(known)
    found = store.client.order(made.id)
    assert found is not None
    assert (found.id, found.status in (OrderStatus.OPEN, OrderStatus.WAITING)) == (made.id, True)
    assert store.client.order("999999999") is None


@pytest.mark.parametrize("takes_stock", [True, False])
def test_an_order_whose_sale_is_off_is_cancelled_and_gives_back_what_it_took_and_no_more(
    store: Store, *, takes_stock: bool
) -> None:
    store.product()
    made = store.client.create_order(reverb_order(store, takes_stock=takes_stock))
    for _ in range(2):  # an answer that was lost does no harm
        store.client.cancel_order(made.id, reverb_number="R-1", gives_back=takes_stock, note="Cancelled on Reverb")
    wait_for(lambda: store.control.ask("GET", "/orders")[0]["status"] == "cancelled")
    assert store.stock() == 3
    store.receive()
    found = store.client.order(made.id)
    assert found is not None
    assert found.status == OrderStatus.CANCELLED


def test_an_order_that_went_out_is_not_cancelled_and_the_seller_reads_why(store: Store) -> None:
    store.product()
    made = store.client.create_order(reverb_order(store, takes_stock=False))
    store.control.ask("POST", f"/orders/{made.id}/ship", {"carrier": "UPS", "tracking_number": "1Z999"})
    store.receive()
    with pytest.raises(Unsupported, match="as shipped"):
        store.client.cancel_order(made.id, reverb_number="R-1", gives_back=False, note="Refunded on Reverb")
    assert store.control.ask("GET", "/orders")[0]["status"] == "shipped"


def test_an_order_that_is_gone_needs_no_cancelling(store: Store) -> None:
    if store.platform.push_only:
        with pytest.raises(Unsupported):  # whether it is gone, only that system knows
            store.client.cancel_order("999999999", reverb_number="R-9", gives_back=True, note="x")
        return
    store.client.cancel_order("999999999", reverb_number="R-9", gives_back=True, note="x")


# -- when it does not respond --------------------------------------------------------------------------------------


def test_a_store_that_keeps_failing_is_not_called_any_more_and_is_known_by_its_connection(store: Store) -> None:
    store.control.fault("status", status=503, times=20)
    for _ in range(breaker.OPENS_AT):
        with pytest.raises(TransientStoreError):
            store.client.check()
    store.control.ask("DELETE", "/requests")
    with pytest.raises(Away, match="isn't responding"):
        store.client.check()
    assert store.control.ask("GET", "/requests") == []
    assert "Your store hasn't responded" in outages.of_store(store.connection)
    [name] = Breaker.objects.values_list("name", flat=True)
    assert outages._connections(name) == ([store.connection], [])
