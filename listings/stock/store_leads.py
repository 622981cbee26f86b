"""Where the store's stock leads: when Reverb's number is to be brought in line with the store's."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Count, Max, Q, Sum

from listings.models import Ledger, Order, Product
from listings.stock.agreed import SLACK, Agreed
from listings.stock.inputs import number_of_read
from listings.stock.linking import Read, stands_since
from listings.stock.targets import to_show
from shops.models import SyncSettings
from shops.reverb.orders import RELEASED

#: How long after a release no other order may explain the lower number; an order may appear late.
RELEASED_FOR = timedelta(minutes=5)


def follow(ledger: Ledger, product: Product, read: Read, settings: SyncSettings) -> None:
    """Record what Reverb shows. The next write then brings that number in line with the store's."""
    if (found := to_follow(ledger, product, read, settings)) is not None:
        ledger.store, ledger.reverb = found
        ledger.units, ledger.set_at, ledger.crossed = ledger.store, read.now, 0
        ledger.save(update_fields=["store", "units", "reverb", "set_at", "crossed"])


def to_follow(ledger: Ledger, product: Product, read: Read, settings: SyncSettings) -> tuple[int, int] | None:
    """Return the store's number and what Reverb shows, None if there is no number or nothing to bring in line.

    There is something once the store's number has changed, even if it has changed back. A lower number on Reverb is
    left alone until then: something sold on Reverb that the store does not know yet. It is raised as well once the
    orders that lowered it are cancelled, since Reverb may not put their units back and the store may never have known
    of them. A higher number is too many, even if the seller put units back.
    """
    number = number_of_read(ledger, read)
    if number is None or read.store is None:
        return None
    due = to_show(ledger, product, settings)
    if ledger.reverb is not None and number <= max(due, ledger.reverb) and Agreed.of(ledger).had(number, read.now):
        number = ledger.reverb  # the response may predate our last call
    too_many = number > due and number != ledger.reverb
    too_few = number < due and (
        _changed_since(ledger, product, read) or _is_released(ledger, product, read, due - number)
    )
    return (read.store, number) if too_many or too_few or read.store != ledger.store else None


def _changed_since(ledger: Ledger, product: Product, read: Read) -> bool:
    """Return whether the store's number changed after it was last merged."""
    since = stands_since(product, read)
    return since is not None and ledger.set_at is not None and since > ledger.set_at + SLACK


def _is_released(ledger: Ledger, product: Product, read: Read, units: int) -> bool:
    """Return whether that many units are missing only for orders that were cancelled or refunded a while ago."""
    if ledger.set_at is None:
        return False
    sold = Order.objects.filter(product=product, counts=True, placed_at__gt=ledger.set_at - SLACK)
    active = Count("pk", filter=~Q(status__in=RELEASED))
    found = sold.aggregate(units=Sum("quantity", default=0), active=active, last=Max("updated_at"))
    return units <= found["units"] and not found["active"] and found["last"] + RELEASED_FOR <= read.now
