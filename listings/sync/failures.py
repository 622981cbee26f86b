"""Turn the error of an attempt into its ending: the reason, and when it is retried."""

from __future__ import annotations

from listings.models import Listing, Product
from listings.models.listing import POST_SETTLES
from listings.queue import jobs, retry_delay
from listings.queue.jobs import Claim
from listings.stock.targets import is_reconciled
from listings.sync import apply, oversell_check
from listings.sync.log import Change, Ending
from listings.sync.rows import AttemptInput
from reverbsync import clock
from reverbsync.backoff import doubled_s
from shops.models import ReverbConnection
from shops.reverb import connect
from shops.reverb.errors import NeedsSeller, NoAnswer, NotFound, ReverbError, SlowDown, TransientError
from synclog.models import Entry

#: Delay until the first search for a listing whose POST got no answer; it doubles, to keep the log short. The last
#: search comes after `POST_SETTLES`.
LOOK_FOR_POST_S = 5.0


def failed(begun: AttemptInput, taken: Claim, error: ReverbError, done: list[Change]) -> Ending:
    """Turn a Reverb error into an ending."""
    ending = Ending(Entry.Outcome.FAILED, "refused", done, message=error.message, field_errors=error.field_errors)
    match error:
        case NeedsSeller():
            ending.reason = _needs_seller(taken.shop_id, error)
            if ending.reason != "try_later":
                return ending
        case SlowDown():
            grown_s = min(oversell_check.AGAIN_S, retry_delay.delay_s(taken.attempt))
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
    return later(taken, ending, at_least=error.retry_after)


def later(taken: Claim, ending: Ending, *, at_least: float | None = None) -> Ending:
    """Date the retry in the ending, `at_least` so many seconds away, or give up after too many attempts."""
    most = retry_delay.MASS_ATTEMPTS if taken.trigger == jobs.MASS else retry_delay.MAX_ATTEMPTS
    if taken.attempt >= most and _may_give_up(taken):
        ending.reason = "gave_up"
    else:
        ending.again_s = retry_delay.delay_s(taken.attempt, at_least=at_least)
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
    """Return the reason. A 401 does not condemn the token while the account can still be read with it."""
    if error.status != 401:
        return "not_permitted"
    try:
        dead = connect.mark_if_dead(ReverbConnection.objects.get(shop=shop_id))
    except ReverbError:  # not known at the moment
        dead = False
    return "token_refused" if dead else "try_later"
