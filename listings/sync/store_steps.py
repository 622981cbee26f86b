"""The steps of an attempt in the store: write the stock that it lacks, and report what came of it."""

from __future__ import annotations

from dataclasses import dataclass

from listings.models import Listing, Product
from listings.stock import oversold, store_behind
from listings.stock.adjust import Disconnected
from listings.stock.send_adjustment import Short
from listings.stock.session import StockSession
from listings.sync.log import Change, Ending
from reverbsync import clock
from shops.platforms.errors import Busy, Malformed, Missing, StoreAuthError, StoreError, Unsupported
from shops.reverb.client import ReverbClient
from synclog.models import Entry

#: Seconds until a store that did not respond is called again; its stock is urgent.
STORE_AGAIN_S = 5.0
#: The same once the seller was mailed what to change.
STORE_NOTIFIED_AGAIN_S = 3600.0


@dataclass
class StoreSteps:
    """Writes to the store what it lacks."""

    client: ReverbClient
    row: Listing
    stock: StockSession
    #: What was changed, logged even if a later step fails.
    done: list[Change]
    #: Why the store could not be written to; what it lacks stays due.
    store_error: StoreError | None = None

    def to_store_only(self, ending: Ending) -> Ending:
        """Write to the store what it lacks, and return the ending."""
        self._to_store()
        return self._with_stock(ending)

    def _to_store(self) -> None:
        brought = self.stock.bring_to_store()
        if brought is None:
            return
        self.store_error = brought.error
        store_behind.track(self.stock, brought)
        if isinstance(brought.error, Missing | Unsupported | Malformed | Short):
            # The product may be gone, or counted in another way, without a report: it is read again at once.
            Product.objects.filter(pk=self.stock.product.pk).update(next_change_at=clock.now())
        if brought.by:
            before, after = str(brought.after - brought.by), str(brought.after)
            self.done.append({"field": "Stock in your store", "before": before, "after": after})

    def _with_stock(self, ending: Ending) -> Ending:
        """Add the results of the stock sync to the ending, and schedule the next attempt for open doubts."""
        ending.changes = self.done
        sentence = oversold.notify(self.stock)
        if self.done and ending.reason == "in_sync":
            ending.outcome, ending.reason = Entry.Outcome.SYNCED, "stock_to_store"
        self._soon(ending, self.stock.again_s)
        if self.store_error is not None:
            ending.outcome, ending.message = Entry.Outcome.FAILED, str(self.store_error)
            ledger = self.stock.ledger
            ending.reason, again_s = _store_failed(
                self.store_error, notified=bool(ledger and ledger.behind_notified_at)
            )
            self._soon(ending, again_s)
        if sentence is not None:  # logged once, so nothing else may replace it in the log
            ending.outcome, ending.reason, ending.message = Entry.Outcome.FAILED, "oversold", sentence
        return ending

    def _soon(self, ending: Ending, seconds: float | None) -> None:
        if seconds is not None and (ending.again_s is None or seconds < ending.again_s):
            ending.again_s = seconds


def skipped(reason: str) -> Ending:
    """Return the ending of an attempt that wrote nothing, with its reason."""
    return Ending(Entry.Outcome.NOTHING if reason == "gone" else Entry.Outcome.SKIPPED, reason)


def _store_failed(error: StoreError, *, notified: bool) -> tuple[str, float | None]:
    """Return the reason for a store that lacks something, and the seconds until the next attempt at the earliest.

    What may oversell never waits for the seller alone. `notified`: the seller was mailed, so retries are less frequent.
    """
    again_s = STORE_NOTIFIED_AGAIN_S if notified else STORE_AGAIN_S
    match error:
        case Disconnected():
            return "store_refused", None
        case Busy():
            return "store_busy", error.retry_after or STORE_AGAIN_S
        case StoreAuthError():
            return "store_refused", again_s
        case Unsupported():
            return "store_takes_no_stock", again_s
        case Short():
            return "store_behind", again_s
    return "store_later", error.retry_after or STORE_AGAIN_S
