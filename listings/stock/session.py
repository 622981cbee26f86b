"""The stock of one product in one attempt: read both sides, merge, then write to each what it lacks.

Before a number is pushed to Reverb, the sales since are read in the same attempt; otherwise a unit that sold would go
on sale again. Taking a listing off sale needs no read.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from listings.models import Ledger, Listing, Product
from listings.orders import order_poll
from listings.stock import adjust, next_check
from listings.stock import ledger as books
from listings.stock.adjust import Brought
from listings.stock.agreed import FOLLOWS_WITHIN, Agreed, shown, store_adjustment
from listings.stock.linking import Read
from reverbsync import clock
from shops.models import ReverbConnection, SyncSettings
from shops.models.settings import StockWay
from shops.platforms import platform_of
from shops.reverb.availability import OFF_SALE, is_news, may_sell, number_of
from shops.reverb.client import ReverbClient
from shops.reverb.errors import RateLimited, ReverbError
from shops.snapshots import ReverbListing

#: Orders are read again before a number is pushed if the last read is older than this.
ORDERS_KEEP_S = 2.0
ORDERS_KEEP_IN_BULK_S = 8.0
#: Responses are hardly staler than this; what one may have hidden is checked again then.
OLD_FOR = timedelta(minutes=2)


@dataclass
class StockSession:
    """One product's stock in one attempt. Each attempt builds its own."""

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
    #: Why the orders could not be read, where a lower number goes to Reverb without them. Nothing else may be written.
    orders_error: ReverbError | None = None
    #: Seconds until a pending doubt can be decided; None if there is none.
    again_s: float | None = None
    #: Undoes what was remembered of the number that was about to be set.
    _not_set: Callable[[], None] | None = None

    # -- reading ---------------------------------------------------------------------------------------------------

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
            if listing is not None and books.sold_since(self.product, read):
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
        return shown(agreed.units, **books.limits(self.product, self.settings))

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
        if not moved and not raises and not (self.sold and books.sold_lately(self.product, self.client.their_now())):
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
        number = books.store_number(self.product)
        if known is not None:
            wait = books.trails_s(known, number, platform_of(self.product.shop.store))
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

    # -- what Reverb is to show ------------------------------------------------------------------------------------

    @property
    def units(self) -> int | None:
        """Units that Reverb is to show: 0 if the product is not for sale, None if the store does not count it."""
        if self.ledger is not None:
            return books.to_show(self.ledger, self.product, self.settings)
        return 0 if self.product.gone_at is not None or not self.product.seen.for_sale else None

    def as_known(self, listing: ReverbListing | None) -> ReverbListing | None:
        """Return the listing as the ledger knows it, where an old page or a stale response may differ.

        A listing that was on sale recently may still be, even if it seems to be off sale: it is ended once no unit is
        left.
        """
        if listing is None or self.number is None:
            return listing
        if self.indexed_at is not None and number_of(listing) is not None:
            return replace(listing, inventory=self.number)
        left_s = self._old_for_s()
        if left_s is None or may_sell(listing) or listing.state not in OFF_SALE | {"draft"}:
            return listing
        if left_s > 0:  # check again what this response hid
            self.come_back(left_s + 1)
        if self.units:
            return listing
        return replace(listing, state="draft" if listing.state == "draft" else "live", inventory=self.number)

    @property
    def number(self) -> int | None:
        """Reverb's last agreed number, None if there never was one."""
        return None if self.ledger is None else self.ledger.reverb

    def _old_for_s(self) -> float | None:
        """Return for how many more seconds a response is likely to show no units although some are for sale.

        None if the response is not stale: Reverb had none for sale within the last ten minutes.
        """
        at = None if self.ledger is None else self.ledger.set_at
        if not self.number or at is None or (ago := self._their_now() - at) > FOLLOWS_WITHIN:
            return None
        return (OLD_FOR - ago).total_seconds()

    # -- writing ---------------------------------------------------------------------------------------------------

    def before_put(self, units: int) -> None:
        """Remember the number that is about to be set on Reverb."""
        if self.ledger is not None:
            self._not_set = books.setting_reverb(self.ledger, units)

    def after_put(self, units: int) -> None:
        """Record that Reverb applied it; poll orders soon, since a sale may have come between our read and write."""
        self._not_set = None
        if self.ledger is None:
            return
        leads = self.settings.stock_way == StockWay.STORE
        store = books.store_number(self.product) if leads else None
        books.set_on_reverb(self.ledger, units, at=self._their_now(), store=store)
        if units and not leads:
            order_poll.soon(self.product.shop_id, in_s=0.0 if self.indexed_at is None else ORDERS_KEEP_IN_BULK_S)

    def not_put(self) -> None:
        """Record that Reverb certainly did not apply the number of the last `before_put`."""
        if self._not_set is not None:
            self._not_set()
            self._not_set = None

    def settle(self, listing: ReverbListing | None) -> None:
        """Record the agreement where the store leads and both sides show the same."""
        number, store = number_of(listing), books.store_number(self.product)
        if self.ledger is None or self.settings.stock_way == StockWay.BOTH or number != self.units or number is None:
            return
        if (self.ledger.reverb, self.ledger.store) != (number, store):
            books.set_on_reverb(self.ledger, number, at=self._their_now(), store=store)

    def bring_to_store(self) -> Brought | None:
        """Write to the store what it is still to get, as far as it accepts it; None if it has no such product."""
        if self.ledger is None or self.product.gone_at is not None or self.orders_error is not None:
            return None
        return adjust.bring(self.ledger, self.product, self.settings, before=self.before_store)

    def _their_now(self) -> datetime:
        return self.client.their_now()
