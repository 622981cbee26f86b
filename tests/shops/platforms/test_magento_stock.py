"""Stock in Magento: what a visitor could buy, taken from where it lies, and found wherever it moves."""

from __future__ import annotations

from typing import Any

import pytest

from listings.intake import batches, crawl_slices, crawls
from listings.models import Job, Product, Rank
from reverbsync import clock
from shops.platforms.errors import Malformed, Moved, TransientStoreError
from shops.platforms.magento2 import changes, config
from shops.platforms.magento2.client import Magento2Client
from tests.shops.platforms.conftest import Store
from tests.shops.platforms.test_crawls import skus, the_crawl, through

pytestmark = [pytest.mark.live, pytest.mark.parametrize("store", ["magento2"], indirect=True)]


def product(store: Store, sku: str = "A1", units: int = 3, **own: Any) -> dict[str, Any]:
    """Make a product with settings that Magento alone has."""
    tracked = own.pop("tracked", True)
    row = {"sku": sku, "price": "500.00", "inventory_quantity": units, "tracked": tracked}
    made: dict[str, Any] = store.product(variants=[row])
    if own:
        store.control.ask("PUT", f"/entities/{sku}", own)
    return made


def client_of(store: Store) -> Magento2Client:
    """Return a new client."""
    client = store.client
    assert isinstance(client, Magento2Client)
    return client


def lies(store: Store, sku: str = "A1") -> dict[str, float]:
    """Return what lies in each source."""
    found: dict[str, float] = store.control.ask("GET", f"/entities/{sku}")["sources"]
    return found


def own_sources(store: Store, *, disabled: tuple[str, ...] = ()) -> None:
    """Give the website a stock of its own."""
    store.control.ask("POST", "/inventory", {"sources": ["east", "west", "north"], "disabled": disabled})


# -- what can be sold ----------------------------------------------------------------------------------------------


def test_stock_that_is_not_managed_any_more_is_not_counted_and_never_zero(store: Store) -> None:
    made = product(store)
    unit = store.unit()
    store.set(made, tracked=False)
    assert store.client.products(unit.store_parent_id)[0].stock is None
    assert client_of(store).take_stock([unit]).units == {unit.store_product_id: None}


@pytest.mark.parametrize(
    ("units", "own", "sold"),
    [
        (0, {"backorders": 1}, 0),  # it can be ordered, but it is not there
        (2, {"backorders": 1, "min_qty": -10}, 2),  # the export says 12
        (3, {"min_qty": 2}, 1),  # the last two are not sold online
        (2, {"min_qty": 5}, 0),
        (3, {"status": 2}, 0),
        (3, {"visibility": 1}, 0),
        (3, {"website_ids": []}, 0),
        (3, {"website_ids": [2]}, 0),
        (3, {"website_ids": [1, 2]}, 3),
    ],
)
@pytest.mark.parametrize("msi", [True, False])
def test_what_the_store_would_not_sell_is_not_sold(
    store: Store, units: int, own: dict[str, Any], sold: int, msi: bool
) -> None:
    store.control.ask("POST", "/shops", {"domain": store.stand_in.domain, "msi": msi})
    product(store, units=units, **own)
    assert store.unit().sellable == sold


def test_units_marked_as_out_of_stock_by_hand_are_not_sold(store: Store) -> None:
    store.control.ask("POST", "/shops", {"domain": store.stand_in.domain, "msi": False})
    product(store, is_in_stock=False)
    assert store.unit().stock == 0


@pytest.mark.parametrize("spelling", ["a1-x", "A1-X ", "A1-X   "])
def test_a_sku_is_matched_as_magentos_database_matches_it(store: Store, spelling: str) -> None:
    product(store, "A1-X", stock_sku=spelling)
    unit, client = store.unit("A1-X"), client_of(store)
    assert unit.stock == 3
    assert client.adjust(unit, client.count(unit), by=-1, reference="r").units == 2
    assert lies(store, "A1-X") == {"default": 2}


