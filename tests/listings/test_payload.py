"""What a listing should say, worked out from what the store says."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from listings.mapping import NO_UPC, Defaults, model_from_title
from listings.sync.payload import body, clean_description, shown, wanted
from shops.pictures import ReverbListing, StoreProduct
from shops.reverb.lists import Choice, Lists

LISTS = Lists(
    categories=(
        Choice("c1", "Electric Guitars / Solid Body"),
        Choice("c2", "Bass Guitars / Solid Body"),
        Choice("c3", "Effects and Pedals / Delay"),
    ),
    conditions=(Choice("k1", "Very Good"),),
    shipping_profiles=(Choice("77", "Guitars"),),
)


def product(**changes: Any) -> StoreProduct:
    """Return a product as a store tells of it."""
    base = StoreProduct(
        store_product_id="1",
        store_parent_id="10",
        store_stock_id="100",
        sku="A1",
        title="Fender  Player Stratocaster",
        description="<p>Nice</p>",
        vendor="Fender",
        product_type="Electric Guitars / Solid Body",
        tags=(),
        finish="",
        price=Decimal("849.9"),
        currency="USD",
        stock=3,
        photos=("http://a/1.jpg",),
        barcode="",
        for_sale=True,
        url="http://store/1",
    )
    return replace(base, **changes)


def said(**changes: Any) -> dict[str, Any]:
    """Return what the store says of a product with these changes."""
    return dict(wanted(product(**changes), Defaults(), LISTS).said)


def test_the_make_is_the_vendor_and_the_model_is_guessed_from_the_title() -> None:
    found = wanted(product(), Defaults(), LISTS)
    assert found.said["make"] == "Fender"
    assert found.guessed == {"model": "Player Stratocaster"}
    assert "model" not in found.said


def test_white_space_in_a_title_is_made_single() -> None:
    assert said()["title"] == "Fender Player Stratocaster"


def test_a_price_has_two_decimals_and_its_currency() -> None:
    assert said()["price"] == "849.90 USD"


def test_tags_tell_what_a_store_has_no_field_for() -> None:
    found = said(tags=("Condition: very good", "year:1972", "finish: Sunburst", "shipping profile: Guitars", "sale"))
    assert (found["condition"], found["year"], found["finish"]) == ("k1", "1972", "Sunburst")
    assert found["shipping_profile"] == "77"


def test_what_the_store_does_not_say_is_not_wanted() -> None:
    found = said(product_type="", vendor="", photos=(), tags=("condition: Splendid",))
    assert not {"condition", "category", "make", "photos", "upc", "year", "finish"} & found.keys()


@pytest.mark.parametrize(
    ("product_type", "category"),
    [
        ("electric guitars/solid body", "c1"),
        ("Delay", "c3"),
        ("Solid Body", None),  # two categories end like that: nobody can tell which
        ("Shirts", None),
    ],
)
def test_the_product_type_names_the_category(product_type: str, category: str | None) -> None:
    assert said(product_type=product_type).get("category") == category


def test_defaults_stand_in_for_new_listings_only() -> None:
    defaults = Defaults(category="c2", shipping_profile="77", upc_does_not_apply=True)
    found = wanted(product(product_type=""), defaults, LISTS)
    assert "category" not in found.said
    assert found.all["category"] == "c2"
    assert found.all["upc"] == NO_UPC
    assert body({"upc": NO_UPC}, update=False) == {"upc_does_not_apply": True}


def test_a_description_keeps_only_what_reverb_keeps() -> None:
    html = '<h2>Fine</h2><p style="x">A <a href="http://x">link</a> <b>bold</b></p><script>alert(1)</script>'
    assert clean_description(html) == "Fine<p>A link <b>bold</b></p>"


@pytest.mark.parametrize(
    ("title", "make", "model"),
    [
        ("Fender Player Strat", "Fender", "Player Strat"),
        ("1972 FENDER Telecaster – Blonde", "Fender", "1972 Telecaster – Blonde"),
        ("Fender", "Fender", "Fender"),
        ("Defender Pedal", "Fender", "Defender Pedal"),
        ("C++ (Amp)", "(Amp", "C++ (Amp)"),
    ],
)
def test_the_model_is_the_title_less_the_make(title: str, make: str, model: str) -> None:
    assert model_from_title(title, make) == model


def test_one_of_several_categories_on_reverb_is_enough() -> None:
    listing = ReverbListing(id="7", sku="A1", state="live", self_url="", web_url="", categories=("c2", "c1"))
    assert shown(listing, "category", "c1") == "c1"
    assert shown(listing, "category", "c3") == "c2"


def test_a_picture_survives_being_kept_as_json() -> None:
    picture = product(photos=("a", "b"), stock=None)
    assert StoreProduct.taken(picture.kept()) == picture
    listing = ReverbListing(
        id="7", sku="A", state="live", self_url="", web_url="", price=Decimal("1.10"), categories=("c",)
    )
    assert ReverbListing.taken({**listing.kept(), "a_field_of_tomorrow": 1}) == listing
