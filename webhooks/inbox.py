"""Keep deliveries, hand out open ones, and put them away. One row a delivery id, whatever arrives how often."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import connection

from reverbsync import clock
from reverbsync.database import Statement, unasked
from reverbsync.wake import wake_soon
from shops.models import Shop
from webhooks.models import Delivery

#: Source → the task that hands its deliveries over. Each has its own: a slow store must not delay a sale on Reverb.
HAND_OVER = {"store": "webhooks.hand_over", "reverb": "webhooks.hand_over_reverb"}
FIRST_DELAY_S = 2
LONGEST_DELAY_S = 600


# By hand: a web server does this for each call, and the statement is half the work of the same through models.
_KEEP = Statement("""
INSERT INTO webhooks_delivery
    (shop_id, source, delivery_id, topic, body, received_at, due_at, state, note, attempts)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, '', 0)
ON CONFLICT DO NOTHING
""")


def keep(shop_id: int, *, source: str, delivery_id: str, topic: str, body: bytes, state: Delivery.State) -> None:
    """Keep a delivery, once for each id, and wake a worker if it is open."""
    now = clock.now()
    unasked(partial(_insert, [shop_id, source, delivery_id, topic, body, now, now, state.value]))
    if state == Delivery.State.OPEN:
        wake_soon(HAND_OVER[source], shop_id)


def _insert(row: list[Any]) -> None:
    with connection.cursor() as cursor:
        _KEEP.run(cursor, row)


def open_ones(shop: Shop, *, now: datetime, limit: int, source: str = "store") -> list[Delivery]:
    """Return open deliveries of a source that are due, oldest first."""
    due = Delivery.objects.filter(shop=shop, source=source, state=Delivery.State.OPEN, due_at__lte=now)
    return list(due.order_by("id")[:limit])


def done(deliveries: Iterable[Delivery], *, now: datetime, personal: Iterable[str] = (), emptied: bool = False) -> None:
    """Put deliveries away that were worked off.

    Bodies of the topics in `personal` hold people's data and are emptied; with `emptied` all are.
    """
    found = Delivery.objects.filter(pk__in=[delivery.pk for delivery in deliveries])
    (found if emptied else found.filter(topic__in=personal)).update(body=b"")
    found.update(state=Delivery.State.DONE, done_at=now, note="")


def put_aside(
    deliveries: Iterable[Delivery], *, state: Delivery.State, note: str, now: datetime, emptied: bool = False
) -> None:
    """Put deliveries away that will never be worked off, and say why; with `emptied` their bodies go."""
    found = Delivery.objects.filter(pk__in=[one.pk for one in deliveries])
    found.update(state=state, note=note[:300], done_at=now, **({"body": b""} if emptied else {}))


def try_later(delivery: Delivery, *, note: str, now: datetime, at_least_s: float | None = None) -> None:
    """Leave a delivery open for a later try, after a delay that grows with its tries. It is never given up."""
    wait = min(LONGEST_DELAY_S, FIRST_DELAY_S * 2 ** min(delivery.attempts, 12))
    due = now + timedelta(seconds=max(wait, at_least_s or 0))
    Delivery.objects.filter(pk=delivery.pk).update(attempts=delivery.attempts + 1, due_at=due, note=note[:300])


def shops_with_open_ones(*, now: datetime) -> list[tuple[str, int]]:
    """Return source and shop of all that have something to hand over, for the sweeper."""
    due = Delivery.objects.filter(state=Delivery.State.OPEN, due_at__lte=now)
    return list(due.values_list("source", "shop_id").distinct())
