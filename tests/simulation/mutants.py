"""Planted bugs, one at a time: the simulation is good if it finds each of them soon.

Each replaces one function of ours while its block runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from unittest import mock

from listings.intake import observe
from listings.models import Job, Ledger, Product
from listings.orders import create_store_order, failed_store_order, order_poll
from listings.queue import jobs, settle_job
from listings.stock import adjust, agreed, inputs, send_adjustment, writes
from listings.sync import apply, log
from reverbsync.ratelimit import limiter, throttle
from shops.models import ReverbConnection
from shops.platforms.errors import StoreError
from shops.platforms.values import Count
from shops.reverb.client import ReverbClient
from synclog.models import Entry
from synclog.record import record
from tests.simulation import mutants_of_rules
from tests.simulation.planting import Mutant, always, called, instead, planted_now
from webhooks import failed_deliveries, inbox

__all__ = ["MUTANTS", "called", "planted"]


def order_counted_twice() -> AbstractContextManager[Any]:
    """Forget what was counted for an order, so that the next attempt counts it again."""
    sale = inputs.sale_of
    return instead(inputs, "sale_of", lambda order: replace(sale(order), counted=0))


def refund_counted_twice() -> AbstractContextManager[Any]:
    """Restock the units of a released order on every attempt."""
    sale = inputs.sale_of

    def forgets(order: Any) -> agreed.Sale:
        found = sale(order)
        return replace(found, counted=found.quantity) if found.released else found

    return instead(inputs, "sale_of", forgets)


def order_in_the_store_takes_stock_too() -> AbstractContextManager[Any]:
    """Make an order in the store deduct its units, though our ledger deducts them as well."""
    return instead(create_store_order, "_ledger_counts", always(False))


def order_is_made_again_at_once() -> AbstractContextManager[Any]:
    """Forget that the response to an order's creation was lost."""
    failed = failed_store_order.store_failed

    def forgets(order: Any, error: StoreError) -> None:
        order.making_at = None
        failed(order, error)

    return instead(failed_store_order, "store_failed", forgets)


def echo_of_the_store_taken_for_news() -> AbstractContextManager[Any]:
    """Take the echo of our own adjustment for a change in the store."""
    applied = send_adjustment.applied

    def forgets(ledger: Ledger, product: Product, after: Count) -> int:
        before = ledger.store
        by = applied(ledger, product, after)
        ledger.store = before
        ledger.save(update_fields=["store"])
        return by

    return instead(send_adjustment, "applied", forgets)


def echo_of_reverb_taken_for_an_edit() -> AbstractContextManager[Any]:
    """Take the echo of our own number for an edit by hand on Reverb."""

    def forgets(ledger: Ledger, units: int, **_: Any) -> None:
        ledger.pending_put = None
        ledger.save(update_fields=["pending_put"])

    return instead(writes, "set_on_reverb", forgets)


def overwrites_the_store() -> AbstractContextManager[Any]:
    """Set the store's number to our own result, even if it changed meanwhile."""

    def overwrite(ledger: Ledger, product: Product, client: Any) -> Count:
        count: Count = client.count(product.seen)
        ledger.store = count.units or 0
        return count

    return instead(adjust, "_count", overwrite)


def overwrites_reverb() -> AbstractContextManager[Any]:
    """Set Reverb's number without reading it first: changes there are lost."""
    return instead(inputs, "number_of", always(None))


def orders_are_never_read() -> AbstractContextManager[Any]:
    """Never read orders: a sale that our own write overwrote is never known."""

    def nothing(connection_id: int, _: Any, now: datetime) -> None:
        changes = {"orders_read_at": now, "orders_due_at": now + timedelta(minutes=5)}
        ReverbConnection.objects.filter(pk=connection_id).update(**changes)

    return instead(order_poll, "_read", nothing)


def creates_without_look_up() -> AbstractContextManager[Any]:
    """Create a listing without looking up whether there is one."""
    return instead(ReverbClient, "listings_with_sku", always([]))


def posts_again_at_once() -> AbstractContextManager[Any]:
    """Create the listing again after a lost response, as soon as the look-up shows none."""
    return instead(apply, "wait_for_lost_post", always(None))


def delivery_done_before_its_jobs() -> AbstractContextManager[Any]:
    """Mark a delivery as done when it is read, not when its jobs are saved: a crash in between loses it."""
    open_ones = inbox.open_ones

    def put_away(*args: Any, now: datetime, **more: Any) -> Any:
        found = open_ones(*args, now=now, **more)
        inbox.done(found, now=now, personal=())
        return found

    return instead(inbox, "open_ones", put_away)


