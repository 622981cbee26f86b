"""What Magento cannot put into an answer, and pages smaller than ours: all else is read, and the rest later."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl

import pytest
from pydantic import SecretStr

from listings.intake import crawls
from listings.models import Crawl, Product, Recheck
from reverbsync import clock
from shops.platforms.errors import Away, Malformed, TransientStoreError
from shops.platforms.magento2 import batches, search
from shops.platforms.magento2.rest import Rest
from tests.shops.platforms.conftest import Store
from tests.shops.platforms.test_crawls import skus, the_crawl, through
from tests.shops.platforms.test_magento_families import ALL, SIZES, look
from tests.shops.platforms.test_magento_stock import product

pytestmark = pytest.mark.live
only = pytest.mark.parametrize("store", ["magento2"], indirect=True)
case = pytest.mark.parametrize
OFTEN = 10**6


def switch(store: Store, **switches: Any) -> None:
    """Set switches of the stand-in's shop."""
    store.control.ask("POST", "/shops", {"domain": store.stand_in.domain, **switches})


def three(store: Store) -> dict[str, dict[str, Any]]:
    """Fill a store with three products, and learn them; its clock goes two hours ahead."""
    made = {sku: product(store, sku) for sku in ("A1", "B1", "C1")}
    crawls.plan(store.shop)
    through(store)
    Product.objects.update(pending_first_sync=False)
    store.control.ask("POST", "/clock", {"advance_s": 7200})
    return made


def later(store: Store) -> list[str]:
    """Return the SKUs of the products that are to be read again."""
    ids = Recheck.objects.filter(shop=store.shop).values_list("store_parent_id", flat=True)
    return sorted(Product.objects.filter(store_parent_id__in=ids).values_list("sku", flat=True))


# -- products ------------------------------------------------------------------------------------------------------


@only
@case("bad", ["A1", "B1", "C1"])
def test_an_import_goes_on_behind_a_product_that_cannot_be_shown(store: Store, bad: str) -> None:
    for sku in ("A1", "B1", "C1"):
        product(store, sku)
    switch(store, broken=[bad])
    crawls.plan(store.shop)
    crawl = through(store)
    assert (crawl.state, crawl.failures) == (Crawl.State.DONE, 0)
    assert skus(store) == {"A1", "B1", "C1"} - {bad}
    assert Recheck.objects.get().words.startswith("Magento: Internal Error")


@only
def test_a_product_that_cannot_be_shown_stays_known_and_is_asked_for_later(store: Store) -> None:
    three(store)
    switch(store, broken=["B1"])
    through(store)
    assert skus(store) == {"A1", "B1", "C1"}
    assert later(store) == ["B1"]


@only
@case("bad", ["A1", "B1"])
def test_a_look_for_changes_goes_on_behind_a_product_that_cannot_be_shown(store: Store, bad: str) -> None:
    made = three(store)
    store.set(made[bad], price="266.00")
    store.set(made["C1"], price="255.00")
    switch(store, broken=[bad])
    look(store)
    assert str(Product.objects.get(sku="C1").seen.price) == "255.00"
    assert later(store) == [bad]


@only
def test_the_stock_poll_goes_on_beside_a_product_that_cannot_be_shown(store: Store) -> None:
    made = three(store)
    switch(store, broken=["B1"])
    for sku in ("A1", "C1"):
        store.set(made[sku], inventory_quantity=1)
    through(store, "stock")
    assert dict(Product.objects.values_list("sku", "snapshot__stock")) == {"A1": 1, "B1": 3, "C1": 1}
    assert later(store) == ["B1"]


@only
@case("path", ["/export-stock-salable-qty/", "/source-items$"])
@case("said", [{"status": 500, "body": {"message": "Internal Error."}}, {"status": 502, "page": "nginx"}], ids=str)
def test_a_stock_list_that_fails_at_one_sku_hides_that_one_alone(store: Store, path: str, said: Any) -> None:
    made = three(store)
    store.control.fault("status", path=path, text="B1", times=OFTEN, **said)
    store.set(made["C1"], inventory_quantity=1)
    through(store, "stock")
    assert dict(Product.objects.values_list("sku", "snapshot__stock")) == {"A1": 3, "B1": 3, "C1": 1}
    assert later(store) == ["B1"]


