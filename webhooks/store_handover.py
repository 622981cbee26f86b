"""Parse a store's open deliveries into events and hand them to `listings`. An error affects only its own delivery."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import partial

from listings.intake import refresh
from listings.orders import shipment_poll
from reverbsync import clock
from reverbsync.outage import NotReached, attempt
from shops import health
from shops.events import Event
from shops.models import Shop
from shops.platforms import Platform, platform_of
from shops.platforms.errors import Unreadable
from shops.schema_text import object_of
from webhooks import failed_deliveries, inbox
from webhooks.batches import NO_OBJECT, BatchOutcome
from webhooks.models import Delivery
from webhooks.privacy import erase

BATCH = 100
#: A message may report hundreds of products; the rest of a batch waits, so that a slice stays short.
MOST_EVENTS = 250
#: Seconds that one slice occupies a worker before the shop is enqueued again behind the others.
SLICE_S = 3.0


def hand_over(shop: Shop, *, sales: bool | None = None) -> bool:
    """Process one batch of the store's open deliveries; return whether there may be more.

    `sales`: only those that may report a sale, or only the others. A delivery is closed only after its jobs are saved:
    if a worker dies in between, it stays open, and a second read does no harm. A delivery for which the store did not
    answer stays open for a retry. One that fails by itself is counted, retried, and finally put aside
    (failed_deliveries.broke).

    Raise only errors that end the slice (reverbsync.outage).
    """
    if shop.store.clearing_since is not None and shop.store.removed_at is None:
        return False  # until the previously connected store's data is deleted
    now, platform = clock.now(), platform_of(shop.store)
    outcome, over = BatchOutcome(shop.pk, now), clock.monotonic() + SLICE_S
    batch, passed_over = _batch(shop, platform, sales=sales, now=now)
    meant = _read_all(shop, platform, batch, outcome, over)
    events = {event: f"webhook {delivery.topic}" for delivery, found in meant.items() for event in found.events}
    # A delivery that reports hundreds of products may take longer than a slice: the first one is processed whole.
    first = next((set(found.events) for found in meant.values()), set())
    failed = refresh.take(shop, events, over=over, at_least=first)
    failed |= _follow(shop, [event for event in events if not isinstance(failed.get(event), NotReached)])
    for delivery, found in meant.items():
        errors = [failed[event] for event in found.events if event in failed]
        outcome.end(delivery, errors, replayable=_replayable(platform, delivery), unread=found.unread)
    if any(one.attempts > one.faults for one in outcome.worked_off):
        health.answers(shop.pk)
    if batch:
        health.called(shop.pk, platform, {one.topic for one in batch}, at=max(one.received_at for one in batch))
    emptied = {one.topic for one in outcome.worked_off if not _replayable(platform, one)}
    inbox.done(outcome.worked_off, now=clock.now(), personal={*emptied, *platform.personal_topics})
    return outcome.left or passed_over or len(batch) == BATCH


def _batch(shop: Shop, platform: Platform, *, sales: bool | None, now: datetime) -> tuple[list[Delivery], bool]:
    """Return the deliveries of a slice, and whether some were skipped because they need earlier ones."""
    find = partial(inbox.open_ones, shop, now=now, limit=BATCH, sales=sales)
    if not (platform.push_only and sales):
        return find(in_order=platform.push_only), False
    found = find()
    alone = [one for one in found if platform.stands_alone(one.topic, bytes(one.body), shop.store)]
    return (alone, len(alone) < len(found)) if alone else (find(in_order=True), False)


@dataclass(frozen=True)
class _Meaning:
    """The events of a delivery, and what of it could not be read."""

    events: list[Event]
    unread: str = ""


def _read_all(
    shop: Shop, platform: Platform, batch: list[Delivery], outcome: BatchOutcome, over: float
) -> dict[Delivery, _Meaning]:
    """Return the deliveries' events; put aside those with an unknown topic or an unreadable body."""
    meant: dict[Delivery, _Meaning] = {}
    if shop.store.removed_at is not None:
        late = [delivery for delivery in batch if delivery.topic not in platform.app_topics]
        note = "The app was removed from the store."
        failed_deliveries.put_aside(late, state=Delivery.State.IGNORED, note=note, now=outcome.now)
        batch = [delivery for delivery in batch if delivery not in late]
    for delivery in batch:
        many = sum(len(found.events) for found in meant.values()) >= MOST_EVENTS
        if meant and (many or clock.monotonic() > over):
            outcome.left = True
            break
        if (error := attempt(partial(_read, shop, platform, delivery, meant))) is None:
            continue
        if isinstance(error, _Unknown):
            failed_deliveries.put_aside([delivery], state=Delivery.State.IGNORED, note="Unknown topic", now=outcome.now)
        elif not isinstance(error, Unreadable):
            outcome.end(delivery, [error], replayable=_replayable(platform, delivery))
        elif error.events:
            meant[delivery] = _Meaning(list(error.events), str(error))
        else:
            outcome.put_aside(delivery, str(error), replayable=_replayable(platform, delivery))
    return meant


class _Unknown(Exception):
    """A topic that is unknown to us."""


def _read(shop: Shop, platform: Platform, delivery: Delivery, meant: dict[Delivery, _Meaning]) -> None:
    if object_of(bytes(delivery.body)) is None:
        raise Unreadable(NO_OBJECT)
    found = platform.events(delivery.topic, bytes(delivery.body), shop.store, delivery.pk)
    if found is None:
        raise _Unknown
    meant[delivery] = _Meaning(found)


def _follow(shop: Shop, events: list[Event]) -> dict[Event, Exception]:
    """Process what events mean apart from products: our orders in the store, and personal data."""
    failed = {}
    for event in events:
        for work in (partial(shipment_poll.on_events, shop, [event]), partial(erase.follow, shop, event)):
            if (error := attempt(work)) is not None:
                failed[event] = error
    return failed


def _replayable(platform: Platform, delivery: Delivery) -> bool:
    """Return whether a body may be kept: it has no personal data, or is a data request that must be answered."""
    known = delivery.topic in platform.topics and delivery.topic not in platform.personal_topics
    return known or delivery.topic in platform.app_topics
