"""Close, retry or put aside the deliveries of one slice, from stores and Reverb alike."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from listings.intake import crawls
from listings.orders import order_poll
from reverbsync import clock
from reverbsync.outage import NotReached, is_outage
from reverbsync.security.redaction import whereabouts
from shops import health
from shops.platforms.errors import StoreError
from shops.reverb.errors import ReverbError
from webhooks import failed_deliveries, inbox
from webhooks.models import Delivery

logger = logging.getLogger(__name__)

#: Why a delivery waits after a deadlock or without Redis.
BUSY = "Our own database was busy. We will retry."
NO_OBJECT = "The body is not a JSON object, or was too large."


@dataclass
class BatchOutcome:
    """The results of one slice's deliveries. An error of one affects no other."""

    shop_id: int
    now: datetime
    worked_off: list[Delivery] = field(default_factory=list)
    #: Not all were reached in time.
    left: bool = False

    def end(self, delivery: Delivery, errors: Iterable[Exception], *, replayable: bool, unread: str = "") -> None:
        """Record the errors of a delivery's events, if any.

        `replayable`: its body has no personal data. `unread`: what of it could not be read, for the seller.
        """
        found = list(errors)
        transient = [one for one in found if isinstance(one, StoreError | ReverbError) or is_outage(one)]
        own = [one for one in found if one not in transient and not isinstance(one, NotReached)]
        if own:
            self.broke(delivery, own[0], replayable=replayable)
        elif transient:
            health.did_not_answer(self.shop_id, transient[0])
            wait = getattr(transient[0], "retry_after", None)
            words = BUSY if is_outage(transient[0]) else str(transient[0])
            failed_deliveries.try_later(delivery, note=words, now=self.now, at_least_s=wait)
        elif found:
            self.left = True
        elif unread:
            self.put_aside(delivery, unread, replayable=replayable)
        else:
            self.worked_off.append(delivery)

    def broke(self, delivery: Delivery, error: Exception, *, replayable: bool) -> None:
        """Count a failed try. If the delivery is put aside now, poll for all changes instead."""
        logger.warning("Delivery %s of shop %s failed: %s", delivery.pk, self.shop_id, whereabouts(error))
        if failed_deliveries.broke(delivery, error, now=self.now, replayable=replayable):
            look_instead(self.shop_id, delivery.source)

    def put_aside(self, delivery: Delivery, words: str, *, replayable: bool) -> None:
        """Put a delivery aside whose body does not match its topic, and poll for all changes instead."""
        state = Delivery.State.UNREADABLE
        failed_deliveries.put_aside([delivery], state=state, note=words, now=self.now, replayable=replayable)
        look_instead(self.shop_id, delivery.source)


def look_instead(shop_id: int, source: str) -> None:
    """Poll for all changes, because a report could not be read."""
    if source == "reverb":
        order_poll.soon(shop_id)
    else:
        crawls.look_soon(shop_id)


def replay(found: Iterable[Delivery]) -> int:
    """Retry deliveries that were put aside; return how many.

    If a body is gone, because it held personal data or is old, all changes are polled instead.
    """
    now, rows = clock.now(), list(found)
    failed_deliveries.reopen([one for one in rows if bytes(one.body)], now=now)
    gone = [one for one in rows if not bytes(one.body)]
    for shop_id, source in {(one.shop_id, one.source) for one in gone}:
        look_instead(shop_id, source)
    inbox.done(gone, now=now, personal=None)
    return len(rows)
