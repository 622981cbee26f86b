"""Look for changed orders every few seconds where Reverb sends no webhooks, between two polls (order_poll.py).

Reverb gives out no webhooks to personal tokens, so this is how most sales are found. It is one conditional request of
one page: Reverb answers 304 while the page is the same (`If-None-Match`, seen live). The address stays the same for
some minutes, since a 304 needs that. What is found is saved like any order. Only whole polls record until when all
orders are known, and one follows at once if a page does not show all that changed.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.core.cache import cache
from django.db.models import QuerySet

from listings.orders import order_poll, poll_interval
from listings.orders.ingest import take
from reverbsync import clock
from shops.models import ReverbConnection
from shops.reverb import arrivals
from shops.reverb.client import ReverbClient
from shops.reverb.errors import RateLimited, ReverbError
from synclog.models import Entry

#: The requested range begins this long ago, or longer: Reverb's list may lag, and its address is to stay the same.
BACK, SAME_FOR = timedelta(minutes=10), timedelta(minutes=5)
#: Seconds for which it is cached whether a shop is idle.
KNOWN_S = 60
KEPT_S = 900
#: No look is planned further ahead; one that is was planned by a clock that was wrong.
AHEAD = timedelta(minutes=2)
#: Delay after a failure; the whole polls have their own.
AFTER_A_FAILURE = timedelta(seconds=60)


@dataclass(frozen=True)
class _Page:
    """The page that was read last."""

    since: float = 0.0
    etag: str = ""


def due(shop_id: int) -> ReverbConnection | None:
    """Return the shop's connection if a look is due."""
    return order_poll.of_shop(_due(), shop_id)


def shops_with_due_ones() -> list[int]:
    """Return the shops for which a look is due, for the sweeper."""
    return list(_due().order_by("quick_poll_due_at").values_list("shop_id", flat=True))


def run(connection: ReverbConnection, client: ReverbClient, *, now: datetime) -> None:
    """Request the page once, save what changed, and plan the next look. Raises ReverbError."""
    try:
        _look(connection, client, now)
    except ReverbError as error:
        waits = timedelta(seconds=error.retry_after or 1.0) if isinstance(error, RateLimited) else AFTER_A_FAILURE
        _plan(connection, now + waits)
        raise
    every = interval(connection, now)
    _plan(connection, now + every if every is not None else None)


def begin(connection: ReverbConnection, now: datetime) -> None:
    """Plan the first look, after a whole poll, unless one is planned or none is needed."""
    planned = connection.quick_poll_due_at
    if planned is not None and planned < now + AHEAD:
        return
    if (every := interval(connection, now)) is not None:
        _plan(connection, now + every)


def interval(connection: ReverbConnection, now: datetime) -> timedelta | None:
    """Return the time until the next look; None while Reverb's webhooks arrive, or if looks are too rare to help."""
    if arrivals.orders_arrive(connection, now):
        return None
    return poll_interval.quick(
        settings.REVERB_QUICK_POLL_SECONDS,
        active=_is_active(connection.shop_id, now),
        accounts=order_poll.accounts(),
        calls_per_minute=settings.REVERB_APP_CALLS_PER_MINUTE,
    )


def _look(connection: ReverbConnection, client: ReverbClient, now: datetime) -> None:
    key = f"reverb:quick_poll:{connection.pk}"
    since = _since(now)
    known = _Page(**(cache.get(key) or {}))
    found = client.newest_orders(since, known.etag if known.since == since.timestamp() else "")
    if found is None:
        return
    orders, etag, is_whole = found
    # Not if another account was connected meanwhile: these orders are not that one's.
    mine = ReverbConnection.objects.filter(pk=connection.pk, account_id=connection.account_id)
    if not mine.filter(clearing_since=None).exists():
        return
    if not is_whole:
        order_poll.soon(connection.shop_id)
    if take(connection.shop, orders, trigger="Reverb order") and connection.orders_read_at is not None:
        arrivals.missed(connection, clock.now())
    cache.set(key, asdict(_Page(since.timestamp(), etag if is_whole else "")), KEPT_S)


def _since(now: datetime) -> datetime:
    """Return the start of the range: at least BACK ago, and the same for SAME_FOR."""
    step = SAME_FOR.total_seconds()
    return datetime.fromtimestamp((now - BACK).timestamp() // step * step, UTC)


def _is_active(shop_id: int, now: datetime) -> bool:
    """Return whether something was attempted for a shop lately, at most KNOWN_S ago."""
    key = f"reverb:active:{shop_id}"
    known: bool | None = cache.get(key)
    if known is None:
        known = Entry.objects.filter(shop=shop_id, at__gt=now - poll_interval.IDLE_AFTER).exists()
        cache.set(key, known, KNOWN_S)
    return known


def _due() -> QuerySet[ReverbConnection]:
    return order_poll.polled().filter(quick_poll_due_at__lte=clock.now())


def _plan(connection: ReverbConnection, due_at: datetime | None) -> None:
    ReverbConnection.objects.filter(pk=connection.pk).update(quick_poll_due_at=due_at)
