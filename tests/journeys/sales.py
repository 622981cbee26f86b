"""What happens on Reverb in the stories of stock: somebody buys, and we read it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from listings.orders import order_poll
from reverbsync import clock
from shops.reverb.client import ReverbClient
from tests.journeys.world import World


def buy(world: World, sku: str = "A1", quantity: int = 1, **wish: Any) -> str:
    """Let somebody buy on Reverb; returns the number of the order."""
    sold = world.reverb.ask("POST", "/buy", {"listing_id": world.listing(sku)["id"], "quantity": quantity, **wish})
    return str(sold["order_number"])


def read_orders(world: World) -> None:
    """Read Reverb's orders as the regular poll does."""
    connection = world.shop.reverb
    connection.refresh_from_db()
    order_poll.read(connection, ReverbClient.of(connection), now=clock.now())


def receive(world: World) -> None:
    """Read Reverb's orders, and work until nothing is open."""
    read_orders(world)
    world.settle()


def sell_on_both_sides(
    world: World, *, spoil: Callable[[], None], receive_product: Callable[[World, dict[str, Any]], None]
) -> None:
    """Sell one of five on each side, and `spoil` the store before we read it; then there are three on both.

    The store has a second location, which does not sell online. `receive_product` reads a product as the inbox does.
    """
    guitar = world.product(inventory_quantity=5)
    world.store.ask("PUT", f"/variants/{guitar['variants'][0]['id']}", {"elsewhere": {"2": 9}})
    bass = world.product("B1", title="Fender Bass", inventory_quantity=5)
    world.settle()
    read_orders(world)
    buy(world)
    world.store.ask("PUT", f"/variants/{guitar['variants'][0]['id']}", {"inventory_quantity": 4})
    spoil()
    read_orders(world)
    receive_product(world, guitar)
    world.store.ask("PUT", f"/variants/{bass['variants'][0]['id']}", {"inventory_quantity": 1})
    receive_product(world, bass)
    assert (world.stock(guitar), world.listing()["inventory"]) == (3, 3)
    assert (world.stock(bass), world.listing("B1")["inventory"]) == (1, 1)
    assert {one["state"] for one in world.reverb.ask("GET", "/listings")} == {"live"}
