"""Report parcels to Reverb, each once: saved on arrival, sent by a worker, retried, and shown to the seller.

Before each call the order is read from Reverb. After a lost response its tracking number shows whether the call was
applied, and a number that someone entered on Reverb is not replaced.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from listings.models import Order, Parcel
from listings.orders.carriers import provider_of
from listings.orders.decide import Fate, fate, plain
from listings.orders.log import log_order
from listings.queue import jobs
from reverbsync import clock
from reverbsync.database import portions
from reverbsync.dispatch import ownership
from reverbsync.dispatch.wake import wake
from reverbsync.security.redaction import broke
from shops.models import ReverbConnection
from shops.reverb import reference
from shops.reverb.client import ReverbClient
from shops.reverb.errors import NeedsSeller, NoAnswer, RateLimited, ReverbError, TransientError
from shops.snapshots import ReverbOrder

logger = logging.getLogger(__name__)

SHIP = "listings.ship"
MAX_ATTEMPTS = 60
#: Delay before a refused parcel is retried automatically, doubled each time.
RETRY_FIRST, RETRY_AT_LATEST = timedelta(hours=1), timedelta(hours=24)
#: How often a parcel of an unpaid order is checked.
HELD_FOR = timedelta(hours=1)
State, Source = Parcel.State, Parcel.Source

LEFT = {
    Fate.OFF: "The sale is off on Reverb, so nothing was sent.",
    Fate.OTHER: "Reverb has the order as shipped already{other}. It takes one tracking number an order.",
}


@dataclass(frozen=True)
class TrackingReport:
    """A report of a parcel. `provider` is a name on Reverb's list if a person chose it, else ""."""

    source: Parcel.Source
    tracking_number: str = ""
    carrier: str = ""
    provider: str = ""
    notify: bool | None = None


def soon(shop_id: int) -> None:
    """Wake a worker: there is a parcel to send, or an order to poll in the store."""
    wake(SHIP, shop_id)


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
            _save(parcel, **again, **chosen)
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
    if sum(some.update(state=State.OPEN, due_at=clock.now(), attempts=0) for some in portions(waiting)):
        soon(shop_id)


def reverb_works(shop_id: int) -> None:
    """Make due what was refused or waits for a retry: Reverb works again."""
    late = Parcel.objects.filter(shop=shop_id, state__in=[State.OPEN, State.WAITS], due_at__gt=clock.now())
    if sum(some.update(due_at=clock.now()) for some in portions(late)):
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


# -- one parcel ----------------------------------------------------------------------------------------------------


def send(parcel: Parcel) -> None:
    """Make one attempt. Reverb's failures are never raised."""
    parcel.attempts += 1
    try:
        _send(parcel, _client(parcel.shop_id))
    except ReverbError as error:
        _failed(parcel, error)
    except Exception as error:  # noqa: BLE001 -- a fault of ours; it is retried
        broke(logger, error, "Parcel %s could not be sent", parcel.pk)
        _failed(parcel, TransientError("Something went wrong on our side."))


def _client(shop_id: int) -> ReverbClient:
    connection = ReverbConnection.objects.filter(shop=shop_id).first()
    if connection is None:
        raise NeedsSeller("Reverb is not connected.")
    return ReverbClient.of(connection)


def _send(parcel: Parcel, client: ReverbClient) -> None:
    seen = client.order(parcel.order.number)
    found = fate(
        status=seen.status,
        known=seen.tracking_number,
        number=parcel.tracking_number,
        pickup=parcel.pickup,
        by_hand=parcel.source == Source.HAND,
    )
    match found:
        case Fate.KNOWN:
            ours = parcel.sending_at is not None
            _sent(parcel, "picked_up_sent" if ours and parcel.pickup else "tracking_sent" if ours else "tracking_known")
        case Fate.HOLD:
            due = clock.now() + HELD_FOR
            _save(parcel, due_at=due, attempts=0, problem="It is sent as soon as the order is paid on Reverb.")
        case Fate.OFF | Fate.OTHER:
            _leave(parcel, found, seen)
        case Fate.SEND:
            _call(parcel, client)


