"""Read the stock of one product on both sides, and merge it into the ledger.

Before a number is pushed to Reverb, the sales since are read in the same attempt; otherwise a unit that sold would go
on sale again. Taking a listing off sale needs no read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from listings.models import Ledger, Listing, Product
from listings.orders import order_poll
from listings.stock import inputs, next_check, targets, writes
from listings.stock import ledger as books
from listings.stock.agreed import Agreed, shown, store_adjustment
from listings.stock.linking import Read
from reverbsync import clock
from shops.models import ReverbConnection, SyncSettings
from shops.models.settings import StockWay
from shops.platforms import platform_of
from shops.reverb.availability import is_news, number_of
from shops.reverb.client import ReverbClient
from shops.reverb.errors import RateLimited, ReverbError
from shops.snapshots import ReverbListing

#: Orders are read again before a number is pushed if the last read is older than this.
ORDERS_KEEP_S = 2.0
ORDERS_KEEP_IN_BULK_S = 8.0


@dataclass
class StockReader:
    """Reads one product's stock on both sides in one attempt, and merges it into the ledger."""

    row: Listing
    product: Product
    settings: SyncSettings
    connection: ReverbConnection
    client: ReverbClient
    #: Saves what is pending, before a call to a store that may be slow.
    before_store: Callable[[], object]
    #: The ledger and the time of the last orders poll as of the beginning of the attempt, and whether there may be
    #: orders that still affect the stock.
    known: Ledger | None
    orders_read_at: datetime | None
    sold: bool
    #: When the attempt began: the listing was read after this.
    since: datetime
    #: When a page of a mass sync's fetch showed the listing; None if it was read just now.
    indexed_at: datetime | None = None
    ledger: Ledger | None = None
    #: Why the orders could not be read, where a lower number is sent to Reverb all the same. Nothing else may be
    #: written.
    orders_error: ReverbError | None = None
    #: Seconds until a pending doubt can be decided; None if there is none.
    again_s: float | None = None

    def look(self, listing: ReverbListing | None) -> ReverbListing | None:
        """Merge what both sides say; return the listing, read again if its page is too old.

        Raises ReverbError if Reverb's orders were needed and could not be read.
        """
        known, leads = self.known, self.settings.stock_way == StockWay.STORE
        listing = self._read_again_if_moved(listing, known)
        read = self._read(listing, known)
        seen = None if known is None or leads else books.foresee(known, self.product, read, sold=self.sold)
        if self._must_read_orders(read, seen) and self._orders_are_read(listing, seen):
            known, self.sold = books.known(self.row), True
            listing = self._read_again_if_moved(listing, known, raises=self._raises(seen))
            read = self._read(listing, known)
            # A sale of that moment may predate the read of the listing, or not.
            if listing is not None and inputs.sold_since(self.product, read):
                listing = self._read_again(listing)
                read = self._read(listing, known)
        elif known is not None and books.is_known(known, self.product, read, self.settings, seen):
            self.ledger = known  # nothing to merge, so nothing to lock
        if self.ledger is None:
            self.ledger = books.take(self.row, self.product, read, self.settings)
        now = self.client.their_now()
        if (
            self.ledger is not None
            and (at := next_check.due_at(self.ledger, self.product, now, sold=self.sold)) is not None
        ):
            self.come_back((at - now).total_seconds() + 1)
        return listing

    def look_at_store(self) -> None:
        """Merge what the store says alone, where the listing cannot be read."""
        self.ledger = books.take(self.row, self.product, self._read(None, self.known), self.settings)

    def _orders_are_read(self, listing: ReverbListing | None, seen: books.Foreseen | None) -> bool:
        """Read the orders; return False if that failed and a lower number goes out without them.

        A lower number puts nothing on sale. Raises ReverbError if they are needed.
        """
        keep_s = ORDERS_KEEP_S if self.indexed_at is None else ORDERS_KEEP_IN_BULK_S
        try:
            self.orders_read_at = order_poll.fresh(self.connection, self.client, now=clock.now(), max_age_s=keep_s)
        except RateLimited:
            raise
        except ReverbError as error:
            number = number_of(listing)
            if seen is None or seen.merged.undecided or seen.merged.agreed.unexplained_gain or number is None:
                raise
            if self._shown(seen.merged.agreed) >= number:
                raise
            self.orders_error = error
        return self.orders_error is None

    def _raises(self, seen: books.Foreseen | None) -> bool:
        """Return whether Reverb is to show more than was agreed."""
        return seen is not None and self._shown(seen.merged.agreed) > (seen.merged.agreed.reverb or 0)

    def _shown(self, agreed: Agreed) -> int:
        """Return the units that Reverb is to show for an agreement."""
        return shown(agreed.units, **targets.limits(self.product, self.settings))

    def _read_again_if_moved(
        self, listing: ReverbListing | None, known: Ledger | None, *, raises: bool = False
    ) -> ReverbListing | None:
        """Read a listing again if its page may be out of date: after a sale or an edit, or before its number rises.

        A page lags. A higher number (`raises`) would undo an edit that the seller made on Reverb in the meantime.
        """
        if listing is None or self.indexed_at is None:
            return listing
        agreed = known.reverb if known is not None else None
        moved = is_news(listing, agreed, both=True)
        if not moved and not raises and not (self.sold and inputs.sold_lately(self.product, self.client.their_now())):
            return listing
        return self._read_again(listing)

    def _read_again(self, listing: ReverbListing) -> ReverbListing:
        self.indexed_at, self.since = None, clock.now()
        return self.client.listing(listing.id)

    def _must_read_orders(self, read: Read, seen: books.Foreseen | None) -> bool:
        if self.settings.stock_way == StockWay.STORE:
            return False
        if seen is None:
            return read.listing is not None
        after = seen.merged.agreed
        if seen.merged.surprise or after.unexplained_gain:
            return True
        if after.unexplained_drop and any(sale.doubtful and sale.sure for sale in seen.merged.sales):
            return True
        if store_adjustment(after) > 0:  # units that come back to the store may have sold again
            return True
        show = self._shown(after)
        return show > 0 and show != after.reverb

    def _read(self, listing: ReverbListing | None, known: Ledger | None) -> Read:
        number = targets.store_number(self.product)
        if known is not None:
            wait = writes.trails_s(known, number, platform_of(self.product.shop.store))
            if wait:
                self.come_back(wait + 1)
                number = None
        orders_at = self.client.in_their_time(self.orders_read_at)
        read_at = self.client.in_their_time(self.indexed_at)
        since = None if self.indexed_at else self.since
        return Read(number, listing, self.client.their_now(), orders_at, read_at, since)

    def come_back(self, seconds: float) -> None:
        """Make the job due again after so many seconds at the latest."""
        self.again_s = seconds if self.again_s is None else min(self.again_s, seconds)
