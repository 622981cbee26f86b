"""What a listing should say, worked out from what the store says."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from listings.mapping.descriptions import clean_description
from listings.mapping.value_sources import model_from_title
from listings.mapping.value_types import NO_UPC, Defaults, PriceRule
from listings.sync.payload import body, shown, wanted
from shops.reverb.lists import Choice, Lists
from shops.snapshots import ReverbListing, StoreProduct

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
    """Return a product as a store shows it."""
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


def test_tags_say_what_a_store_has_no_field_for() -> None:
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
        ("Solid Body", None),  # two categories end like that: nobody knows which
        ("Shirts", None),
    ],
)
def test_the_product_type_names_the_category(product_type: str, category: str | None) -> None:
    assert said(product_type=product_type).get("category") == category


@pytest.mark.parametrize(
    ("names", "category"),
    [
        (("Shop All", "Delay"), "c3"),
        (("Sale", "Bass Guitars / Solid Body"), "c2"),
        (("Electric Guitars", "Solid Body"), "c1"),  # the other one's parent is not named
        (("Effects and Pedals", "Delay"), "c3"),
        (("Delay", "Effects and Pedals"), "c3"),
        (("All", "Effects and Pedals"), "c0"),
        (("Groups only", "Effects and Pedals"), "c0"),  # Reverb refuses the first one
        (("Delay", "Electric Guitars / Solid Body"), "c3"),  # as deep: the store's first
        (("Shop All", "Solid Body"), "c2"),  # two end like that: the default
        (("Shop All", ""), "c2"),
    ],
)
def test_the_deepest_of_all_categories_that_reverb_has_counts(names: tuple[str, ...], category: str) -> None:
    more = (
        Choice("c9", "Groups only", listable=False),
        Choice("c0", "Effects and Pedals"),
        *LISTS.categories,
        Choice("", ""),
    )
    of_a_store = product(product_type=names[0], collections=names)
    assert wanted(of_a_store, Defaults(category="c2"), Lists(categories=more)).all["category"] == category


def test_a_collection_names_the_category_where_the_product_type_names_none() -> None:
    found = wanted(product(product_type="Guitars", collections=("Sale", "Delay")), Defaults(category="c2"), LISTS)
    assert (found.all["category"], found.said.get("category")) == ("c3", None)
    assert said(product_type="Electric Guitars / Solid Body", collections=("Delay",))["category"] == "c1"


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


def test_a_snapshot_survives_being_kept_as_json() -> None:
    snapshot = product(photos=("a", "b"), stock=None)
    assert StoreProduct.from_json(snapshot.to_json()) == snapshot
    listing = ReverbListing(
        id="7", sku="A", state="live", self_url="", web_url="", price=Decimal("1.10"), categories=("c",)
    )
    assert ReverbListing.from_json({**listing.to_json(), "a_field_of_tomorrow": 1}) == listing


# -- prices --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "rule",
    [
        PriceRule(),
        PriceRule(amount=Decimal(25)),
        PriceRule(rounding="99"),
        PriceRule(rounding="whole"),
        PriceRule(floor=Decimal(10)),
        PriceRule(percent=Decimal(10), amount=Decimal(5), rounding="99", floor=Decimal(1)),
    ],
)
@pytest.mark.parametrize("price", ["0", "0.00", "-5"])
def test_no_rule_makes_a_price_of_none(rule: PriceRule, price: str) -> None:
    found = wanted(product(price=Decimal(price)), Defaults(price=rule), LISTS)
    assert "price" not in found.said
    assert found.unsendable == "no_price"


@pytest.mark.parametrize("price", ["5", "20"])
def test_a_rule_that_leaves_nothing_of_a_price_sends_none(price: str) -> None:
    rule = PriceRule(amount=Decimal(-20), rounding="99")
    assert wanted(product(price=Decimal(price)), Defaults(price=rule), LISTS).unsendable == "no_price"


# -- barcodes ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("barcode", "upc"),
    [
        ("885978110803", "885978110803"),
        (" 8 85978-11080 3 ", "885978110803"),
        ("4006381333931", "4006381333931"),
        ("96385074", "96385074"),
        ("10885978110800", "10885978110800"),
        ("885978110804", None),
        ("N/A", None),
        ("Does not apply", None),
        ("FEN-1", None),
        ("8.85978E+11", None),
        ("000000000000", None),
        ("٨٨٥٩٧٨١١٠٨٠٣", None),
        ("1" * 400, None),
        ("", None),
    ],
)
def test_a_barcode_is_sent_only_if_it_is_a_gtin(barcode: str, upc: str | None) -> None:
    assert said(barcode=barcode).get("upc") == upc
    assert said(tags=(f"upc: {barcode}",)).get("upc") == upc


# -- descriptions --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("html", "clean"),
    [
        ("<h2>Body</h2>Alder", "Body<br>Alder"),
        ("<h2>Body</h2><p>Alder</p>", "Body<p>Alder</p>"),
        ("<div><h3>Body</h3><h3>Neck</h3></div>", "<div>Body<br>Neck</div>"),
        ("<table><tr><td>Body</td><td>Alder</td></tr><tr><td>Neck</td><td>Maple</td></tr></table>", None),
        ("<dl><dt>Body<dd>Alder</dl>", "Body<br>Alder"),
        ("<section>One</section>\n<section>Two</section>", "One<br>Two"),
        ("One<hr>Two", "One<br>Two"),
        ("<H1 class='a>b'>One</H1>Two", "One<br>Two"),
        ("Fender <a href='x'>Player</a>caster", "Fender Playercaster"),
        ("<p>One<br><br>Two</p>", "<p>One<br><br>Two</p>"),
        ("<style>h1{}</style><script>x()</script>One", "One"),
        ("<header>One</header><heading>Two</heading>", "One<br>Two"),
        ("3 < 5 and <td", "3 &lt; 5 and"),
        ("", ""),
    ],
)
def test_the_words_of_two_blocks_never_run_together(html: str, clean: str | None) -> None:
    found = clean_description(html)
    if clean is not None:
        assert found == clean
    assert "BodyAlder" not in found
    assert "OneTwo" not in found


def test_a_table_keeps_its_rows_and_cells_apart() -> None:
    rows = "<table><tbody><tr><th>Body</th><td>Alder</td></tr><tr><th>Neck</th><td>Maple</td></tr></tbody></table>"
    assert " ".join(clean_description(rows).split()) == "Body Alder<br>Neck Maple"