def _call(parcel: Parcel, client: ReverbClient) -> None:
    provider = parcel.provider
    if not parcel.pickup and not provider:
        known = reference.providers(client)
        provider = provider_of(parcel.carrier, known, number=parcel.tracking_number)
    notify = parcel.shop.sync_settings.notify_buyer if parcel.notify is None else parcel.notify
    before = parcel.sending_at
    _save(parcel, sending_at=clock.now(), provider=provider, attempts=parcel.attempts)
    try:
        if parcel.pickup:
            client.picked_up(parcel.order.number)
        else:
            client.ship(parcel.order.number, provider=provider, tracking_number=parcel.tracking_number, notify=notify)
    except ReverbError as error:
        if not (isinstance(error, NoAnswer) and error.may_have_applied):
            _save(parcel, sending_at=before)
        raise
    _sent(parcel, "picked_up_sent" if parcel.pickup else "tracking_sent")


def _sent(parcel: Parcel, reason: str) -> None:
    with transaction.atomic():
        _save(parcel, state=State.SENT, sent_at=clock.now(), sending_at=None, due_at=None, problem="")
        Order.objects.filter(pk=parcel.order_id).update(parcels_due_at=None)
        log_order(parcel.order, reason, changes=_shown(parcel), attempt=parcel.attempts)


def _leave(parcel: Parcel, found: Fate, seen: ReverbOrder) -> None:
    words = LEFT[found].replace("{other}", f", with {seen.tracking_number}" if seen.tracking_number else "")
    with transaction.atomic():
        _save(parcel, state=State.LEFT, due_at=None, sending_at=None, problem=words)
        log_order(parcel.order, "tracking_left", changes={**_shown(parcel), "Why": words}, attempt=parcel.attempts)


def _failed(parcel: Parcel, error: ReverbError) -> None:
    now = clock.now()
    if isinstance(error, RateLimited):
        wait = timedelta(seconds=error.retry_after or 1.0)
        _save(parcel, due_at=now + wait, attempts=parcel.attempts - 1)
        return
    transient = isinstance(error, TransientError) and parcel.attempts < MAX_ATTEMPTS
    words = "; ".join([error.message, *(f"{name} {', '.join(said)}" for name, said in error.field_errors.items())])
    if transient:
        seconds = jobs.delay_s(min(parcel.attempts, 20), at_least=error.retry_after)
        _save(parcel, due_at=now + timedelta(seconds=seconds), problem=words, attempts=parcel.attempts)
    else:  # the seller is asked; it is also retried automatically, since the refusal may have been a mistake
        wait = min(RETRY_AT_LATEST, RETRY_FIRST * 2.0 ** min(max(0, parcel.attempts - 1), 10))
        _save(parcel, state=State.WAITS, due_at=now + wait, problem=words, attempts=parcel.attempts)
    log_order(
        parcel.order,
        "tracking_later" if transient else "tracking_failed",
        changes=_shown(parcel),
        reverb_said=error.message,
        field_errors=error.field_errors,
        attempt=parcel.attempts,
    )


def _shown(parcel: Parcel) -> dict[str, str]:
    if parcel.pickup:
        return {}
    return {"Tracking": f"{parcel.provider or parcel.carrier} {parcel.tracking_number}".strip()}


def _save(parcel: Parcel, **changes: Any) -> None:
    """Save only the given columns. Raises Lost if another worker may hold the parcel."""
    ownership.confirm()
    if "problem" in changes:
        changes["problem"] = str(changes["problem"])[:500]
    for name, value in changes.items():
        setattr(parcel, name, value)
    Parcel.objects.filter(pk=parcel.pk).update(**changes)
