"""Nothing keeps a stock from Reverb that has become lower: no other field, no photo, no SKU, no list, no odd answer."""

from __future__ import annotations

from typing import Any

import pytest
from django.db.models import F

from listings.models import Job, Listing
from listings.queue import jobs
from shops.reverb import reference
from tests.journeys.sales import buy, read_orders
from tests.journeys.world import World

pytestmark = pytest.mark.live

#: Field as Reverb names it in its errors → its name in our JSON.
REFUSED = {
    "price": "price",
    "price.amount": "price",
    "photos": "photos",
    "title": "title",
    "sku": "sku",
    "base": "title",  # an error that names no field of ours
}


@pytest.fixture
def guitar(world: World) -> dict[str, Any]:
    """A guitar of which five are on sale."""
    made = world.product(inventory_quantity=5)
    world.settle()
    read_orders(world)
    world.settle()
    assert world.listing()["inventory"] == 5
    world.reverb.ask("DELETE", "/requests")
    return made


def refuse(world: World, field: str, *, times: int = 99) -> None:
    """Let Reverb refuse each write that holds a field."""
    wish = {"field": field, "sends": REFUSED.get(field, field), "words": "is not accepted", "times": times}
    world.reverb.ask("POST", "/refuse", wish)


def bodies(world: World) -> list[dict[str, Any]]:
    """Return what we have written to Reverb."""
    return [call["body"] for call in world.writes()]


EDIT = {"price": "7.00", "title": "Another title", "images": ["http://store.test/2.jpg"], "sku": "B2"}


def test_a_lower_stock_alone_is_one_call(world: World, guitar: dict[str, Any]) -> None:
    world.edit(guitar, inventory_quantity=2)
    world.settle()
    assert bodies(world) == [{"inventory": 2}]


def test_a_lower_stock_goes_alone_before_what_else_changed(world: World, guitar: dict[str, Any]) -> None:
    world.edit(guitar, inventory_quantity=2, price="7.00")
    world.settle()
    first, second = bodies(world)
    assert first == {"inventory": 2}
    assert "inventory" not in second
    assert second["price"] == {"amount": "7.00", "currency": "USD"}
    assert [change["field"] for change in world.last().changes] == ["Stock", "Price"]


def test_a_higher_stock_goes_together_with_what_else_changed(world: World, guitar: dict[str, Any]) -> None:
    world.edit(guitar, inventory_quantity=8, price="7.00")
    world.settle()
    [both] = bodies(world)
    assert (both["inventory"], both["price"]["amount"]) == (8, "7.00")


@pytest.mark.parametrize("field", REFUSED)
@pytest.mark.parametrize("units", [2, 0, 8])
def test_no_refused_field_keeps_a_stock_back(world: World, guitar: dict[str, Any], field: str, units: int) -> None:
    refuse(world, field)
    world.edit(guitar, inventory_quantity=units, **EDIT)
    world.settle()
    [listing] = world.reverb.ask("GET", "/listings")
    assert listing["inventory"] == units
    assert listing["state"] == ("live" if units else "sold")
    entry = world.last()
    assert (entry.outcome, entry.reason) == ("failed", "refused_in_part")
    assert entry.field_errors == {field: ["is not accepted"]}
    assert "Stock" in [change["field"] for change in entry.changes]


def test_a_refused_field_keeps_no_other_back(world: World, guitar: dict[str, Any]) -> None:
    refuse(world, "price")
    world.edit(guitar, price="7.00", title="Another title")
    world.settle()
    assert (world.listing()["title"], world.listing()["price"]["amount"]) == ("Another title", "500.00")
    assert world.last().reason == "refused_in_part"
    assert world.waits_for() == "refused_in_part"


def test_a_stock_that_is_refused_alone_goes_with_what_fixes_it(world: World, guitar: dict[str, Any]) -> None:
    """Reverb may check the whole listing on each write: then the edit that makes it right must come along."""
    world.reverb.ask("POST", "/refuse", {"field": "title", "sends": "inventory", "times": 1})
    world.edit(guitar, inventory_quantity=2, title="Another title")
    world.settle()
    assert (world.listing()["inventory"], world.listing()["title"]) == (2, "Another title")
    assert world.last().outcome == "synced"


