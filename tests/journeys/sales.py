"""What happens on Reverb in the stories of stock: somebody buys, and we hear of it."""

from __future__ import annotations

from typing import Any

from listings.orders import poll
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
    poll.read(connection, ReverbClient.of(connection), now=clock.now())


def hear(world: World) -> None:
    """Read Reverb's orders, and work until nothing is open."""
    read_orders(world)
    world.settle()
