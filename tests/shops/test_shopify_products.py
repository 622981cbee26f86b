"""Shopify's answers become pictures."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from shops.platforms.base import StorePassing
from shops.platforms.shopify import products


def variant(**changes: Any) -> dict[str, Any]:
    """Return a variant as GraphQL answers it."""
    return {
        "id": "gid://shopify/ProductVariant/21",
        "legacyResourceId": "21",
        "title": "Default Title",
        "sku": " A1 ",
        "barcode": None,
        "price": "849.90",
        "inventoryQuantity": 3,
        "selectedOptions": [{"name": "Title", "value": "Default Title"}],
        "media": {"nodes": []},
        "inventoryItem": {"legacyResourceId": "31", "tracked": True},
        **changes,
    }


def data(*variants: dict[str, Any], more: str | None = None, **changes: Any) -> dict[str, Any]:
    """Return the answer to the product query."""
    return {
        "shop": {"currencyCode": "USD"},
        "product": {
            "legacyResourceId": "11",
            "title": "Fender Strat",
            "descriptionHtml": "<p>Nice</p>",
            "vendor": "Fender",
            "productType": "Electric Guitars",
            "tags": ["used"],
            "status": "ACTIVE",
            "media": {"nodes": [{"image": {"url": "http://a/1.jpg"}}, {}]},
            "variants": {"nodes": list(variants), "pageInfo": {"hasNextPage": more is not None, "endCursor": more}},
            **changes,
        },
    }


def test_a_product_without_choices_is_one_product() -> None:
    [found], after = products.read(data(variant()), admin="https://s/admin")
    assert after is None
    assert (found.store_product_id, found.store_parent_id, found.store_stock_id) == ("21", "11", "31")
    assert (found.sku, found.title, found.price, found.currency) == ("A1", "Fender Strat", Decimal("849.90"), "USD")
    assert (found.stock, found.photos, found.barcode) == (3, ("http://a/1.jpg",), "")
    assert found.url == "https://s/admin/products/11"


def test_each_variant_is_a_product_with_its_own_title_finish_and_first_photo() -> None:
    red = variant(
        title="Red",
        selectedOptions=[{"name": "Colour", "value": "Red"}],
        media={"nodes": [{"image": {"url": "http://a/red.jpg"}}]},
    )
    found, _ = products.read(data(red, variant(legacyResourceId="22", title="Blue")), admin="")
    assert [one.title for one in found] == ["Fender Strat – Red", "Fender Strat – Blue"]
    assert found[0].finish == "Red"
    assert found[0].photos == ("http://a/red.jpg", "http://a/1.jpg")


def test_a_variant_that_is_not_tracked_has_no_count() -> None:
    [found], _ = products.read(data(variant(inventoryItem={"legacyResourceId": "31", "tracked": False})), admin="")
    assert found.stock is None


@pytest.mark.parametrize(("status", "sellable"), [("ACTIVE", 3), ("UNLISTED", 3), ("DRAFT", 0), ("ARCHIVED", 0)])
def test_only_what_customers_can_buy_is_for_sale(status: str, sellable: int) -> None:
    [found], _ = products.read(data(variant(), status=status), admin="")
    assert found.sellable == sellable


def test_an_oversold_product_has_no_units_rather_than_negative_ones() -> None:
    [found], _ = products.read(data(variant(inventoryQuantity=-2)), admin="")
    assert found.sellable == 0


def test_more_variants_are_on_the_next_page() -> None:
    _, after = products.read(data(variant(), more="abc"), admin="")
    assert after == "abc"


def test_a_deleted_product_has_no_variants() -> None:
    assert products.read({"shop": {"currencyCode": "USD"}, "product": None}, admin="") == ([], None)


def test_an_answer_of_another_shape_is_a_failure_and_not_an_empty_product() -> None:
    with pytest.raises(StorePassing, match=r"product\.variants\.nodes\.0\.price"):
        products.read(data(variant(price="a lot")), admin="")


def test_an_inventory_item_tells_its_product() -> None:
    answer = {"inventoryItem": {"variants": {"nodes": [{"product": {"legacyResourceId": "11"}}]}}}
    assert products.owner(answer) == "11"
    assert products.owner({"inventoryItem": None}) is None
