"""Which of Reverb's webhooks arrive: how often orders are read instead, and whether the seller is notified."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from django.db.models import F, Q

from shops.events import ReverbEvent, ReverbListingChanged, ReverbOrderChanged
from shops.models import ReverbConnection
from shops.reverb.hooks import CHANGED, KEPT_TO, PLACED, WITH_WEBHOOKS, WITHOUT_WEBHOOKS

#: Topics that report a listing whose state or stock changed.
LISTING = {"listings/update", "product/updated"}
LATE = timedelta(minutes=30)
#: A call within this time proves that webhooks arrive.
LATELY = timedelta(days=3)


def orders_every(connection: ReverbConnection, now: datetime) -> timedelta:
    """Return the poll interval of the account's orders: longer only while webhooks do arrive."""
    return WITH_WEBHOOKS if orders_arrive(connection, now) else WITHOUT_WEBHOOKS


def orders_arrive(connection: ReverbConnection, now: datetime) -> bool:
    """Return whether webhooks for orders are registered and arrive."""
    there = _there(connection)
    return bool(there & PLACED and there & CHANGED) and _arrive(connection, now)


def listing_webhooks_arrive(connection: ReverbConnection, now: datetime) -> bool:
    """Return whether Reverb's webhooks for listings are registered and one arrived lately."""
    return bool(_there(connection) & LISTING) and _lately(connection.listing_called_at, now)


def _arrive(connection: ReverbConnection, now: datetime) -> bool:
    """Return whether order webhooks arrive: one did lately, and polling found no unreported change since."""
    called, missed = connection.order_called_at, connection.order_missed_at
    return _lately(called, now) and (missed is None or (called is not None and called >= missed))


def _lately(moment: datetime | None, now: datetime) -> bool:
    return moment is not None and now - moment < LATELY


def called(connection: ReverbConnection, events: Collection[ReverbEvent], now: datetime) -> None:
    """Record that calls about orders or listings arrived, to within a minute."""
    mine = ReverbConnection.objects.filter(pk=connection.pk)
    if any(isinstance(event, ReverbOrderChanged) for event in events):
        stale = Q(order_called_at=None) | Q(order_called_at__lt=now - KEPT_TO)
        mine.filter(stale | Q(order_missed_at__gt=F("order_called_at"))).update(order_called_at=now)
    if any(isinstance(event, ReverbListingChanged) for event in events):
        mine.filter(Q(listing_called_at=None) | Q(listing_called_at__lt=now - KEPT_TO)).update(listing_called_at=now)


def missed(connection: ReverbConnection, now: datetime) -> None:
    """Record that polling found a changed order; its webhook may still be on the way."""
    if _there(connection) & (PLACED | CHANGED):
        ReverbConnection.objects.filter(pk=connection.pk).update(order_missed_at=now)


def is_silent(connection: ReverbConnection) -> bool:
    """Return whether order webhooks do not arrive although the registration was checked since one was missed."""
    missed_at, called_at, checked_at = (
        connection.order_missed_at,
        connection.order_called_at,
        connection.hooks_checked_at,
    )
    if missed_at is None or checked_at is None or (called_at is not None and called_at >= missed_at):
        return False
    return checked_at > missed_at


def _there(connection: ReverbConnection) -> set[str]:
    return set(connection.hooks.get("there", ()))


def orders_late(connection: ReverbConnection, now: datetime) -> bool:
    """Return whether the account's orders have not been read for so long that the seller should know."""
    return connection.orders_read_at is not None and now - connection.orders_read_at > LATE