def test_a_slash_that_the_web_server_refuses_is_neither_zero_nor_uncounted(store: Store) -> None:
    store.control.ask("POST", "/shops", {"domain": store.stand_in.domain, "msi": False})
    product(store, "A/1")
    product(store, "B1")
    unit = store.unit("A/1")
    store.control.ask("POST", "/shops", {"domain": store.stand_in.domain, "encoded_slashes": False})
    page = store.client.crawl("")
    assert [one.sku for one in page.products] == ["B1"]
    assert [(one.store_parent_id, "AllowEncodedSlashes" in one.words) for one in page.unread] == [
        (unit.store_parent_id, True)
    ]
    with pytest.raises(Malformed, match="AllowEncodedSlashes"):
        store.client.count(unit)


def test_with_sources_no_address_holds_a_sku(store: Store) -> None:
    store.control.ask("POST", "/shops", {"domain": store.stand_in.domain, "encoded_slashes": False})
    product(store, "A/1")
    unit, client = store.unit("A/1"), store.client
    assert client.adjust(unit, client.count(unit), by=-1, reference="r").units == 2


def test_one_missing_route_does_not_make_a_store_one_without_sources(store: Store) -> None:
    made = product(store)
    store.control.ask("POST", "/orders", {"variant_id": made["variants"][0]["id"], "quantity": 2})
    no_route = {"status": 404, "body": {"message": "Request does not match any route."}}
    store.control.fault("status", path="/inventory/", times=2, **no_route)
    with pytest.raises(TransientStoreError):
        store.unit()
    assert store.unit().stock == 1  # not the three that lie in the source


# -- taken from where it lies --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sources", "by", "after", "done"),
    [
        ({"default": 6, "east": 3, "west": 6}, -1, {"default": 6, "east": 2, "west": 6}, None),
        ({"default": 0, "east": 3}, -1, {"default": 0, "east": 2}, None),
        ({"default": 6, "east": 3, "west": 4}, -4, {"default": 6, "east": 3, "west": 0}, None),  # one has them all
        ({"default": 6, "east": 3, "west": 4}, -5, {"default": 6, "east": 0, "west": 2}, None),
        ({"default": 6, "east": 3, "west": 4}, -9, {"default": 6, "east": 0, "west": 0}, -7),
        ({"default": 6, "east": 0}, -1, {"default": 6, "east": 0}, 0),
        ({"default": 6, "east": 0, "west": 4}, 2, {"default": 6, "east": 0, "west": 6}, None),
        ({"default": 6, "east": 0, "west": 0}, 2, {"default": 6, "east": 2, "west": 0}, None),
        ({"default": 6}, 1, {"default": 6}, 0),  # no source that sells holds it
        ({"default": 6, "east": 2, "north": 9}, -5, {"default": 6, "east": 0, "north": 9}, -2),  # north is off
    ],
)
def test_units_are_taken_from_the_sources_that_sell_and_have_them(
    store: Store, sources: dict[str, int], by: int, after: dict[str, int], done: int | None
) -> None:
    own_sources(store, disabled=("north",))
    product(store, units=0, sources=sources)
    if "east" not in sources:
        store.control.ask("PUT", "/entities/A1", {"sources": {"east": None}})
    unit, client = store.unit(), store.client
    count = client.count(unit)
    assert count.units == unit.stock == sum(units for code, units in sources.items() if code in ("east", "west"))
    left = client.adjust(unit, count, by=by, reference="r")
    assert lies(store) == after
    assert (left.done, left.units) == (done, (count.units or 0) + (by if done is None else done))


def test_what_another_source_was_given_meanwhile_is_not_overwritten(store: Store) -> None:
    own_sources(store)
    product(store, units=0, sources={"east": 3, "west": 4})
    unit, client = store.unit(), store.client
    count = client.count(unit)
    store.control.ask("PUT", "/entities/A1", {"sources": {"west": 1}})
    with pytest.raises(Moved):
        client.adjust(unit, count, by=-1, reference="r")
    assert lies(store) == {"east": 3, "west": 1}


def test_the_default_source_counts_where_the_websites_stock_is_the_default_one(store: Store) -> None:
    product(store)
    unit, client = store.unit(), store.client
    client.adjust(unit, client.count(unit), by=-1, reference="r")
    assert lies(store) == {"default": 2}


