"""Which condition a listing gets, by what the store says in its fields, tags, collections and titles."""

from __future__ import annotations

from typing import Any

import pytest

from listings.mapping.value_types import Defaults
from listings.sync.payload import wanted
from shops.reverb.lists import BRAND_NEW, CONDITIONS, Choice, Lists
from tests.people import snapshot

LISTS = Lists(conditions=(Choice("k1", "Very Good"),))
VERY_GOOD = "ae4d9114-1bd7-4ec5-a4ba-6653af5ac84d"
EXCELLENT = "df268ad1-c462-4ba6-b6db-e007e23922ea"


@pytest.mark.parametrize(
    ("changes", "condition"),
    [
        ({"tags": ("condition: Very Good",)}, VERY_GOOD),
        ({"tags": ("Condition: very  good",)}, VERY_GOOD),
        ({"attributes": {"Condition": "Used - Very Good"}}, VERY_GOOD),
        ({"attributes": {"condition": "Very Good (used)"}}, VERY_GOOD),
        ({"attributes": {"condition": "New"}}, BRAND_NEW),
        ({"tags": ("condition: New",)}, BRAND_NEW),
        ({"tags": ("used", "condition: Very Good")}, VERY_GOOD),
        ({"attributes": {"custom.condition": "Very Good"}}, VERY_GOOD),
        ({"attributes": {"condition": "Used", "Condition": "Very Good"}}, VERY_GOOD),
        ({"attributes": {"Condition": "Very Good", "condition": "Used"}}, VERY_GOOD),
        ({"attributes": {"custom.item-condition": '["Very Good"]'}}, VERY_GOOD),
        ({"attributes": {"Condition Type": "Very Good"}}, VERY_GOOD),
        ({"attributes": {"Zustand": "Neu"}}, BRAND_NEW),
        ({"attributes": {"condition": "New", "item condition": "gid://shopify/Metaobject/1"}}, BRAND_NEW),
        ({"attributes": {"condition": "New condition"}}, BRAND_NEW),
        ({"tags": ("condition_very_good",)}, VERY_GOOD),
        ({"tags": ("Item Condition = Very Good",)}, VERY_GOOD),
        ({"tags": ("condition: New", "condition: Very Good", "condition: Used")}, VERY_GOOD),
        ({"title": "Strat (used)", "tags": ("condition: New",)}, BRAND_NEW),
    ],
)
def test_a_condition_is_read_from_a_tag_or_a_field_of_the_store(changes: dict[str, Any], condition: str) -> None:
    found = wanted(snapshot(**changes), Defaults(), Lists())
    assert (found.said["condition"], found.unsendable) == (condition, "")


@pytest.mark.parametrize(
    "changes",
    [
        {"tags": ("condition: Pristine",)},
        {"attributes": {"condition": "Used"}},
        {"attributes": {"Condition": "Refurbished"}},
        {"attributes": {"condition": "9/10"}},
        {"tags": ("Used",)},
        {"tags": ("pre-owned",)},
        {"collections": ("Second Hand Guitars",)},
        {"product_type": "Used Electric Guitars"},
        {"title": "Used Fender Stratocaster 1979"},
        {"title": "Fender Stratocaster (Pre-Owned)"},
        {"title": "Fender Stratocaster - B-Stock"},  # which this shop may not list
        {"title": "Fender Stratocaster (2nd Hand)"},
        {"title": "Fender Stratocaster (Ex Demo)"},
        {"title": "Fender Stratocaster [ex-display] 2012"},
        {"title": "Fender Stratocaster (Demo)"},
        {"title": "Fender Stratocaster | USED | 2012"},
        {"title": "Fender Stratocaster *used*"},
        {"title": "Fender Stratocaster Used"},
        {"title": "Fender Stratocaster Used – Sunburst"},
        {"title": "Fender USED Stratocaster"},
        {"title": "Fender Stratocaster DEMO"},
        {"title": "Fender Stratocaster (used with case)"},
        {"title": "Fender Stratocaster (Gebraucht)"},
        {"title": "【中古】Fender Stratocaster"},
        {"title": "Fender Stratocaster (Like New)"},
        {"title": "Fender Stratocaster Used, Mint"},  # perhaps the colour
        {"title": "Fender Stratocaster (Used, Excellent)", "tags": ("Very Good",)},
        {"tags": ("condition_used",)},
        {"tags": ("2nd-hand",)},
        {"tags": ("Ex Demo",)},
        {"tags": ("Gebraucht",)},
        {"tags": ("Usado",)},
        {"tags": ("Occasion",)},
        {"tags": ("used: yes",)},
        {"collections": ("Pre Owned",)},
        {"attributes": {"Zustand": "gebraucht"}},
        {"attributes": {"condition_type": "used"}},
        {"attributes": {"conditions": "Used"}},
        {"attributes": {"custom.product-condition": "Used"}},
        {"attributes": {"custom.used": "true"}},
        {"attributes": {"_wc_gla_condition": "used"}},
        {"attributes": {"condition": "New, Used"}},
        {"attributes": {"condition": "New", "google condition": "used"}},
        {"attributes": {"condition": "New"}, "title": "Fender Stratocaster (Used)"},
    ],
)
def test_what_is_used_or_graded_in_words_of_its_own_is_never_listed_as_brand_new(changes: dict[str, Any]) -> None:
    found = wanted(snapshot(**changes), Defaults(), LISTS)
    assert found.all.get("condition", "") == ""
    assert found.unsendable == "condition_unclear"


