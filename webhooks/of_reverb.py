"""Read Reverb's open deliveries into events and hand them to `listings`. A shop needs no store for this."""

from __future__ import annotations

from listings.orders import hear
from reverbsync import clock
from shops.models import ReverbConnection, Shop
from shops.reverb import webhooks
from webhooks import inbox
from webhooks.models import Delivery


def hand_over(shop: Shop, *, limit: int) -> bool:
    """Work off one batch of Reverb's open deliveries; return whether there may be more.

    A delivery is put away only after what it led to is saved; what Reverb did not answer for stays open for later. Its
    body is emptied then, whatever it was: orders hold people's data, and the topic may be a lie.
    """
    now = clock.now()
    batch = inbox.open_ones(shop, source="reverb", now=now, limit=limit)
    full = len(batch) == limit
    connection = ReverbConnection.objects.select_related("shop__sync_settings").filter(shop=shop).first()
    if connection is None:
        inbox.put_aside(batch, state=Delivery.State.IGNORED, note="Reverb was disconnected.", now=now, emptied=True)
        return full
    meant = {delivery: webhooks.event(delivery.topic, bytes(delivery.body)) for delivery in batch}
    strange = [delivery for delivery, event in meant.items() if event is None]
    words = "Neither an order, nor a listing, nor about our app."
    inbox.put_aside(strange, state=Delivery.State.IGNORED, note=words, now=now, emptied=True)
    # Many calls about one order, or saying the same of a listing, are one event.
    events = {event: f"Reverb {one.topic or 'webhook'}" for one, event in meant.items() if event is not None}
    failed = hear.follow(connection, events)
    for delivery, event in meant.items():
        error = failed.get(event) if event is not None else None
        if error is not None:
            inbox.try_later(delivery, note=error.message, now=now, at_least_s=error.retry_after)
    worked_off = [delivery for delivery, event in meant.items() if event is not None and event not in failed]
    inbox.done(worked_off, now=clock.now(), emptied=True)
    return full
