"""Magento's families: what a look does not show of them is not gone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from listings.intake import crawl_slices, crawls
from listings.models import Product
from shops.platforms.magento2.client import Magento2Client
from tests.shops.platforms.conftest import Store
from tests.shops.platforms.test_crawls import skus, through

pytestmark = [pytest.mark.live, pytest.mark.parametrize("store", ["magento2"], indirect=True)]

SIZES = [
    {"sku": f"CONF-{name}", "price": "250.00", "inventory_quantity": 3, "options": {"Color": name}}
    for name in ("Red", "Blue", "Green")
]
ALL = {row["sku"] for row in SIZES}


def family(store: Store) -> dict[str, Any]:
    """Make a family of three, and learn it."""
    made = store.product(variants=SIZES)
    crawls.plan(store.shop)
    through(store)
    Product.objects.update(pending_first_sync=False)
    store.control.ask("POST", "/clock", {"advance_s": 7200})
    return made


def look(store: Store) -> None:
    """Look for changes since an hour from now: the store's clock was moved along by two."""
    crawls.begin(store.shop, "changes")
    crawl = store.shop.crawls.get(kind="changes")
    crawl.since = datetime.now(UTC) + timedelta(hours=1)
    crawl.save()
    while crawl.state == crawl.State.RUNNING:
        crawl_slices.run_slice(crawl)


def test_an_edit_of_one_child_leaves_its_siblings_on_sale(store: Store) -> None:
    made = family(store)
    store.control.ask("PUT", f"/variants/{made['variants'][1]['id']}", {"price": "255.00"})
    look(store)
    assert skus(store) == ALL
    assert str(Product.objects.get(sku="CONF-Blue").seen.price) == "255.00"


def test_an_order_of_one_child_leaves_its_siblings_on_sale(store: Store) -> None:
    made = family(store)
    store.control.ask("POST", "/orders", {"variant_id": made["variants"][1]["id"]})
    look(store)
    assert skus(store) == ALL
    assert Product.objects.get(sku="CONF-Blue").seen.stock == 2


def test_a_family_that_is_spread_over_pages_is_whole_after_all_of_them(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Magento2Client, "page_size", 2)
    store.product("A1")
    family(store)
    assert skus(store) == {"A1", *ALL}
    through(store)
    assert skus(store) == {"A1", *ALL}


def test_a_child_that_was_deleted_is_gone_after_the_nightly_crawl(store: Store) -> None:
    made = family(store)
    store.control.ask("DELETE", f"/variants/{made['variants'][1]['id']}")
    assert through(store).vanished == 1
    assert skus(store) == ALL - {"CONF-Blue"}