def failed_delivery_is_given_up() -> AbstractContextManager[Any]:
    """Discard a delivery whose store does not respond."""

    def given_up(delivery: Any, *, now: datetime, **_: Any) -> None:
        inbox.done([delivery], now=now, personal=())

    return instead(failed_deliveries, "try_later", given_up)


def finish_ignores_new_requests() -> AbstractContextManager[Any]:
    """Close a job although it was requested again while it ran."""
    finish = settle_job.finish

    def blind(taken: jobs.Claim, **more: Any) -> None:
        wanted = Job.objects.filter(pk=taken.job_id).values_list("generation", flat=True).first()
        finish(replace(taken, generation=wanted or taken.generation), **more)

    return instead(settle_job, "finish", blind)


def lost_lease_is_not_noticed() -> AbstractContextManager[Any]:
    """Keep the claimed jobs of dead workers claimed for ever."""
    stack = ExitStack()
    stack.enter_context(mock.patch.object(jobs, "LEASE", timedelta(days=90)))
    stack.enter_context(instead(jobs, "free_abandoned", always([])))
    return stack


def failures_leave_no_entry() -> AbstractContextManager[Any]:
    """Do not log what will be retried."""
    try_later = settle_job.try_later

    def silent(taken: jobs.Claim, **more: Any) -> None:
        try_later(taken, **more)
        Entry.objects.filter(shop=taken.shop_id, reason="try_later").delete()

    return instead(settle_job, "try_later", silent)


def everything_is_logged_twice() -> AbstractContextManager[Any]:
    """Write two entries for an attempt that is retried."""
    attempt_of = log.attempt_of

    def twice(product: Any, link: str, taken: Any, ending: Any, **more: Any) -> Any:
        if taken.attempt > 1:
            record(attempt_of(product, link, taken, ending, **more))
        return attempt_of(product, link, taken, ending, **more)

    return instead(log, "attempt_of", twice)


def another_shops_account() -> AbstractContextManager[Any]:
    """Call Reverb with the first account in the database."""
    of = ReverbClient.of.__func__  # type: ignore[attr-defined]

    def first(cls: Any, /, connection: ReverbConnection, **more: Any) -> ReverbClient:
        any_one = ReverbConnection.objects.order_by("pk").first() or connection
        called.update(planted_now)
        found: ReverbClient = of(cls, any_one, **more)
        return found

    return mock.patch.object(ReverbClient, "of", classmethod(first))


def token_in_the_log() -> AbstractContextManager[Any]:
    """Write a call's token into an entry."""
    attempt_of = log.attempt_of

    def leaking(product: Any, link: str, taken: Any, ending: Any, **more: Any) -> Any:
        ending.message = f"with {ReverbConnection.objects.get(shop=product.shop_id).token.get_secret_value()}"
        return attempt_of(product, link, taken, ending, **more)

    return instead(log, "attempt_of", leaking)


def no_silence_after_429() -> AbstractContextManager[Any]:
    """Ignore Reverb's requests to slow down."""
    return instead(throttle, "_keep", always(0))


def no_rate_limit() -> AbstractContextManager[Any]:
    """Do not rate limit calls."""
    return instead(limiter, "_ask", always((True, 0.0)))


def webhooks_older_than_ours_win() -> AbstractContextManager[Any]:
    """Let an earlier reading replace a later one."""
    see = observe.observe

    def forgetful(shop: Any, snapshot: Any, known: Product | None, *, requested_at: datetime, **more: Any) -> Any:
        if known is not None:
            known.read_at = min(known.read_at, requested_at)
        return see(shop, snapshot, known, requested_at=requested_at, **more)

    return instead(observe, "observe", forgetful)


#: All planted bugs, by name.
MUTANTS: dict[str, Mutant] = {
    name: made
    for owner in (globals(), vars(mutants_of_rules))
    for name, made in owner.items()
    if callable(made) and getattr(made, "__module__", "") == owner["__name__"] and not name.startswith("_")
}


@contextmanager
def planted(name: str) -> Iterator[None]:
    """Plant a bug while the block runs; none for ""."""
    if not name:
        yield
        return
    planted_now.append(name)
    try:
        with MUTANTS[name]():
            yield
    finally:
        planted_now.pop()