def test_an_end_that_is_refused_for_another_field_goes_by_the_call_that_has_none(
    world: World, guitar: dict[str, Any]
) -> None:
    """Such as a shipping profile that the seller has deleted: each write of the listing is refused for it."""
    world.reverb.ask("POST", "/refuse", {"field": "shipping_profile_id", "sends": "inventory", "times": 99})
    world.edit(guitar, inventory_quantity=0)
    world.settle()
    assert world.listing()["state"] == "ended"
    assert world.last().reason == "ended"
    world.reverb.ask("DELETE", "/faults")
    world.edit(guitar, inventory_quantity=3)
    world.settle()
    assert (world.listing()["state"], world.listing()["inventory"]) == ("live", 3)


@pytest.mark.parametrize("units", [2, 0, 8])
def test_a_list_that_cannot_be_read_keeps_no_stock_back(world: World, guitar: dict[str, Any], units: int) -> None:
    reference.forget()
    _forget_lists()
    world.reverb.fault("status", status=403, path="/categories/flat|/listing_conditions", page="cloudflare", times=99)
    world.edit(guitar, inventory_quantity=units, price="7.00")
    world.wait(3)
    assert world.step()
    assert world.listing()["inventory"] == units
    assert world.last().reason == "try_later"
    world.reverb.ask("DELETE", "/faults")
    world.settle()
    assert world.listing()["price"]["amount"] == "7.00"


def test_what_breaks_on_our_side_keeps_no_stock_back(
    world: World, guitar: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from listings.sync.cases import ShopRules

    def broken(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(ShopRules, "case", broken)
    world.edit(guitar, inventory_quantity=2, price="7.00")
    world.wait(3)
    assert world.step()
    assert world.listing()["inventory"] == 2
    assert world.last().reason == "our_fault"


def test_orders_that_cannot_be_read_keep_no_lower_stock_back_but_a_higher_one(
    world: World, guitar: dict[str, Any]
) -> None:
    world.wait(30)
    world.reverb.fault("status", status=403, path="/my/orders", page="cloudflare", times=99)
    world.edit(guitar, inventory_quantity=3, price="7.00")
    assert world.step()
    assert (world.listing()["inventory"], world.last().reason) == (3, "try_later")
    world.edit(guitar, inventory_quantity=8)
    world.wait(5)
    while world.step():
        pass
    assert world.listing()["inventory"] == 3  # what sold there is not known
    world.reverb.ask("DELETE", "/faults")
    world.settle()
    assert (world.listing()["inventory"], world.listing()["price"]["amount"], world.stock(guitar)) == (8, "7.00", 8)


def test_a_sale_that_was_not_known_when_a_lower_stock_went_counts_once(world: World, guitar: dict[str, Any]) -> None:
    world.wait(30)
    world.reverb.fault("status", status=403, path="/my/orders", page="cloudflare", times=99)
    buy(world)
    world.edit(guitar, inventory_quantity=2)
    for _ in range(3):
        world.wait(20)
        while world.step():
            pass
    assert world.listing()["inventory"] <= 2
    world.reverb.ask("DELETE", "/faults")
    world.settle()
    read_orders(world)
    world.settle()
    assert (world.listing()["inventory"], world.stock(guitar)) == (1, 1)


def test_two_products_that_swap_their_skus_keep_selling_down(world: World) -> None:
    first, second = world.product("A1", inventory_quantity=5), world.product("B2", title="Bass", inventory_quantity=5)
    world.settle()
    world.store.ask("PUT", f"/variants/{first['variants'][0]['id']}", {"sku": "B2", "inventory_quantity": 2})
    world.store.ask("PUT", f"/variants/{second['variants'][0]['id']}", {"sku": "A1", "inventory_quantity": 0})
    world.receive(first)
    world.receive(second)
    world.settle()
    shown = {row["title"]: row["inventory"] for row in world.reverb.ask("GET", "/listings")}
    assert shown == {"Fender Strat": 2, "Bass": 0}


def _forget_lists() -> None:
    from reverbsync.redis import connection

    connection().flushdb()


def test_a_mass_sync_sends_a_lower_stock_with_the_rest_and_alone_where_that_is_refused(world: World) -> None:
    made = [world.product(f"A{n}", title=f"Guitar {n}", inventory_quantity=5) for n in range(2)]
    world.settle()
    refuse(world, "title")
    for one in made:
        world.edit(one, inventory_quantity=2, title="Another title", price="7.00")
    world.reverb.ask("DELETE", "/requests")
    for job in Job.objects.all():
        Listing.objects.filter(product=job.product_id).update(indexed_at=F("read_at"))
    Job.objects.update(trigger=jobs.MASS)
    world.settle()
    assert bodies(world)[0].keys() > {"inventory", "title", "price"}
    listings = world.reverb.ask("GET", "/listings")
    assert [(row["inventory"], row["price"]["amount"]) for row in listings] == [(2, "7.00")] * 2
