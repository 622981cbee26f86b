"""Read the orders that changed on Reverb: regularly, right after our own writes of stock, and before the next one.

The net under the webhooks, and for accounts without them the only way. Facts: `updated_start_date` finds an order that
was placed before the span and paid inside it, which `created_start_date` does not (Reverb's own plugins; seen live).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import F, Max, Q, QuerySet

from listings.models import Order
from listings.orders import unread
from listings.orders.decide import GONE, SHIPPED
from listings.orders.ingest import take
from listings.orders.log import not_readable
from reverbsync import clock
from reverbsync.dispatch.locks import blocking_lock
from reverbsync.dispatch.wake import wake
from shops.models import ReverbConnection
from shops.reverb import connect, hooks
from shops.reverb.client import ReverbClient
from shops.reverb.errors import RateLimited, ReverbError, TransientError
from shops.reverb.paging import Short
from shops.snapshots import ReverbOrder

ORDERS = "listings.orders"
#: A reading begins this much before the last one began: clocks differ, and Reverb's lists may trail.
OVERLAP = timedelta(minutes=10)
#: A reading that seems to be of later than this was dated by a clock that was wrong, and since then set right.
AHEAD = timedelta(minutes=2)
#: How far the first reading looks back.
FIRST = timedelta(hours=24)
#: How far back the orders are read of an account that comes back.
LONGEST = timedelta(days=60)
#: The wait after a failure: at first, and at most.
FIRST_DELAY = timedelta(seconds=30)
LONGEST_DELAY = timedelta(seconds=900)
#: A list that has shown less than it counts for so long is taken as it is: it would keep all readings from ending.
SHORT_FOR = timedelta(hours=1)
#: No reading is planned farther ahead than this.
FARTHEST = timedelta(minutes=30)
BATCH = 100
#: So many known sales are asked for by themselves where the list fails at one.
MOST_REREAD = 20


def read(connection: ReverbConnection, client: ReverbClient, *, now: datetime) -> None:
    """Read and take all orders that changed since the last reading, and plan the next one.

    `now` is when the reading begins. Raises ReverbError when Reverb did not answer; the next try is planned then too.
    One reading of a shop at a time: who reads later also takes later.
    """
    with blocking_lock(ORDERS, connection.shop_id):
        _read(connection.pk, client, now)


def fresh(connection: ReverbConnection, client: ReverbClient, *, now: datetime, max_age_s: float) -> datetime | None:
    """See to it that all orders are known that Reverb's list showed `max_age_s` ago. Raises ReverbError if not.

    Returns the moment before which all changes are known. Several workers may ask at once: the first one reads, the
    others wait for it and find that it is done.
    """
    span = now - timedelta(seconds=max_age_s), now + AHEAD
    if read_at := _read_within(connection.pk, *span):
        return read_at
    with blocking_lock(ORDERS, connection.shop_id):
        if not (read_at := _read_within(connection.pk, *span)):
            _read(connection.pk, client, now)
            read_at = _read_within(connection.pk, *span)
    return read_at


def soon(shop_id: int, *, in_s: float = 0.0) -> None:
    """Let the shop's orders be read soon: a stock of ours was just written, and a sale may have been overwritten."""
    due_at = clock.now() + timedelta(seconds=in_s)
    mine = ReverbConnection.objects.filter(shop=shop_id)
    if in_s:  # never later than planned; right now, in contrast, is always written: a reading under way sees it so
        mine.filter(Q(orders_due_at__isnull=True) | Q(orders_due_at__gt=due_at)).update(orders_due_at=due_at)
    elif mine.update(orders_due_at=due_at):
        wake(ORDERS, shop_id)


def due(shop_id: int) -> ReverbConnection | None:
    """Return the shop's connection if its orders are due."""
    found = _due().filter(shop=shop_id).select_related("shop__sync_settings").first()
    return found if found is not None and found.token.get_secret_value() else None


def shops_with_due_orders() -> list[int]:
    """Return the shops whose orders are to be read, for the sweeper."""
    return list(_due().order_by(F("orders_due_at").asc(nulls_first=True)).values_list("shop_id", flat=True))


# -- a reading -----------------------------------------------------------------------------------------------------


def _due() -> QuerySet[ReverbConnection]:
    now = clock.now()
    wrong = Q(orders_due_at__gt=now + FARTHEST)  # planned by a clock that was ahead
    now_due = Q(orders_due_at__isnull=True) | Q(orders_due_at__lte=now) | wrong
    mine = ReverbConnection.objects.filter(
        now_due, shop__deletion_requested_at__isnull=True, clearing_since__isnull=True
    )
    return mine.exclude(problem__in=connect.UNUSABLE)


def _read_within(connection_id: int, first: datetime, last: datetime) -> datetime | None:
    """Return when the orders were last read, None where that was before `first`, or is said to be after `last`."""
    found = ReverbConnection.objects.filter(pk=connection_id, orders_read_at__range=(first, last))
    return found.values_list("orders_read_at", flat=True).first()


