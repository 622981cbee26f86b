"""The decision, by table: what the store says, what Reverb says, what both agreed on, and what then is to do."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from listings.mapping.value_types import NO_UPC
from listings.sync.decide import decide
from listings.sync.decision import Action, Case, Switches
from listings.sync.differences import agree, already_agreed
from listings.sync.payload import Wanted
from shops.models import FIELDS
from shops.reverb.availability import OFF_SALE
from shops.reverb.lists import BRAND_NEW
from shops.snapshots import ReverbListing

VERY_GOOD = "ae4d9114-1bd7-4ec5-a4ba-6653af5ac84d"
ALL = frozenset(FIELDS)
SAID = {"title": "Fender Strat", "price": "500.00 USD", "photos": ["http://a/1.jpg"], "make": "Fender"}


def listing(**changes: Any) -> ReverbListing:
    """Return a live Brand New listing with 3 units that says what SAID says."""
    base = ReverbListing(
        id="7",
        sku="A1",
        state="live",
        self_url="/listings/7-fender-strat",
        web_url="https://reverb.com/item/7-fender-strat",
        title="Fender Strat",
        make="Fender",
        model="Strat",
        condition=BRAND_NEW,
        price=Decimal("500.00"),
        currency="USD",
        inventory=3,
        has_inventory=True,
        photo_count=1,
    )
    return replace(base, **changes)


def used(**changes: Any) -> ReverbListing:
    """Return a live used listing."""
    return listing(condition=VERY_GOOD, **{"inventory": 1, "has_inventory": False, **changes})


def case(**changes: Any) -> Case:
    """Return a case in which everything agrees."""
    base = Case(
        sku="A1",
        wanted=Wanted(said=dict(SAID), guessed={"model": "Strat"}, defaults={"condition": BRAND_NEW}),
        units=3,
        for_sale=True,
        listing=listing(),
        agreed={},
        switches=Switches(create=True, publish=False, fields=ALL),
    )
    return replace(base, **changes)


def agreed(**sent: Any) -> dict[str, dict[str, Any]]:
    """Return a merge base in which these values were sent and read back as they were."""
    return {name: {"sent": value, "read": value} for name, value in sent.items()}


def test_nothing_is_sent_when_nothing_differs() -> None:
    assert decide(case()).action == Action.NOTHING


def test_only_the_field_that_differs_is_sent() -> None:
    found = decide(case(listing=listing(price=Decimal("450.00"))))
    assert (found.action, found.body) == (Action.UPDATE, {"price": {"amount": "500.00", "currency": "USD"}})


def test_a_field_that_is_switched_off_is_not_sent() -> None:
    off = Switches(fields=ALL - {"price"})
    assert decide(case(listing=listing(price=Decimal("450.00")), switches=off)).action == Action.NOTHING


def test_reverbs_own_spelling_of_what_was_sent_is_not_sent_again() -> None:
    base = {"title": {"sent": "Fender Strat", "read": "FENDER STRAT"}}
    assert decide(case(listing=listing(title="FENDER STRAT"), agreed=base)).action == Action.NOTHING


def test_a_field_changed_on_reverb_is_brought_back_to_what_the_store_says() -> None:
    base = agreed(title="Fender Strat")
    assert decide(case(listing=listing(title="Strat!!"), agreed=base)).body == {"title": "Fender Strat"}


def test_a_field_that_reverb_never_shows_is_sent_once() -> None:
    wants = Wanted(said={**SAID, "upc": "0123"})
    assert decide(case(wanted=wants)).body == {"upc": "0123"}
    base = {"upc": {"sent": "0123", "read": None}}
    assert decide(case(wanted=wants, agreed=base)).action == Action.NOTHING


def test_photos_are_sent_whole_and_only_when_they_changed() -> None:
    base = agreed(photos=["http://a/0.jpg"])
    assert decide(case(agreed=base)).body == {
        "photos": ["http://a/1.jpg"],
        "photo_upload_method": "override_position",
    }
    assert decide(case(agreed=agreed(photos=["http://a/1.jpg"]))).action == Action.NOTHING


def test_a_model_that_was_only_guessed_never_replaces_what_the_seller_wrote_on_reverb() -> None:
    assert decide(case(listing=listing(model="Stratocaster HSS"))).action == Action.NOTHING


def test_a_guess_follows_an_earlier_guess_of_ours() -> None:
    base = {"model": {"sent": "Old", "read": "Old", "guessed": True}}
    assert decide(case(listing=listing(model="Old"), agreed=base)).body == {"model": "Strat"}


def test_a_default_of_the_shop_never_changes_a_listing_that_is_there() -> None:
    assert decide(case(listing=used(), units=1)).action == Action.NOTHING


def test_a_listing_with_another_sku_gets_the_products_sku() -> None:
    assert decide(case(listing=listing(sku="OLD"))).body == {"sku": "A1"}


def test_a_sku_that_reverb_does_not_show_is_sent_once() -> None:
    assert decide(case(listing=listing(sku=""))).body == {"sku": "A1"}
    assert decide(case(listing=listing(sku=""), agreed=agreed(sku="A1"))).action == Action.NOTHING


def test_a_sku_that_reverb_spells_in_its_own_way_is_sent_once_and_again_when_it_is_changed_there() -> None:
    spelled = {"sku": {"sent": "A1", "read": "a1"}}
    assert decide(case(listing=listing(sku="a1"), agreed=spelled)).action == Action.NOTHING
    assert decide(case(listing=listing(sku="OLD"), agreed=spelled)).body == {"sku": "A1"}


# -- making a listing --------------------------------------------------------------------------------------------


def test_a_product_without_a_listing_gets_one_as_a_draft() -> None:
    found = decide(case(listing=None))
    assert found.action == Action.CREATE
    assert found.body == {
        "sku": "A1",
        "title": "Fender Strat",
        "price": {"amount": "500.00", "currency": "USD"},
        "photos": ["http://a/1.jpg"],
        "make": "Fender",
        "model": "Strat",
        "condition": {"uuid": BRAND_NEW},
        "has_inventory": True,
        "inventory": 3,
        "publish": False,
    }


def test_a_used_product_is_listed_as_one_unit() -> None:
    found = decide(case(listing=None, wanted=Wanted(said={**SAID, "condition": VERY_GOOD})))
    assert (found.body["has_inventory"], found.body["inventory"]) == (False, 1)


def test_auto_publish_publishes_a_new_listing() -> None:
    found = decide(case(listing=None, switches=Switches(publish=True, fields=ALL)))
    assert found.body["publish"] is True
    assert found.publishes


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"switches": Switches(create=False, fields=ALL)}, "creating_off"),
        ({"for_sale": False, "units": 0}, "not_for_sale"),
        ({"units": None}, "stock_not_counted"),
        ({"units": 0}, "no_stock"),
    ],
)
def test_no_listing_is_made_without_a_reason_to(changes: dict[str, Any], reason: str) -> None:
    found = decide(case(listing=None, **changes))
    assert (found.action, found.reason) == (Action.SKIP, reason)


# -- stock -------------------------------------------------------------------------------------------------------

STOCK = [
    # listing, the number it had when that was last agreed, units to show → body, or None for nothing
    (listing(), None, 5, {"inventory": 5}),  # linked for the first time: the store's number counts
    (listing(), 3, 5, {"inventory": 5}),  # the store got two more
    (listing(), 3, 3, None),
    (listing(inventory=1), 1, 1, None),  # two were sold on Reverb, and counted
    (listing(inventory=1), 1, 2, {"inventory": 2}),
    (listing(has_inventory=False, inventory=1), None, 4, {"inventory": 4, "has_inventory": True}),
    (listing(), 3, 0, {"inventory": 0}),  # the last one is gone
    (listing(), 0, 0, {"inventory": 0}),  # somebody relisted it on Reverb: the store still has none
    (listing(state="sold", inventory=0), 0, 0, None),
    (listing(state="sold", inventory=0), 0, 2, {"inventory": 2}),  # back in stock: raising relists
    (listing(state="ended", inventory=0), 0, 2, {"inventory": 2, "publish": True}),  # surely comes back with both
    (listing(state="sold", inventory=0), 2, 2, None),  # sold out on Reverb, the store does not know yet
    (used(), None, 1, None),
    (used(), None, 4, None),  # a used listing holds one
    (used(), 1, 0, {"inventory": 0}),
    (used(state="ended", inventory=0), 0, 0, None),
    (used(state="ended", inventory=0), 0, 1, {"publish": True, "inventory": 1}),
    (listing(state="draft", inventory=3), 3, 0, {"inventory": 0}),  # a draft with stock could be published by hand
    (used(state="draft", inventory=0), 1, 0, None),
    (listing(state="seller_unavailable"), 3, 0, {"inventory": 0}),
]


@pytest.mark.parametrize(("shown", "base", "units", "body"), STOCK)
def test_stock(shown: ReverbListing, base: int | None, units: int, body: dict[str, Any] | None) -> None:
    found = decide(case(listing=shown, number=base, units=units))
    assert found.body == (body or {})
    assert (found.action == Action.NOTHING) == (body is None)


def test_an_end_is_sent_alone_so_that_nothing_else_in_it_can_be_refused() -> None:
    found = decide(case(listing=listing(price=Decimal(1)), number=3, units=0))
    assert (found.reason, found.body) == ("ended", {"inventory": 0})


def test_stock_that_is_switched_off_is_never_written() -> None:
    assert decide(case(units=0, switches=Switches(fields=ALL - {"stock"}))).action == Action.NOTHING


def test_a_store_that_does_not_count_changes_no_stock() -> None:
    assert decide(case(units=None)).action == Action.NOTHING


@pytest.mark.parametrize("state", ["sold", "ordered", "sold_out"])
@pytest.mark.parametrize("base", [None, 0, 1])
def test_a_used_listing_that_sold_is_never_relisted_silently(state: str, base: int | None) -> None:
    found = decide(case(listing=used(state=state), units=1, number=base))
    assert (found.action, found.reason, dict(found.body)) == (Action.SKIP, "used_listing_sold", {})


def test_a_listing_that_was_ended_on_reverb_stays_ended() -> None:
    found = decide(case(listing=used(state="ended"), units=1, number=1))
    assert (found.action, found.reason) == (Action.SKIP, "ended_on_reverb")


@pytest.mark.parametrize("ended", [listing(state="ended", inventory=0), used(state="ended", inventory=0)])
def test_a_listing_that_had_ended_before_it_was_linked_comes_back_only_while_publishing_is_on(
    ended: ReverbListing,
) -> None:
    off, on = (Switches(publish=publish, fields=ALL) for publish in (False, True))
    assert decide(case(listing=ended, units=1, number=None, switches=off)).reason == "ended_on_reverb"
    back = decide(case(listing=ended, units=1, number=None, switches=on))
    assert (back.reason, back.body) == ("relisted", {"inventory": 1, "publish": True})


@pytest.mark.parametrize("units", [3, 4, None])
def test_a_suspended_listing_is_left_alone(units: int | None) -> None:
    away = listing(state="suspended", price=Decimal("450.00"))
    assert decide(case(listing=away, units=units)).reason == "suspended"
    assert decide(case(listing=listing(state="suspended", inventory=0), units=0, number=0)).reason == "suspended"


@pytest.mark.parametrize("units", [0, 2])
def test_a_suspended_listing_gets_a_lower_stock_alone_for_it_may_come_back(units: int) -> None:
    away = listing(state="suspended", price=Decimal("450.00"))
    found = decide(case(listing=away, units=units))
    assert (found.action, found.body, found.first) == (Action.UPDATE, {"inventory": units}, True)
    unsaid = replace(away, inventory=None)
    assert decide(case(listing=unsaid, units=units, number=3)).body == {"inventory": units}
    assert decide(case(listing=unsaid, units=units, number=units)).reason == "suspended"


def test_an_unknown_state_still_ends_at_zero() -> None:
    assert decide(case(listing=listing(state="brand_new_state"), units=0)).body == {"inventory": 0}


# -- publishing --------------------------------------------------------------------------------------------------


def test_a_draft_is_published_once_for_each_state_of_the_product() -> None:
    on = Switches(publish=True, fields=ALL)
    draft = case(listing=listing(state="draft"), switches=on, number=3)
    first = decide(draft)
    assert first.body == {"publish": True}
    published = replace(draft, agreed={**draft.agreed, "publish": {"sent": first.sends["publish"]}})
    assert decide(published).action == Action.NOTHING
    better = replace(published, wanted=Wanted(said={**SAID, "upc": "0123"}))
    assert decide(better).body == {"upc": "0123", "publish": True}


def test_a_draft_that_sold_out_before_it_was_published_is_published_once_units_are_back() -> None:
    on = Switches(publish=True, fields=ALL)
    draft = case(listing=listing(state="draft"), switches=on, number=3)
    published = replace(draft, agreed={**draft.agreed, "publish": {"sent": decide(draft).sends["publish"]}})
    empty = replace(published, units=0)
    ended = decide(empty)
    assert (ended.reason, ended.body) == ("ended", {"inventory": 0})
    assert empty.listing is not None
    none = replace(empty.listing, inventory=0)
    agreed = {**empty.agreed, **agree(empty, ended.sends, none)}
    back = decide(replace(published, listing=none, agreed=agreed, number=0))
    assert back.body == {"inventory": 3, "publish": True}


def test_a_draft_gets_the_defaults_that_it_lacks_with_its_publishing() -> None:
    """Reverb kept it for want of a UPC; then the seller ticked in the settings that products without one have none."""
    on = Switches(publish=True, fields=ALL)
    draft = case(listing=listing(state="draft", shipping_profile="77", categories=()), switches=on, number=3)
    kept = replace(draft, agreed={**draft.agreed, "publish": {"sent": decide(draft).sends["publish"]}})
    defaults = {**kept.wanted.defaults, "upc": NO_UPC, "category": "c2", "shipping_profile": "78", "offers": False}
    chosen = replace(kept, wanted=replace(kept.wanted, defaults=defaults))
    found = decide(chosen)
    assert found.body == {"upc_does_not_apply": True, "categories": [{"uuid": "c2"}], "publish": True}
    assert chosen.listing is not None
    then = {**chosen.agreed, **agree(chosen, found.sends, replace(chosen.listing, categories=("c2",)))}
    more = replace(chosen, agreed=then, listing=replace(chosen.listing, categories=("c2",)), units=4)
    assert decide(more).body == {"inventory": 4, "publish": True}
    live = replace(chosen, listing=replace(chosen.listing, state="live"))
    assert decide(live).action == Action.NOTHING


def test_a_draft_gets_no_default_of_a_field_that_is_switched_off() -> None:
    draft = case(
        wanted=Wanted(said=dict(SAID), defaults={"upc": NO_UPC}),
        listing=listing(state="draft"),
        switches=Switches(publish=True, fields=ALL - {"upc"}),
        number=3,
    )
    assert decide(draft).body == {"publish": True}


def test_a_draft_stays_a_draft_while_auto_publish_is_off() -> None:
    assert decide(case(listing=listing(state="draft"))).action == Action.NOTHING


# -- what always holds --------------------------------------------------------------------------------------------

states = st.sampled_from(["live", "draft", "ended", "sold", "ordered", "sold_out", "seller_unavailable", "new_word"])
listings = st.builds(
    listing,
    state=states,
    condition=st.sampled_from([BRAND_NEW, VERY_GOOD, None]),
    inventory=st.one_of(st.none(), st.integers(0, 3)),
    has_inventory=st.booleans(),
    title=st.sampled_from(["Fender Strat", "Other", None]),
)
cases = st.builds(
    case,
    listing=listings,
    units=st.one_of(st.none(), st.integers(0, 3)),
    number=st.one_of(st.none(), st.integers(0, 3)),
    switches=st.builds(Switches, publish=st.booleans(), fields=st.sampled_from([ALL, frozenset({"stock"})])),
)


@given(cases)
def test_nothing_is_ever_left_on_sale_that_the_store_does_not_have(one: Case) -> None:
    assert one.listing is not None
    if one.units == 0 and one.listing.state == "live":
        assert decide(one).body == {"inventory": 0}


@given(cases)
def test_a_sold_used_listing_is_never_written_to(one: Case) -> None:
    assert one.listing is not None
    locked = one.listing.condition == VERY_GOOD and not one.listing.has_inventory
    if locked and one.listing.state in {"sold", "ordered", "sold_out"}:
        assert decide(one).action in (Action.SKIP, Action.NOTHING)


@given(cases)
def test_nothing_is_published_or_relisted_without_units(one: Case) -> None:
    if one.units == 0:
        assert not decide(one).publishes
        assert decide(one).body.get("inventory") in (None, 0)


@given(cases)
def test_what_was_sent_and_taken_over_is_not_sent_again(one: Case) -> None:
    """Reverb takes every field as sent: the second look then finds nothing to do."""
    found = decide(one)
    if found.action != Action.UPDATE:
        return
    assert one.listing is not None
    units = found.body.get("inventory", one.listing.inventory)
    off = units == 0 or (one.listing.state in OFF_SALE and "inventory" not in found.body)
    state = "ended" if off else "live" if found.publishes or one.listing.state in OFF_SALE else one.listing.state
    several = found.body.get("has_inventory", one.listing.has_inventory)
    after = replace(one.listing, inventory=units, has_inventory=several, state=state)
    after = replace(after, title=found.body.get("title", after.title))
    base = {**one.agreed, **already_agreed(one), **agree(one, found.sends, after)}
    again = decide(replace(one, listing=after, agreed=base, number=found.sends.get("stock", one.number)))
    assert not found.sends.keys() & again.sends.keys()