def test_a_stock_that_the_website_was_given_meanwhile_is_noticed_before_units_are_taken(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(config, "SOURCES_S", 0)  # whatever happens next happens a minute later
    product(store, units=6)
    unit = store.unit()
    own_sources(store)
    store.control.ask("PUT", "/entities/A1", {"sources": {"east": 3}})
    client = store.client
    assert client.adjust(unit, client.count(unit), by=-1, reference="r").units == 2
    assert lies(store) == {"default": 6, "east": 2}


@pytest.mark.parametrize("ordered", [0, 3])
def test_units_that_were_taken_are_not_on_sale_while_the_stores_index_still_shows_them(
    store: Store, ordered: int
) -> None:
    made = product(store, units=7)
    if ordered:
        store.control.ask("POST", "/orders", {"variant_id": made["variants"][0]["id"], "quantity": ordered})
    unit = store.unit()
    store.control.ask("POST", "/shops", {"domain": store.stand_in.domain, "index_trails": True})
    client = store.client
    assert client.adjust(unit, client.count(unit), by=-2, reference="r").units == 5 - ordered
    assert store.unit().stock == 5 - ordered
    assert client.adjust(unit, client.count(unit), by=-1, reference="s").units == 4 - ordered
    store.control.ask("PUT", "/entities/A1", {"indexed": None, "sources": {"default": 9}})
    assert store.unit().stock == 9 - ordered


def test_units_that_a_reservation_counts_and_that_lie_nowhere_are_not_sold(store: Store) -> None:
    product(store, units=2)
    store.control.ask("PUT", "/entities/A1", {"unbalanced": 3, "sources": {"default": 2}})
    unit, client = store.unit(), store.client
    assert unit.stock == client.count(unit).units == 2


@pytest.mark.parametrize(
    ("own", "after"),
    [
        ({}, -1),  # one unit more is ordered than there is
        ({"backorders": 1}, 0),  # the store sells on order, and says so
        ({"min_qty": 2}, 0),  # the order takes one that the store had kept back
    ],
)
def test_an_order_between_the_reading_and_our_change_shows_as_a_unit_too_few(
    store: Store, own: dict[str, Any], after: int
) -> None:
    made = product(store, units=1 + own.get("min_qty", 0), **own)
    unit, client = store.unit(), store.client
    count = client.count(unit)
    assert count.units == 1
    store.control.ask("POST", "/orders", {"variant_id": made["variants"][0]["id"], "quantity": 1})
    assert client.adjust(unit, count, by=-1, reference="r").units == after
    assert store.unit().stock == after


# -- found wherever it moves ---------------------------------------------------------------------------------------


def known(store: Store, many: int) -> None:
    """Fill the store, and learn it."""
    store.control.ask("POST", "/seed", {"domain": store.stand_in.domain, "many": many})
    crawls.plan(store.shop)
    through(store)
    Product.objects.update(pending_first_sync=False)


def urgent() -> set[str]:
    """Return the SKUs of products whose listing is to end."""
    return set(Job.objects.filter(rank=Rank.STOCK_TO_ZERO).values_list("product__sku", flat=True))


def test_a_product_far_behind_that_sells_out_is_found_by_the_stock_poll(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "STOCKTAKING", 50)
    known(store, 260)
    for sku in ("MANY-3", "MANY-255"):
        [doc] = store.control.ask("GET", "/products", sku=sku)
        store.set(doc, inventory_quantity=0)
    through(store, "stock")
    assert urgent() == {"MANY-3", "MANY-255"}
    assert the_crawl(store, "stock").seen == 260


@pytest.mark.parametrize("word", ["unassigned", "deleted", "disabled", "website", "not managed"])
def test_what_goes_off_sale_without_a_trace_is_found_by_the_stock_poll(store: Store, word: str) -> None:
    made, other = product(store), product(store, "B1")
    crawls.plan(store.shop)
    through(store)
    Product.objects.update(pending_first_sync=False)
    match word:
        case "unassigned":
            store.control.ask("PUT", "/entities/A1", {"sources": {"default": None}})
        case "deleted":
            store.control.ask("DELETE", f"/products/{made['id']}")
        case "disabled":
            store.control.ask("PUT", "/entities/A1", {"status": 2, "dated": False})
        case "website":
            store.control.ask("PUT", "/entities/A1", {"website_ids": [], "dated": False})
        case _:
            store.set(made, tracked=False)
    through(store, "stock")
    if word == "not managed":
        assert Product.objects.get(sku="A1").seen.stock is None
        return
    assert urgent() == {"A1"}
    assert skus(store) == ({"B1"} if word == "deleted" else {"A1", "B1"})
    assert Product.objects.get(sku="B1").seen.sellable == 3
    assert other


def test_what_comes_back_on_sale_is_found_by_the_stock_poll(store: Store) -> None:
    product(store, status=2)
    crawls.plan(store.shop)
    through(store)
    Product.objects.update(pending_first_sync=False)
    store.control.ask("PUT", "/entities/A1", {"status": 1, "dated": False})
    through(store, "stock")
    assert Product.objects.get().seen.sellable == 3
    assert Job.objects.get().product.sku == "A1"


def test_a_family_that_is_switched_off_takes_all_its_children_off_sale(store: Store) -> None:
    rows = [
        {"sku": f"C-{name}", "price": "5.00", "inventory_quantity": 3, "options": {"Color": name}}
        for name in ("Red", "Blue")
    ]
    family = store.product(variants=rows)
    crawls.plan(store.shop)
    through(store)
    Product.objects.update(pending_first_sync=False)
    store.control.ask("PUT", f"/entities/family-{family['id']}", {"status": 2, "dated": False})
    through(store, "stock")
    assert urgent() == {"C-Red", "C-Blue"}


def test_a_page_of_something_else_in_a_stock_poll_takes_nothing_off_sale(store: Store) -> None:
    known(store, 5)
    shapes: list[Any] = [{"items": [], "total_count": 0}, {"items": None, "total_count": None}, {"message": "x"}, []]
    for shape in shapes:
        store.control.fault("status", status=200, path="/export-stock-salable-qty/", body=shape, times=1)
        crawls.begin(store.shop, "stock")
        crawl_slices.run_slice(the_crawl(store, "stock"))
        assert urgent() == set()


def test_a_look_reads_what_changed_until_its_date_is_old_however_often_it_is_asked_for(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "YOUNG_S", 0.0)  # the looks happen a minute later each
    known(store, 150)
    store.control.ask("DELETE", "/requests")
    through(store, "changes")
    first = [call["path"] for call in store.control.calls()]
    store.control.ask("DELETE", "/requests")
    through(store, "changes")
    again = [call["path"] for call in store.control.calls()]
    assert len(again) < 4 < len(first)
    [doc] = store.control.ask("GET", "/products", sku="MANY-7")
    store.control.ask("POST", "/clock", {"advance_s": 5})
    store.set(doc, price="77.00")
    through(store, "changes")
    assert str(Product.objects.get(sku="MANY-7").seen.price) == "77.00"


def test_a_look_that_broke_off_before_its_page_was_saved_reads_it_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    known(store, 3)
    [doc] = store.control.ask("GET", "/products", sku="MANY-1")
    store.set(doc, price="77.00")

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError

    crawls.begin(store.shop, "changes")
    with monkeypatch.context() as patched:
        patched.setattr("listings.intake.refresh.keep", broken)
        crawl_slices.run_slice(the_crawl(store, "changes"))
    through(store, "changes")
    assert str(Product.objects.get(sku="MANY-1").seen.price) == "77.00"


def test_an_edit_that_was_read_while_we_changed_the_stock_is_read_again(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    known(store, 3)
    [doc] = store.control.ask("GET", "/products", sku="MANY-1")
    store.set(doc, price="77.00")
    client, real = client_of(store), Magento2Client.crawl
    readings: list[Any] = []

    def adjusting(*args: Any, **how: Any) -> Any:
        page = real(client, *args, **how)
        if not readings:
            Product.objects.filter(sku="MANY-1").update(read_at=clock.now())
        readings.append(page)
        return page

    monkeypatch.setattr(client, "crawl", adjusting)
    monkeypatch.setattr(crawl_slices, "client_of", lambda _: client)
    through(store, "changes")
    assert str(Product.objects.get(sku="MANY-1").seen.price) == "77.00"
