"""Lend units that our ledger took back to a source, so that an order can reserve them.

Afterwards the source holds the units again, the order has reserved them, and as many can be sold as before: shipping,
cancelling or refunding the order in Magento's admin each count them once.

If other units are still on sale, the order is placed first, so that briefly one unit too few is on sale, never one too
many. The last unit must be in the source before a checkout can buy it. For that moment it is on sale in the store, as
it was before we heard of its sale on Reverb. If the checkout fails, it is removed again at once.

Before a source is written, its old and new quantities are saved, with the order's row or in the order's history. So
after a crash, the next attempt knows what was done. Stock reads meanwhile are ignored (`Stock.lending`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any

from shops.orders import NewOrder
from shops.platforms import calls
from shops.platforms.errors import Malformed, StoreError, TransientStoreError, Unsupported
from shops.platforms.magento2 import forms, order_body, sources
from shops.platforms.magento2 import skus as names
from shops.platforms.magento2.rest import STORE, Rest
from shops.platforms.magento2.sources import SourceItem
from shops.platforms.magento2.stock import Stock

_TAKEN = re.compile(r"ReverbSync takes \S+ of (?P<sku>.+) back out of source (?P<code>\S+) \(\S+ to (?P<after>\S+)\)\.")
_GONE = f"No source in {STORE} holds the units of the order any more. Cancel it there."
Make = Callable[[], forms.Order]
Look = Callable[[str], forms.Order | None]


@dataclass(frozen=True)
class Loan:
    """Units of a SKU in a source: its quantity before the loan, and with it."""

    sku: str
    code: str
    before: float
    after: float


class Loans:
    """Lends units to orders of one store, and takes them back."""

    def __init__(self, rest: Rest, stock: Stock) -> None:
        """Makes no call."""
        self._rest = rest
        self._stock = stock

    # -- making an order ---------------------------------------------------------------------------------------

    def lend(
        self,
        order: NewOrder,
        units: Mapping[str, int],
        found: forms.Order | None,
        prepare: Callable[[], Make],
        look: Look,
    ) -> forms.Order:
        """Return the order, created unless it was `found`, with its units reserved and in a source.

        `units`: SKU → how many units were taken for it. `prepare` makes all calls that are possible before the units
        are there, and returns a function that makes the others. Raise StoreError; unfinished loans are then saved with
        the order.
        """
        kept = _kept(order.begun)
        with self._apart(units) as over:
            if found is not None:
                self._give(kept)
                order.keep({})
                over()
                return found
            given = [one for one in kept if self._quantity(one) == one.after]
            sure = {one.sku for one in given}
            loans = given + [self._loan(sku, wanted) for sku, wanted in units.items() if sku not in sure]
            order.keep(_as_kept(loans))
            given += (first := [one for one in loans if one.sku not in sure and self._sells(one.sku) < units[one.sku]])
            try:
                make = prepare()
                self._give(first)
                made = _made(order, make, look)
            except StoreError as error:
                if self._take(given):
                    if not error.may_have_applied:
                        order.keep({})
                    over()
                raise
            self._give(one for one in loans if one not in given)
            order.keep({})
            over()
            return made

    def settle(self, begun: Mapping[str, Any], *, is_made: bool) -> None:
        """Settle open loans: a created order gets its units, otherwise they are taken back. Raise StoreError."""
        kept = _kept(begun)
        with self._apart(one.sku for one in kept) as over:
            if is_made:
                self._give(kept)
            elif not self._take(kept):
                raise TransientStoreError(f"{STORE} did not take back the units that were lent to an order.")
            over()

    def _loan(self, sku: str, units: int) -> Loan:
        added = sources.added(self._stock.source_items(sku), units)
        if not added:
            raise Unsupported(f"No source that sells online in {STORE} holds {sku}. Assign one, and try again.")
        return Loan(sku, added[0].code, added[0].quantity - units, added[0].quantity)

    def _sells(self, sku: str) -> int:
        return self._stock.count(sku, lending=True).units or 0

    # -- cancelling one ----------------------------------------------------------------------------------------

    def take_back(self, order: forms.Order) -> None:
        """Before an order is cancelled, which frees its units, take as many from a source. Raise StoreError.

        The order's history records what is taken, so that it is taken only once.
        """
        taken = {hit["sku"]: hit for one in order.remarks if (hit := _TAKEN.fullmatch(one.strip()))}
        lines = forms.store_order(order).lines
        now = names.now(self._rest, [line.store_product_id for line in lines])
        if any(line.store_product_id and line.store_product_id not in now for line in lines):
            raise Unsupported(_GONE)
        wanted = {now.get(line.store_product_id, line.sku): line.quantity for line in lines}
        with self._apart(wanted) as over:
            for sku, units in wanted.items():
                items = {one.code: one for one in self._stock.source_items(sku)}
                hit = taken.get(sku)
                if hit is not None and hit["code"] in items and f"{items[hit['code']].quantity:g}" == hit["after"]:
                    continue
                if self._stock.count(sku, lending=True).units is None:
                    continue  # no longer counted
                changed = sources.taken(list(items.values()), units)
                if sum(items[one.code].quantity - one.quantity for one in changed) < units:
                    raise Unsupported(_GONE)
                for one in changed:
                    before = items[one.code].quantity
                    words = (
                        f"ReverbSync takes {before - one.quantity:g} of {sku} back out of source {one.code} "
                        f"({before:g} to {one.quantity:g})."
                    )
                    note = {"statusHistory": order_body.remark(words)}
                    self._rest.written("POST", f"/orders/{order.entity_id}/comments", note)
                sources.write(self._rest, changed)
            over()

    # -- sources -----------------------------------------------------------------------------------------------

    @contextmanager
    def _apart(self, skus: Iterable[str]) -> Iterator[Callable[[], None]]:
        """Block other changes of these products, and make reads ignore the intermediate stock.

        Yields a function to call once the stock is right again; if it is not called, reads wait for the next attempt.
        """
        names = list(skus)
        with ExitStack() as claims:
            for sku in names:
                claims.enter_context(self._stock.claimed(sku))
            for sku in names:
                self._stock.lending(sku)

            def over() -> None:
                for sku in names:
                    self._stock.lent(sku)

            yield over

    def _source_item(self, loan: Loan) -> SourceItem | None:
        return next((one for one in self._stock.source_items(loan.sku) if one.code == loan.code), None)

    def _quantity(self, loan: Loan) -> float | None:
        item = self._source_item(loan)
        return None if item is None else item.quantity

    def _give(self, loans: Iterable[Loan]) -> None:
        """Add units to their sources, unless that was already done."""
        for loan in loans:
            item = self._source_item(loan)
            if item is not None and item.quantity == loan.before:
                sources.write(self._rest, [replace(item, quantity=loan.after, in_stock=True)])

    def _take(self, loans: Iterable[Loan]) -> bool:
        """Remove lent units from their sources; return whether that succeeded."""
        try:
            for loan in loans:
                item = self._source_item(loan)
                if item is not None and item.quantity == loan.after:
                    sources.write(self._rest, [replace(item, quantity=loan.before)])
        except StoreError:
            return False
        return True


def _made(order: NewOrder, make: Make, look: Look) -> forms.Order:
    """Create the order; if the answer is lost, search for it at once."""
    try:
        return make()
    except TransientStoreError as error:
        if not error.may_have_applied:
            raise
        with calls.written():
            found = look(order.reverb_number)
        if found is None:
            raise
        return found


def _kept(begun: Mapping[str, Any]) -> list[Loan]:
    try:
        return [Loan(**one) for one in begun.get("loans", [])]
    except TypeError:
        raise Malformed("What an attempt to make the order has begun could not be read.") from None


def _as_kept(loans: Iterable[Loan]) -> dict[str, Any]:
    return {"loans": [asdict(one) for one in loans]}
