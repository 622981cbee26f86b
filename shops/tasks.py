"""Celery tasks: check connections to stores and Reverb daily, and delete unfinished ones."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from celery import shared_task

from reverbsync import clock
from reverbsync.contained import each_by_itself
from reverbsync.dispatch.scheduling import Sweep
from reverbsync.dispatch.slices import one_slice
from reverbsync.dispatch.wake import wake_all
from shops import health, outages, reverb_connection, store_connection
from shops.connect import upkeep
from shops.models import PendingConnection, ReverbConnection
from shops.reverb import upkeep as reverb_upkeep


@shared_task(name=store_connection.CHECK_STORE)
def check_store(shop_id: int) -> None:
    """Check a shop's store and its webhooks."""

    def check() -> None:
        connection = upkeep.due_ones().filter(shop=shop_id).first()
        if connection is not None:
            upkeep.check(connection)

    one_slice(store_connection.CHECK_STORE, shop_id, check)


@shared_task(name=reverb_connection.CHECK_REVERB)
def check_reverb(shop_id: int) -> None:
    """Check a shop's webhooks at Reverb."""

    def check() -> None:
        connection = ReverbConnection.objects.filter(shop=shop_id, hooks_due_at__lte=clock.now()).first()
        if connection is not None:
            reverb_upkeep.check(connection)

    one_slice(reverb_connection.CHECK_REVERB, shop_id, check)


@shared_task(name=health.PROBE)
def probe_store(shop_id: int) -> None:
    """Probe a store that did not answer."""
    one_slice(health.PROBE, shop_id, partial(health.probe, shop_id))


@shared_task(name=outages.PROBE)
def probe(shop_id: int) -> None:
    """Probe a shop's store and Reverb account, if they do not respond."""
    one_slice(outages.PROBE, shop_id, partial(outages.probe, shop_id))


@shared_task(name=outages.IS_BACK)
def is_back(shop_id: int) -> None:
    """Make work due that waits for a shop's store or Reverb account, which responds again."""
    one_slice(outages.IS_BACK, shop_id, partial(outages.make_due, shop_id))


@shared_task(name="shops.sweep", base=Sweep)
def sweep() -> None:
    """Enqueue due checks and probes, and make work due for services that respond again."""
    each_by_itself(
        outages.note_who_is_back,
        health.check_what_is_missed,
        reverb_upkeep.check_what_is_missed,
        upkeep.check_what_moved,
        reverb_upkeep.check_what_moved,
        lambda: wake_all(outages.IS_BACK, outages.shops_that_are_back()),
        lambda: wake_all(outages.PROBE, outages.shops_to_probe()),
        lambda: wake_all(health.PROBE, health.due()),
        lambda: wake_all(store_connection.CHECK_STORE, upkeep.due()),
        lambda: wake_all(reverb_connection.CHECK_REVERB, reverb_upkeep.due()),
    )


@shared_task(name="shops.prune")
def prune() -> None:
    """Delete pending connections older than a day, since they hold unused keys."""
    PendingConnection.objects.filter(made_at__lt=clock.now() - timedelta(days=1)).delete()
