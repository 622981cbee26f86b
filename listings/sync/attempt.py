"""One attempt: find the listing, decide, apply, and end with one entry and one word to the queue."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta
from functools import partial

from django.db import transaction
from django.db.models import F

from listings import jobs
from listings.jobs import Claim
from listings.models import Line, Listing, Order, Product
from listings.stock.ledger import Undecided
from listings.stock.turn import Turn
from listings.sync import apply, words
from listings.sync.cases import Frame, counted
from listings.sync.decide import Switches
from listings.sync.find import find
from listings.sync.steps import Steps, skipped
from listings.sync.words import Change, Ending
from reverbsync import clock
from shops.models import ReverbConnection
from shops.reverb import connect, reference
from shops.reverb.client import ReverbClient
from shops.reverb.errors import NeedsSeller, NoAnswer, NotFound, Paced, Passing, ReverbError, SlowDown
from synclog.models import Entry
from synclog.reasons import REASONS

logger = logging.getLogger(__name__)

#: Seconds until the next look when Reverb's answer to a number was lost and nothing tells yet whether it was applied.
UNDECIDED_S = 5.0
#: Seconds until a turn begins anew that was overtaken by news before it wrote anything.
AT_ONCE_S = 0.05
#: Endings before anything was looked at: once the settings change, the product is due as if it never was.
NOT_LOOKED = frozenset({"auto_sync_off", "not_connected", "not_chosen"})
#: Seconds between two looks for a listing whose POST got no answer.
LOOK_FOR_POST_S = 5.0


def attempt(taken: Claim) -> None:
    """Make one attempt at a claimed job. Never raises: what goes wrong is an entry and a later attempt."""
    product = Product.objects.select_related("shop__sync_settings", "shop__store").get(pk=taken.product_id)
    started, began_at = clock.monotonic(), clock.now()
    if taken.interrupted:
        words.tell(product, taken, Ending(Entry.Outcome.FAILED, "interrupted"), took_ms=0, attempt=taken.attempt - 1)
    done: list[Change] = []
    try:
        ending = _turn(product, taken, done)
    except Paced as paced:
        if not done:  # nothing was tried, so there is nothing to tell
            due = clock.now() + timedelta(seconds=paced.retry_after or 1)
            jobs.try_later(taken, due=due, attempts=taken.attempt - 1, now=clock.now())
            return
        ending = _failed(product, taken, paced, done)
    except jobs.LeaseLost:
        logger.warning("Job %s was taken over by another worker", taken.job_id)
        return
    except Undecided:
        ending = Ending(Entry.Outcome.NOTHING, "stock_undecided", done, again_s=UNDECIDED_S)
    except ReverbError as error:
        ending = _failed(product, taken, error, done)
    except Exception:
        logger.exception("An attempt at product %s of shop %s broke", product.pk, product.shop_id)
        ending = _later(taken, Ending(Entry.Outcome.FAILED, "our_fault", done))
    took_ms = round((clock.monotonic() - started) * 1000)
    with transaction.atomic():
        # Product before job, as intake does: two transactions that take them in turn never wait for each other.
        words.tell(product, taken, ending, took_ms=took_ms, attempt=taken.attempt)
        waits = ending.reason if REASONS[ending.reason].waits and ending.again_s is None else ""
        looked_at = None if ending.reason in NOT_LOOKED else began_at
        Product.objects.filter(pk=product.pk).update(looked_at=looked_at, waits_for=waits)
        _settle(taken, ending)
        if ending.again_s is None:
            _tell_mass_sync(product, ending)


def _settle(taken: Claim, ending: Ending) -> None:
    """Tell the queue what becomes of the job."""
    now = clock.now()
    if ending.again_s is not None:
        passed = ending.outcome != Entry.Outcome.FAILED
        due = now + timedelta(seconds=ending.again_s)
        jobs.try_later(taken, due=due, attempts=0 if passed else taken.attempt, now=now)
    elif REASONS[ending.reason].waits:
        jobs.wait_for_seller(taken, now=now)
    else:
        jobs.finish(taken, now=now)


def _tell_mass_sync(product: Product, ending: Ending) -> None:
    """Tell an open mass sync what came of its line for the product, if it has one."""
    failed = ending.outcome == Entry.Outcome.FAILED or REASONS[ending.reason].waits
    lines = Line.objects.filter(product=product, kind__in=Line.CALLS, state__in=(Line.State.OPEN, Line.State.QUEUED))
    lines.update(
        state=Line.State.FAILED if failed else Line.State.DONE,
        reason=ending.reason,
        message=words.in_short(ending)[:300],
    )


# -- the turn ------------------------------------------------------------------------------------------------------


def _turn(product: Product, taken: Claim, done: list[Change]) -> Ending:
    """Find, decide, apply. `done` collects what was changed, so that it is told even if a later step fails."""
    shop = product.shop
    settings = shop.sync_settings
    connection = ReverbConnection.objects.filter(shop=shop).first()
    if not settings.auto_sync and taken.cause not in (jobs.BY_HAND, jobs.MASS):
        return skipped("auto_sync_off")
    if connection is None or _unusable(connection):
        return skipped("not_connected")
    frame = Frame.of(shop)
    only_stock = product.held or not frame.is_chosen(product)
    if only_stock and not _sold_somewhere(product):
        return skipped("not_chosen")

    client = ReverbClient.of(connection, before_call=partial(_before_write, product, taken))
    found = find(client, product, indexed=taken.cause == jobs.MASS)
    row = found.row or Listing.objects.filter(product=product).exclude(reverb_id="").first()
    if row is None:
        return skipped(found.reason)
    stock = Turn(row, product, settings, connection, client, partial(_renew, taken), indexed_at=found.indexed_at)
    if "stock" in settings.fields_on:
        found = replace(found, listing=stock.look(found.listing))
    if found.reason:  # nothing may be written to Reverb, but what sold there is still the store's business
        return Steps(client, row, stock, done).to_store_only(skipped(found.reason))
    frame = frame.with_lists(reference.lists(client, connection.budget))
    units = stock.units if "stock" in settings.fields_on else counted(product)
    case = frame.case(product, row, stock.as_known(found.listing), units=units, number=stock.number)
    if only_stock:
        only_end = frozenset({"stock"} if not case.units else ())
        case = replace(case, switches=Switches(create=False, fields=only_end))
    return Steps(client, row, stock, done, in_bulk=taken.cause == jobs.MASS).run(case)


def _renew(taken: Claim) -> bool:
    return jobs.renew(taken, now=clock.now())


def _before_write(product: Product, taken: Claim) -> None:
    """Forbid a call that was decided on the stock of a moment ago: it may have waited for its turn."""
    if _renew(taken) and _stock_moved(product):
        raise Paced("The stock in your store changed meanwhile.", retry_after=AT_ONCE_S)


def _stock_moved(product: Product) -> bool:
    return Product.objects.only("picture").get(pk=product.pk).seen.stock != product.seen.stock


def _sold_somewhere(product: Product) -> bool:
    """Tell whether a product that does not go to Reverb sold on Reverb all the same, or sold out and has a listing."""
    if Order.objects.filter(product=product).exclude(reckoned=F("status")).exists():
        return True
    listed = Listing.objects.filter(product=product).exclude(reverb_id="").exists()
    return listed and product.seen.stock is not None and not product.seen.sellable


# -- endings -------------------------------------------------------------------------------------------------------


def _unusable(connection: ReverbConnection) -> bool:
    problem = connect.PROBLEMS.get(connection.problem)
    return not connection.token.get_secret_value() or (problem is not None and not problem.usable)


def _failed(product: Product, taken: Claim, error: ReverbError, done: list[Change]) -> Ending:
    """Turn an error of Reverb's family into an ending."""
    ending = Ending(Entry.Outcome.FAILED, "refused", done, message=error.message, field_errors=error.field_errors)
    match error:
        case NeedsSeller():
            ending.reason = _needs_seller(product, error)
            return ending
        case SlowDown():
            ending.reason, ending.again_s = "slow_down", error.retry_after
            return ending
        case apply.PostUnsettled():
            ending.reason, error.retry_after = "look_again_first", LOOK_FOR_POST_S
        case NoAnswer(maybe_done=True):
            ending.reason = "answer_lost" if _post_open(product) else "try_later"
        case Passing() | NotFound():  # what was found a moment ago is gone: look again
            ending.reason = "try_later"
        case _:
            return ending
    return _later(taken, ending, at_least=error.retry_after)


def _later(taken: Claim, ending: Ending, *, at_least: float | None = None) -> Ending:
    if taken.attempt >= jobs.MAX_ATTEMPTS:
        ending.reason = "gave_up"
    else:
        first = 1 if ending.reason == "look_again_first" else taken.attempt
        ending.again_s = jobs.delay_s(first, at_least=at_least)
    return ending


def _post_open(product: Product) -> bool:
    return Listing.objects.filter(product=product, post_started_at__isnull=False).exists()


def _needs_seller(product: Product, error: NeedsSeller) -> str:
    """A 401 is not always a dead token: ask for the account before calling the shop disconnected."""
    if error.status != 401:
        return "not_permitted"
    try:
        dead = connect.mark_if_dead(ReverbConnection.objects.get(shop=product.shop_id))
    except ReverbError:  # it cannot be told now
        dead = False
    return "token_refused" if dead else "not_permitted"