def test_a_store_that_says_used_and_no_more_leaves_the_grade_to_the_sellers_default() -> None:
    used = snapshot(attributes={"condition": "Used"})
    assert wanted(used, Defaults(condition=VERY_GOOD), LISTS).all["condition"] == VERY_GOOD
    assert wanted(used, Defaults(condition=""), LISTS).all.get("condition", "") == ""
    tagged = snapshot(tags=("condition: used",))
    assert wanted(tagged, Defaults(condition=VERY_GOOD), LISTS).all["condition"] == VERY_GOOD


@pytest.mark.parametrize(
    ("changes", "condition"),
    [
        ({"title": "Fender Stratocaster 1978 (Used - Excellent)"}, "Excellent"),
        ({"title": "Fender Stratocaster (Used 2012, Good)"}, "Good"),
        ({"title": "Fender Stratocaster (Pre-Owned, Mint)"}, "Mint"),
        ({"title": "Fender Stratocaster - Used - Very Good"}, "Very Good"),
        ({"title": "Used Fender Stratocaster, Very Good"}, "Very Good"),
        ({"title": "Fender Stratocaster – used in excellent condition"}, "Excellent"),
        ({"title": "Fender Stratocaster [B Stock]"}, "B-Stock"),
        ({"title": "Fender Stratocaster", "tags": ("Used", "Very Good")}, "Very Good"),
        ({"tags": ("B Stock",)}, "B-Stock"),
        ({"collections": ("Used - Fair",)}, "Fair"),
        ({"attributes": {"Grade": "Excellent"}}, "Excellent"),
        ({"attributes": {"custom.is_used": "Good"}}, "Good"),
        ({"attributes": {"custom.b_stock": "true"}}, "B-Stock"),
        ({"attributes": {"condition": "Used"}, "title": "Fender Stratocaster (Excellent)"}, "Excellent"),
        ({"attributes": {"condition": "New"}, "title": "Fender Stratocaster (Used, Good)"}, "Good"),
    ],
)
def test_a_grade_that_other_words_show_is_a_guess(changes: dict[str, Any], condition: str) -> None:
    found = wanted(snapshot(**changes), Defaults(), Lists())
    names = {choice.id: choice.name for choice in CONDITIONS}
    assert (names[found.guessed["condition"]], found.unsendable, "condition" in found.said) == (condition, "", False)


def test_a_guessed_grade_goes_before_the_sellers_default_and_behind_the_sellers_own_word() -> None:
    used = snapshot(title="Fender Stratocaster (Used, Excellent)")
    assert wanted(used, Defaults(condition=VERY_GOOD), Lists()).all["condition"] == EXCELLENT
    assert wanted(used, Defaults(), Lists(), {"condition": VERY_GOOD}).all["condition"] == VERY_GOOD


@pytest.mark.parametrize(
    "changes",
    [
        {"title": "Strap as used by Hendrix"},
        {"title": "Boss DS-1 (used by Kurt Cobain)"},
        {"title": "Pedal: Used to Be"},
        {"title": "Used to Be Overdrive"},
        {"title": "Boss Demo Pedal"},
        {"title": "BOSS DEMO PEDAL"},
        {"title": "Fender Stratocaster – Mint Green"},
        {"title": "Fender Stratocaster (Mint)"},
        {"title": "Good Vibes – Chorus"},
        {"title": "Excellent Tone Strings"},
        {"title": "Fair Fender"},
        {"title": "Fender Stratocaster (New, never used)"},
        {"tags": ("unused", "focused", "used by Hendrix", "Demo Video", "special occasion", "mint", "good")},
        {"collections": ("New & Used Guitars",)},
        {"attributes": {"Grade": "AAA", "Occasion": "Wedding", "Used": "No", "Case Condition": "Good"}},
        {"attributes": {"Conditions": "Used items cannot be returned to us", "Estado": "Disponible"}},
        {"attributes": {"_wc_gla_condition": "new"}},
    ],
)
def test_words_that_only_sound_like_used_change_nothing(changes: dict[str, Any]) -> None:
    found = wanted(snapshot(**changes), Defaults(), LISTS)
    assert (found.defaults["condition"], found.unsendable) == (BRAND_NEW, "")


def test_the_sellers_own_word_on_a_product_settles_an_unclear_condition() -> None:
    found = wanted(snapshot(tags=("condition: Pristine",)), Defaults(), LISTS, {"condition": VERY_GOOD})
    assert (found.said["condition"], found.unsendable) == (VERY_GOOD, "")
