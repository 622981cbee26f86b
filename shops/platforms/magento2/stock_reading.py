"""Read Magento's stock: sources with reservations, or one number per product without those modules.

The sellable quantity is the quantity in the sources of the website's stock, minus the reservations of unshipped orders,
minus the threshold below which the store does not sell.

Facts: magento/inventory and Magento 2.4.7 as seen. The export of salable quantities spells a SKU as the stock tables
do: possibly in another case or with a trailing blank. It omits products that are in no source of the stock, and shows 0
and salable both for unmanaged stock and for backorders. A negative threshold, or a reservation that was freed twice,
makes it count units that do not exist. If the index is built by a queue ("asynchronous" strategy), it shows a source's
change minutes later.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from reverbsync import clock
from shops.platforms.errors import Malformed
from shops.platforms.magento2 import batches, search, sources, store_cache
from shops.platforms.magento2.config import StoreConfig
from shops.platforms.magento2.rest import STORE, Rest
from shops.platforms.magento2.skus import by_sku, name_of
from shops.platforms.magento2.sources import SourceItem
from shops.platforms.magento2.stock_items import NoAddress, StockItems
from shops.platforms.reading import each, valid
from shops.platforms.values import Count
from shops.schemas import MOST_UNITS, Part, Text, Units


class Salable(Part):
    """How many units of a SKU can be sold, as Magento's export says."""

    sku: Text
    qty: Units = None
    is_salable: bool = True


@dataclass
class StockRead:
    """Sellable units by SKU, None if they are not counted, and the reasons for unreadable ones."""

    units: dict[str, int | None] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)

    def of(self, sku: str) -> int | None:
        """Return the units of one SKU. Raise Malformed if they could not be read."""
        if sku in self.unread:
            raise Malformed(self.unread[sku])
        return self.units.get(sku, 0)


class StockReader:
    """Reads the stock of one store."""

    def __init__(self, rest: Rest, config: StoreConfig) -> None:
        """Makes no call."""
        self._rest = rest
        self._config = config
        self._items = StockItems(rest)
        self._lent = f"magento2:lent:{rest.address}:"
        self._bounds = f"magento2:bound:{rest.address}:"

    def of(self, skus: Iterable[str], parents: Mapping[str, str] | None = None) -> StockRead:
        """Return what can be sold. `parents`: SKU → its family's SKU, which may be out of stock as a whole."""
        found = StockRead()
        for some in search.few(skus):
            named = [str(one) for one in some]
            if self._config.stock_sources() is None:
                self._read_alone(named, found)
            else:
                self._read(named, parents or {}, found)
        return found

    def _read(
        self, skus: Sequence[str], parents: Mapping[str, str], found: StockRead, *, lending: bool = False
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
        bounds = store_cache.recall_all(self._bounds, [name_of(sku) for sku in skus])
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
            if units and bound and bound["there"] == whole(items):
                units = min(units, bound["units"])
            family = salable.get(families.get(sku, ""))
            if units and units > 0 and family is not None and not family.is_salable:
                units = 0
            found.units[sku] = units
        return lies

    def _decide(self, sku: str, salable: Salable | None, items: Sequence[SourceItem]) -> int | None:
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
        managed, threshold = self._items.managed(sku)
        if not managed:
            return None
        least = min(0, threshold)
        assigned = self._config.stock_sources()
        is_whole = assigned is not None and assigned["whole"]
        if salable.qty > 0 and is_whole and not items:
            raise Malformed(f"{STORE} sells {sku} and lists no source that has it, so its stock stays as it was.")
        return max(0, min(salable.qty, salable.qty + least, int(lies) if is_whole else salable.qty))

    def _short(self, sku: str, salable: Salable, items: Sequence[SourceItem]) -> int:
        """Return 0 if it is not sold; a negative number if orders took more units than there are.

        Only this number reveals an order that was placed between our read and our write of a source. Below the
        threshold, the store still has units to ship, and sources that are out of stock are not included in the number.
        """
        units = salable.qty or 0
        if units >= 0 or not all(one.in_stock for one in items):
            return 0
        try:
            managed, threshold = self._items.managed(sku)
        except Malformed:
            return 0
        return min(0, units + max(0, threshold)) if managed else 0

    def _unlisted(self, sku: str, lies: float) -> int | None:
        """Return what can be sold of a SKU that the export omits: it is in no source, or the index lags."""
        try:
            managed, _ = self._items.managed(sku, lies=lies > 0)
        except NoAddress:
            managed = True
        if managed and lies > 0:
            raise Malformed(f"{STORE}'s stock index does not have {sku} yet.")
        return 0 if managed else None

    def _exported(self, skus: Sequence[str]) -> tuple[dict[str, Salable], dict[str, str]]:
        """Return each SKU's row in the export of salable quantities, and the reasons for unreadable ones."""
        rows, failed = batches.every(self._rest, self._export, "sku", skus, sort="")
        read, unread = each(rows, lambda row: valid(Salable, row, "Magento's stock"), key="sku")
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

    def _read_alone(self, skus: Sequence[str], found: StockRead) -> None:
        for sku in skus:
            try:
                found.units[sku] = self._items.item(sku).units
            except Malformed as error:
                found.unread[sku] = str(error)

    def count(self, sku: str, *, lending: bool = False) -> Count:
        """Return what can be sold now, and the quantities in the sources that an adjustment would change.

        `lending`: the caller lends units to an order. Raise Malformed if it cannot be read.
        """
        if self._config.stock_sources() is None:
            item = self._items.item(sku)
            return Count(item.units, item.item_id, item.qty or 0)
        items = self._read([sku], {}, found := StockRead(), lending=lending).get(sku, [])
        units = found.of(sku)
        if units is None:
            return Count(None)
        return Count(units, sources.named(items), whole(items), apart=True)

    def _being_lent(self, skus: Sequence[str], requested_at: float) -> dict[str, str]:
        """Return the SKUs whose units were lent at `requested_at`, with the reason why they are unreadable."""
        found = store_cache.recall_all(self._lent, [name_of(sku) for sku in skus])
        busy = {name for name, loan in found.items() if loan["ended"] is None or loan["ended"] >= requested_at}
        return {sku: f"An order for {sku} is being made in {STORE}." for sku in skus if name_of(sku) in busy}


def whole(items: Iterable[SourceItem]) -> int:
    """Return the whole units of all sources together."""
    return max(-MOST_UNITS, min(MOST_UNITS, int(sum(one.quantity for one in items))))
