"""Stories of one product on its way to Reverb and back in sync, over real HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from listings.models import Product
from listings.sync import apply
from listings.sync.find import SEEN_LATELY
from shops.models import MappingRule
from tests.journeys.world import DOMAIN, World

pytestmark = pytest.mark.live


def test_a_new_product_becomes_one_live_listing_that_says_what_the_store_says(world: World) -> None:
    world.product()
    world.settle()
    found = world.listing()
    assert (found["title"], found["price"]["amount"], found["inventory"], found["state"]) == (
        "Fender Strat",
        "500.00",
        3,
        "live",
    )
    assert (found["make"], found["model"], found["upc"]) == ("Fender", "Strat", "885978110803")
    assert world.entries() == ["created_publishing", "published"]
    assert len(world.reverb.calls("POST")) == 1


def test_what_sold_out_before_it_was_published_goes_on_sale_once_it_is_back(world: World) -> None:
    guitar = world.product(inventory_quantity=1)
    world.step()
    world.edit(guitar, inventory_quantity=0)
    world.settle()
    assert world.listing()["state"] != "live"
    world.edit(guitar, inventory_quantity=1)
    world.settle()
    assert (world.listing()["state"], world.listing()["inventory"]) == ("live", 1)


def test_a_draft_stays_a_draft_while_auto_publish_is_off(world: World) -> None:
    world.set(auto_publish=False)
    world.product()
    world.settle()
    assert world.listing()["state"] == "draft"
    assert world.entries() == ["created"]


def test_a_new_price_is_one_put_with_nothing_but_the_price(world: World) -> None:
    guitar = world.product()
    world.settle()
    world.reverb.ask("DELETE", "/requests")
    world.edit(guitar, price="450.00")
    world.settle()
    [write] = world.writes()
    assert (write["method"], write["body"]) == ("PUT", {"price": {"amount": "450.00", "currency": "USD"}})
    assert world.last().changes == [{"field": "Price", "before": "500.00 USD", "after": "450.00 USD"}]


def test_when_nothing_differs_nothing_is_sent_and_the_entry_says_so(world: World) -> None:
    guitar = world.product(description_html="<h1>Big</h1><p>A & B</p>")
    world.settle()
    world.reverb.ask("DELETE", "/requests")
    world.receive(guitar)
    world.settle()
    assert world.writes() == []
    assert (world.last().outcome, world.last().reason) == ("nothing", "in_sync")


def test_the_last_one_gone_ends_the_listing_and_more_bring_it_back(world: World) -> None:
    guitar = world.product()
    world.settle()
    world.edit(guitar, inventory_quantity=0)
    world.settle()
    assert world.listing()["state"] == "sold"
    world.edit(guitar, inventory_quantity=2)
    world.settle()
    assert (world.listing()["state"], world.listing()["inventory"]) == ("live", 2)
    assert world.entries()[-2:] == ["ended", "relisted"]


def test_a_used_one_off_ends_and_comes_back_too(world: World) -> None:
    guitar = world.used()
    world.settle()
    assert world.listing("U1")["state"] == "live"
    world.edit(guitar, inventory_quantity=0)
    world.settle()
    assert world.listing("U1")["state"] == "ended"
    world.edit(guitar, inventory_quantity=1)
    world.settle()
    assert world.listing("U1")["state"] == "live"
    assert world.entries()[-3:] == ["ended", "relisted", "published"]


def test_a_used_item_that_sold_on_reverb_is_never_relisted_silently(world: World) -> None:
    guitar = world.used()
    world.settle()
    world.reverb.ask("POST", "/buy", {"listing_id": world.listing("U1")["id"]})
    world.edit(guitar, price="99.00")
    world.settle()
    assert (world.listing("U1")["state"], world.stock(guitar), world.waits_for("U1")) == ("ordered", 0, "")
    world.edit(guitar, inventory_quantity=1)  # another one came in
    world.settle()
    assert world.listing("U1")["state"] == "ordered"
    assert world.waits_for("U1") == "used_listing_sold"


def test_a_unit_sold_on_reverb_is_not_put_on_sale_again_by_a_new_price(world: World) -> None:
    guitar = world.product()
    world.settle()
    world.reverb.ask("POST", "/buy", {"listing_id": world.listing()["id"]})
    world.edit(guitar, price="99.00")
    world.settle()
    assert (world.listing()["inventory"], world.listing()["price"]["amount"]) == (2, "99.00")


def test_a_deleted_product_takes_its_listing_off_sale(world: World) -> None:
    guitar = world.product()
    world.settle()
    world.delete(guitar)
    world.settle()
    assert world.listing()["state"] == "sold"


def test_a_product_made_again_with_the_same_sku_inherits_the_listing(world: World) -> None:
    old = world.product()
    world.settle()
    world.delete(old)
    world.settle()
    world.product()
    world.settle()
    assert world.listing()["state"] == "live"
    assert len(world.reverb.calls("POST")) == 1


def test_a_product_made_again_waits_while_the_old_one_is_just_being_taken_off_sale(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = world.product()
    world.settle()
    send = apply.update

    def while_it_comes_again(*given: Any) -> Any:
        monkeypatch.setattr(apply, "update", send)
        world.product()
        assert world.step()
        return send(*given)

    monkeypatch.setattr(apply, "update", while_it_comes_again)
    world.delete(old)
    world.settle()
    assert (world.listing()["state"], world.listing()["inventory"]) == ("live", 3)
    assert len(world.reverb.calls("POST")) == 1


def test_a_listing_that_was_made_by_hand_is_found_by_its_sku_and_brought_in_line(world: World) -> None:
    body = {"sku": "A1", "title": "My strat", "make": "Fender", "model": "Custom Shop", "state": "live"}
    more = {"price": {"amount": "1.00", "currency": "USD"}, "has_inventory": True, "inventory": 1}
    new = {"condition": {"uuid": "7c3f45de-2ae0-4c81-8400-fdb6b1d74890"}}
    world.reverb.ask("POST", "/listings", {"token": world.token, "listings": [{**body, **more, **new}]})
    world.product()
    world.settle()
    found = world.listing()
    assert (found["title"], found["inventory"], found["price"]["amount"]) == ("Fender Strat", 3, "500.00")
    assert found["model"] == "Custom Shop"  # ours is only a guess
    assert world.reverb.calls("POST") == []


def test_near_matches_of_the_search_are_not_taken_for_the_listing(world: World) -> None:
    world.reverb.ask("POST", "/settings", {"fuzzy_sku": True})
    world.product("A1")
    world.settle()
    world.product("A")
    world.settle()
    assert world.listing("A")["id"] != world.listing("A1")["id"]


def test_a_changed_title_changes_the_slug_and_the_listing_is_still_found(world: World) -> None:
    guitar = world.product()
    world.settle()
    world.edit(guitar, title="Quite another name")
    world.settle()
    world.edit(guitar, price="1.00")
    world.settle()
    assert (world.listing()["title"], world.listing()["price"]["amount"]) == ("Quite another name", "1.00")


def test_a_changed_sku_is_taken_over_by_the_same_listing(world: World) -> None:
    guitar = world.product("A1")
    world.settle()
    listing = world.listing("A1")["id"]
    world.edit(guitar, sku="B7")
    world.settle()
    assert world.listing("B7")["id"] == listing
    assert len(world.reverb.calls("POST")) == 1


def test_a_listing_deleted_on_reverb_is_looked_up_and_made_again(world: World) -> None:
    world.set(auto_publish=False)
    guitar = world.product()
    world.settle()
    first = world.listing()["id"]
    import requests

    headers = {"Authorization": f"Bearer {world.token}", "Accept-Version": "3.0"}
    requests.delete(f"{world.reverb.url}/api/listings/{first}", headers=headers, timeout=5).raise_for_status()
    world.wait(SEEN_LATELY.total_seconds())
    world.receive(guitar)
    world.settle()
    assert world.listing()["id"] != first


# -- nothing is written --------------------------------------------------------------------------------------------


def test_a_product_without_a_sku_waits_for_one(world: World) -> None:
    guitar = world.product("")
    world.settle()
    assert (world.last().outcome, world.last().reason, world.writes()) == ("skipped", "no_sku", [])
    world.edit(guitar, sku="A1")
    world.settle()
    assert world.listing()["state"] == "live"


def test_a_sku_that_stands_twice_in_the_store_is_written_for_neither(world: World) -> None:
    world.product("A1")
    world.product("A1", title="Another")
    world.settle()
    assert world.entries() == ["sku_twice", "sku_twice"]
    assert world.writes() == []


def test_when_one_of_two_with_one_sku_is_gone_the_other_need_not_wait_any_more(world: World) -> None:
    first = world.product("A1")
    world.product("A1", title="The other one")
    world.settle()
    world.delete(first)
    world.settle()
    assert world.listing()["title"] == "The other one"


def test_creating_switched_off_leaves_reverb_alone(world: World) -> None:
    world.set(create_listings=False)
    world.product()
    world.settle()
    assert (world.entries(), world.writes()) == (["creating_off"], [])


def test_auto_sync_switched_off_opens_no_job(world: World) -> None:
    world.set(auto_sync=False)
    world.product()
    assert not world.step()


def test_a_brand_new_item_without_a_upc_stays_a_draft_and_the_entry_says_why(world: World) -> None:
    guitar = world.product(barcode="")
    world.settle()
    assert world.listing()["state"] == "draft"
    assert (world.last().outcome, world.last().reason) == ("failed", "kept_as_draft")
    assert "UPC" in world.last().warnings[0]
    world.edit(guitar, barcode="885978110803")
    world.settle()
    assert world.listing()["state"] == "live"


def test_a_product_that_was_switched_off_is_left_alone_but_ends_when_it_is_sold_out(world: World) -> None:
    guitar = world.used()
    world.settle()
    Product.objects.update(choice="off")
    world.edit(guitar, title="Another title")
    world.settle()
    assert world.listing("U1")["title"] == "Fender Strat"
    world.edit(guitar, inventory_quantity=0)
    world.settle()
    assert world.listing("U1")["state"] == "ended"
    assert world.entries()[-1] == "ended"
    world.edit(guitar, inventory_quantity=1)
    world.settle()
    assert world.listing("U1")["state"] == "ended"  # it does not come back by itself


def test_a_product_that_was_never_chosen_is_not_looked_for_on_reverb(world: World) -> None:
    world.set(selection="chosen")
    world.reverb.ask("DELETE", "/requests")
    world.product(inventory_quantity=0)
    world.settle()
    assert world.reverb.calls() == []


def test_a_rule_and_the_sellers_own_value_reach_the_listing(world: World) -> None:
    MappingRule.objects.create(shop=world.shop, by="vendor", value="fender", field="finish", says="Sunburst")
    world.set(price_percent=10)
    guitar = world.product()
    world.settle()
    assert (world.listing()["finish"], world.listing()["price"]["amount"]) == ("Sunburst", "550.00")
    Product.objects.update(overrides={"finish": "Black"})
    world.receive(guitar)
    world.settle()
    assert world.listing()["finish"] == "Black"


def test_a_price_in_a_currency_that_reverb_does_not_take_is_not_sent(world: World) -> None:
    world.store.ask("POST", "/shops", {"domain": DOMAIN, "currency": "CHF"})
    try:
        world.product()
        world.settle()
    finally:
        world.store.ask("POST", "/shops", {"domain": DOMAIN, "currency": "USD"})
    assert world.waits_for("A1") == "currency_not_taken"
    assert world.writes() == []
