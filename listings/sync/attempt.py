"""One attempt: find the listing, decide, apply, write one entry to the sync log, and settle the job."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime, timedelta

from listings.queue import expedite, lease, settle_job
from listings.queue.jobs import Claim
from listings.stock.ledger import Overtaken, Undecided
from listings.sync import context, log, oversell_check, reconcile, rows
from listings.sync.failures import failed, later
from listings.sync.log import Change, Ending
from listings.sync.oversell_check import Excess
from listings.sync.reconcile import Reconciliation
from listings.sync.rows import AttemptInput
from listings.sync.settle import NO_CONNECTION, STORE_AGAIN_AT_LATEST_S, line_end, settle
from reverbsync import clock
from reverbsync.dispatch.ownership import Lost
from reverbsync.security.redaction import broke
from shops.reverb.errors import RateLimited, ReverbError
from synclog.models import Entry
from synclog.reasons import REASONS
from synclog.record import record

logger = logging.getLogger(__name__)

#: Delay when Reverb's answer to a stock write was lost and nothing shows yet whether it was applied.
UNDECIDED_S = 5.0
#: Endings caused by a connection, not the product: if one job succeeds, others will.
BLOCKED = NO_CONNECTION | {"not_permitted", "still_on_sale"}
_WENT_WELL = (Entry.Outcome.SYNCED, Entry.Outcome.NOTHING)
#: Endings before anything was compared. Once the settings change, the product is due at once.
NOT_LOOKED = frozenset({"auto_sync_off", "not_connected", "not_chosen"})


def attempt(taken: Claim) -> None:
    """Make one attempt at a claimed job. Never raises: a failure is an entry and a later attempt."""
    started, began_at = clock.monotonic(), clock.now()
    begun = rows.begin(taken, now=began_at)
    if begun is None:
        logger.warning("Job %s was taken over by another worker", taken.job_id)
        return
    # Requests until then are covered by what was read.
    taken = replace(taken, generation=begun.generation)
    try:
        with lease.of(taken):
            _attempt(begun, taken, started, began_at)
    except Lost:
        logger.warning("Job %s was taken over by another worker", taken.job_id)


def _attempt(begun: AttemptInput, taken: Claim, started: float, began_at: datetime) -> None:
    """Make the attempt and settle the job. Raises Lost when another worker has taken it over."""
    link = begun.row.link if begun.row else ""
    if taken.interrupted:
        former = Ending(Entry.Outcome.FAILED, "interrupted")
        record(log.attempt_of(begun.product, link, taken, former, took_ms=0, attempt=taken.attempt - 1))
    done: list[Change] = []
    try:
        ending = Reconciliation(begun, taken, began_at, done).run()
    except RateLimited as limited:
        if not done and not _is_overdue(begun):  # no call was made, so there is nothing to log
            _put_off(begun, taken, limited)
            return
        ending = failed(begun, taken, limited, done)
    except Lost:
        raise
    except Overtaken:
        _put_off(begun, taken, RateLimited("An order came meanwhile.", retry_after=reconcile.AT_ONCE_S))
        return
    except Undecided:
        ending = Ending(Entry.Outcome.NOTHING, "stock_undecided", done, again_s=UNDECIDED_S)
    except ReverbError as error:
        ending = failed(begun, taken, error, done)
    except Exception as error:  # noqa: BLE001 -- ours to fix; it is tried again
        broke(logger, error, "An attempt at product %s of shop %s broke", taken.product_id, taken.shop_id)
        ending = later(taken, Ending(Entry.Outcome.FAILED, "our_fault", done))
    _end(begun, taken, ending, began_at, took_ms=round((clock.monotonic() - started) * 1000))


def _end(begun: AttemptInput, taken: Claim, ending: Ending, began_at: datetime, *, took_ms: int) -> None:
    """Write the entry, save what the attempt found, and settle the job."""
    over = _excess(begun, ending)
    link = begun.row.link if begun.row else ""
    entry = log.attempt_of(begun.product, link, taken, ending, took_ms=took_ms, attempt=taken.attempt)
    blocked = ending.again_s is None or ending.reason in STORE_AGAIN_AT_LATEST_S
    waits = ending.reason if REASONS[ending.reason].waits and blocked else ""
    # Of a product that is pending its first sync, only the stock was compared.
    line = line_end(ending) if ending.again_s is None and not begun.product.pending_first_sync else None
    looked_at = None if ending.reason in NOT_LOOKED else began_at
    end = rows.ended(begun.product, begun.row, entry, looked_at=looked_at, waits_for=waits, line=line)
    was_blocked = begun.product.waits_for in BLOCKED
    settle(taken, ending, end, over, begun.row)
    went_well = ending.outcome in _WENT_WELL and ending.reason not in NOT_LOOKED and not over
    if went_well and (taken.attempt > 1 or was_blocked):
        # The cause has passed, so the shop's other jobs need not wait out their delays.
        expedite.one_went_through(taken.shop_id, reasons=BLOCKED if was_blocked else (), now=clock.now())


def _excess(begun: AttemptInput, ending: Ending) -> Excess:
    """Return whether Reverb has more on sale than is left. Raises only Lost, so that the job is settled anyway."""
    try:
        shop_context = context.shop_context(begun)
        return oversell_check.follow(begun, ending, shop_context.connection, shop_context.shop.sync_settings)
    except Lost:
        raise
    except Exception as error:  # noqa: BLE001 -- the job is settled all the same
        broke(logger, error, "What Reverb has on sale of product %s could not be compared", begun.product.pk)
        return Excess.NONE


def _is_overdue(begun: AttemptInput) -> bool:
    """Return whether the owners are still to be notified of a sold-out listing that stays on sale."""
    shop_context = context.shop_context(begun)
    return oversell_check.is_overdue(begun, shop_context.connection, shop_context.shop.sync_settings)


def _put_off(begun: AttemptInput, taken: Claim, limited: RateLimited) -> None:
    """Postpone the job until the rate limit allows a call. Nothing was written, so the attempt does not count."""
    if begun.row is not None:
        rows.save(begun.row)
    now = clock.now()
    due = now + timedelta(seconds=limited.retry_after or 1)
    settle_job.try_later(taken, due=due, attempts=taken.attempt - 1, now=now)
