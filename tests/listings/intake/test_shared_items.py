"""One inventory item of a store that several of its products share."""

from __future__ import annotations

from dataclasses import replace

import pytest

from listings.intake import refresh, responses
from listings.models import Product
from reverbsync import clock
from shops.events import StockChanged
from shops.snapshots import StoreProduct
from tests.people import olivia, shop_of, snapshot

pytestmark = pytest.mark.django_db


class Store:
    """A store with these units."""

    def __init__(self, *units: StoreProduct) -> None:
        self.units = units

    def products(self, parent_id: str) -> list[StoreProduct]:
        """Return a product's units."""
        return [one for one in self.units if one.store_parent_id == parent_id]


def test_a_change_of_stock_is_taken_in_for_all_products_that_share_the_item(monkeypatch: pytest.MonkeyPatch) -> None:
    shop = shop_of(olivia())
    shared = [
        replace(
            snapshot(), store_product_id=f"2{n}", store_parent_id=f"1{n}", store_stock_id="31", sku=f"A{n}", stock=1
        )
        for n in (1, 2)
    ]
    responses.keep(shop, shared, parent_ids=["11", "12"], requested_at=clock.now(), trigger="test")
    monkeypatch.setattr(refresh, "client_of", lambda _: Store(*(replace(one, stock=0) for one in shared)))
    assert not refresh.take(shop, {StockChanged("31"): "test"})
    assert [one.seen.stock for one in Product.objects.order_by("sku")] == [0, 0]
