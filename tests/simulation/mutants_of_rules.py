"""Planted bugs against the rules for the real world: odd responses, refusals, odd data, slow sides, clocks.

Each replaces one function of ours while its block runs, like those of mutants.py.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from unittest import mock

from django.db import DEFAULT_DB_ALIAS, connections

from listings.intake import batches
from listings.queue import blocked, jobs, lease
from listings.stock import merge
from listings.sync import decide_stock, oversell_check, reconcile, steps
from listings.sync.decision import Case, Decision
from listings.sync.find import find
from listings.upkeep import compare
from reverbsync import clock
from shops import breaker, outages
from shops.call_outcome import CallOutcome
from shops.platforms import answers
from shops.platforms.bigcommerce import product_calls as bigcommerce
from shops.platforms.errors import StoreAuthError
from shops.platforms.magento2 import product_calls as magento2
from shops.platforms.shopify import locations as shopify_locations
from shops.platforms.shopify import product_pages as shopify_pages
from shops.platforms.shopify import products as shopify_products
from shops.platforms.woocommerce import product_calls as woocommerce_products
from shops.platforms.woocommerce import stock_calls as woocommerce_stock
from shops.reverb import answers as reverb_answers
from tests.simulation.planting import always, instead
from webhooks import store_handover

# -- 1: a page is not a response, and one bad response decides nothing ---------------------------------------------


def a_page_means_that_it_is_gone() -> AbstractContextManager[Any]:
    """Take a 404 for "does not exist", whoever sent it."""
    judge = answers.judge

    def by_status(answer: Any, caller: Any) -> Any:
        outcome, said = judge(answer, caller)
        return (CallOutcome.MISSING if answer.status in (404, 410) else outcome), said

    return instead(answers, "judge", by_status)


def one_refusal_means_dead_keys() -> AbstractContextManager[Any]:
    """Do not confirm the store's refusal of our keys by a second call."""
    return instead(answers.Caller, "_about_keys", lambda _, words: StoreAuthError(words))


def a_server_error_means_not_applied() -> AbstractContextManager[Any]:
    """Assume after an error or a page in response to a write that nothing was applied."""
    of_reverb, of_store = reverb_answers.error_of, answers.Caller._error

    def certain(error: Any) -> Any:
        error.may_have_applied = False
        return error

    stack = ExitStack()
    stack.enter_context(instead(reverb_answers, "error_of", lambda *said: certain(of_reverb(*said))))
    stack.enter_context(instead(answers.Caller, "_error", lambda *said: certain(of_store(*said))))
    return stack


def an_old_number_is_believed() -> AbstractContextManager[Any]:
    """Take a number that Reverb had before a sale, or before our own call, for the current one."""
    return instead(merge, "is_stale", always(False))


# -- 2: nothing that can oversell waits for a person alone -----------------------------------------------------------


def what_waits_is_never_tried_again() -> AbstractContextManager[Any]:
    """Never retry what was refused: it waits for the seller."""
    stack = ExitStack()
    stack.enter_context(instead(blocked, "retry_waiting", always(0)))
    stack.enter_context(instead(compare, "find", always([])))
    return stack


def an_end_that_fails_waits_like_an_edit() -> AbstractContextManager[Any]:
    """Do not notice at the end of an attempt that a sold-out listing is still on sale."""
    return instead(oversell_check, "follow", always(oversell_check.Excess.NONE))


def nobody_notices_that_a_side_is_back() -> AbstractContextManager[Any]:
    """Probe a side that was down after an hour, and make nothing due when it responds."""
    stack = ExitStack()
    stack.enter_context(instead(breaker, "wait_s", always(3600.0)))
    stack.enter_context(instead(outages, "make_due", always(None)))
    return stack


# -- 3: stock goes first and alone -----------------------------------------------------------------------------------


def stock_goes_with_the_rest() -> AbstractContextManager[Any]:
    """Send a lower stock in one call with all other fields, so that it is refused with them."""

    stock_step = decide_stock.step

    def not_first(*args: Any) -> Any:
        found = stock_step(*args)
        return replace(found, first=False) if found is not None else None

    def refused_altogether(_: Any, case: Case, decision: Decision, *__: Any) -> Case:
        return case.without(set(decision.sends))

    stack = ExitStack()
    stack.enter_context(mock.patch.object(decide_stock, "step", not_first))
    stack.enter_context(instead(steps.Steps, "_without_refused", refused_altogether))
    return stack


def an_unclear_sku_holds_back_the_stock() -> AbstractContextManager[Any]:
    """Leave a linked listing unchanged while another product has its SKU."""

    def strict(client: Any, begun: Any, **more: Any) -> Any:
        found = find(client, begun, **more)
        return replace(found, reason="sku_twice") if begun.sku_twice else found

    return instead(reconcile, "find", strict)


# -- 4: each delivery and each product is contained by itself --------------------------------------------------------


def a_delivery_that_breaks_ends_the_slice() -> AbstractContextManager[Any]:
    """Let the error of one delivery end the whole slice."""

    def bare(work: Callable[[], object]) -> None:
        work()

    return instead(store_handover, "attempt", bare)


def an_odd_product_hides_its_page() -> AbstractContextManager[Any]:
    """Do not read a page with a product that cannot be read, and request it again unchanged."""

    def strict(rows: Any, read: Callable[[Any], Any], **_: Any) -> Any:
        return [read(row) for row in rows], []

    stack = ExitStack()
    for client in (bigcommerce, magento2, shopify_pages, woocommerce_products, woocommerce_stock):
        stack.enter_context(instead(client, "each", strict))
    stack.enter_context(instead(batches, "shrink", always(None)))
    stack.enter_context(instead(batches, "only_here", always(False)))
    return stack


# -- 5: no shop is affected by another's trouble ---------------------------------------------------------------------


def the_breaker_never_closes() -> AbstractContextManager[Any]:
    """Ignore successful probes."""
    return instead(breaker, "succeeded", always(None))


# -- 6: clocks -------------------------------------------------------------------------------------------------------


def each_machine_goes_by_its_own_clock() -> AbstractContextManager[Any]:
    """Use the machine's time, not the database's."""
    now = clock.now

    def by_the_machine() -> datetime:
        process = getattr(connections[DEFAULT_DB_ALIAS], "process", None)
        return now() + timedelta(seconds=process.machine_ahead_s if process is not None else 0.0)

    return instead(clock, "now", by_the_machine)


# -- 7: the lease covers every write ---------------------------------------------------------------------------------


def the_lease_is_not_renewed() -> AbstractContextManager[Any]:
    """Never renew the lease of a worker, and check it neither before calls nor before writes."""
    stack = ExitStack()
    stack.enter_context(instead(jobs, "renew", always(False)))
    stack.enter_context(instead(lease, "_save", lambda _, row, names: row.save(update_fields=names)))
    return stack


# -- 8: what a store would not sell is not sold ----------------------------------------------------------------------


def what_lies_where_nothing_is_sold_counts() -> AbstractContextManager[Any]:
    """Count the units at all of the store's locations."""
    count = shopify_locations.count
    all_of_them = shopify_locations.TOTAL_ALONE
    stack = ExitStack()
    stack.enter_context(instead(shopify_products, "sellable", lambda total, *_: total))
    stack.enter_context(instead(shopify_locations, "count", lambda item, levels, _: count(item, levels, all_of_them)))
    return stack
