"""Poll the orders that changed on Reverb: regularly, right after our own writes of stock, and before the next one.

It backs up the webhooks, and is the only way for accounts without them. Facts: `updated_start_date` finds an order that
was placed before the span and paid inside it, which `created_start_date` does not (Reverb's own plugins; seen live).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.conf import settings
from django.core.cache import cache
from django.db.models import F, Q, QuerySet

from listings.orders import poll_interval, unread
from listings.orders.ingest import take
from listings.orders.order_range import Reading, delay
from reverbsync import clock
from reverbsync.dispatch.locks import blocking_lock
from reverbsync.dispatch.wake import wake
from shops.models import ReverbConnection
from shops.reverb import arrivals, connect
from shops.reverb.client import ReverbClient
from shops.reverb.errors import TransientError
from shops.snapshots import ReverbOrder

ORDERS = "listings.orders"
#: A poll dated later than this was dated by a clock that was wrong and has since been corrected.
AHEAD = timedelta(minutes=2)
#: No poll is planned further ahead than this.
FARTHEST = timedelta(minutes=30)
BATCH = 100
ACCOUNTS_KNOWN_S = 60


def read(connection: ReverbConnection, client: ReverbClient, *, now: datetime) -> None:
    """Read and save all orders that changed since the last poll, and plan the next one.

    `now` is the start of the poll. Raises ReverbError if Reverb did not respond; the retry is planned then too. A shop
    has one poll at a time, so that a later read is also saved later.
    """
    with blocking_lock(ORDERS, connection.shop_id):
        _read(connection.pk, client, now)


def fresh(connection: ReverbConnection, client: ReverbClient, *, now: datetime, max_age_s: float) -> datetime | None:
    """Ensure that all orders are known that Reverb's list showed `max_age_s` ago. Raises ReverbError if not.

    Returns the moment before which all changes are known. Several workers may call it at once: the first one polls, and
    the others wait and find it done.
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
    """Make the shop's orders due soon: our write of a stock number may have overwritten a sale."""
    due_at = clock.now() + timedelta(seconds=in_s)
    mine = ReverbConnection.objects.filter(shop=shop_id)
    if in_s:  # never later than planned. An immediate poll is always written, so that a running one notices it
        mine.filter(Q(orders_due_at__isnull=True) | Q(orders_due_at__gt=due_at)).update(orders_due_at=due_at)
    elif mine.update(orders_due_at=due_at):
        wake(ORDERS, shop_id)


def due(shop_id: int) -> ReverbConnection | None:
    """Return the shop's connection if its orders are due."""
    return of_shop(_due(), shop_id)


def shops_with_due_orders() -> list[int]:
    """Return the shops whose orders are due, for the sweeper."""
    return list(_due().order_by(F("orders_due_at").asc(nulls_first=True)).values_list("shop_id", flat=True))


def _due() -> QuerySet[ReverbConnection]:
    now = clock.now()
    wrong = Q(orders_due_at__gt=now + FARTHEST)  # planned by a clock that was ahead
    now_due = Q(orders_due_at__isnull=True) | Q(orders_due_at__lte=now) | wrong
    return polled().filter(now_due)


def polled() -> QuerySet[ReverbConnection]:
    """Return the connections whose orders may be read."""
    mine = ReverbConnection.objects.filter(shop__deletion_requested_at__isnull=True, clearing_since__isnull=True)
    return mine.exclude(problem__in=connect.UNUSABLE)


def of_shop(due_ones: QuerySet[ReverbConnection], shop_id: int) -> ReverbConnection | None:
    """Return the shop's connection out of those that are due, None if it is not, or has no token."""
    found = due_ones.filter(shop=shop_id).select_related("shop__sync_settings").first()
    return found if found is not None and found.token.get_secret_value() else None


def accounts() -> int:
    """Return how many accounts share the app's calls, at most ACCOUNTS_KNOWN_S ago."""
    known: int | None = cache.get("reverb:accounts")
    if known is None:
        known = ReverbConnection.objects.exclude(problem__in=connect.UNUSABLE).count()
        cache.set("reverb:accounts", known, ACCOUNTS_KNOWN_S)
    return known


def _read_within(connection_id: int, first: datetime, last: datetime) -> datetime | None:
    """Return when the orders were last polled, None if that was before `first`, or is dated after `last`."""
    found = ReverbConnection.objects.filter(pk=connection_id, orders_read_at__range=(first, last))
    return found.values_list("orders_read_at", flat=True).first()


def _read(connection_id: int, client: ReverbClient, now: datetime) -> None:
    # Read the row again: it may have changed while we waited for the lock.
    connection = ReverbConnection.objects.select_related("shop__sync_settings").filter(pk=connection_id).first()
    if connection is None:
        raise TransientError("Reverb was disconnected.")
    if connection.clearing_since is not None:
        raise TransientError("Another Reverb account was connected.")  # it is unknown whose orders these are
    planned = connection.orders_due_at
    try:
        reading = Reading(connection, now)
        news = sum(take(connection.shop, part, trigger="Reverb order") for part in _parts(reading.orders(client)))
        left_out = reading.left_out()
        if left_out or connection.orders_unread:
            unread.follow(connection, client, left_out)
    except Exception as error:
        _plan(connection, planned, now + delay(connection, error, now))
        raise
    if news and connection.orders_read_at is not None:  # the first poll finds older orders
        arrivals.missed(connection, clock.now())
        connection.refresh_from_db()
    # Not if another account was connected meanwhile: nothing was read from that one.
    mine = ReverbConnection.objects.filter(pk=connection.pk, account_id=connection.account_id)
    wrong = Q(orders_read_at__gt=clock.now() + AHEAD)
    mine.filter(Q(orders_read_at__isnull=True) | Q(orders_read_at__lt=now) | wrong).update(orders_read_at=now)
    every = poll_interval.whole(
        arrivals.orders_every(connection, now),
        accounts=accounts(),
        calls_per_minute=settings.REVERB_APP_CALLS_PER_MINUTE,
    )
    _plan(connection, planned, now + every)


def _parts(found: Iterator[ReverbOrder]) -> Iterator[list[ReverbOrder]]:
    """Yield the orders in batches; those before an unreadable page are yielded before the error is raised."""
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


def _plan(connection: ReverbConnection, planned: datetime | None, due_at: datetime) -> None:
    """Plan the next poll, unless another one was requested meanwhile: that request is newer than our poll."""
    ReverbConnection.objects.filter(pk=connection.pk, orders_due_at=planned).update(orders_due_at=due_at)
