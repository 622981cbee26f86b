"""Orders whose units our stock has not counted yet."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from django.db.models import Case, F, IntegerField, Q, Value, When

from listings.models import Order, Product
from listings.orders import precedence
from reverbsync import clock
from reverbsync.database import EVERYTHING, Span
from shops.models import Shop
from shops.reverb.orders import RELEASED, UNPAID

#: Units that an order takes from the stock (precedence.wanted), for the database.
_WANTED = Case(When(status__in=RELEASED, then=Value(0)), default=F("quantity"), output_field=IntegerField())


def uncounted(shop: Shop, span: Span = EVERYTHING) -> list[Product]:
    """Return the products with an order that the stock has not counted yet, and without an open job."""
    paid = Q(reckoned__in=UNPAID) & ~Q(status__in=UNPAID)
    mine = Order.objects.filter(shop=shop, counts=True, **span.of("product"))
    owing = mine.filter(~Q(counted=_WANTED) | Q(reckoned="") | paid)
    return list(Product.objects.filter(pk__in=owing.values("product"), job__isnull=True))


def owes(row: Order, agreed: Collection[int], since: Mapping[int, datetime | None]) -> bool:
    """Return whether a job must process the order's units.

    `agreed`: the products that have a ledger; `since`: when each store number became what it is.
    """
    wanted = precedence.wanted(row.status, row.quantity)
    if row.counts:  # an order that is first seen after its release may still have moved the number
        paid = row.reckoned in UNPAID and row.status not in UNPAID  # only now the number may go down for it
        return row.counted != wanted or not row.reckoned or paid
    # A product without a ledger is not linked yet, and the order is to count once it is.
    unlinked = not row.reckoned and row.product_id not in agreed
    history = precedence.history_until(since.get(row.product_id or 0) or clock.now())
    return unlinked and bool(wanted) and row.placed_at > history
