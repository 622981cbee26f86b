"""Keep deliveries, hand out open ones, and put them away. One row a delivery id, whatever arrives how often.

Bodies that may hold people's data are kept only for as long as they may be needed to work a delivery off.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import connection
from django.db.models import Func, IntegerField, Max, QuerySet

from reverbsync import clock
from reverbsync.database import Statement, without_health_check
from reverbsync.dispatch.wake import wake, wake_soon
from shops.events import Urgency
from shops.models import Shop
from webhooks.models import Delivery

State = Delivery.State
#: Source, and whether it may report a sale → the task that hands its deliveries over. Each has its own: neither a slow
#: store nor many edits delay a sale.
HAND_OVER = {
    ("store", True): "webhooks.hand_over_sales",
    ("store", False): "webhooks.hand_over",
    ("reverb", True): "webhooks.hand_over_reverb_sales",
    ("reverb", False): "webhooks.hand_over_reverb",
}
FIRST_DELAY_S = 2
LONGEST_DELAY_S = 600
#: Bodies that a slice takes into memory at most, where one alone is not larger.
MOST_BYTES = 8 * 1024 * 1024
#: After so many broken tries, some twenty minutes, a delivery is put aside.
MOST_FAULTS = 10
#: What was put aside keeps its body for so long, so that it can be replayed.
REPLAYABLE = timedelta(days=7)
ASIDE = (State.DEAD, State.UNREADABLE)


# By hand: a web server does this for each call, and the statement is half the work of the same through models.
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
    """Keep a delivery, once for each id, and wake a worker if it is open. Of any other state no body is kept."""
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
    """Return open deliveries of a source that are due: what may be a sale, then products, then others; oldest first.

    `sales`: only those that may report one, or only the others. `in_order`: those that came before a sale are needed
    to understand it, and come with it, all in the order in which they arrived. Returns MOST_BYTES of bodies at most.
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
    """Put deliveries away that were worked off.

    Bodies of the topics in `personal` hold people's data and are emptied; None: those of all topics do.
    """
    found = Delivery.objects.filter(pk__in=[delivery.pk for delivery in deliveries])
    (found if personal is None else found.filter(topic__in=personal)).update(body=b"")
    found.update(state=State.DONE, done_at=now, note="")


def put_aside(
    deliveries: Iterable[Delivery], *, state: Delivery.State, note: str, now: datetime, replayable: bool = False
) -> None:
    """Put deliveries away that could not be worked off, and say why; unless they are `replayable`, without bodies."""
    found = Delivery.objects.filter(pk__in=[one.pk for one in deliveries])
    found.update(state=state, note=note[:300], done_at=now, **({} if replayable else {"body": b""}))


def try_later(delivery: Delivery, *, note: str, now: datetime, at_least_s: float | None = None) -> None:
    """Leave a delivery open for a later try, after a delay that grows with its tries. It is never given up."""
    Delivery.objects.filter(pk=delivery.pk).update(
        attempts=delivery.attempts + 1, due_at=_later(delivery, now, at_least_s), note=note[:300]
    )


def broke(delivery: Delivery, error: Exception, *, now: datetime, replayable: bool) -> bool:
    """Count a try that broke for a reason of the delivery's own; returns whether it is put aside now.

    `replayable`: its body stays then, for REPLAYABLE, so that it can be tried again once the cause is gone.
    """
    faults, kind = delivery.faults + 1, type(error).__name__
    changes: dict[str, Any] = {"attempts": delivery.attempts + 1, "faults": faults}
    if faults < MOST_FAULTS:
        changes |= {"due_at": _later(delivery, now), "note": f"It couldn't be processed ({kind}). We will retry."}
    Delivery.objects.filter(pk=delivery.pk).update(**changes)
    if faults < MOST_FAULTS:
        return False
    words = f"We couldn't process this webhook after {faults} tries ({kind}), so we put it aside."
    put_aside([delivery], state=State.DEAD, note=words, now=now, replayable=replayable)
    return True


def _later(delivery: Delivery, now: datetime, at_least_s: float | None = None) -> datetime:
    wait = min(LONGEST_DELAY_S, FIRST_DELAY_S * 2 ** min(delivery.attempts, 12))
    return now + timedelta(seconds=max(wait, at_least_s or 0))


# -- what was put aside, and what waits ----------------------------------------------------------------------------


def aside(shop_id: int | None = None) -> QuerySet[Delivery]:
    """Return the deliveries that were put aside, newest first: of a shop, or of all."""
    found = Delivery.objects.filter(state__in=ASIDE).order_by("-id")
    return found if shop_id is None else found.filter(shop=shop_id)


def reopen(deliveries: Collection[Delivery], *, now: datetime) -> None:
    """Open deliveries again that were put aside with their bodies."""
    found = Delivery.objects.filter(pk__in=[one.pk for one in deliveries], state__in=ASIDE)
    found.update(state=State.OPEN, due_at=now, done_at=None, attempts=0, faults=0)
    for one in {(one.shop_id, one.source, one.rank): one for one in deliveries}.values():
        wake(HAND_OVER[one.source, one.rank == Urgency.SALE], one.shop_id)


def dismiss(shop_id: int) -> int:
    """Forget what was put aside of a shop, bodies and all; returns how many."""
    return Delivery.objects.filter(shop=shop_id, state__in=ASIDE).update(state=State.IGNORED, body=b"")


def make_due(shop_id: int, source: str, *, now: datetime) -> None:
    """Make deliveries due that wait because the other side did not answer: it does again."""
    waiting = Delivery.objects.filter(shop=shop_id, source=source, state=State.OPEN, due_at__gt=now)
    for rank in set(waiting.values_list("rank", flat=True)) if waiting.filter(faults=0).update(due_at=now) else ():
        wake(HAND_OVER[source, rank == Urgency.SALE], shop_id)


def shops_with_open_ones(*, now: datetime) -> dict[tuple[str, bool], list[int]]:
    """Return the shops with something due, by its source and whether it may report a sale, for the sweeper."""
    due = Delivery.objects.filter(state=State.OPEN, due_at__lte=now)
    found = due.values_list("source", "rank", "shop_id").distinct()
    shops: dict[tuple[str, bool], set[int]] = {}
    for source, rank, shop_id in found:
        shops.setdefault((source, rank == Urgency.SALE), set()).add(shop_id)
    return {kind: sorted(ids) for kind, ids in shops.items()}


def empty_old(*, now: datetime) -> None:
    """Empty the bodies of what was put aside so long ago that nobody will replay it."""
    Delivery.objects.filter(state__in=ASIDE, done_at__lt=now - REPLAYABLE).exclude(body=b"").update(body=b"")
