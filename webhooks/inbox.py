"""Save deliveries, return open ones, and close them. One row per delivery id, however often it arrives.

Bodies that may hold personal data are kept only as long as their delivery needs them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import connection
from django.db.models import Func, IntegerField, Max

from reverbsync import clock
from reverbsync.database import Statement, without_health_check
from reverbsync.dispatch.wake import wake, wake_soon
from shops.events import Urgency
from shops.models import Shop
from webhooks.models import Delivery

State = Delivery.State
#: How long a delivery that was put aside keeps its body for a replay.
REPLAYABLE = timedelta(days=7)
ASIDE = (State.DEAD, State.UNREADABLE)
#: Source, and whether it may report a sale → the task that hands over its deliveries. Separate tasks ensure that
#: neither a slow store nor many edits delay a sale.
HAND_OVER = {
    ("store", True): "webhooks.hand_over_sales",
    ("store", False): "webhooks.hand_over",
    ("reverb", True): "webhooks.hand_over_reverb_sales",
    ("reverb", False): "webhooks.hand_over_reverb",
}
#: Most bytes of bodies per slice, unless a single body is larger.
MOST_BYTES = 8 * 1024 * 1024
# Raw SQL: a web server runs this for each call, and it takes half as long as through models.
_KEEP = Statement("""
INSERT INTO webhooks_delivery
    (shop_id, source, delivery_id, topic, body, received_at, due_at, rank, state, note, attempts, faults)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, '', 0, 0)
ON CONFLICT DO NOTHING
""")


def keep(
    shop_id: int,
    *,
    source: str,
    delivery_id: str,
    topic: str,
    body: bytes,
    state: Delivery.State,
    rank: int = Urgency.PRODUCT,
) -> None:
    """Save a delivery, once per id, and wake a worker if it is open. The body is saved only then."""
    now, is_open = clock.now(), state == State.OPEN
    row = [shop_id, source, delivery_id, topic, body if is_open else b"", now, now, int(rank), state.value]
    without_health_check(partial(_insert, row))
    if is_open:
        wake_soon(HAND_OVER[source, rank == Urgency.SALE], shop_id)


def _insert(row: list[Any]) -> None:
    with connection.cursor() as cursor:
        _KEEP.run(cursor, row)


def open_ones(
    shop: Shop,
    *,
    now: datetime,
    limit: int,
    source: str = "store",
    sales: bool | None = None,
    in_order: bool = False,
) -> list[Delivery]:
    """Return a source's open and due deliveries, oldest first: possible sales, then products, then others.

    `sales`: only those that may report a sale, or only the others. `in_order`: also return those before a sale, which
    are needed to interpret it, all in order of arrival. Return at most MOST_BYTES of bodies.
    """
    due = Delivery.objects.filter(shop=shop, source=source, state=State.OPEN, due_at__lte=now)
    mine = {None: due, True: due.filter(rank=Urgency.SALE), False: due.exclude(rank=Urgency.SALE)}[sales]
    order = ["id"] if in_order else ["rank", "id"]
    if in_order and sales:
        last = mine.aggregate(last=Max("id"))["last"]
        mine = due.filter(id__lte=last or 0)
    fitting: list[int] = []
    room = MOST_BYTES
    sizes = mine.annotate(size=Func("body", function="octet_length", output_field=IntegerField()))
    for pk, size in sizes.order_by(*order).values_list("pk", "size")[:limit]:
        if fitting and size > room:
            break
        fitting.append(pk)
        room -= size
    return list(Delivery.objects.filter(pk__in=fitting).order_by(*order))


def done(deliveries: Iterable[Delivery], *, now: datetime, personal: Collection[str] | None) -> None:
    """Close processed deliveries.

    Bodies of the topics in `personal` hold personal data and are emptied; None: those of all topics.
    """
    found = Delivery.objects.filter(pk__in=[delivery.pk for delivery in deliveries])
    (found if personal is None else found.filter(topic__in=personal)).update(body=b"")
    found.update(state=State.DONE, done_at=now, note="")


def make_due(shop_id: int, source: str, *, now: datetime) -> None:
    """Make deliveries due that wait for the store or Reverb, which answers again."""
    waiting = Delivery.objects.filter(shop=shop_id, source=source, state=State.OPEN, due_at__gt=now)
    for rank in set(waiting.values_list("rank", flat=True)) if waiting.filter(faults=0).update(due_at=now) else ():
        wake(HAND_OVER[source, rank == Urgency.SALE], shop_id)


def shops_with_open_ones(*, now: datetime) -> dict[tuple[str, bool], list[int]]:
    """Return the shops with due deliveries, by source and whether they may report a sale, for the sweeper."""
    due = Delivery.objects.filter(state=State.OPEN, due_at__lte=now)
    found = due.values_list("source", "rank", "shop_id").distinct()
    shops: dict[tuple[str, bool], set[int]] = {}
    for source, rank, shop_id in found:
        shops.setdefault((source, rank == Urgency.SALE), set()).add(shop_id)
    return {kind: sorted(ids) for kind, ids in shops.items()}


def empty_old(*, now: datetime) -> None:
    """Empty the bodies of deliveries that were put aside longer ago than REPLAYABLE."""
    Delivery.objects.filter(state__in=ASIDE, done_at__lt=now - REPLAYABLE).exclude(body=b"").update(body=b"")
