"""One attempt: find the listing, decide, apply, write one entry to the sync log, and settle the job."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime, timedelta

from listings.models import Line, Listing, Product, Rank
from listings.models.listing import POST_SETTLES
from listings.queue import forward, jobs, lease
from listings.queue.jobs import AttemptEnd, Claim
from listings.stock.ledger import Overtaken, Undecided
from listings.stock.targets import is_reconciled
from listings.sync import apply, context, excess, log, looking, rows
from listings.sync.excess import Excess
from listings.sync.log import Change, Ending
from listings.sync.looking import Look
from listings.sync.rows import AttemptInput
from reverbsync import clock
from reverbsync.backoff import doubled_s
from reverbsync.dispatch.ownership import Lost
from reverbsync.security.redaction import broke
from shops.models import ReverbConnection
from shops.reverb import connect
from shops.reverb.errors import NeedsSeller, NoAnswer, NotFound, RateLimited, ReverbError, SlowDown, TransientError
from synclog.models import Entry
from synclog.reasons import REASONS
from synclog.record import record

logger = logging.getLogger(__name__)

#: Delay when Reverb's answer to a stock write was lost and nothing shows yet whether it was applied.
UNDECIDED_S = 5.0
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
#: Endings caused by a connection, not the product: if one job succeeds, others will.
BLOCKED = NO_CONNECTION | {"not_permitted", "still_on_sale"}
_WENT_WELL = (Entry.Outcome.SYNCED, Entry.Outcome.NOTHING)
_RANKS = {Excess.ALL: Rank.STOCK_TO_ZERO, Excess.SOME: Rank.STOCK}
#: Endings before anything was compared. Once the settings change, the product is due at once.
NOT_LOOKED = frozenset({"auto_sync_off", "not_connected", "not_chosen"})
#: Delay until the first search for a listing whose POST got no answer; it doubles, to keep the log short. The last
#: search comes after `POST_SETTLES`.
LOOK_FOR_POST_S = 5.0


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
        ending = Look(begun, taken, began_at, done).run()
    except RateLimited as limited:
        if not done and not _is_overdue(begun):  # no call was made, so there is nothing to log
            _put_off(begun, taken, limited)
            return
        ending = _failed(begun, taken, limited, done)
    except Lost:
        raise
    except Overtaken:
        _put_off(begun, taken, RateLimited("An order came meanwhile.", retry_after=looking.AT_ONCE_S))
        return
    except Undecided:
        ending = Ending(Entry.Outcome.NOTHING, "stock_undecided", done, again_s=UNDECIDED_S)
    except ReverbError as error:
        ending = _failed(begun, taken, error, done)
    except Exception as error:  # noqa: BLE001 -- ours to fix; it is tried again
        broke(logger, error, "An attempt at product %s of shop %s broke", taken.product_id, taken.shop_id)
        ending = _later(taken, Ending(Entry.Outcome.FAILED, "our_fault", done))
    over = _excess(begun, ending)
    link = begun.row.link if begun.row else ""
    took_ms = round((clock.monotonic() - started) * 1000)
    entry = log.attempt_of(begun.product, link, taken, ending, took_ms=took_ms, attempt=taken.attempt)
    blocked = ending.again_s is None or ending.reason in STORE_AGAIN_AT_LATEST_S
    waits = ending.reason if REASONS[ending.reason].waits and blocked else ""
    # Of a product that is pending its first sync, only the stock was compared.
    line = _of_line(ending) if ending.again_s is None and not begun.product.pending_first_sync else None
    looked_at = None if ending.reason in NOT_LOOKED else began_at
    end = rows.ended(begun.product, begun.row, entry, looked_at=looked_at, waits_for=waits, line=line)
    was_blocked = begun.product.waits_for in BLOCKED
    _settle(taken, ending, end, over, begun.row)
    went_well = ending.outcome in _WENT_WELL and ending.reason not in NOT_LOOKED and not over
    if went_well and (taken.attempt > 1 or was_blocked):
        # The cause has passed, so the shop's other jobs need not wait out their delays.
        forward.one_went_through(taken.shop_id, reasons=BLOCKED if was_blocked else (), now=clock.now())


def _excess(begun: AttemptInput, ending: Ending) -> Excess:
    """Return whether Reverb has more on sale than is left. Raises only Lost, so that the job is settled anyway."""
    try:
        shop_context = context.shop_context(begun)
        return excess.follow(begun, ending, shop_context.connection, shop_context.shop.sync_settings)
    except Lost:
        raise
    except Exception as error:  # noqa: BLE001 -- the job is settled all the same
        broke(logger, error, "What Reverb has on sale of product %s could not be compared", begun.product.pk)
        return Excess.NONE


def _is_overdue(begun: AttemptInput) -> bool:
    """Return whether the owners are still to be notified of a sold-out listing that stays on sale."""
    shop_context = context.shop_context(begun)
    return excess.is_overdue(begun, shop_context.connection, shop_context.shop.sync_settings)


def _put_off(begun: AttemptInput, taken: Claim, limited: RateLimited) -> None:
    """Postpone the job until the rate limit allows a call. Nothing was written, so the attempt does not count."""
    if begun.row is not None:
        rows.save(begun.row)
    now = clock.now()
    due = now + timedelta(seconds=limited.retry_after or 1)
    jobs.try_later(taken, due=due, attempts=taken.attempt - 1, now=now)


def _settle(taken: Claim, ending: Ending, end: AttemptEnd, over: Excess, row: Listing | None) -> None:
    """Settle the job, and write the rest of the attempt in the same statement."""
    now, waits = clock.now(), REASONS[ending.reason].waits
    attempts = 0 if ending.outcome != Entry.Outcome.FAILED and not over else taken.attempt
    again_s = ending.again_s
    if again_s is not None and ending.reason in STORE_AGAIN_AT_LATEST_S:
        again_s = max(again_s, min(STORE_AGAIN_AT_LATEST_S[ending.reason], jobs.delay_s(taken.attempt)))
    if over and ending.reason not in NO_CONNECTION:
        latest_s = over.again_s(transient=again_s is not None)
        again_s = min(latest_s, jobs.delay_s(taken.attempt) if again_s is None else again_s)
    if again_s is not None:
        due = now + timedelta(seconds=max(AT_LEAST_S, again_s))
        at_least = _RANKS.get(over, Rank.CATALOGUE)
        jobs.try_later(taken, due=due, attempts=attempts, now=now, attempt=end, at_least=at_least)
    elif waits:
        jobs.wait_for_seller(taken, now=now, retry_at=_retry_at(taken, ending, row, now), attempt=end)
    else:
        jobs.finish(taken, now=now, attempt=end)


def _retry_at(taken: Claim, ending: Ending, row: Listing | None, now: datetime) -> datetime | None:
    """Return when a blocked job is retried automatically: a failed one with growing delay, a skipped one never.

    Without a working connection it is not retried; the connection's check makes it due. But a listing that stays on
    sale meanwhile is reported.
    """
    if ending.reason in NO_CONNECTION:
        since = row.oversells_since if row is not None and row.oversells_notified_at is None else None
        return None if since is None else since + excess.LASTS
    if ending.outcome != Entry.Outcome.FAILED:
        return None
    wait_s = doubled_s(RETRY_FIRST.total_seconds(), taken.attempt - 1, most_s=RETRY_AT_LATEST.total_seconds())
    return now + timedelta(seconds=wait_s)


def _of_line(ending: Ending) -> rows.LineEnd:
    """Return the outcome for the product's line in an open mass sync."""
    failed = ending.outcome == Entry.Outcome.FAILED or REASONS[ending.reason].waits
    state = Line.State.FAILED if failed else Line.State.DONE
    return rows.LineEnd(state, ending.reason, log.in_short(ending)[:300])


