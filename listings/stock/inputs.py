"""Orders on Reverb and the listing's number, as the stock rule takes them."""

from __future__ import annotations

from datetime import datetime

from django.db.models import F, Q, QuerySet

from listings.models import Ledger, Order, Product
from listings.stock.agreed import FOLLOWS_WITHIN, Sale
from listings.stock.linking import Read
from shops.reverb.availability import holds_several, number_of
from shops.reverb.orders import RELEASED, UNPAID

#: Results of the reconciliation that an order stores, beside `reckoned`, the status that was reconciled.
KEPT = ("counted", "shown", "doubtful", "restocked")


def orders_of(product: Product, now: datetime) -> QuerySet[Order]:
    """Return the orders that may still affect the product's stock."""
    alive = Q(updated_at__gt=now - Order.SETTLED_AFTER) | ~Q(reckoned=F("status"))
    return Order.objects.filter(alive, product=product, counts=True).order_by("placed_at", "pk")


def sold_since(product: Product, read: Read) -> bool:
    """Return whether an order, or a change of one, was read after the listing was."""
    return any(is_newer(order, read) for order in orders_of(product, read.now))


def is_newer(order: Order, read: Read) -> bool:
    """Return whether the order, or its current status, was read after the listing was."""
    if read.listing is None or read.since is None or order.status_read_at is None:
        return False
    return order.reckoned != order.status and order.status_read_at > read.since


def sold_lately(product: Product, now: datetime) -> bool:
    """Return whether Reverb's number may still move for an order. `now` is by Reverb's clock.

    It may for recent orders, and for orders that are not reconciled yet.
    """
    moves = Q(updated_at__gt=now - FOLLOWS_WITHIN) | ~Q(reckoned=F("status"))
    return Order.objects.filter(moves, product=product).exists()


def sale_of(order: Order) -> Sale:
    """Return the order as the stock rule takes it."""
    return Sale(
        number=order.number,
        quantity=order.quantity,
        released=order.status in RELEASED,
        sure=order.status not in UNPAID,
        placed_at=order.placed_at,
        updated_at=order.updated_at,
        new=order.reckoned != order.status,
        unseen=not order.reckoned,
        **{name: getattr(order, name) for name in KEPT},
    )


def number_of_read(ledger: Ledger, read: Read) -> int | None:
    """Return the units that Reverb has for sale, None if that proves nothing about sales.

    An ended listing proves nothing, since anybody may have ended it, unless we set it to zero ourselves.
    """
    if read.listing is None or read.read_at is not None:
        return None
    if read.listing.state == "ended" and 0 in (ledger.reverb, ledger.pending_put):
        return 0
    return number_of(read.listing)


def is_single(ledger: Ledger, read: Read) -> bool:
    """Return whether the listing holds a single unit; an off-sale listing is what it was before."""
    if read.listing is None or number_of(read.listing) is None:
        return ledger.single_unit
    return not holds_several(read.listing)
