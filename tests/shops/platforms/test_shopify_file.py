"""The file of a bulk operation, read in pieces."""

from __future__ import annotations

import json
from typing import Any

import pytest

from listings.intake import crawl_slices, crawls
from listings.models import Crawl
from shops.platforms.errors import (
    CursorLost,
    TransientStoreError,
)
from shops.platforms.shopify import bulk, bulk_file, product_calls, store_calls
from tests.shops.platforms.conftest import Store
from tests.shops.platforms.shopify import file
from tests.shops.platforms.test_crawls import the_crawl

pytestmark = [pytest.mark.live, pytest.mark.parametrize("store", ["shopify"], indirect=True)]
case = pytest.mark.parametrize


@pytest.fixture(autouse=True)
def unknown_locations() -> None:
    """Know no store's locations yet."""
    store_calls._known.clear()


@pytest.fixture
def by_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every catalogue come from a file, in small pieces."""
    monkeypatch.setattr(product_calls, "MOST_BY_PAGES", 0)
    monkeypatch.setattr(bulk_file, "PIECE_BYTES", 3000)
    monkeypatch.setattr(bulk, "LOOK_AGAIN_S", 0.0)


def colours(many: int) -> list[dict[str, Any]]:
    """Return many variants."""
    return [
        {"sku": f"V-{n}", "price": "5.00", "inventory_quantity": 1, "options": {"Color": f"Blüe {n}"}}
        for n in range(many)
    ]


def test_a_product_larger_than_a_piece_does_not_stop_the_import(store: Store, by_file: None) -> None:
    store.product("A1")
    store.product("V", variants=colours(60), title="Größer – 大きい")
    store.product("B1", description_html="<p>__parentId</p>" + "ä" * 4000)
    store.product("C1")
    assert sorted(unit.sku for unit in file(store)) == sorted(["A1", "B1", "C1", *(f"V-{n}" for n in range(60))])


def test_a_piece_that_begins_within_a_description_is_not_taken_for_a_page(store: Store, by_file: None) -> None:
    store.product("A1", description_html="<" * 20_000)
    store.product("B1")
    assert sorted(unit.sku for unit in file(store)) == ["A1", "B1"]


def test_1500_variants_come_whole_in_pieces_of_the_usual_size(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(product_calls, "MOST_BY_PAGES", 0)
    monkeypatch.setattr(bulk_file, "PIECE_BYTES", 300_000)
    store.product("A1")
    store.product("V", variants=colours(1500))
    store.product("B1")
    units = file(store)
    assert len(units) == len({unit.store_product_id for unit in units}) == 1502


def test_a_file_whose_children_do_not_follow_their_parents_says_the_same(store: Store, by_file: None) -> None:
    for n in range(9):
        store.product(f"A{n}", collections=["x", "y"])
    together = file(store)
    store.control.ask("POST", "/shops", {"domain": store.stand_in.domain, "bulk_ungrouped": True})
    assert sorted(file(store), key=lambda unit: unit.sku) == sorted(together, key=lambda unit: unit.sku)


def test_a_file_that_is_torn_apart_is_given_up_for_pages(
    store: Store, by_file: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(product_calls, "MOST_ALONE", 3)
    for n in range(20):
        store.product(f"A{n:02}")
    store.control.ask("POST", "/shops", {"domain": store.stand_in.domain, "bulk_ungrouped": True})
    assert {unit.sku for unit in file(store)} >= {f"A{n:02}" for n in range(20)}


@case("status", ["FAILED", "CANCELED"])
def test_a_list_that_shopify_cannot_write_is_read_by_pages(store: Store, by_file: None, status: str) -> None:
    for sku in ("A1", "B1"):
        store.product(sku)
    store.control.fault("edited", text="query BulkState", edits={"data.bulkOperation.status": status}, after=1)
    assert [unit.sku for unit in file(store)] == ["A1", "B1"]


@case("edits", [{"data.bulkOperation": None}, {"data.bulkOperation.status": "EXPIRED"}], ids=str)
def test_a_list_that_is_no_more_is_begun_again(store: Store, by_file: None, edits: dict[str, Any]) -> None:
    store.product()
    cursor = store.client.crawl("").next
    store.control.fault("edited", text="query BulkState", edits=edits)
    with pytest.raises(CursorLost):
        store.client.crawl(cursor or "")


def ready(store: Store) -> str:
    """Return the cursor of a list that Shopify has written."""
    cursor = store.client.crawl("").next or ""
    with pytest.raises(TransientStoreError, match="still listing"):
        store.client.crawl(cursor)
    return cursor


XML = "<?xml version='1.0'?><Error><Code>ExpiredToken</Code><Message>Invalid argument.</Message></Error>"


@case(
    ("answer", "kind"),
    [
        ({"status": 400, "raw": XML}, CursorLost),
        ({"status": 403, "raw": XML.replace("ExpiredToken", "AccessDenied")}, CursorLost),
        ({"status": 404, "raw": XML.replace("ExpiredToken", "NoSuchKey")}, CursorLost),
        ({"status": 403, "page": "cloudflare"}, TransientStoreError),
        ({"status": 404, "page": "oops"}, TransientStoreError),
        ({"status": 200, "page": "cloudflare"}, TransientStoreError),
        ({"status": 200, "raw": XML}, TransientStoreError),
        ({"status": 302, "page": "oops"}, TransientStoreError),
        ({"status": 503, "page": "oops"}, TransientStoreError),
        ({"status": 416, "page": "empty"}, TransientStoreError),
        ({"status": 200, "raw": "{}\n"}, TransientStoreError),
    ],
    ids=str,
)
def test_an_address_of_a_list_that_answers_something_else_loses_nothing(
    store: Store, by_file: None, answer: dict[str, Any], kind: type[Exception]
) -> None:
    store.product()
    cursor = ready(store)
    store.control.fault("status", path="/_bulk/", **answer)
    with pytest.raises(kind):
        store.client.crawl(cursor)
    assert [unit.sku for unit in store.client.crawl(cursor).products] == ["A1"]


def test_a_list_of_nothing_has_no_address(store: Store, by_file: None) -> None:
    made = store.product()
    store.client.crawl("")
    store.control.ask("DELETE", f"/products/{made['id']}")
    store.control.fault("edited", text="query Products", edits={"data.productsCount.count": 9})
    cursor = ready(store)
    page = store.client.crawl(cursor)
    assert (page.products, page.next) == ((), None)


def test_a_list_with_products_and_no_address_is_waited_for(store: Store, by_file: None) -> None:
    store.product()
    cursor = ready(store)
    store.control.fault("edited", text="query BulkState", edits={"data.bulkOperation.url": None})
    with pytest.raises(TransientStoreError):
        store.client.crawl(cursor)


@case("code", ["OPERATION_IN_PROGRESS", "LIMIT_REACHED", None])
def test_a_list_that_shopify_does_not_begin_now_is_asked_for_again(
    store: Store, by_file: None, code: str | None
) -> None:
    store.product()
    refusal = {"code": code, "message": "A bulk query operation for this app and shop is already in progress."}
    said = {"bulkOperationRunQuery": {"bulkOperation": None, "userErrors": [refusal]}}
    store.control.fault("status", text="mutation BulkStart", status=200, body={"data": said})
    with pytest.raises(TransientStoreError, match="already in progress"):
        store.client.crawl("")


def test_a_list_without_some_of_a_products_variants_is_not_taken_for_the_product(store: Store, by_file: None) -> None:
    store.product("V", variants=colours(3))
    cursor = ready(store)
    number = store.control.ask("GET", "/products")[0]["id"]
    row = {"id": f"gid://shopify/Product/{number}", "legacyResourceId": str(number), "variantsCount": {"count": 3}}
    piece = f"{json.dumps(row)}\n".ljust(100_000)
    ranged = {"Content-Range": "bytes 0-99999/100000"}
    store.control.fault("status", path="/_bulk/", status=206, raw=piece, headers=ranged)
    assert {unit.sku for unit in store.client.crawl(cursor).products} == {"V-0", "V-1", "V-2"}


def test_a_crawl_of_a_file_learns_in_the_end_what_it_is(store: Store, by_file: None) -> None:
    store.product("A1")
    store.product("V", variants=colours(40))
    crawls.plan(store.shop)
    crawls.begin(store.shop, "catalogue")
    for _ in range(60):
        crawl = the_crawl(store)
        if crawl.state != Crawl.State.RUNNING:
            break
        crawl_slices.run_slice(crawl)
    assert (the_crawl(store).state, the_crawl(store).news) == (Crawl.State.DONE, 41)