# -- endings -------------------------------------------------------------------------------------------------------


def _failed(begun: AttemptInput, taken: Claim, error: ReverbError, done: list[Change]) -> Ending:
    """Turn a Reverb error into an ending."""
    ending = Ending(Entry.Outcome.FAILED, "refused", done, message=error.message, field_errors=error.field_errors)
    match error:
        case NeedsSeller():
            ending.reason = _needs_seller(taken.shop_id, error)
            if ending.reason != "try_later":
                return ending
        case SlowDown():
            grown_s = min(excess.AGAIN_S, jobs.delay_s(taken.attempt))
            ending.reason, ending.again_s = "slow_down", max(error.retry_after or 0.0, grown_s)
            return ending
        case apply.PostUnsettled():
            ending.reason, ending.again_s = "look_again_first", _look_for_post_s(taken, begun.row)
            return ending
        case NoAnswer(may_have_applied=True):
            ending.reason = "answer_lost" if _post_open(begun.row) else "try_later"
        case TransientError() | NotFound():  # a listing that was just found is gone: search again
            ending.reason = "try_later"
        case _:
            return ending
    if error.said:  # else the message is ours
        ending.message = f"Reverb: “{error.message}”"
    return _later(taken, ending, at_least=error.retry_after)


def _later(taken: Claim, ending: Ending, *, at_least: float | None = None) -> Ending:
    most = jobs.MASS_ATTEMPTS if taken.trigger == jobs.MASS else jobs.MAX_ATTEMPTS
    if taken.attempt >= most and _may_give_up(taken):
        ending.reason = "gave_up"
    else:
        ending.again_s = jobs.delay_s(taken.attempt, at_least=at_least)
    return ending


def _look_for_post_s(taken: Claim, row: Listing | None) -> float:
    """Return the seconds until the next search for a listing that a POST may have created."""
    doubled = doubled_s(LOOK_FOR_POST_S, taken.attempt - 2, most_s=POST_SETTLES.total_seconds())
    if row is None or row.post_started_at is None:
        return doubled
    left_s = (row.post_started_at + POST_SETTLES - clock.now()).total_seconds() + 1
    return max(1.0, min(doubled, left_s))


def _may_give_up(taken: Claim) -> bool:
    """Return whether the job may give up: only an edit may, while a stock difference is retried for ever."""
    if taken.rank in jobs.URGENT:
        return False
    product = Product.objects.select_related("shop__sync_settings", "listing").get(pk=taken.product_id)
    settings, row = product.shop.sync_settings, getattr(product, "listing", None)
    if row is not None and not row.reverb_id:  # if it was created anyway, the next stock change finds it
        return not row.may_turn_up(clock.now())
    return not settings.sync_stock or is_reconciled(product, settings)


def _post_open(row: Listing | None) -> bool:
    return row is not None and row.post_started_at is not None


def _needs_seller(shop_id: int, error: NeedsSeller) -> str:
    """Return the reason. A 401 is no verdict on the token while the account can still be read with it."""
    if error.status != 401:
        return "not_permitted"
    try:
        dead = connect.mark_if_dead(ReverbConnection.objects.get(shop=shop_id))
    except ReverbError:  # not known at the moment
        dead = False
    return "token_refused" if dead else "try_later"