def _read(connection_id: int, client: ReverbClient, now: datetime) -> None:
    # As it is saved now: it was read before we waited for our turn.
    connection = ReverbConnection.objects.select_related("shop__sync_settings").filter(pk=connection_id).first()
    if connection is None:
        raise TransientError("Reverb was disconnected.")
    if connection.clearing_since is not None:
        raise TransientError("Another Reverb account was connected.")  # whose orders these are is not known
    planned = connection.orders_due_at
    try:
        reading = _Reading(connection, now)
        news = sum(take(connection.shop, part, trigger="Reverb order") for part in _parts(reading.orders(client)))
        left_out = reading.left_out()
        if left_out or connection.orders_unread:
            unread.follow(connection, client, left_out)
    except Exception as error:
        _plan(connection, planned, now + _delay(connection, error, now))
        raise
    if news and connection.orders_read_at is not None:  # the first reading finds what was there before
        hooks.missed(connection, clock.now())
        connection.refresh_from_db()
    # Unless another account was connected meanwhile: of that one nothing was read.
    mine = ReverbConnection.objects.filter(pk=connection.pk, account_id=connection.account_id)
    wrong = Q(orders_read_at__gt=clock.now() + AHEAD)
    mine.filter(Q(orders_read_at__isnull=True) | Q(orders_read_at__lt=now) | wrong).update(orders_read_at=now)
    _plan(connection, planned, now + hooks.orders_every(connection, now))


@dataclass
class _Reading:
    """What a reading of the list showed, and what it left out."""

    connection: ReverbConnection
    now: datetime
    shown: set[str] = field(default_factory=set)
    #: The numbers of what was left out, "" where Reverb did not show even that.
    odd: list[str] = field(default_factory=list)

    def orders(self, client: ReverbClient) -> Iterator[ReverbOrder]:
        """Yield the orders. What the list counts and does not show is left out once no reading went well for long."""
        try:
            for one in client.orders(_since(self.connection, self.now), left_out=self._leave_out):
                self.shown.add(one.number)
                yield one
        except Short as short:
            if _away(self.connection, self.now) < SHORT_FOR:
                raise
            self._leave_out("", short.message)

    def left_out(self) -> list[str]:
        """Return the numbers to ask for by themselves: also known sales that may be one that was not shown."""
        numbers = [number for number in self.odd if number]
        if len(numbers) == len(self.odd):
            return numbers
        known = Order.objects.filter(shop=self.connection.shop_id, placed_at__gt=self.now - LONGEST)
        open_ones = known.exclude(status__in=SHIPPED | GONE).exclude(number__in=self.shown).order_by("-placed_at")
        return numbers + list(open_ones.values_list("number", flat=True)[:MOST_REREAD])

    def _leave_out(self, number: str, why: str) -> None:
        self.odd.append(number)
        not_readable(self.connection.shop_id, number, why)


def _parts(found: Iterator[ReverbOrder]) -> Iterator[list[ReverbOrder]]:
    """Yield the orders in batches; what came before a page that cannot be read is yielded before that is raised."""
    part: list[ReverbOrder] = []
    try:
        for one in found:
            part.append(one)
            if len(part) == BATCH:
                yield part
                part = []
    except Exception:
        if part:
            yield part
        raise
    if part:
        yield part


def _since(connection: ReverbConnection, now: datetime) -> datetime:
    """Return the moment from which on orders are read: an account that was away for long is read from where we were."""
    if connection.orders_read_at is not None:
        return min(connection.orders_read_at, now) - OVERLAP
    last = Order.objects.filter(shop=connection.shop_id).aggregate(last=Max("updated_at"))["last"]
    return max(now - LONGEST, min(now - FIRST, (last or now) - OVERLAP))


def _delay(connection: ReverbConnection, error: Exception, now: datetime) -> timedelta:
    """Return the wait after a failure: it grows with the time for which no reading went well."""
    retry_after = timedelta(seconds=(error.retry_after if isinstance(error, ReverbError) else None) or 0)
    if isinstance(error, RateLimited):
        return max(retry_after, timedelta(seconds=1))  # nothing went wrong
    return max(retry_after, min(LONGEST_DELAY, max(FIRST_DELAY, _away(connection, now) / 2)))


def _away(connection: ReverbConnection, now: datetime) -> timedelta:
    """Return for how long no reading has gone well."""
    return now - (connection.orders_read_at or connection.checked_at or now)


def _plan(connection: ReverbConnection, planned: datetime | None, due_at: datetime) -> None:
    """Plan the next reading, unless somebody has asked for one meanwhile: what they ask for began after ours."""
    ReverbConnection.objects.filter(pk=connection.pk, orders_due_at=planned).update(orders_due_at=due_at)
