"""Send a tracking number to Reverb, once."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from django.db import transaction

from listings.models import Order, Parcel
from listings.orders.carriers import provider_of
from listings.orders.decide import Fate, fate
from listings.orders.log import log_order
from listings.queue import retry_delay
from reverbsync import clock
from reverbsync.dispatch import ownership
from reverbsync.dispatch.wake import wake
from reverbsync.security.redaction import broke
from shops.models import ReverbConnection
from shops.reverb import reference
from shops.reverb.client import ReverbClient
from shops.reverb.errors import NeedsSeller, NoAnswer, RateLimited, ReverbError, TransientError
from shops.snapshots import ReverbOrder

logger = logging.getLogger(__name__)

#: Delay before a refused parcel is retried automatically, doubled each time.
RETRY_FIRST, RETRY_AT_LATEST = timedelta(hours=1), timedelta(hours=24)
State, Source = Parcel.State, Parcel.Source
SHIP = "listings.ship"
MAX_ATTEMPTS = 60
#: How often a parcel of an unpaid order is checked.
HELD_FOR = timedelta(hours=1)
LEFT = {
    Fate.OFF: "The sale is off on Reverb, so nothing was sent.",
    Fate.OTHER: "Reverb has the order as shipped already{other}. It takes one tracking number an order.",
}


def soon(shop_id: int) -> None:
    """Wake a worker: there is a parcel to send, or an order to poll in the store."""
    wake(SHIP, shop_id)


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
            save(parcel, due_at=due, attempts=0, problem="It is sent as soon as the order is paid on Reverb.")
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
    save(parcel, sending_at=clock.now(), provider=provider, attempts=parcel.attempts)
    try:
        if parcel.pickup:
            client.picked_up(parcel.order.number)
        else:
            client.ship(parcel.order.number, provider=provider, tracking_number=parcel.tracking_number, notify=notify)
    except ReverbError as error:
        if not (isinstance(error, NoAnswer) and error.may_have_applied):
            save(parcel, sending_at=before)
        raise
    _sent(parcel, "picked_up_sent" if parcel.pickup else "tracking_sent")


def _sent(parcel: Parcel, reason: str) -> None:
    with transaction.atomic():
        save(parcel, state=State.SENT, sent_at=clock.now(), sending_at=None, due_at=None, problem="")
        Order.objects.filter(pk=parcel.order_id).update(parcels_due_at=None)
        log_order(parcel.order, reason, changes=_shown(parcel), attempt=parcel.attempts)


def _leave(parcel: Parcel, found: Fate, seen: ReverbOrder) -> None:
    words = LEFT[found].replace("{other}", f", with {seen.tracking_number}" if seen.tracking_number else "")
    with transaction.atomic():
        save(parcel, state=State.LEFT, due_at=None, sending_at=None, problem=words)
        log_order(parcel.order, "tracking_left", changes={**_shown(parcel), "Why": words}, attempt=parcel.attempts)


def _failed(parcel: Parcel, error: ReverbError) -> None:
    now = clock.now()
    if isinstance(error, RateLimited):
        wait = timedelta(seconds=error.retry_after or 1.0)
        save(parcel, due_at=now + wait, attempts=parcel.attempts - 1)
        return
    transient = isinstance(error, TransientError) and parcel.attempts < MAX_ATTEMPTS
    words = "; ".join([error.message, *(f"{name} {', '.join(said)}" for name, said in error.field_errors.items())])
    if transient:
        seconds = retry_delay.delay_s(min(parcel.attempts, 20), at_least=error.retry_after)
        save(parcel, due_at=now + timedelta(seconds=seconds), problem=words, attempts=parcel.attempts)
    else:  # the seller is asked; it is also retried automatically, since the refusal may have been a mistake
        wait = min(RETRY_AT_LATEST, RETRY_FIRST * 2.0 ** min(max(0, parcel.attempts - 1), 10))
        save(parcel, state=State.WAITS, due_at=now + wait, problem=words, attempts=parcel.attempts)
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


def save(parcel: Parcel, **changes: Any) -> None:
    """Save only the given columns. Raises Lost if another worker may hold the parcel."""
    ownership.confirm()
    if "problem" in changes:
        changes["problem"] = str(changes["problem"])[:500]
    for name, value in changes.items():
        setattr(parcel, name, value)
    Parcel.objects.filter(pk=parcel.pk).update(**changes)
