"""Which part of Reverb's orders to read next, and how long to wait after a failure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import Max

from listings.models import Order
from listings.orders.decide import GONE, SHIPPED
from listings.orders.log import not_readable
from shops.models import ReverbConnection
from shops.reverb.client import ReverbClient
from shops.reverb.errors import RateLimited, ReverbError
from shops.reverb.paging import Short
from shops.snapshots import ReverbOrder

#: How far a poll's range overlaps the last one: clocks differ, and Reverb's lists may lag.
OVERLAP = timedelta(minutes=10)
#: How far the first poll goes back.
FIRST = timedelta(hours=24)
#: How far back at most orders are read for an account that comes back.
LONGEST = timedelta(days=60)
#: The delay after a failure: at first, and at most.
FIRST_DELAY = timedelta(seconds=30)
LONGEST_DELAY = timedelta(seconds=900)
#: A list that has shown less than it counts for this long is accepted, since no poll could complete otherwise.
SHORT_FOR = timedelta(hours=1)
#: Known sales that are read individually if the list fails at one, at most.
MOST_REREAD = 20


@dataclass
class Reading:
    """What a poll of the list showed, and what it left out."""

    connection: ReverbConnection
    now: datetime
    shown: set[str] = field(default_factory=set)
    #: The numbers of orders left out, "" if Reverb did not show even that.
    odd: list[str] = field(default_factory=list)

    def orders(self, client: ReverbClient) -> Iterator[ReverbOrder]:
        """Yield the orders. After long failure, orders that the list counts but does not show are left out."""
        try:
            for one in client.orders(_since(self.connection, self.now), left_out=self._leave_out):
                self.shown.add(one.number)
                yield one
        except Short as short:
            if _away(self.connection, self.now) < SHORT_FOR:
                raise
            self._leave_out("", short.message)

    def left_out(self) -> list[str]:
        """Return the numbers to read individually, including known sales that may be the one that was not shown."""
        numbers = [number for number in self.odd if number]
        if len(numbers) == len(self.odd):
            return numbers
        known = Order.objects.filter(shop=self.connection.shop_id, placed_at__gt=self.now - LONGEST)
        open_ones = known.exclude(status__in=SHIPPED | GONE).exclude(number__in=self.shown).order_by("-placed_at")
        return numbers + list(open_ones.values_list("number", flat=True)[:MOST_REREAD])

    def _leave_out(self, number: str, why: str) -> None:
        self.odd.append(number)
        not_readable(self.connection.shop_id, number, why)


def _since(connection: ReverbConnection, now: datetime) -> datetime:
    """Return the start of the range to read: for an account that was away for long, where the last poll ended."""
    if connection.orders_read_at is not None:
        return min(connection.orders_read_at, now) - OVERLAP
    last = Order.objects.filter(shop=connection.shop_id).aggregate(last=Max("updated_at"))["last"]
    return max(now - LONGEST, min(now - FIRST, (last or now) - OVERLAP))


def delay(connection: ReverbConnection, error: Exception, now: datetime) -> timedelta:
    """Return the delay after a failure: it grows with the time since the last successful poll."""
    retry_after = timedelta(seconds=(error.retry_after if isinstance(error, ReverbError) else None) or 0)
    if isinstance(error, RateLimited):
        return max(retry_after, timedelta(seconds=1))  # nothing failed
    return max(retry_after, min(LONGEST_DELAY, max(FIRST_DELAY, _away(connection, now) / 2)))


def _away(connection: ReverbConnection, now: datetime) -> timedelta:
    """Return the time since the last successful poll."""
    return now - (connection.orders_read_at or connection.checked_at or now)
