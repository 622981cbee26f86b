"""The stock of one product in one attempt: what was read, then what each side is to get."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from listings.orders import order_poll
from listings.stock import adjust, targets, writes
from listings.stock.adjust import Brought
from listings.stock.agreed import FOLLOWS_WITHIN
from listings.stock.reading import ORDERS_KEEP_IN_BULK_S, StockReader
from shops.models.settings import StockWay
from shops.reverb.availability import OFF_SALE, may_sell, number_of
from shops.snapshots import ReverbListing

#: Responses are hardly staler than this; what one may have hidden is checked again then.
OLD_FOR = timedelta(minutes=2)


@dataclass
class StockSession(StockReader):
    """One product's stock in one attempt. Each attempt builds its own."""

    #: Undoes what was remembered of the number that was about to be set.
    _not_set: Callable[[], None] | None = None

    @property
    def units(self) -> int | None:
        """Units that Reverb is to show: 0 if the product is not for sale, None if the store does not count it."""
        if self.ledger is not None:
            return targets.to_show(self.ledger, self.product, self.settings)
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
        if not self.number or at is None or (ago := self.client.their_now() - at) > FOLLOWS_WITHIN:
            return None
        return (OLD_FOR - ago).total_seconds()

    def before_put(self, units: int) -> None:
        """Remember the number that is about to be set on Reverb."""
        if self.ledger is not None:
            self._not_set = writes.setting_reverb(self.ledger, units)

    def after_put(self, units: int) -> None:
        """Record that Reverb applied it; poll orders soon, since a sale may have come between our read and write."""
        self._not_set = None
        if self.ledger is None:
            return
        leads = self.settings.stock_way == StockWay.STORE
        store = targets.store_number(self.product) if leads else None
        writes.set_on_reverb(self.ledger, units, at=self.client.their_now(), store=store)
        if units and not leads:
            order_poll.soon(self.product.shop_id, in_s=0.0 if self.indexed_at is None else ORDERS_KEEP_IN_BULK_S)

    def not_put(self) -> None:
        """Record that Reverb certainly did not apply the number of the last `before_put`."""
        if self._not_set is not None:
            self._not_set()
            self._not_set = None

    def settle(self, listing: ReverbListing | None) -> None:
        """Record the agreement where the store leads and both sides show the same."""
        number, store = number_of(listing), targets.store_number(self.product)
        if self.ledger is None or self.settings.stock_way == StockWay.BOTH or number != self.units or number is None:
            return
        if (self.ledger.reverb, self.ledger.store) != (number, store):
            writes.set_on_reverb(self.ledger, number, at=self.client.their_now(), store=store)

    def bring_to_store(self) -> Brought | None:
        """Write to the store what it is still to get, as far as it accepts it; None if it has no such product."""
        if self.ledger is None or self.product.gone_at is not None or self.orders_error is not None:
            return None
        return adjust.bring(self.ledger, self.product, self.settings, before=self.before_store)
