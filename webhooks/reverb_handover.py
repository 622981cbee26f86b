"""Parse Reverb's open deliveries into events and hand them to `listings`. A shop needs no store for this."""

from __future__ import annotations

from collections.abc import Iterable

from listings.orders import reverb_events
from reverbsync import clock
from shops.events import ReverbEvent
from shops.models import ReverbConnection, Shop
from shops.reverb import arrivals, webhooks
from shops.schema_text import object_of
from webhooks import failed_deliveries, inbox
from webhooks.batches import NO_OBJECT, BatchOutcome, look_instead
from webhooks.models import Delivery

#: Seconds that one slice occupies a worker before the shop is enqueued again behind the others.
SLICE_S = 3.0


def hand_over(shop: Shop, *, limit: int, sales: bool | None = None) -> bool:
    """Process one batch of Reverb's open deliveries; return whether there may be more.

    A delivery is closed only after its results are saved; one for which Reverb did not answer stays open for a retry.
    Then its body is always emptied: orders hold personal data, and the topic may be wrong.
    """
    now = clock.now()
    batch = inbox.open_ones(shop, source="reverb", now=now, limit=limit, sales=sales)
    full = len(batch) == limit
    connection = ReverbConnection.objects.select_related("shop__sync_settings").filter(shop=shop).first()
    if connection is None:
        failed_deliveries.put_aside(batch, state=Delivery.State.IGNORED, note="Reverb was disconnected.", now=now)
        return full
    outcome, over = BatchOutcome(shop.pk, now), clock.monotonic() + SLICE_S
    meant, strange = _parsed(batch, outcome)
    words = "Neither an order, nor a listing, nor about our app."
    failed_deliveries.put_aside(strange, state=Delivery.State.IGNORED, note=words, now=now)
    if strange:
        look_instead(shop.pk, "reverb")
    # Several calls about one order, or with the same state of a listing, are one event.
    events = {event: f"Reverb {one.topic or 'webhook'}" for one, event in meant.items()}
    arrivals.called(connection, set(meant.values()), clock.now())
    failed = reverb_events.follow(connection, events, over=over)
    for delivery, event in meant.items():
        outcome.end(delivery, [failed[event]] if event in failed else [], replayable=False)
    inbox.done(outcome.worked_off, now=clock.now(), personal=None)
    return outcome.left or full


def _parsed(batch: Iterable[Delivery], outcome: BatchOutcome) -> tuple[dict[Delivery, ReverbEvent], list[Delivery]]:
    """Return the events of the deliveries, and the deliveries that hold none. The unreadable ones are put aside."""
    meant: dict[Delivery, ReverbEvent] = {}
    strange = []
    for delivery in batch:
        if object_of(bytes(delivery.body)) is None:
            outcome.put_aside(delivery, NO_OBJECT, replayable=False)
            continue
        try:
            event = webhooks.event(delivery.topic, bytes(delivery.body))
        except Exception as error:  # noqa: BLE001 -- whatever it is, it is about this body
            outcome.broke(delivery, error, replayable=False)
            continue
        if event is None:
            strange.append(delivery)
        else:
            meant[delivery] = event
    return meant, strange
