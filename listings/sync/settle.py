"""Settle the job of an attempt: finish it, retry it later, or let it wait for the seller."""

from __future__ import annotations

from datetime import datetime, timedelta

from listings.models import Line, Listing, Rank
from listings.queue import retry_delay, settle_job
from listings.queue.jobs import Claim
from listings.queue.settle_job import AttemptEnd
from listings.sync import log, oversell_check, rows
from listings.sync.log import Ending
from listings.sync.oversell_check import Excess
from reverbsync import clock
from reverbsync.backoff import doubled_s
from synclog.models import Entry
from synclog.reasons import REASONS

#: The shortest retry delay, whatever Retry-After says.
AT_LEAST_S = 1.0
#: The longest retry delay, by reason, while the store's stock cannot be changed.
STORE_AGAIN_AT_LATEST_S = {
    "store_busy": 5.0,
    "store_later": 60.0,
    "store_behind": 300.0,
    "store_takes_no_stock": 300.0,
    "store_refused": 300.0,
}
#: First and longest delay until a failed job that is blocked for the seller is retried automatically; it doubles.
RETRY_FIRST, RETRY_AT_LATEST = timedelta(minutes=15), timedelta(hours=24)
#: Endings without a working connection to Reverb.
NO_CONNECTION = frozenset({"not_connected", "token_refused"})
_RANKS = {Excess.ALL: Rank.STOCK_TO_ZERO, Excess.SOME: Rank.STOCK}


def settle(taken: Claim, ending: Ending, end: AttemptEnd, over: Excess, row: Listing | None) -> None:
    """Settle the job, and write the rest of the attempt in the same statement."""
    now, waits = clock.now(), REASONS[ending.reason].waits
    attempts = 0 if ending.outcome != Entry.Outcome.FAILED and not over else taken.attempt
    again_s = ending.again_s
    if again_s is not None and ending.reason in STORE_AGAIN_AT_LATEST_S:
        again_s = max(again_s, min(STORE_AGAIN_AT_LATEST_S[ending.reason], retry_delay.delay_s(taken.attempt)))
    if over and ending.reason not in NO_CONNECTION:
        latest_s = over.again_s(transient=again_s is not None)
        again_s = min(latest_s, retry_delay.delay_s(taken.attempt) if again_s is None else again_s)
    if again_s is not None:
        due = now + timedelta(seconds=max(AT_LEAST_S, again_s))
        at_least = _RANKS.get(over, Rank.CATALOGUE)
        settle_job.try_later(taken, due=due, attempts=attempts, now=now, attempt=end, at_least=at_least)
    elif waits:
        settle_job.wait_for_seller(taken, now=now, retry_at=_retry_at(taken, ending, row, now), attempt=end)
    else:
        settle_job.finish(taken, now=now, attempt=end)


def _retry_at(taken: Claim, ending: Ending, row: Listing | None, now: datetime) -> datetime | None:
    """Return when a blocked job is retried automatically: a failed one with growing delay, a skipped one never.

    Without a working connection it is not retried; the connection's check makes it due. But a listing that stays on
    sale meanwhile is reported.
    """
    if ending.reason in NO_CONNECTION:
        since = row.oversells_since if row is not None and row.oversells_notified_at is None else None
        return None if since is None else since + oversell_check.LASTS
    if ending.outcome != Entry.Outcome.FAILED:
        return None
    wait_s = doubled_s(RETRY_FIRST.total_seconds(), taken.attempt - 1, most_s=RETRY_AT_LATEST.total_seconds())
    return now + timedelta(seconds=wait_s)


def line_end(ending: Ending) -> rows.LineEnd:
    """Return the outcome for the product's line in an open mass sync."""
    failed = ending.outcome == Entry.Outcome.FAILED or REASONS[ending.reason].waits
    state = Line.State.FAILED if failed else Line.State.DONE
    return rows.LineEnd(state, ending.reason, log.in_short(ending)[:300])