@only
def test_a_stock_item_that_fails_hides_its_product_alone(store: Store) -> None:
    product(store, "A1", tracked=False)
    product(store, "B1")
    store.control.fault("status", path="/stockItems/A1$", status=500, times=OFTEN)
    page = store.client.crawl("")
    assert ([one.sku for one in page.products], len(page.unread)) == (["B1"], 1)


@only
def test_the_children_of_a_family_that_cannot_be_shown_stay_as_they_are(store: Store) -> None:
    made = store.product(variants=SIZES)
    product(store, "Z1")
    crawls.plan(store.shop)
    through(store)
    switch(store, broken=[f"family-{made['id']}"])
    store.control.ask("POST", "/clock", {"advance_s": 7200})
    through(store)
    known = Product.objects.filter(gone_at=None).exclude(sku="Z1")
    assert {(one.sku, one.store_parent_id, one.seen.for_sale) for one in known} == {
        (sku, str(made["id"]), True) for sku in ALL
    }
    with pytest.raises(Malformed):
        store.client.products(str(made["id"]))


@only
def test_a_store_is_there_although_its_first_product_and_order_cannot_be_shown(store: Store) -> None:
    made = product(store)
    order = store.control.ask("POST", "/orders", {"variant_id": made["variants"][0]["id"]})
    switch(store, broken=["A1", str(order["id"])])
    assert store.client.check().currency == "USD"


# -- orders --------------------------------------------------------------------------------------------------------


@only
def test_a_look_and_a_list_of_orders_go_on_behind_one_that_cannot_be_shown(store: Store) -> None:
    made = three(store)
    bad, good = (
        store.control.ask("POST", "/orders", {"variant_id": made[sku]["variants"][0]["id"]}) for sku in ("A1", "C1")
    )
    switch(store, broken=[str(bad["id"])])
    look(store)
    assert Product.objects.get(sku="C1").seen.stock == 2
    found: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        some, cursor = store.client.orders(clock.now() - timedelta(hours=1), cursor)
        found += [one.id for one in some]
    assert found == [str(good["id"])]


# -- a store that is away ------------------------------------------------------------------------------------------


class Lists(Rest):
    """Has products with these ids, of which `bad` cannot be shown."""

    def __init__(self, ids: list[int], bad: set[int], *, away: bool = False) -> None:
        super().__init__("https://shop.example.com", SecretStr("a:b:c:d"))
        self.requested = 0
        self._ids, self._bad, self._away = ids, bad, away

    def rows(self, path: str, query: str) -> tuple[list[Any], int | None]:
        self.requested += 1
        found = self._ids
        for condition, keep in TESTS.items():
            if hit := search_value(query, condition):
                found = [one for one in found if keep(one, hit)]
        page = found[: int(search_value(query, "pageSize") or 0)]
        if self._away or self._bad & set(page):
            raise Away("Magento answered 500.")
        return [{"id": one} for one in page], len(found)


TESTS: dict[str, Callable[[int, str], bool]] = {
    "gt": lambda one, wish: one > int(wish),
    "lteq": lambda one, wish: one <= int(wish),
    "eq": lambda one, wish: one == int(wish),
    "in": lambda one, wish: str(one) in wish.split(","),
}


def search_value(query: str, wanted: str) -> str | None:
    """Return the value of the filter with a condition, or the size of the page."""
    said = dict(parse_qsl(query))
    if wanted == "pageSize":
        return said["searchCriteria[pageSize]"]
    name = next((name for name, value in said.items() if name.endswith("[condition_type]") and value == wanted), None)
    return said[name.replace("[condition_type]", "[value]")] if name else None


