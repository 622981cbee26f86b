"""One attempt: find the listing, decide, apply, and end with one entry and one word to the queue."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime, timedelta

from listings.models import Line, Listing, Product, Rank
from listings.models.listing import POST_SETTLES
from listings.queue import forward, jobs, lease
from listings.queue.jobs import AttemptEnd, Claim
from listings.stock.ledger import Overtaken, Undecided, is_reconciled
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

#: Seconds until the next look when Reverb's answer to a number was lost and nothing shows yet whether it was applied.
UNDECIDED_S = 5.0
#: No answer makes a job come back sooner than after so many seconds.
AT_LEAST_S = 1.0
#: However often a store could not be changed, and why, it is tried again after so many seconds.
STORE_AGAIN_AT_LATEST_S = {
    "store_busy": 5.0,
    "store_later": 60.0,
    "store_behind": 300.0,
    "store_takes_no_stock": 300.0,
    "store_refused": 300.0,
}
#: What failed and waits for the seller is tried again by itself after so long, doubled each time.
RETRY_FIRST, RETRY_AT_LATEST = timedelta(minutes=15), timedelta(hours=24)
#: Endings for want of a connection to Reverb that works.
NO_CONNECTION = frozenset({"not_connected", "token_refused"})
#: Endings that are about a connection, not the product: one that goes through shows that others will.
BLOCKED = NO_CONNECTION | {"not_permitted", "still_on_sale"}
_WENT_WELL = (Entry.Outcome.SYNCED, Entry.Outcome.NOTHING)
_RANKS = {Excess.ALL: Rank.STOCK_TO_ZERO, Excess.SOME: Rank.STOCK}
#: Endings before anything was looked at: once the settings change, the product is due as if it never was.
NOT_LOOKED = frozenset({"auto_sync_off", "not_connected", "not_chosen"})
#: Seconds until the first look for a listing whose POST got no answer, doubled each time. The last look comes when its
#: time is up (`POST_SETTLES`): nobody reads an entry every five seconds.
LOOK_FOR_POST_S = 5.0


def attempt(taken: Claim) -> None:
    """Make one attempt at a claimed job. Never raises: what goes wrong is an entry and a later attempt."""
    started, began_at = clock.monotonic(), clock.now()
    begun = rows.begin(taken, now=began_at)
    if begun is None:
        logger.warning("Job %s was taken over by another worker", taken.job_id)
        return
    # What was asked until then is in what was read.
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
        if not done and not _is_overdue(begun):  # nothing was tried, so there is nothing to log
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
    # A product pending its first sync was looked at for its stock alone.
    line = _of_line(ending) if ending.again_s is None and not begun.product.pending_first_sync else None
    looked_at = None if ending.reason in NOT_LOOKED else began_at
    end = rows.ended(begun.product, begun.row, entry, looked_at=looked_at, waits_for=waits, line=line)
    was_blocked = begun.product.waits_for in BLOCKED
    _settle(taken, ending, end, over, begun.row)
    went_well = ending.outcome in _WENT_WELL and ending.reason not in NOT_LOOKED and not over
    if went_well and (taken.attempt > 1 or was_blocked):
        # What kept this one back has passed: the shop's others need not wait out their delays.
        forward.one_went_through(taken.shop_id, reasons=BLOCKED if was_blocked else (), now=clock.now())


def _excess(begun: AttemptInput, ending: Ending) -> Excess:
    """Return what Reverb has on sale beyond what is left. Never raises but Lost: the job is settled all the same."""
    try:
        shop_context = context.shop_context(begun)
        return excess.follow(begun, ending, shop_context.connection, shop_context.shop.sync_settings)
    except Lost:
        raise
    except Exception as error:  # noqa: BLE001 -- the job is settled all the same
        broke(logger, error, "What Reverb has on sale of product %s could not be compared", begun.product.pk)
        return Excess.NONE


def _is_overdue(begun: AttemptInput) -> bool:
    """Return whether the owners have still to be notified of a sold-out listing that stays on sale."""
    shop_context = context.shop_context(begun)
    return excess.is_overdue(begun, shop_context.connection, shop_context.shop.sync_settings)


def _put_off(begun: AttemptInput, taken: Claim, limited: RateLimited) -> None:
    """Nothing was written: look again when the rate limit allows it, as if the job had not been taken."""
    if begun.row is not None:
        rows.save(begun.row)
    now = clock.now()
    due = now + timedelta(seconds=limited.retry_after or 1)
    jobs.try_later(taken, due=due, attempts=taken.attempt - 1, now=now)


def _settle(taken: Claim, ending: Ending, end: AttemptEnd, over: Excess, row: Listing | None) -> None:
    """Save in the queue what becomes of the job, and save the rest in the same statement."""
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
    """Return when to try by itself what waits for the seller: what failed, ever more rarely; what was left out, never.

    Without a connection that works there is nothing to try, and its check makes all due when it does. But what stays on
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
    """Return what an open mass sync learns of its line for the product."""
    failed = ending.outcome == Entry.Outcome.FAILED or REASONS[ending.reason].waits
    state = Line.State.FAILED if failed else Line.State.DONE
    return rows.LineEnd(state, ending.reason, log.in_short(ending)[:300])


# -- endings -------------------------------------------------------------------------------------------------------


def _failed(begun: AttemptInput, taken: Claim, error: ReverbError, done: list[Change]) -> Ending:
    """Turn an error of Reverb's family into an ending."""
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
        case TransientError() | NotFound():  # what was found a moment ago is gone: look again
            ending.reason = "try_later"
        case _:
            return ending
    if error.said:  # else the words are ours
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
    """Return the seconds until the next look for a listing that a POST may have made."""
    doubled = doubled_s(LOOK_FOR_POST_S, taken.attempt - 2, most_s=POST_SETTLES.total_seconds())
    if row is None or row.post_started_at is None:
        return doubled
    left_s = (row.post_started_at + POST_SETTLES - clock.now()).total_seconds() + 1
    return max(1.0, min(doubled, left_s))


def _may_give_up(taken: Claim) -> bool:
    """Return whether only an edit is at stake: what sold on one side is brought to the other, however long it takes."""
    if taken.rank in jobs.URGENT:
        return False
    product = Product.objects.select_related("shop__sync_settings", "listing").get(pk=taken.product_id)
    settings, row = product.shop.sync_settings, getattr(product, "listing", None)
    if row is not None and not row.reverb_id:  # if it was made all the same, the next change of stock finds it
        return not row.may_turn_up(clock.now())
    return not settings.sync_stock or is_reconciled(product, settings)


def _post_open(row: Listing | None) -> bool:
    return row is not None and row.post_started_at is not None


def _needs_seller(shop_id: int, error: NeedsSeller) -> str:
    """Return the reason. A 401 is not always a dead token: where the account is still shown, it is no verdict."""
    if error.status != 401:
        return "not_permitted"
    try:
        dead = connect.mark_if_dead(ReverbConnection.objects.get(shop=shop_id))
    except ReverbError:  # it is not known now
        dead = False
    return "token_refused" if dead else "try_later"
