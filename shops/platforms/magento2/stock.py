"""Read and change Magento's stock: sources with reservations, or one number per product without those modules.

The sellable quantity is the quantity in the sources of the website's stock, minus the reservations of unshipped orders,
minus the threshold below which the store does not sell. Only a source's absolute quantity can be written, so it is read
right before and after the write.

Facts: magento/inventory and Magento 2.4.7 as seen. The export of salable quantities spells a SKU as the stock tables
do: possibly in another case or with a trailing blank. It omits products that are in no source of the stock, and shows 0
and salable both for unmanaged stock and for backorders. A negative threshold, or a reservation that was freed twice,
makes it count units that do not exist. If the index is built by a queue ("asynchronous" strategy), it shows a source's
change minutes later. Posting a source item for an unknown SKU is answered 200 and does nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from reverbsync import clock
from shops.platforms import calls
from shops.platforms.magento2 import memory, portions, search, sources
from shops.platforms.magento2.config import StoreConfig
from shops.platforms.magento2.rest import STORE, Rest, encoded
from shops.platforms.magento2.skus import by_sku, name_of
from shops.platforms.magento2.sources import SourceItem
from shops.platforms.reading import each, valid
from shops.platforms.values import Busy, Count, Malformed, Missing, Moved, TransientStoreError, Unsupported
from shops.schemas import MOST_UNITS, Part, Text, Units

#: How long it is cached whether a product's stock is managed.
MANAGED_S = 10 * 60
#: The same for products in no source of the stock: there may be many, each costing a call.
UNASSIGNED_S = 24 * 3600
#: Longest time that a change of a product's stock blocks another.
CLAIM_S = 120
#: Longest time that reads wait for an interrupted attempt to create an order.
LENT_S = 15 * 60
#: How long the index of salable quantities may lag after units were taken (Magento can build it later, by a queue).
TRAILS_S = 15 * 60


class NoAddress(Malformed):
    """The SKU cannot be part of a URL: the web server refuses its slash."""


class _Salable(Part):
    sku: Text
    qty: Units = None
    is_salable: bool = True


class _Item(Part):
    item_id: Text = ""
    qty: Units = None
    min_qty: Units = 0
    backorders: Units = 0
    manage_stock: bool
    is_in_stock: bool = True

    @property
    def units(self) -> int | None:
        """Return the sellable units in a store without sources; None if they are not counted. Raise Malformed."""
        if not self.manage_stock:
            return None
        if not self.is_in_stock:
            return 0
        if self.qty is None:
            raise Malformed(f"{STORE}'s stock item {self.item_id} does not say how many there are.")
        return max(0, self.qty - max(0, self.min_qty or 0))


@dataclass
class Standing:
    """Sellable units by SKU, None if they are not counted, and the reasons for unreadable ones."""

    units: dict[str, int | None] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)

    def of(self, sku: str) -> int | None:
        """Return the units of one SKU. Raise Malformed if they could not be read."""
        if sku in self.unread:
            raise Malformed(self.unread[sku])
        return self.units.get(sku, 0)


class Stock:
    """Reads and changes the stock of one store."""

    def __init__(self, rest: Rest, config: StoreConfig) -> None:
        """Makes no call."""
        self._rest = rest
        self._config = config
        self._lent = f"magento2:lent:{rest.address}:"
        self._bounds = f"magento2:bound:{rest.address}:"

    # -- reading ---------------------------------------------------------------------------------------------

    def of(self, skus: Iterable[str], parents: Mapping[str, str] | None = None) -> Standing:
        """Return what can be sold. `parents`: SKU → its family's SKU, which may be out of stock as a whole."""
        found = Standing()
        for some in search.few(skus):
            named = [str(one) for one in some]
            if self._config.stock_sources() is None:
                self._read_alone(named, found)
            else:
                self._read(named, parents or {}, found)
        return found

    def _read(
        self, skus: Sequence[str], parents: Mapping[str, str], found: Standing, *, lending: bool = False
    ) -> dict[str, list[SourceItem]]:
        """Add to `found` what can be sold; return the quantities in the website's sources."""
        requested_at = clock.now().timestamp()
        families = {sku: parents[sku] for sku in skus if sku in parents}
        salable, odd = self._exported([*skus, *families.values()])
        lies, more = self._source_items(skus)
        found.unread |= {sku: odd[family] for sku, family in families.items() if family in odd}
        found.unread |= {sku: words for sku, words in (odd | more).items() if sku in skus}
        if not lending:
            found.unread |= self._being_lent(skus, requested_at)
        bounds = memory.recall_all(self._bounds, [name_of(sku) for sku in skus])
        for sku in skus:
            if sku in found.unread:
                continue
            items = lies.get(sku, [])
            try:
                units = self._decide(sku, salable.get(sku), items)
            except Malformed as error:
                found.unread[sku] = str(error)
                continue
            bound = bounds.get(name_of(sku))
            if units and bound and bound["there"] == _whole(items):
                units = min(units, bound["units"])
            family = salable.get(families.get(sku, ""))
            if units and units > 0 and family is not None and not family.is_salable:
                units = 0
            found.units[sku] = units
        return lies

    def _decide(self, sku: str, salable: _Salable | None, items: Sequence[SourceItem]) -> int | None:
        """Return what can be sold of a SKU, from its export row and its quantities in the website's sources.

        Raise Malformed if the two contradict each other.
        """
        lies = sum(one.quantity for one in items if one.in_stock)
        if salable is None:
            return self._unlisted(sku, lies)
        if not salable.is_salable:
            return self._short(sku, salable, items)
        if salable.qty is None:
            raise Malformed(f"{STORE} does not say how many of {sku} can be sold.")
        if 0 < salable.qty <= lies:
            return salable.qty
        # Unmanaged stock, backorders, or a lagging index: the product's own setting decides.
        managed, threshold = self._managed(sku)
        if not managed:
            return None
        least = min(0, threshold)
        assigned = self._config.stock_sources()
        is_whole = assigned is not None and assigned["whole"]
        if salable.qty > 0 and is_whole and not items:
            raise Malformed(f"{STORE} sells {sku} and lists no source that has it, so its stock stays as it was.")
        return max(0, min(salable.qty, salable.qty + least, int(lies) if is_whole else salable.qty))

    def _short(self, sku: str, salable: _Salable, items: Sequence[SourceItem]) -> int:
        """Return 0 if it is not sold; a negative number if orders took more units than there are.

        Only this number reveals an order that was placed between our read and our write of a source. Below the
        threshold, the store still has units to ship, and sources that are out of stock are not included in the number.
        """
        units = salable.qty or 0
        if units >= 0 or not all(one.in_stock for one in items):
            return 0
        try:
            managed, threshold = self._managed(sku)
        except Malformed:
            return 0
        return min(0, units + max(0, threshold)) if managed else 0

    def _unlisted(self, sku: str, lies: float) -> int | None:
        """Return what can be sold of a SKU that the export omits: it is in no source, or the index lags."""
        try:
            managed, _ = self._managed(sku, lies=lies > 0)
        except NoAddress:
            managed = True
        if managed and lies > 0:
            raise Malformed(f"{STORE}'s stock index does not have {sku} yet.")
        return 0 if managed else None

    def _managed(self, sku: str, *, lies: bool = True) -> tuple[bool, int]:
        """Return whether a product's stock is managed, and the threshold at which the store stops selling it.

        If it is in no source (`lies` false), the answer is cached for longer, as long as that is so.
        """
        known = f"magento2:{'managed3' if lies else 'unassigned'}:{self._rest.address}:{name_of(sku)}"
        kept: tuple[bool, int] | None = memory.recall(known)
        if kept is None:
            item = self._item(sku)
            kept = (item.manage_stock, item.min_qty or 0)
            memory.remember(known, kept, MANAGED_S if lies else UNASSIGNED_S)
        return kept

    def _exported(self, skus: Sequence[str]) -> tuple[dict[str, _Salable], dict[str, str]]:
        """Return each SKU's row in the export of salable quantities, and the reasons for unreadable ones."""
        rows, failed = portions.every(self._rest, self._export, "sku", skus, sort="")
        read, unread = each(rows, lambda row: valid(_Salable, row, "Magento's stock"), key="sku")
        found, odd = by_sku(skus, read, unread)
        return {sku: some[0] for sku, some in found.items()}, odd | failed

    def source_items(self, sku: str) -> list[SourceItem]:
        """Return a SKU's quantities in the sources of the website's stock, in their order. Raise Malformed.

        An empty answer is confirmed by a second read.
        """
        for _ in range(2):
            lies, odd = self._source_items([sku])
            if sku in odd:
                raise Malformed(odd[sku])
            if sku in lies:
                return lies[sku]
        return []

    def _source_items(self, skus: Sequence[str]) -> tuple[dict[str, list[SourceItem]], dict[str, str]]:
        """Return each SKU's quantities in the website's sources, in their order, and the reasons for unreadable ones.

        Each source counts once, by the row with the best spelling.
        """
        assigned = self._config.stock_sources()
        drawn = assigned["sources"] if assigned else []
        items, unread = sources.read(self._rest, skus, drawn)
        found, odd = by_sku(skus, items, unread)
        lies = {}
        for sku, rows in found.items():
            each_once = {one.code: one for one in reversed(rows)}
            lies[sku] = sorted(each_once.values(), key=lambda one: drawn.index(one.code))
        return lies, odd

    @property
    def _export(self) -> str:
        return f"/inventory/export-stock-salable-qty/website/{self._config.settings['website']}"

    # -- without sources -------------------------------------------------------------------------------------

    def _read_alone(self, skus: Sequence[str], found: Standing) -> None:
        for sku in skus:
            try:
                found.units[sku] = self._item(sku).units
            except Malformed as error:
                found.unread[sku] = str(error)

    def _item(self, sku: str) -> _Item:
        """Return the stock item of an existing product. Raise Malformed if the store does not show it."""

        def ask() -> Any:
            try:
                return self._rest.get(f"/stockItems/{encoded(sku)}")
            except Missing as error:
                raise Malformed(str(error)) from None
            except TransientStoreError as error:
                if "/" in sku and error.retry_after is None and not isinstance(error, Malformed):
                    raise NoAddress(_SLASH.format(sku=sku, words=error)) from None
                raise

        return valid(_Item, portions.about_one(self._rest, ask), "Magento's stock item")

    # -- changing --------------------------------------------------------------------------------------------

    def count(self, sku: str, *, lending: bool = False) -> Count:
        """Return what can be sold now, and the quantities in the sources that an adjustment would change.

        `lending`: the caller lends units to an order. Raise Malformed if it cannot be read.
        """
        if self._config.stock_sources() is None:
            item = self._item(sku)
            return Count(item.units, item.item_id, item.qty or 0)
        items = self._read([sku], {}, found := Standing(), lending=lending).get(sku, [])
        units = found.of(sku)
        if units is None:
            return Count(None)
        return Count(units, sources.named(items), _whole(items), apart=True)

    def adjust(self, sku: str, count: Count, *, by: int) -> Count:
        """Change the quantities in the sources by a difference; open reservations stay.

        Raise Moved if they no longer match `count`. Units that no source has are not taken (`Count.done`).
        """
        if count.units is None:
            raise Unsupported(f"{STORE} does not count this product.")
        with self.claimed(sku):
            change = self._adjust_alone if self._config.stock_sources() is None else self._adjust
            done = change(sku, count, by)
            if not done:
                return replace(count, done=0)
            with calls.written():
                after = self._after(sku, count, done)
            return replace(after, done=None if done == by else done)

    def _after(self, sku: str, count: Count, done: int) -> Count:
        """Return the count after a change of `done` units, limited to the expected number while the index lags."""
        after = self.count(sku)
        if (after.location, after.there) == (count.location, count.there):
            raise TransientStoreError(f"{STORE} does not show our change of stock.")
        expected = max(0, (count.units or 0) + done)
        if done > 0 or after.there != count.there + done or (after.units or 0) <= expected:
            return after
        memory.remember(f"{self._bounds}{name_of(sku)}", {"there": after.there, "units": expected}, TRAILS_S)
        return replace(after, units=expected)

    def _adjust(self, sku: str, count: Count, by: int) -> int:
        items = self.source_items(sku)
        if sources.named(items) != count.location:
            raise Moved("The stock in Magento has moved.")
        changed = sources.taken(items, -by) if by < 0 else sources.added(items, by)
        if not changed:
            return 0
        sources.write(self._rest, changed)
        before = {one.code: one.quantity for one in items}
        return round(sum(one.quantity - before[one.code] for one in changed))

    def _adjust_alone(self, sku: str, count: Count, by: int) -> int:
        item = self._item(sku)
        if (item.item_id, item.qty or 0) != (count.location, count.there):
            raise Moved("The stock in Magento has moved.")
        done = max(by, -max(0, count.there))
        if done:
            left = count.there + done
            in_stock = left > max(0, item.min_qty or 0) or bool(item.backorders)
            body = {"stockItem": {"qty": left, "is_in_stock": in_stock and (item.is_in_stock or count.there <= 0)}}
            self._rest.written("PUT", f"/products/{encoded(sku)}/stockItems/{count.location}", body)
        return done

    @contextmanager
    def claimed(self, sku: str) -> Iterator[None]:
        """Prevent concurrent changes of one product, since each sets the absolute number. Raise Busy while one runs."""
        claim = f"magento2:writing:{self._rest.address}:{name_of(sku)}"
        if not memory.claim(claim, CLAIM_S):
            raise Busy(f"Another change of this product's stock in {STORE} is under way.", retry_after=2.0)
        try:
            yield
        finally:
            memory.release(claim)

    # -- lending ---------------------------------------------------------------------------------------------

    def lending(self, sku: str) -> None:
        """Make reads ignore a product from now on: its units are being lent to an order."""
        memory.remember(f"{self._lent}{name_of(sku)}", {"ended": None}, LENT_S)

    def lent(self, sku: str) -> None:
        """End the loan: reads that start from now on count again."""
        memory.remember(f"{self._lent}{name_of(sku)}", {"ended": clock.now().timestamp()}, LENT_S)

    def _being_lent(self, skus: Sequence[str], requested_at: float) -> dict[str, str]:
        """Return the SKUs whose units were lent at `requested_at`, with the reason why they are unreadable."""
        found = memory.recall_all(self._lent, [name_of(sku) for sku in skus])
        busy = {name for name, loan in found.items() if loan["ended"] is None or loan["ended"] >= requested_at}
        return {sku: f"An order for {sku} is being made in {STORE}." for sku in skus if name_of(sku) in busy}


def _whole(items: Iterable[SourceItem]) -> int:
    return max(-MOST_UNITS, min(MOST_UNITS, int(sum(one.quantity for one in items))))


_SLASH = (
    "The stock of {sku} cannot be asked for: the web server of the store refuses addresses with an encoded slash "
    "(Apache: AllowEncodedSlashes NoDecode). {words}"
)
