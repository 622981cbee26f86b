"""Begin a mass sync with its preview, and start it once the seller confirms."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import IntegrityError, transaction

from listings.mass_sync.run import MASS, State
from listings.models import MassSync
from reverbsync import clock
from reverbsync.dispatch.wake import wake
from shops.models import Person, ReverbConnection, Shop


class TooSoon(Exception):
    """The last mass sync ended within the recommended pause; `at` is when it ended."""

    def __init__(self, at: datetime) -> None:
        """Store the moment."""
        super().__init__(f"The last mass sync ended at {at:%H:%M} (UTC).")
        self.at = at


class NotConnected(Exception):
    """The shop has no usable connection to Reverb."""


def begin(shop: Shop, person: Person | None, *, anyway: bool = False) -> MassSync:
    """Begin a mass sync, or return the open one. It stops once its plan is ready for review.

    Raises TooSoon unless `anyway`, and NotConnected.
    """
    connection = ReverbConnection.objects.filter(shop=shop).first()
    if connection is None or not connection.token.get_secret_value():
        raise NotConnected("Connect Reverb first.")
    known = MassSync.objects.filter(shop=shop, state__in=MassSync.OPEN).first()
    if known is not None:
        return known
    ended = too_soon_after(shop)
    if ended is not None and not anyway:
        raise TooSoon(ended)
    now = clock.now()
    try:
        with transaction.atomic():
            made = MassSync.objects.create(shop=shop, person=person, begun_at=now, due_at=now)
    except IntegrityError:  # another request was faster
        return MassSync.objects.get(shop=shop, state__in=MassSync.OPEN)
    wake(MASS, shop.pk)
    return made


def too_soon_after(shop: Shop) -> datetime | None:
    """Return when the last one ended, if that is within the recommended pause."""
    last = MassSync.objects.filter(shop=shop, state=State.DONE, started_at__isnull=False).order_by("-begun_at").first()
    pause = timedelta(hours=pause_hours())
    if last is None or last.finished_at is None or clock.now() >= last.finished_at + pause:
        return None
    return last.finished_at


def pause_hours() -> int:
    """Return the recommended hours between two mass syncs of a shop."""
    return settings.MASS_SYNC_PAUSE_HOURS


def start(shop: Shop) -> None:
    """Start writing the plan. Products of the first import are no longer pending: the seller has seen the plan."""
    now = clock.now()
    with transaction.atomic():
        sync = MassSync.objects.select_for_update().filter(shop=shop, state=State.PLANNED).first()
        if sync is None:
            return
        sync.state, sync.started_at, sync.due_at, sync.let_go_up_to = State.RUNNING, now, now, 0
        sync.save(update_fields=["state", "started_at", "due_at", "let_go_up_to"])
    wake(MASS, shop.pk)
