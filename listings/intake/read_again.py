"""Read again, one by one, the products that a page or an event could not read."""

from __future__ import annotations

import logging

from listings.intake import rechecks, refresh
from listings.models import Recheck
from reverbsync import clock
from reverbsync.outage import is_outage
from reverbsync.security.redaction import broke
from shops import health
from shops.platforms import client_of
from shops.platforms.errors import Missing, StoreError, Unsupported

logger = logging.getLogger(__name__)

#: How long one slice occupies a worker before the shop is enqueued again behind the others.
SLICE_S = 2.0
TRIGGER = "another try to read it"


def run_slice(first: Recheck) -> None:
    """Read one product after another for one slice. It ends if the store does not respond."""
    over, client = clock.monotonic() + SLICE_S, client_of(first.shop.store)
    row: Recheck | None = first
    while row is not None and clock.monotonic() < over:
        words = row.words
        try:
            first_import = row.first_import
            refresh.refresh(
                row.shop,
                row.store_parent_id,
                client,
                trigger=TRIGGER,
                reported=not first_import,
                first_import=first_import,
            )
        except (Missing, Unsupported) as error:
            words = str(error)
        except StoreError as error:
            health.did_not_answer(row.shop_id, error)
            rechecks.store_is_away(row, now=clock.now(), wait_s=error.retry_after)
            return
        except Exception as error:
            if is_outage(error):
                raise
            broke(logger, error, "Product %s of shop %s could not be read again", row.store_parent_id, row.shop_id)
            words = words or "Something went wrong on our side."
        rechecks.later(row, words, now=clock.now())  # if it was read, its row is gone
        row = rechecks.due(row.shop_id)
