"""What every hand-over does with the deliveries of one slice, whoever sent them: put away, put off, or put aside."""

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
from shops.platforms.values import StoreError
from shops.reverb.errors import ReverbError
from webhooks import inbox
from webhooks.models import Delivery

logger = logging.getLogger(__name__)

#: Why a delivery waits that met a deadlock, or Redis that is away.
BUSY = "Our own database was busy. We will retry."
NO_OBJECT = "The body is not a JSON object, or was too large."


@dataclass
class BatchOutcome:
    """How the deliveries of one slice ended. What breaks one of them touches no other."""

    shop_id: int
    now: datetime
    worked_off: list[Delivery] = field(default_factory=list)
    #: Not all was reached in time.
    left: bool = False

    def end(self, delivery: Delivery, errors: Iterable[Exception], *, replayable: bool, unread: str = "") -> None:
        """Say what following a delivery's events failed with, if anything.

        `replayable`: its body holds nobody's data. `unread`: what of it could not be read, for the seller.
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
            inbox.try_later(delivery, note=words, now=self.now, at_least_s=wait)
        elif found:
            self.left = True
        elif unread:
            self.put_aside(delivery, unread, replayable=replayable)
        else:
            self.worked_off.append(delivery)

    def broke(self, delivery: Delivery, error: Exception, *, replayable: bool) -> None:
        """Count a try that broke. Where the delivery is put aside now, look at all that changed instead."""
        logger.warning("Delivery %s of shop %s broke: %s", delivery.pk, self.shop_id, whereabouts(error))
        if inbox.broke(delivery, error, now=self.now, replayable=replayable):
            look_instead(self.shop_id, delivery.source)

    def put_aside(self, delivery: Delivery, words: str, *, replayable: bool) -> None:
        """Put a delivery aside that is not what its topic promises, and look at all that changed instead."""
        state = Delivery.State.UNREADABLE
        inbox.put_aside([delivery], state=state, note=words, now=self.now, replayable=replayable)
        look_instead(self.shop_id, delivery.source)


def look_instead(shop_id: int, source: str) -> None:
    """Look at all that changed: a report of it could not be read."""
    if source == "reverb":
        order_poll.soon(shop_id)
    else:
        crawls.look_soon(shop_id)


def replay(found: Iterable[Delivery]) -> int:
    """Try deliveries again that were put aside; returns how many.

    Where a body is gone, since it held people's data or is old, all that changed is looked at instead.
    """
    now, rows = clock.now(), list(found)
    inbox.reopen([one for one in rows if bytes(one.body)], now=now)
    gone = [one for one in rows if not bytes(one.body)]
    for shop_id, source in {(one.shop_id, one.source) for one in gone}:
        look_instead(shop_id, source)
    inbox.done(gone, now=now, personal=None)
    return len(rows)
