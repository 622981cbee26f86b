"""Read a store's open deliveries into events and hand them to `listings`."""

from __future__ import annotations

from datetime import datetime

from listings import intake
from listings.orders import look
from reverbsync import clock
from shops.events import Event, ShopForgotten
from shops.models import Shop
from shops.platforms import platform_of
from shops.platforms.values import Unreadable
from webhooks import inbox, privacy
from webhooks.models import Delivery

BATCH = 100
#: A message may tell of hundreds of products; the rest of a batch waits, so that a turn stays short.
MOST_EVENTS = 250


def hand_over(shop: Shop) -> bool:
    """Work off one batch of the store's open deliveries; return whether there may be more.

    A delivery is put away only after its jobs are saved: a worker that dies in between leaves it open, and looking
    again is harmless. What the store did not answer for stays open for later.
    """
    now = clock.now()
    batch = inbox.open_ones(shop, now=now, limit=BATCH)
    full = len(batch) == BATCH
    if shop.store.removed_at is not None:
        late = [delivery for delivery in batch if delivery.topic not in platform_of(shop.store).app_topics]
        inbox.put_aside(late, state=Delivery.State.IGNORED, note="The app was removed from the store.", now=now)
        batch = [delivery for delivery in batch if delivery not in late]
    meant: dict[Delivery, list[Event]] = {}
    for delivery in batch:
        if sum(map(len, meant.values())) >= MOST_EVENTS:
            full = True
            break
        if (read := _read(shop, delivery, now)) is not None:
            meant[delivery] = read
    events = {event: f"webhook {delivery.topic}" for delivery, found in meant.items() for event in found}
    if any(isinstance(event, ShopForgotten) for event in events):
        privacy.forget_store(shop)
        return full
    look.heard(shop, events)
    failed = intake.take(shop, events)
    for event in events:
        try:
            privacy.follow(shop, event)
        except privacy.NotMailed as lost:
            failed[event] = lost
    for delivery, found in meant.items():
        error = next((failed[event] for event in found if event in failed), None)
        if error is not None:
            inbox.try_later(delivery, note=str(error), now=now, at_least_s=getattr(error, "retry_after", None))
    worked_off = [delivery for delivery, found in meant.items() if not failed.keys() & set(found)]
    inbox.done(worked_off, now=clock.now(), personal=platform_of(shop.store).personal_topics)
    return full


def _read(shop: Shop, delivery: Delivery, now: datetime) -> list[Event] | None:
    """Return what a delivery means, None when it was put aside."""
    try:
        found = platform_of(shop.store).events(delivery.topic, bytes(delivery.body), shop.store)
    except Unreadable as error:
        intake.take(shop, dict.fromkeys(error.events, f"webhook {delivery.topic}"))
        inbox.put_aside([delivery], state=Delivery.State.UNREADABLE, note=str(error), now=now)
        return None
    if found is None:
        inbox.put_aside([delivery], state=Delivery.State.IGNORED, note="Unknown topic", now=now)
    return found