def test_all_that_can_be_shown_is_read_and_what_cannot_is_named() -> None:
    ids, bad = [*range(1, 400), 5_000_000, 5_000_007], {1, 150, 151, 399, 5_000_000}
    rest = Lists(ids, bad)
    cursor, found, failed = "0", [], []
    while cursor:
        got = batches.above(rest, "/products", cursor, size=100)
        found += [row["id"] for row in got.rows]
        failed += [int(got.failed)] if got.failed else []
        cursor = (got.failed or str(found[-1])) if got.more else ""
    assert (found, set(failed)) == ([one for one in ids if one not in bad], bad)
    assert rest.requested < 400
    rest.requested = 0
    rows, names = batches.every(rest, "/products", "entity_id", ids)
    assert ({row["id"] for row in rows}, set(names)) == (set(ids) - bad, {str(one) for one in bad})
    assert rest.requested < 200


def test_a_store_that_is_away_is_asked_twice_and_no_product_is_blamed() -> None:
    rest = Lists([1, 2, 3], set(), away=True)
    with pytest.raises(Away):
        batches.above(rest, "/products", "", size=100)
    with pytest.raises(Away):
        batches.every(rest, "/products", "entity_id", [1, 2, 3])
    assert rest.requested == 4


def test_a_store_that_asks_to_wait_is_not_asked_again() -> None:
    rest = Lists([1, 2, 3], set())
    requested: list[str] = []

    def wait(path: str, query: str) -> Any:
        requested.append(path)
        raise TransientStoreError("Magento asks us to wait.", retry_after=5.0)

    rest.rows = wait  # type: ignore[method-assign]
    with pytest.raises(TransientStoreError):
        batches.every(rest, "/products", "entity_id", [1, 2, 3])
    assert len(requested) == 1


# -- smaller pages -------------------------------------------------------------------------------------------------


@only
@case("most", [200, 99, 2])
def test_a_store_that_allows_smaller_pages_is_read_and_looked_at(store: Store, most: int) -> None:
    switch(store, most_rows=most)
    made = three(store)
    store.set(made["C1"], price="255.00")
    look(store)
    assert skus(store) == {"A1", "B1", "C1"}
    assert str(Product.objects.get(sku="C1").seen.price) == "255.00"
    through(store, "stock")
    assert the_crawl(store, "stock").note == ""


@only
def test_how_many_rows_a_page_may_have_is_asked_for_once(store: Store) -> None:
    switch(store, most_rows=50)
    product(store)
    store.client.crawl("")
    store.control.ask("DELETE", "/requests")
    store.client.crawl("")
    assert {call["status"] for call in store.control.calls()} == {200}


@case(
    ("words", "most"),
    [
        ("Magento: Maximum SearchCriteria pageSize is 200", 200),
        ('Magento: Maximum SearchCriteria pageSize is 100"', 100),
        ("Magento: Die maximale pageSize ist 50.", 50),
        ("Magento: pageSize is 0", None),
        ("Magento: The requested qty is not available", None),
    ],
)
def test_the_rows_of_a_page_are_read_from_the_refusal(words: str, most: int | None) -> None:
    assert search.most_in(words) == most


def test_a_refusal_that_names_no_smaller_page_is_raised() -> None:
    assert search.fitted(search.query(size=100), 200) == search.query(size=100)
    assert search.fitted(search.query(size=300), 200) == search.query(size=200)


# -- what a list leaves out ----------------------------------------------------------------------------------------


def test_a_list_that_must_be_whole_and_shows_less_than_it_counts_says_nothing() -> None:
    rest = Rest("https://shop.example.com", SecretStr("a:b:c:d"))
    pages = [([{"id": 1}], 2), ([], 2)]
    rest.rows = lambda path, query: pages.pop(0)  # type: ignore[method-assign]
    with pytest.raises(TransientStoreError, match="1 of 2"):
        rest.every("/inventory/sources", whole=True)
