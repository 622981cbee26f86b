"""When to check the stock of a product again although nothing reports a change: something is in doubt."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Max, QuerySet

from listings.models import Ledger, Order, Product
from listings.stock.agreed import FOLLOWS_WITHIN, GAIN_SETTLES_AFTER
from shops.reverb.orders import RELEASED, UNPAID

#: Shortest time between checks whether all orders are known that may explain a drop.
ASK_AGAIN = timedelta(seconds=60)
#: When to check, after an order is released, whether Reverb has put its units back into its number. A stale response
#: does not show it, and after ten minutes it would be mistaken for an edit.
BACK = (timedelta(minutes=2), timedelta(minutes=5), FOLLOWS_WITHIN - timedelta(minutes=1))


def due_at(ledger: Ledger, product: Product, now: datetime, *, sold: bool) -> datetime | None:
    """Return when to check again, None if nothing is in doubt. `now` and the result are by Reverb's clock.

    `sold`: there may be orders that still affect the stock.
    """
    found = [_first(ledger, now), _rise(ledger), _fall(ledger, product, now), _back(product, now) if sold else None]
    return min((at for at in found if at is not None), default=None)


def _first(ledger: Ledger, now: datetime) -> datetime | None:
    """Return when to read a number that may or may not contain a sale from before the listing was linked."""
    if ledger.reverb is not None or not ledger.before or ledger.set_at is None:
        return None
    at = ledger.set_at + BACK[0]
    return at if at > now else None


def _rise(ledger: Ledger) -> datetime | None:
    """Return when units that appeared count, if no order explains them."""
    return ledger.gained_at + GAIN_SETTLES_AFTER if ledger.unexplained_gain and ledger.gained_at is not None else None


def _fall(ledger: Ledger, product: Product, now: datetime) -> datetime | None:
    """Return when all orders of a drop's time are known, which shows whether a doubtful sale caused it."""
    if not ledger.unexplained_drop:
        return None
    doubtful = _orders(product).filter(doubtful=True).exclude(status__in=UNPAID)
    last: datetime | None = doubtful.aggregate(last=Max("updated_at"))["last"]
    return None if last is None else max(now + ASK_AGAIN, last + FOLLOWS_WITHIN + GAIN_SETTLES_AFTER)


def _back(product: Product, now: datetime) -> datetime | None:
    """Return when the units of a released order may have come back into Reverb's number."""
    freed = _orders(product).filter(status__in=RELEASED, restocked=False, updated_at__gt=now - BACK[-1])
    looks = [off + wait for off in freed.values_list("updated_at", flat=True) for wait in BACK]
    return min((at for at in looks if at > now), default=None)


def _orders(product: Product) -> QuerySet[Order]:
    return Order.objects.filter(product=product, counts=True)
