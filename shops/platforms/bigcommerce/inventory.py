"""Read and adjust a BigCommerce store's sellable stock by location.

Facts: developer docs, "Inventory" and "Locations" (v3). `available_to_sell` is the stock on hand minus the safety
stock. Adjustments are answered before they are applied, are refused whole (422) if one of them is impossible, have no
idempotency key, and identify a product tracked as a whole by `product_id`. The catalogue's `inventory_level` covers
only the default location, so the two are never mixed.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from reverbsync import clock
from shops.platforms.bigcommerce.rest import Rest, Rows
from shops.platforms.errors import Malformed, Moved, StoreError, TransientStoreError, Unsupported
from shops.platforms.locations import Location, changed, count_of, locations_of, spread
from shops.platforms.reading import valid
from shops.platforms.values import Count
from shops.schemas import Part, Side, Text, Units
from shops.snapshots import StoreProduct

#: The largest page of the inventory.
PAGE = 1000
#: An adjustment is answered before it is applied: number of reads that check it, and seconds between them.
LOOKS, LOOK_EVERY_S = 5, 0.5
#: Prefix of a stock id that counts a whole product instead of a variant.
AS_WHOLE = "product-"


#: Number of stores whose locations a worker caches.
MOST_STORES = 1000


def pause(seconds: float) -> None:
    """Wait between two reads; tests replace it."""
    clock.sleep(seconds)


class NotShown(Malformed):
    """The inventory lacks the units of a product that the catalogue counts."""


class _Settings(Part):
    safety_stock: Side[Units] = None
    is_in_stock: Side[bool] = True


class _At(Part):
    location_id: Text
    location_enabled: Side[bool | None] = None
    available_to_sell: Units = None
    total_inventory_onhand: Units = None
    settings: Side[_Settings] = _Settings()


class _Identity(Part):
    product_id: Text
    variant_id: Side[Text] = ""


class _Named(Part):
    identity: _Identity


class _Item(Part):
    locations: list[_At]


class _Location(Part):
    id: Text
    enabled: Side[bool] = True
    storefront_visibility: Side[bool] = True
    managed_by_external_source: Side[bool] = False


#: Store → its locations as this worker last read them.
_read: dict[str, dict[str, _Location]] = {}


class Inventory:
    """Reads and changes what one store can sell."""

    def __init__(self, rest: Rest) -> None:
        """Makes no call."""
        self._rest = rest
        self._locations: dict[str, _Location] | None = None
        self._has_read = False

    def of(self, parent_ids: Iterable[int | str]) -> Stock:
        """Return what can be sold of these products."""
        ids = ",".join(str(one) for one in parent_ids)
        path = f"/v3/inventory/items?product_id:in={ids}"
        return Stock(self, self._rest.all_rows(path, size=PAGE) if ids else Rows([], whole=True))

    def count(self, product: StoreProduct) -> Count:
        """Return how many units can be sold, and where they are."""
        ids = product.store_parent_id, product.store_product_id
        found = self.of(ids[:1]).locations(*ids, product.stock)
        return count_of(sum(one.units for one in found), found)

    def selling(self, rows: list[_At]) -> list[Location]:
        """Return those locations of an item from which the store sells. Raise Malformed."""
        known = self._known() if len(rows) > 1 or any(row.location_enabled is None for row in rows) else None
        found = []
        for row in rows:
            where = _Location(id=row.location_id) if known is None else known.get(row.location_id)
            units = _units(row)
            if where is None and units:
                raise Malformed(f"BigCommerce's list of locations lacks one that has units: {row.location_id[:20]}.")
            if where is None:
                continue
            enabled = where.enabled if row.location_enabled is None else row.location_enabled and where.enabled
            if enabled and where.storefront_visibility and row.settings.is_in_stock:
                found.append(Location(row.location_id, units, where.managed_by_external_source))
        return found

    def _known(self) -> dict[str, _Location] | None:
        """Return the store's locations, None without the scope to read them: items then say which are enabled.

        Cached locations stay valid after a refusal or an unreadable list: one such answer proves nothing, and units at
        hidden locations would count as for sale.
        """
        if not self._has_read:
            self._locations = _read.get(self._rest.budget.name)
            try:
                self._locations = self._listed()
            except (Unsupported, Malformed) as error:
                if isinstance(error, Malformed) and self._locations is None:
                    raise
            self._has_read = True
        return self._locations

    def _listed(self) -> dict[str, _Location]:
        rows, whole = self._rest.all_rows("/v3/inventory/locations?")
        if not rows or not whole:
            raise Malformed("BigCommerce's list of locations is empty, or lacks some of them.")
        found = [valid(_Location, row, "BigCommerce's location") for row in rows]
        if len(_read) >= MOST_STORES:
            _read.clear()
        _read[self._rest.budget.name] = {one.id: one for one in found}
        return _read[self._rest.budget.name]

    # -- changing it ---------------------------------------------------------------------------------------------

    def adjust(self, product: StoreProduct, count: Count, *, by: int, reason: str) -> Count:
        """Change the sellable stock from `count`, at the locations that have the units; return the count afterwards.

        BigCommerce applies the change after its answer, so the stock is read until it changes. If it does not change in
        time, the expected count is returned; the webhook reports it later. Raise Moved, without a change, if the store
        no longer has `count`.
        """
        changes = spread(locations_of(count), by)
        after = changed(count, changes, by)
        if not changes:
            return after
        try:
            self._post(product, changes, reason)
        except Unsupported:
            if self.count(product) != count:
                raise Moved("The stock in BigCommerce has moved.") from None
            raise
        for _ in range(LOOKS):
            with contextlib.suppress(StoreError):
                now = self.count(product)
                if now.units != count.units:
                    return replace(now, done=after.done)
            pause(LOOK_EVERY_S)
        return after

    def _post(self, product: StoreProduct, changes: list[tuple[Location, int]], reason: str) -> None:
        """Send the adjustment by variant or by product; if the tracking mode has changed, retry with the other."""
        as_whole, one = {"product_id": int(product.store_parent_id)}, {"variant_id": int(product.store_product_id)}
        named, other = (as_whole, one) if product.store_stock_id.startswith(AS_WHOLE) else (one, as_whole)
        try:
            self._send(changes, named, reason)
        except Unsupported as refused:
            if not re.search(r"tracked by (?:product|variant)", str(refused)):
                raise
            self._send(changes, other, reason)

    def _send(self, changes: list[tuple[Location, int]], named: dict[str, int], reason: str) -> None:
        items = [{"location_id": int(where.id), **named, "quantity": change} for where, change in changes]
        said = self._rest.json("POST", "/v3/inventory/adjustments/relative", {"reason": reason[:60], "items": items})
        if not isinstance(said, dict) or not said.keys() & {"transaction_id", "data"}:
            raise TransientStoreError("BigCommerce did not say that it took the new stock.", may_have_applied=True)


class Stock:
    """The inventory of some products, as read."""

    def __init__(self, inventory: Inventory, read: Rows) -> None:
        """Save the rows; each is parsed on access, so that an unreadable one affects only its own product."""
        self._inventory, self._is_whole = inventory, read.whole
        self._rows: dict[tuple[str, str], Any] = {}
        for row in read.rows:
            with contextlib.suppress(Malformed):
                one = valid(_Named, row, "BigCommerce's inventory").identity
                self._rows[one.product_id, one.variant_id] = row

    def units(self, parent_id: str, variant_id: str, catalogue: int | None) -> int:
        """Return how many units of a variant can be sold. Raise Malformed if they cannot be read."""
        return sum(one.units for one in self.locations(parent_id, variant_id, catalogue))

    def locations(self, parent_id: str, variant_id: str, catalogue: int | None) -> list[Location]:
        """Return where a variant's units are. `catalogue` is the catalogue's own number of them.

        Raise NotShown if the inventory has no location for them, and the catalogue has some or rows are missing.
        """
        mine = (self._rows.get((parent_id, named)) for named in (variant_id, "", "0"))
        row = next((one for one in mine if one is not None), None)
        found = [] if row is None else valid(_Item, row, "BigCommerce's inventory").locations
        if found:
            return self._inventory.selling(found)
        if catalogue is not None and catalogue <= 0 and self._is_whole:
            return []
        raise NotShown("BigCommerce's inventory does not show it yet.")


def _units(row: _At) -> int:
    if row.available_to_sell is not None:
        return row.available_to_sell
    if row.total_inventory_onhand is None:
        raise Malformed("BigCommerce's inventory could not be read at available_to_sell.")
    return row.total_inventory_onhand - (row.settings.safety_stock or 0)
