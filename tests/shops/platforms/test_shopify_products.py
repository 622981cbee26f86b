"""Shopify's answers become snapshots."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from shops.platforms.errors import Malformed
from shops.platforms.shopify import locations, product_pages, products
from shops.platforms.shopify.locations import TOTAL_ALONE, LevelLocations
from shops.snapshots import StoreProduct


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


def read(said: dict[str, Any], wanted: LevelLocations = TOTAL_ALONE) -> list[StoreProduct]:
    """Return the units of a product that can be read whole."""
    units, odd = products.reader(said, admin="https://s/admin", wanted=wanted).units(product_pages.part(said))
    assert odd == []
    return units


def test_a_product_without_choices_is_one_product() -> None:
    [found] = read(data(variant()))
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
    found = read(data(red, variant(legacyResourceId="22", title="Blue")))
    assert [one.title for one in found] == ["Fender Strat – Red", "Fender Strat – Blue"]
    assert found[0].finish == "Red"
    assert found[0].photos == ("http://a/red.jpg", "http://a/1.jpg")


def test_a_variant_that_is_not_tracked_has_no_count() -> None:
    [found] = read(data(variant(inventoryItem={"legacyResourceId": "31", "tracked": False})))
    assert found.stock is None


@pytest.mark.parametrize(("status", "sellable"), [("ACTIVE", 3), ("UNLISTED", 3), ("DRAFT", 0), ("ARCHIVED", 0)])
def test_only_what_customers_can_buy_is_for_sale(status: str, sellable: int) -> None:
    [found] = read(data(variant(), status=status))
    assert found.sellable == sellable


def test_an_oversold_product_has_no_units_rather_than_negative_ones() -> None:
    [found] = read(data(variant(inventoryQuantity=-2)))
    assert found.sellable == 0


def test_a_product_goes_on_until_each_of_its_lists_is_read() -> None:
    first = product_pages.part(data(variant(), more="abc"))
    assert first is not None
    whole, cursors = product_pages.joined(None, first)
    assert cursors == {"variants": "abc"}
    rest = product_pages.part(data(variant(legacyResourceId="22", title="Blue")))
    assert rest is not None
    whole, cursors = product_pages.joined(whole, {"variants": rest["variants"]})
    assert cursors == {}
    assert [row["legacyResourceId"] for row in whole["variants"]["nodes"]] == ["21", "22"]


def test_a_deleted_product_is_none_and_an_answer_without_one_is_no_answer() -> None:
    assert product_pages.part({"shop": {"currencyCode": "USD"}, "product": None}) is None
    odd: list[dict[str, Any]] = [{"shop": {"currencyCode": "USD"}}, {}, {"product": []}, {"product": "x"}]
    for said in odd:
        with pytest.raises(Malformed):
            product_pages.part(said)


ODD = [
    {"inventoryItem": None},
    {"inventoryItem": {"legacyResourceId": None, "tracked": True}},
    {"inventoryQuantity": None},
    {"inventoryQuantity": "several"},
    {"legacyResourceId": None},
    {"inventoryItem": {"legacyResourceId": "31", "tracked": "perhaps"}},
]


@pytest.mark.parametrize("changes", ODD, ids=str)
def test_a_variant_that_cannot_be_read_hides_no_sibling(changes: dict[str, Any]) -> None:
    said = data(variant(**changes), variant(legacyResourceId="22", title="Blue"))
    units, odd = products.reader(said, admin="", wanted=TOTAL_ALONE).units(said["product"])
    assert [one.store_product_id for one in units] == ["22"]
    assert [one.store_parent_id for one in odd] == ["11"]


@pytest.mark.parametrize(
    "changes",
    [{"variants": None}, {"variants": {"nodes": []}}, {"variants": {}}, {"status": None}, {"legacyResourceId": None}],
    ids=str,
)
def test_a_product_of_another_shape_is_a_failure_and_not_an_empty_product(changes: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        read(data(variant(), **changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"media": None, "collections": None, "metafields": None, "tags": None, "vendor": None, "title": None},
        {"media": {"nodes": [None, {"image": None}, {"image": "x"}, 7]}, "tags": ["a", None, {"x": 1}]},
        {"collections": {"nodes": None}, "metafields": {"nodes": [None, {"key": "x"}]}, "descriptionHtml": None},
        {"productType": 7, "vendor": ["x"], "title": "x" * 40_000, "collections": []},
    ],
    ids=lambda changes: str(changes)[:60],
)
def test_odd_side_fields_hide_neither_stock_nor_price(changes: dict[str, Any]) -> None:
    [found] = read(data(variant(selectedOptions=None, barcode=12, sku=None, media=None), **changes))
    assert (found.stock, found.price, found.for_sale) == (3, Decimal("849.90"), True)


@pytest.mark.parametrize("price", [None, "", "0.00", "a lot", "-5", {}, "NaN"])
def test_a_price_that_is_none_reads_as_none(price: Any) -> None:
    assert read(data(variant(price=price)))[0].price == 0


def test_titles_and_terms_are_read_as_people_read_them() -> None:
    [found] = read(data(variant(), title="<b>Peavey</b> &amp; Co", vendor="G&amp;L", tags=["Rock &amp; Roll"]))
    assert (found.title, found.vendor, found.tags) == ("Peavey & Co", "G&L", ("Rock & Roll",))


def test_no_more_photos_are_read_than_a_listing_has() -> None:
    photos = {"nodes": [{"image": {"url": f"http://a/{n}.jpg"}} for n in range(40)]}
    [found] = read(data(variant(), media=photos))
    assert len(found.photos) == products.MOST_PHOTOS


# -- locations -----------------------------------------------------------------------------------------------------


def location(number: int, **flags: bool) -> dict[str, Any]:
    """Return a location as GraphQL answers it."""
    shown = {"isActive": True, "fulfillsOnlineOrders": True, **flags}
    return {"id": f"gid://shopify/Location/{number}", **shown}


def test_where_all_locations_sell_online_the_total_says_it() -> None:
    assert locations.locations_of_levels([location(1), location(2), location(3, isActive=False)]) == TOTAL_ALONE


@pytest.mark.parametrize("odd", [None, {"id": None}, {"id": "gid://shopify/Location/4", "isActive": True}])
def test_a_location_that_cannot_be_read_may_not_sell(odd: Any) -> None:
    with pytest.raises(Malformed):
        locations.locations_of_levels([location(1), odd])
    with pytest.raises(Malformed):
        locations.locations_of_levels([])


def test_the_fewer_locations_are_asked_for() -> None:
    away = [location(n, fulfillsOnlineOrders=False) for n in (3, 4)]
    assert locations.locations_of_levels([location(1), location(2), *away[:1]]) == LevelLocations(
        ("gid://shopify/Location/3",)
    )
    assert locations.locations_of_levels([location(1), *away]) == LevelLocations(
        ("gid://shopify/Location/1",), selling=True
    )


@pytest.mark.parametrize(
    ("total", "level", "selling", "stock"),
    [(5, 2, False, 3), (5, 2, True, 2), (5, None, False, 5), (5, None, True, 0), (0, -2, False, 0), (2, 2, False, 0)],
)
def test_what_lies_where_no_online_order_is_fulfilled_is_not_sold(
    total: int, level: int | None, *, selling: bool, stock: int
) -> None:
    shown = None if level is None else {"quantities": [{"quantity": level}]}
    item = {"legacyResourceId": "31", "tracked": True, "at0": shown}
    wanted = LevelLocations(("gid://shopify/Location/3",), selling=selling)
    assert read(data(variant(inventoryQuantity=total, inventoryItem=item)), wanted)[0].stock == stock


@pytest.mark.parametrize("level", [{}, {"quantities": []}, {"quantities": [{"quantity": "x"}]}, "x"])
def test_a_level_that_cannot_be_read_is_neither_none_nor_zero(level: Any) -> None:
    said = data(variant(inventoryItem={"legacyResourceId": "31", "tracked": True, "at0": level}))
    wanted = LevelLocations(("gid://shopify/Location/3",))
    units, odd = products.reader(said, admin="", wanted=wanted).units(said["product"])
    assert (units, len(odd)) == ([], 1)


def test_an_inventory_item_names_its_product() -> None:
    answer = {"inventoryItem": {"variants": {"nodes": [None, {"product": {"legacyResourceId": "11"}}]}}}
    assert product_pages.owner(answer) == "11"
    assert product_pages.owner({"inventoryItem": None}) is None
    with pytest.raises(Malformed):
        product_pages.owner({})
