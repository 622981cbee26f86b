"""The steps of one attempt: decide and apply until nothing is left to do, on Reverb and in the store."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from listings.sync import apply, payload, publish, save_listing
from listings.sync.decide import decide
from listings.sync.decision import Action, Case, Decision
from listings.sync.log import Ending
from listings.sync.store_steps import StoreSteps, skipped
from shops.reverb.errors import Invalid, RateLimited, ReverbError
from shops.snapshots import ReverbListing
from synclog.models import Entry

#: Enough for: all fields, those that were not refused, what the responses showed, then nothing.
MAX_STEPS = 5


@dataclass
class Steps(StoreSteps):
    """Decide and apply until nothing is left to do: a lower stock on Reverb first, then the store, then fields."""

    #: A mass sync checks by itself, page by page, what Reverb has published.
    in_bulk: bool = False
    #: What Reverb refused, in its words. Everything else was sent without it.
    refusal: Invalid | None = None
    #: Reverb refused a lower stock that was sent alone.
    refused_alone: bool = False
    #: The body of the last call.
    sent: Mapping[str, Any] | None = None

    def run(self, stock_alone: Case, whole: Callable[[], Case]) -> Ending:
        """Return how the attempt ends. Raises ReverbError; what was done until then is in `done`.

        `stock_alone` is the case with the stock as its only field. `whole` computes the one with all fields. It may
        raise any exception, since the stock has been sent by then.
        """
        try:
            return self._run(stock_alone, whole)
        except RateLimited:
            if self.store_error is None or self.done:
                raise
            # The rest is retried later. That the store was called is logged now.
            return self._with_stock(Ending(Entry.Outcome.NOTHING, "in_sync", self.done))

    def _run(self, case: Case, whole: Callable[[], Case]) -> Ending:
        ending = Ending(Entry.Outcome.NOTHING, "in_sync", self.done)
        case = self._stock_first(case, ending)
        if self.stock.orders_error is not None:
            raise self.stock.orders_error
        try:
            found = whole()
        except RateLimited:
            raise
        except Exception:
            self._raise_alone(case, ending)
            raise
        case = self._now(found, case.listing, stock_first=case.stock_first and not self.in_bulk)
        if case.listing is None:
            apply.wait_for_lost_post(self.row)
        elif self.stock.indexed_at is None:
            save_listing.keep_agreed(self.row, case)
            case = replace(case, agreed=self.row.agreed)
        return self._all_fields(case, ending)

    def _stock_first(self, case: Case, ending: Ending) -> Case:
        """Send a lower stock to Reverb, then write to the store what it lacks."""
        if case.listing is not None and self.stock.indexed_at is None:
            save_listing.keep(self.row, case, case.listing)
        decision = decide(case)
        # A mass sync makes one call per listing: a lower stock goes with the rest, and alone only if that is refused.
        together = self.in_bulk and decision.reason != "ended" and self.stock.orders_error is None
        if not decision.first or together:
            self._to_store()
            return self._now(case, case.listing)
        try:
            listing = self._apply(case, decision, ending)
            self.sent = decision.body
            return self._now(case, listing)
        except Invalid as refusal:
            self._to_store()
            if decision.reason == "ended":
                raise
            # It may succeed together with another field that the store changed.
            self.refusal, self.refused_alone = refusal, True
            return self._now(case, case.listing, stock_first=False)
        except RateLimited:
            raise
        except ReverbError:
            self._to_store()
            raise

    def _raise_alone(self, case: Case, ending: Ending) -> None:
        """Send a higher stock by itself, since the other fields cannot be computed."""
        decision = decide(case)
        if decision.action == Action.UPDATE:
            self._apply(case, decision, ending)

    def _all_fields(self, case: Case, ending: Ending) -> Ending:
        for _ in range(MAX_STEPS):
            decision = decide(case)
            if decision.action == Action.NOTHING or decision.body == self.sent:
                break  # what was just sent and is not visible yet is not sent again
            self.sent = decision.body
            if (
                decision.reason == "used_listing_sold"
                and self.row.relist_as_new
                and case.listing is not None
                and case.sku
            ):
                case = self._relist_as_new(case, case.listing)
            elif decision.action == Action.SKIP:
                ending = ending if ending.outcome == Entry.Outcome.SYNCED else skipped(decision.reason)
                break
            elif (applied := self._tried(case, decision, ending)) is None:
                case = self._without_refused(case, decision, ending)
            else:
                case = self._now(case, applied)
                if publish.awaited(decision, applied):
                    begin = publish.leave if self.in_bulk else publish.begin
                    return self._with_stock(begin(self.row, ending))
                if self.stock.indexed_at is not None and not decision.first:
                    break  # what the page did not show, such as photos, waits: one call per listing
        self.stock.settle(case.listing)
        return self._with_stock(self._refused(publish.follow_up(self.row, case, ending)))

    def _tried(self, case: Case, decision: Decision, ending: Ending) -> ReverbListing | None:
        """Make the call; return None if Reverb refused to change the listing."""
        try:
            applied = self._apply(case, decision, ending)
        except Invalid as refusal:
            if decision.action == Action.CREATE or decision.reason == "ended":
                raise
            self.refusal = refusal
            return None
        if "stock" in decision.sends and self.refused_alone:
            self.refusal = None  # the stock that Reverb refused alone was accepted with the rest
        return applied

    def _without_refused(self, case: Case, decision: Decision, ending: Ending) -> Case:
        """Send the stock of a refused call by itself; return the case without the fields that Reverb refused."""
        refusal, sent = self.refusal, set(decision.sends)
        named = payload.fields_named(refusal.field_errors) if refusal is not None else frozenset()
        refused = named & sent or sent - {"stock"} or sent
        if not self.refused_alone and "stock" in sent - refused:
            alone = decide(case.only_stock())
            listing = self._tried(case, alone, ending) if alone.action == Action.UPDATE else None
            case, refused = (self._now(case, listing), refused) if listing is not None else (case, refused | {"stock"})
        self.refusal = refusal
        return case.without(refused)

    def _refused(self, ending: Ending) -> Ending:
        """Log what Reverb refused, beside what it accepted."""
        if self.refusal is None:
            return ending
        ending.reason = "refused_in_part" if ending.outcome == Entry.Outcome.SYNCED else "refused"
        ending.outcome = Entry.Outcome.FAILED
        ending.message, ending.field_errors = self.refusal.message, self.refusal.field_errors
        return ending

    def end_only(self, case: Case) -> Ending | None:
        """Take the listing off sale, even if other fields differ; None if there is nothing to end."""
        decision = decide(case)
        if decision.reason != "ended":
            return None
        ending = Ending(Entry.Outcome.NOTHING, "in_sync", self.done)
        self._apply(case, decision, ending)
        return self._with_stock(ending)

    def _apply(self, case: Case, decision: Decision, ending: Ending) -> ReverbListing:
        """Make the call, and note it in the ending; the first call's reason stays."""
        call = apply.create if decision.action == Action.CREATE else apply.update
        applied = call(self.client, self.row, case, decision, self.stock)
        if ending.outcome != Entry.Outcome.SYNCED:
            ending.outcome, ending.reason = Entry.Outcome.SYNCED, decision.reason
        self.done += applied.changes
        ending.message, ending.warnings = applied.message, applied.warnings
        if decision.first:
            self._to_store()
        return applied.listing

    def _relist_as_new(self, case: Case, listing: ReverbListing) -> Case:
        apply.set_aside(self.client, self.row, listing)
        if self.stock.ledger is not None:
            self.stock.ledger.refresh_from_db()
        return self._now(case, None)

    def _now(self, case: Case, listing: ReverbListing | None, *, stock_first: bool | None = None) -> Case:
        """Return the case updated with current data; `stock_first` None leaves that flag as it is."""
        synced = self.stock.ledger is not None
        units, number = (self.stock.units, self.stock.number) if synced else (case.units, case.number)
        first = case.stock_first if stock_first is None else stock_first
        return replace(case, listing=listing, agreed=self.row.agreed, units=units, number=number, stock_first=first)
