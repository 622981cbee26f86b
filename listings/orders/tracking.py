"""Report parcels to Reverb, each once: saved on arrival, sent by a worker, retried, and shown to the seller.

Before each call the order is read from Reverb. After a lost response its tracking number shows whether the call was
applied, and a number that someone entered on Reverb is not replaced.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from listings.models import Order, Parcel
from listings.orders.decide import plain
from listings.orders.send_tracking import Source, State, save, soon
from reverbsync import clock
from reverbsync.database import batches


@dataclass(frozen=True)
class TrackingReport:
    """A report of a parcel. `provider` is a name on Reverb's list if a person chose it, else ""."""

    source: Parcel.Source
    tracking_number: str = ""
    carrier: str = ""
    provider: str = ""
    notify: bool | None = None


def add_parcel(order: Order, said: TrackingReport) -> Parcel:
    """Save a parcel, once for each number, and wake a worker. A person's report counts again, to fix and to retry."""
    now, number = clock.now(), plain(said.tracking_number)[:100]
    values: dict[str, Any] = {
        "shop_id": order.shop_id,
        "carrier": said.carrier[:100],
        "provider": said.provider,
        "source": said.source,
        "notify": said.notify,
        "pickup": not number,
        "reported_at": now,
        "due_at": now,
    }
    with transaction.atomic():
        parcel, made = Parcel.objects.get_or_create(order=order, tracking_number=number, defaults=values)
        if not made and said.source == Source.HAND and parcel.state != State.SENT:
            again = {"state": State.OPEN, "attempts": 0, "problem": "", "source": Source.HAND, "due_at": now}
            chosen = {"provider": said.provider or parcel.provider, "notify": said.notify}
            save(parcel, **again, **chosen)
    soon(order.shop_id)
    return parcel


def try_again(parcel: Parcel, *, provider: str = "") -> None:
    """Retry a parcel for the seller: as a person's report it replaces what Reverb has."""
    said = TrackingReport(
        Source.HAND, parcel.tracking_number, parcel.carrier, provider or parcel.provider, parcel.notify
    )
    add_parcel(parcel.order, said)


def drop(parcel: Parcel) -> None:
    """Drop a parcel that the seller does not want sent."""
    Parcel.objects.filter(pk=parcel.pk).exclude(state=State.SENT).update(state=State.LEFT, problem="", due_at=None)


def settings_changed(shop_id: int) -> None:
    """Retry what waits for the seller: settings or a connection changed."""
    waiting = Parcel.objects.filter(shop=shop_id, state=State.WAITS)
    if sum(some.update(state=State.OPEN, due_at=clock.now(), attempts=0) for some in batches(waiting)):
        soon(shop_id)


def reverb_works(shop_id: int) -> None:
    """Make due what was refused or waits for a retry: Reverb works again."""
    late = Parcel.objects.filter(shop=shop_id, state__in=[State.OPEN, State.WAITS], due_at__gt=clock.now())
    if sum(some.update(due_at=clock.now()) for some in batches(late)):
        soon(shop_id)


def shops_with_due_ones(now: datetime) -> set[int]:
    """Return the shops that have parcels to send, for the sweeper."""
    return set(_due(now).values_list("shop_id", flat=True).distinct())


def next_one(shop_id: int) -> Parcel | None:
    """Return the shop's parcel that is due next."""
    found = _due(clock.now()).filter(shop=shop_id).select_related("order__product", "shop__sync_settings")
    return found.order_by("due_at", "pk").first()


def _due(now: datetime) -> QuerySet[Parcel]:
    return Parcel.objects.filter(state__in=[State.OPEN, State.WAITS], due_at__lte=now, shop__deletion_requested_at=None)
