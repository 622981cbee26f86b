"""Stories of products whose stock the store does not count, and of the seller's rules beside it."""

from __future__ import annotations

from typing import Any

import pytest
from django.core import mail

from listings.models import Job, Product, Rank
from listings.queue import jobs
from tests.journeys.mass import NEW
from tests.journeys.world import World

pytestmark = pytest.mark.live


def uncounted(world: World) -> dict[str, Any]:
    """Make a product that is on sale on Reverb, and stop counting it."""
    made = world.product(inventory_quantity=3)
    world.settle()
    world.store.ask("PUT", f"/variants/{made['variants'][0]['id']}", {"tracked": False})
    world.receive(made)
    world.settle()
    assert world.listing()["state"] == "live"
    return made


@pytest.mark.parametrize("choice", ["", "off"])
@pytest.mark.parametrize("how", ["draft", "deleted"])
def test_what_is_not_counted_and_goes_off_sale_in_the_store_is_ended(world: World, choice: str, how: str) -> None:
    guitar = uncounted(world)
    Product.objects.update(choice=choice)
    world.delete(guitar) if how == "deleted" else world.edit(guitar, status="DRAFT")
    world.settle()
    assert world.listing()["state"] in ("ended", "sold")
    assert world.last().reason == "ended"


def test_what_was_never_counted_and_goes_off_sale_in_the_store_is_ended(world: World) -> None:
    row: dict[str, Any] = {
        "sku": "A1",
        "title": "By hand",
        "make": "Fender",
        "model": "Strat",
        "condition": NEW,
        "state": "live",
    }
    row |= {"price": {"amount": "500.00", "currency": "USD"}, "photos": ["http://store.test/1.jpg"]}
    row |= {"has_inventory": True, "inventory": 3, "upc": "885978110803"}
    world.reverb.ask("POST", "/listings", {"token": world.token, "listings": [row]})
    guitar = world.product(tracked=False)
    world.settle()
    assert world.known().reverb_id
    world.edit(guitar, status="DRAFT")
    world.settle()
    assert world.listing()["state"] in ("ended", "sold")


def test_a_product_that_was_switched_off_is_not_sold_out_by_the_shops_buffer(world: World) -> None:
    """The buffer is for what goes to Reverb. Its listing stays as it is, and nobody is mailed."""
    world.used()
    world.settle()
    world.set(stock_buffer=2)
    Product.objects.update(choice="off")
    jobs.look_again(Product.objects.all(), rank=Rank.EDIT, trigger="test", now=world.now)
    for _ in range(20):
        while world.step():
            pass
        world.wait(60)
    assert world.listing("U1")["state"] == "live"
    assert world.entries()[-2:] == ["published", "not_chosen"]
    assert not Job.objects.exists()
    assert not mail.outbox
