"""Run a mass sync in short slices: fetch, plan, and, once the seller starts it, write and confirm.

It writes through the same jobs as everything else, in batches, at the least urgent rank. So it is rate limited, fair to
other shops, and survives crashes. Its progress is in the database.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from django.db import IntegrityError, transaction

from listings.mass_sync import confirm, enqueue, fetch_listings, plan
from listings.models import Line, MassSync
from listings.queue import retry_delay
from listings.sync.cases import ShopRules
from reverbsync import clock
from reverbsync.dispatch.wake import wake
from reverbsync.security.redaction import broke
from shops.models import ReverbConnection, Shop
from shops.reverb import limits, reference
from shops.reverb.client import ReverbClient
from shops.reverb.errors import NeedsSeller, RateLimited, ReverbError

logger = logging.getLogger(__name__)

MASS = "listings.mass_sync"
#: How long one slice occupies a worker before the shop is enqueued again behind the others.
SLICE_S = 1.0
State = MassSync.State
#: States in which failed lines can be retried.
RETRIES = (State.RUNNING, State.PAUSED, State.CONFIRMING, State.DONE)


def pause(shop: Shop) -> None:
    """Write nothing more until the seller resumes it."""
    _halt(shop, State.PAUSED, [State.RUNNING])


def resume(shop: Shop) -> None:
    """Resume it where it was."""
    if MassSync.objects.filter(shop=shop, state=State.PAUSED).update(state=State.RUNNING, due_at=clock.now()):
        wake(MASS, shop.pk)


def cancel(shop: Shop) -> None:
    """End it where it is; what was written stays written."""
    _halt(shop, State.CANCELLED, MassSync.OPEN)


def retry(sync: MassSync) -> int:
    """Retry all failed lines; return how many: 0 if it was cancelled, or another one is open."""
    try:
        with transaction.atomic():
            now = MassSync.objects.select_for_update().get(pk=sync.pk)
            if now.state not in RETRIES:
                return 0
            failed = Line.objects.filter(sync=now, kind__in=Line.CALLS, state=Line.State.FAILED)
            again = failed.update(state=Line.State.OPEN, reason="", message="")
            if again and now.state in (State.DONE, State.CONFIRMING):
                now.state, now.due_at, now.finished_at = State.RUNNING, clock.now(), None
                now.save(update_fields=["state", "due_at", "finished_at"])
    except IntegrityError:  # another one is open
        return 0
    wake(MASS, sync.shop_id)
    return again


def _halt(shop: Shop, state: MassSync.State, of: list[MassSync.State] | tuple[str, ...]) -> None:
    with transaction.atomic():
        sync = MassSync.objects.select_for_update().filter(shop=shop, state__in=of).first()
        if sync is None:
            return
        sync.state, sync.due_at = state, None
        if state == State.CANCELLED:
            sync.finished_at = clock.now()
        sync.save(update_fields=["state", "due_at", "finished_at"])
        enqueue.take_back(sync)


def due(shop_id: int) -> MassSync | None:
    """Return the shop's mass sync if a slice of it is due."""
    found = MassSync.objects.filter(shop_id=shop_id, due_at__lte=clock.now(), state__in=MassSync.WORKING)
    return found.select_related("shop__sync_settings", "shop__store").first()


def shops_with_due_ones() -> list[int]:
    """Return the shops whose mass sync has something to do, for the sweeper."""
    found = MassSync.objects.filter(due_at__lte=clock.now(), state__in=MassSync.WORKING)
    return list(found.values_list("shop_id", flat=True).distinct())


def run_slice(sync: MassSync) -> None:
    """Continue for one slice. Reverb's failures are never raised: they are noted, and a later slice retries."""
    connection = ReverbConnection.objects.filter(shop=sync.shop_id).first()
    if connection is None:
        _failed(sync, "Reverb is not connected.", timedelta(minutes=15))
        return
    client = ReverbClient.of(connection)
    over = clock.monotonic() + SLICE_S
    try:
        while clock.monotonic() < over and sync.state in MassSync.WORKING:
            if not _step(sync, connection, client):
                break
    except RateLimited as limited:
        _later(sync, timedelta(seconds=limited.retry_after or 1))
    except NeedsSeller as error:
        _failed(sync, error.message, timedelta(minutes=15))
    except ReverbError as error:
        wait = retry_delay.delay_s(min(sync.failures + 1, 8), at_least=error.retry_after)
        _failed(sync, error.message, timedelta(seconds=wait))
    except Exception as error:  # noqa: BLE001 -- a fault of ours; it is retried
        broke(logger, error, "The mass sync of shop %s broke", sync.shop_id)
        sync.refresh_from_db()
        _failed(sync, "Something went wrong on our side. It is tried again.", timedelta(minutes=1))


def _step(sync: MassSync, connection: ReverbConnection, client: ReverbClient) -> bool:
    """Take one step; return whether to take another one at once."""
    match sync.state:
        case State.FETCHING:
            fetch_listings.step(sync, client)
        case State.PLANNING:
            lists = reference.lists(client, connection.budget)
            plan.step(sync, ShopRules.of(sync.shop).with_lists(lists), ahead=client.their_now() - clock.now())
        case State.RUNNING:
            if sync.let_go_up_to is not None:
                enqueue.let_go(sync)
            elif enqueue.step(sync, client):
                _later(sync, enqueue.LOOK_AGAIN)
                return False
        case State.CONFIRMING:
            return confirm.step(sync, client)
    if sync.failures or sync.note:
        sync.failures, sync.note = 0, ""
        sync.save(update_fields=["failures", "note"])
    return True


def _later(sync: MassSync, wait: timedelta) -> None:
    MassSync.objects.filter(pk=sync.pk, state__in=MassSync.WORKING).update(due_at=clock.now() + wait)


def _failed(sync: MassSync, words: str, wait: timedelta) -> None:
    MassSync.objects.filter(pk=sync.pk, state__in=MassSync.WORKING).update(
        failures=sync.failures + 1, note=words[:300], due_at=clock.now() + wait
    )


def seconds_left(sync: MassSync) -> float:
    """Return how long the remaining writes take at the allowed rate, in seconds."""
    connection = ReverbConnection.objects.filter(shop=sync.shop_id).first()
    if connection is None:
        return 0.0
    calls = Line.objects.filter(sync=sync, kind__in=Line.CALLS, state__in=("open", "queued")).count()
    return limits.seconds_for(connection.budget, calls)
