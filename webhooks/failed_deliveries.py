"""Deliveries that could not be processed: count, retry, put aside, replay and dismiss."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet

from reverbsync.dispatch.wake import wake
from shops.events import Urgency
from webhooks.inbox import ASIDE, HAND_OVER, State
from webhooks.models import Delivery

FIRST_DELAY_S = 2
LONGEST_DELAY_S = 600
#: A delivery is put aside after this many failed tries, which take some twenty minutes.
MOST_FAULTS = 10


def put_aside(
    deliveries: Iterable[Delivery], *, state: Delivery.State, note: str, now: datetime, replayable: bool = False
) -> None:
    """Close deliveries that could not be processed, with the reason; empty their bodies unless `replayable`."""
    found = Delivery.objects.filter(pk__in=[one.pk for one in deliveries])
    found.update(state=state, note=note[:300], done_at=now, **({} if replayable else {"body": b""}))


def try_later(delivery: Delivery, *, note: str, now: datetime, at_least_s: float | None = None) -> None:
    """Leave a delivery open for a retry, with a delay that grows with its tries. It is retried indefinitely."""
    Delivery.objects.filter(pk=delivery.pk).update(
        attempts=delivery.attempts + 1, due_at=_later(delivery, now, at_least_s), note=note[:300]
    )


def broke(delivery: Delivery, error: Exception, *, now: datetime, replayable: bool) -> bool:
    """Count a try that failed because of the delivery itself; return whether it is now put aside.

    `replayable`: its body is then kept for REPLAYABLE, so that it can be retried once the cause is fixed.
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


def aside(shop_id: int | None = None) -> QuerySet[Delivery]:
    """Return the deliveries that were put aside, newest first: of one shop, or of all."""
    found = Delivery.objects.filter(state__in=ASIDE).order_by("-id")
    return found if shop_id is None else found.filter(shop=shop_id)


def reopen(deliveries: Collection[Delivery], *, now: datetime) -> None:
    """Reopen deliveries that were put aside with their bodies."""
    found = Delivery.objects.filter(pk__in=[one.pk for one in deliveries], state__in=ASIDE)
    found.update(state=State.OPEN, due_at=now, done_at=None, attempts=0, faults=0)
    for one in {(one.shop_id, one.source, one.rank): one for one in deliveries}.values():
        wake(HAND_OVER[one.source, one.rank == Urgency.SALE], one.shop_id)


def dismiss(shop_id: int) -> int:
    """Dismiss a shop's deliveries that were put aside, and empty their bodies; return how many."""
    return Delivery.objects.filter(shop=shop_id, state__in=ASIDE).update(state=State.IGNORED, body=b"")
